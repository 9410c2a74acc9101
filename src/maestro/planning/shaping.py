"""Fields with types, conventions for what is missing, and final names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from maestro.domain.entities import CapabilityKind, Entity, Field, FieldType
from maestro.planning.conventions import archetype_of
from maestro.planning.deciding import is_thing
from maestro.planning.draft import Draft, DraftEntity
from maestro.planning.fieldwords import field_words
from maestro.planning.findings import FieldFound, Findings
from maestro.planning.lexicon import Lexicon
from maestro.planning.naming import (
    entity_name,
    field_name,
    joined,
    one,
    plural,
    reference_name,
    singular,
)

_STATUS = ("status", "state")
_USUALLY_REQUIRED = ("email", "price", "amount", "quantity", "rating", "status", "state")
_IDENTIFYING = frozenset(
    {
        *("name", "title", "number", "code", "isbn", "ean", "sku", "plate", "reference", "label"),
        *("description", "text", "body", "message", "headline", "subject", "question", "word"),
        *("address", "date", "species", "note", "notes"),
    }
)
"""Last words of fields that tell one entry from another well enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    entities: tuple[Entity, ...]
    names: Mapping[str, str]
    """Key in the text -> name in the model."""
    field_names: Mapping[tuple[str, str], str]
    """(entity key, field key) -> name in the model."""


def add_fields(draft: Draft, findings: Findings, lexicon: Lexicon) -> None:
    """Puts every stated field on its entity; a field that names another entity refers to it."""
    for item in findings.fields:
        owner = draft.entity(item.owner)
        if owner is None or is_thing(item, set(draft.entities) | set(draft.aliases)):
            continue
        key = singular(item.key) if item.plural else item.key
        if _is_flag_of_status(owner, key):
            continue
        refers = _meant_entity(draft, owner, key, item, lexicon)
        if refers is not None:
            name = key if key != refers else None
            draft.refer(
                owner.key,
                refers,
                required=bool(item.required),
                name=name,
                source=item.source,
                at=item.at,
            )
            continue
        stated = _typed(key, item)
        before = owner.fields.get(key)
        owner.fields[key] = _combined(before, stated) if before is not None else stated
        owner.places.setdefault(key, item.at)
    _fill_choices(draft, lexicon)


def _is_flag_of_status(owner: DraftEntity, key: str) -> bool:
    """`mark as done` needs no field of its own where the status knows `done`."""
    value = key.removeprefix("is_")
    return key.startswith("is_") and any(value in f.values for f in owner.fields.values())


def _meant_entity(
    draft: Draft, owner: DraftEntity, key: str, item: FieldFound, lexicon: Lexicon
) -> str | None:
    """`assignee`, `author`, `teacher` as a field: people refer to people where they are stored."""
    if item.values or item.type is not None or key in ("name", "title"):
        return None
    direct = draft.entity(key)
    if direct is not None and direct is not owner:
        return direct.key
    role_of_user = key in ("assignee", "owner", "creator", "responsible", "reporter", "organiser")
    people = [k for k in draft.entities if k in lexicon.people.generic]
    if role_of_user and len(people) == 1 and people[0] != owner.key:
        return people[0]
    return None


def _typed(key: str, item: FieldFound) -> Field:
    known = field_words()
    head = key.rsplit("_", 1)[-1]
    kind, values = _kind_and_values(key, item)
    status = kind is FieldType.ENUM and head in _STATUS
    required = item.required
    if required is None:
        required = status or head in _USUALLY_REQUIRED or key in known.naming
    limit = known.limit(key) if kind in (FieldType.INTEGER, FieldType.DECIMAL) else {}
    return Field(
        name=key,
        type=kind,
        required=required,
        values=values,
        default=values[0] if status and values else _default(kind),
        unique=item.unique or key in known.unique,
        max_length=item.max_length,
        minimum=_first(item.minimum, limit.get("minimum")),
        maximum=_first(item.maximum, limit.get("maximum")),
        source=item.source,
    )


