"""From filled-in forms to the same nouns that the offline planner makes, or what is wrong."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from maestro.domain.entities import (
    Capability,
    CapabilityKind,
    DomainModel,
    Entity,
    Field,
    FieldType,
    Service,
)
from maestro.planning.by_model.forms import (
    ContractForm,
    DomainForm,
    EntityForm,
    FieldForm,
    ListForm,
    UnderstandingForm,
    Unusable,
)
from maestro.planning.naming import (
    entity_name,
    enum_value,
    field_name,
    plural,
    reference_name,
    singular,
    snake,
)
from maestro.planning.soundness import faults_of

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 _-]{0,39}")
_IMPLIED = frozenset({"id", "created_at"})
_MOST_TOLD = 8


def proposed_domain(form: DomainForm, understood: UnderstandingForm, text: str) -> DomainModel:
    """Entities and fields. Raises Unusable for names that are none, and for every fault."""
    _plain([e.name for e in form.entities])
    names = _names(form.entities)
    entities = tuple(_entity(e, names, text) for e in form.entities)
    domain = DomainModel(
        title=understood.title.strip() or entities[0].label,
        entities=entities,
        roles=tuple(dict.fromkeys(name for role in understood.roles if (name := snake(role)))),
        services=(Service(name="backend", entities=tuple(e.name for e in entities)),),
        has_page=understood.web_page,
    )
    _sound(domain)
    return domain


def _names(entities: Iterable[EntityForm]) -> dict[str, str]:
    """What each is called in the end, by what the model calls it."""
    names: dict[str, str] = {}
    for entity in entities:
        key = _key(entity.name)
        if key in names:
            raise Unusable(f"entity {entity.name!r} occurs twice")
        name = entity_name(entity.name, names.values())
        if name is None:
            raise Unusable(f"{entity.name!r} is no name for an entity")
        names[key] = name
    return names


def _entity(form: EntityForm, names: dict[str, str], text: str) -> Entity:
    name = names[_key(form.name)]
    _plain([field.name for field in form.fields])
    fields: list[Field] = []
    for item in form.fields:
        if snake(item.name) not in _IMPLIED:
            fields.append(_field(form, item, names, [f.name for f in fields], text))
    if not fields:
        raise Unusable(f"entity {form.name!r} has no fields")
    return Entity(
        name=name, plural=plural(name), fields=tuple(fields), source=stated(form.quote, text)
    )


def _field(
    owner: EntityForm, form: FieldForm, names: dict[str, str], taken: Sequence[str], text: str
) -> Field:
    where = f"{owner.name}.{form.name}"
    target = None
    wanted = snake(form.name)
    if form.type is FieldType.REFERENCE:
        target = names.get(_key(form.target))
        if target is None:
            raise Unusable(f"{where} refers to {form.target!r}, which is no entity in the list")
        wanted = wanted if wanted.endswith("_id") else f"{wanted}_id"
    values = tuple(dict.fromkeys(map(enum_value, form.values)))
    if form.type is FieldType.ENUM and ("" in values or len(values) < 2):
        raise Unusable(f"{where}: an enum needs two values at least, each a word")
    name = (reference_name if target is not None else field_name)(wanted)
    if name is None or name in taken:
        raise Unusable(f"{where} occurs twice" if name else f"{where}: no name for a field")
    return Field(
        name=name,
        type=form.type,
        required=form.required,
        values=values if form.type is FieldType.ENUM else (),
        target=target,
        unique=form.unique,
        source=stated(form.quote, text),
    )


def proposed_contract(form: ContractForm, domain: DomainModel, text: str) -> DomainModel:
    """The domain with its services and what its lists offer. Raises Unusable for every fault."""
    services = tuple(
        Service(
            name=snake(s.name) or "backend",
            entities=tuple(_entity_of(domain, name) for name in s.entities),
        )
        for s in form.services
    )
    if len(services) == 1:  # how the only one is called is nobody's choice
        services = (replace(services[0], name="backend"),)
    stated_ones = [c for one in form.lists for c in _offered(one, domain, text)]
    kinds = [CapabilityKind.MANAGE, *([CapabilityKind.PAGE] if domain.has_page else [])]
    usual = [Capability(kind=kind, entity=e.name) for e in domain.entities for kind in kinds]
    capabilities = {(c.kind, c.entity, c.field): c for c in (*stated_ones, *usual)}
    made = replace(domain, services=services, capabilities=tuple(capabilities.values()))
    _sound(made)
    return made


def _offered(form: ListForm, domain: DomainModel, text: str) -> list[Capability]:
    entity = _entity_of(domain, form.entity)
    source = stated(form.quote, text)
    found = [
        Capability(kind=kind, entity=entity, field=_field_of(domain, entity, name), source=source)
        for kind, names in (
            (CapabilityKind.FILTER, form.filter_by),
            (CapabilityKind.SORT, form.sort_by),
        )
        for name in names
    ]
    if form.search:
        found.append(Capability(kind=CapabilityKind.SEARCH, entity=entity, source=source))
    return found


def _field_of(domain: DomainModel, entity: str, name: str) -> str:
    """The field that is meant; the name itself where none is, for the checks to refuse."""
    known = domain.entity(entity)
    wanted = snake(name)
    for choice in (wanted, f"{wanted}_id", field_name(wanted) or wanted):
        if known is not None and known.field(choice) is not None:
            return choice
    return wanted


def _entity_of(domain: DomainModel, name: str) -> str:
    """An entity by what a model calls it; an unknown name stays, for the checks to refuse."""
    for entity in domain.entities:
        if _key(name) in (_key(entity.name), _key(entity.plural)):
            return entity.name
    return name


def stated(quote: str, text: str) -> str:
    """The quote where the requirement has it, else empty: what is not stated is inferred."""
    words = quote.strip()
    return words if len(words) > 1 and plain(words) in plain(text) else ""


def plain(text: str) -> str:
    """For comparing: small letters, without punctuation and line breaks."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def _key(name: str) -> str:
    return singular(snake(name))


def _plain(names: Iterable[str]) -> None:
    bad = [name for name in names if not _PLAIN.fullmatch(name)]
    if bad:
        raise Unusable(*(f"{name!r} is no plain name" for name in bad[:_MOST_TOLD]))


def _sound(domain: DomainModel) -> None:
    faults = faults_of(domain)
    if faults:
        raise Unusable(*faults[:_MOST_TOLD])