def _kind_and_values(key: str, item: FieldFound) -> tuple[FieldType, tuple[str, ...]]:
    """A stated type wins over stated values, those over what the name suggests."""
    head = key.rsplit("_", 1)[-1]
    if len(item.values) > 1 and item.type in (None, FieldType.STRING, FieldType.ENUM):
        return FieldType.ENUM, item.values
    if head in _STATUS and item.type is None:
        return FieldType.ENUM, ()
    return item.type or _suggested(key, item), ()


def _fill_choices(draft: Draft, lexicon: Lexicon) -> None:
    """Values by convention for a choice that the whole text names no values for."""
    for owner in draft.entities.values():
        for key, item in owner.fields.items():
            if item.type is not FieldType.ENUM or item.values:
                continue
            head = key.rsplit("_", 1)[-1]
            values = field_words().enum_defaults.get(head, ())
            if head in _STATUS:
                values = _usual_status(owner.key, lexicon)
            if not values:
                owner.fields[key] = replace(item, type=FieldType.STRING)
                continue
            default = values[0] if head in _STATUS else None
            owner.fields[key] = replace(item, values=values, default=default)
            what = f"The {key.replace('_', ' ')} of {one(owner.key)}"
            draft.assume(f"{what} is {joined(values, 'or')}; the text names no values.")


def _suggested(key: str, item: FieldFound) -> FieldType:
    """By its range, its usual limits or its name, in this order."""
    known = field_words()
    if item.minimum is not None:
        return FieldType.INTEGER
    limit = known.limit(key)
    if limit:
        return FieldType(limit["type"])
    return known.type_of(key) or FieldType.STRING


def _default(kind: FieldType) -> bool | None:
    return False if kind is FieldType.BOOLEAN else None


def _first(stated: int | None, usual: int | None) -> int | None:
    return stated if stated is not None else usual


def _usual_status(key: str, lexicon: Lexicon) -> tuple[str, ...]:
    known = field_words().status_defaults
    for name in (key, key.rsplit("_", 1)[-1], archetype_of(key, lexicon).id):
        if name in known:
            return known[name]
    return known["generic"]


def _combined(before: Field, after: Field) -> Field:
    """Two statements about one field: the one that says more wins, value lists add up."""
    if after.values and before.values:
        values = tuple(dict.fromkeys([*before.values, *after.values]))
        return replace(before, values=values)
    if after.values or (before.type is FieldType.STRING and after.type is not FieldType.STRING):
        return replace(after, source=before.source or after.source)
    return replace(
        before,
        required=before.required or after.required,
        unique=before.unique or after.unique,
        minimum=_first(before.minimum, after.minimum),
        maximum=_first(before.maximum, after.maximum),
    )


def add_narrowing_fields(draft: Draft, findings: Findings, lexicon: Lexicon) -> None:
    """`filter books by genre` needs a genre, whether or not it was listed.

    With everything related: what loans are filtered by may be the member that they refer to.
    """
    for found in findings.operations:
        entity = draft.entity(found.entity or "")
        if entity is None or found.field is None or found.kind is CapabilityKind.ASSIGN:
            continue
        key = field_of(draft, entity, found.field)
        if key is not None:
            continue
        if draft.entity(found.field) is not None or found.field in ("keyword", "text", "term"):
            continue
        item = FieldFound(owner=entity.key, key=found.field, source=found.source, at=found.at)
        entity.fields[found.field] = _typed(found.field, item)
        entity.places.setdefault(found.field, found.at)
    _fill_choices(draft, lexicon)


def field_of(draft: Draft, entity: DraftEntity, wanted: str) -> str | None:
    """The key of the field a text calls `wanted`: itself, a reference, or the only `... date`."""
    target = draft.resolve(wanted)
    for key in (wanted, f"{wanted}_id", f"{target}_id", f"is_{wanted}", singular(wanted)):
        if key in entity.fields:
            return key
    ends = [key for key in entity.fields if key.endswith((f"_{wanted}", f"_{wanted}_id"))]
    if len(ends) == 1:
        return ends[0]
    by_target = [k for k, f in entity.fields.items() if f.target == target]
    if len(by_target) == 1:
        return by_target[0]
    if wanted == "date":
        dates = [
            k for k, f in entity.fields.items() if f.type in (FieldType.DATE, FieldType.DATETIME)
        ]
        return dates[0] if dates else None
    return None


def add_conventions(draft: Draft, lexicon: Lexicon) -> None:
    """Fields by archetype where the text gives none, a name where nothing names an entry."""
    for entity in draft.entities.values():
        own = [f for f in entity.fields.values() if f.type is not FieldType.REFERENCE]
        archetype = archetype_of(entity.key, lexicon)
        if entity.join and (own or archetype.id != "line"):
            continue
        if not own:
            _take_over(entity, archetype.fields, draft)
        elif not _names_an_entry(entity):
            naming = [f for f in archetype.fields if f.type is FieldType.STRING and f.required]
            usual = naming[:1] or [Field(name="name", type=FieldType.STRING, required=True)]
            if archetype.id not in ("review", "registration", "measurement", "booking", "line"):
                _take_over(entity, tuple(usual), draft)


def _names_an_entry(entity: DraftEntity) -> bool:
    known = field_words().naming
    named = any(key in known or key.rsplit("_", 1)[-1] in _IDENTIFYING for key in entity.fields)
    return named or any(f.target and f.required for f in entity.fields.values())


def _take_over(entity: DraftEntity, fields: tuple[Field, ...], draft: Draft) -> None:
    added = [f for f in fields if f.name not in entity.fields]
    rest = dict(entity.fields)
    entity.fields.clear()
    entity.fields.update({f.name: f for f in added})
    entity.fields.update(rest)
    if added:
        what = joined(f.name.replace("_", " ") for f in added)
        draft.assume(f"{one(entity.key).capitalize()} has {what}; the text does not say.")


def named(draft: Draft) -> Shaped:
    """Final, valid and distinct names; the draft keeps the words of the text."""
    names: dict[str, str] = {}
    tables: dict[str, str] = {}
    for key in draft.entities:
        found = entity_name(key, {*names.values(), *tables.values()})
        if found is None or plural(found) in {*tables.values(), *names.values()}:
            draft.questions.append(f"What should the thing called {key!r} be named?")
            continue
        names[key], tables[key] = found, plural(found)
        if found != key:
            draft.assume(f"{key!r} is called {found!r}, because {key!r} is a reserved word.")
    field_names: dict[tuple[str, str], str] = {}
    entities = tuple(
        Entity(
            name=names[key],
            plural=tables[key],
            fields=_final_fields(entity, names, field_names),
            source=entity.source,
        )
        for key, entity in draft.entities.items()
        if key in names
    )
    for alias in draft.aliases:
        target = draft.resolve(alias)
        if target in names:
            names.setdefault(alias, names[target])
    return Shaped(entities=entities, names=names, field_names=field_names)


def _final_fields(
    entity: DraftEntity, names: Mapping[str, str], field_names: dict[tuple[str, str], str]
) -> tuple[Field, ...]:
    """Naming field first, references last; what the rest is called stays in the text's order."""
    taken: set[str] = set()
    final: list[Field] = []
    for key, item in entity.fields.items():
        if item.type is FieldType.REFERENCE and item.target not in names:
            continue
        named = reference_name if item.type is FieldType.REFERENCE else field_name
        name = named(key, taken)
        if name is None:
            continue
        target = names[item.target] if item.target is not None else None
        if target is not None and key == f"{item.target}_id":
            name = named(f"{target}_id", taken) or name
        taken.add(name)
        field_names[entity.key, key] = name
        final.append(replace(item, name=name, target=target))
    return tuple(_with_required_name(final))


def _with_required_name(fields: list[Field]) -> list[Field]:
    """The field people would call an entry by must be there."""
    known = field_words().naming
    texts = (FieldType.STRING, FieldType.EMAIL)
    best = next((f for f in fields if f.name in known and f.type in texts), None)
    if best is None:
        best = next((f for f in fields if f.name.endswith("_name") and f.type in texts), None)
    if best is None and not any(f.required for f in fields):
        best = next((f for f in fields if f.type in texts), None)
    return [replace(f, required=True) if f is best else f for f in fields]
