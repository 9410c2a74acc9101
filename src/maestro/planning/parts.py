"""The requirement cut into the pieces that are traced, each built, checked or left out by name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from maestro.domain.entities import CapabilityKind, DomainModel, Entity, Field, FieldType
from maestro.domain.requirement import PartKind, RequirementPart
from maestro.planning.capabilities import Offered
from maestro.planning.draft import Draft
from maestro.planning.findings import Findings, Place
from maestro.planning.naming import joined, one
from maestro.planning.shaping import Shaped

_ONLY_MENTIONED = "it is mentioned, but not what is to be kept of it or done with it"


@dataclass(frozen=True, slots=True)
class _Placed:
    at: Place
    part: RequirementPart


def requirement_parts(
    findings: Findings,
    draft: Draft,
    shaped: Shaped,
    offers: Sequence[Offered],
    domain: DomainModel,
) -> tuple[RequirementPart, ...]:
    """In the order of the text, `R1` first."""
    placed = [
        *_entities(draft, shaped),
        *_fields(draft, shaped),
        *_capabilities(offers),
        *_page(findings, domain),
        *_others(findings),
        *_only_mentioned(findings, draft),
    ]
    return _numbered(placed)


def _numbered(placed: Sequence[_Placed]) -> tuple[RequirementPart, ...]:
    distinct: dict[tuple[PartKind, str, str], RequirementPart] = {}
    for item in sorted(placed, key=lambda p: p.at):
        part = item.part
        distinct.setdefault((part.kind, part.text, part.source), part)
    return tuple(
        replace(part, id=f"R{number}") for number, part in enumerate(distinct.values(), start=1)
    )


def _entities(draft: Draft, shaped: Shaped) -> list[_Placed]:
    found = []
    for key, entity in draft.entities.items():
        name = shaped.names.get(key)
        if name is None or not entity.source:
            continue
        words = next(e.plural for e in shaped.entities if e.name == name).replace("_", " ")
        part = _part(PartKind.ENTITY, f"keep {words}", entity.source, entity=name)
        found.append(_Placed(entity.at, part))
    return found


def _fields(draft: Draft, shaped: Shaped) -> list[_Placed]:
    models = {entity.name: entity for entity in shaped.entities}
    found = []
    for (key, field_key), name in shaped.field_names.items():
        entity = draft.entities[key]
        model = models[shaped.names[key]]
        item = model.field(name)
        if item is None or item.inferred:
            continue
        part = _part(
            PartKind.FIELD,
            field_sentence(model, item),
            item.source,
            entity=model.name,
            field=name,
        )
        found.append(_Placed(entity.places.get(field_key, entity.at), part))
    return found


def field_sentence(entity: Entity, item: Field) -> str:
    """`task has a due date`, `task belongs to a project`."""
    owner = entity.name.replace("_", " ")
    if item.type is FieldType.REFERENCE:
        target = item.target or ""
        role = item.name.removesuffix("_id")
        if role != target:
            return f"{owner} can name {one(target)} as {role.replace('_', ' ')}"
        return f"{owner} {'belongs to' if item.required else 'can name'} {one(target)}"
    words = item.name.replace("_", " ")
    values = f": {joined((v.replace('_', ' ') for v in item.values), 'or')}" if item.values else ""
    return f"{owner} has {words}{values}"


def _capabilities(offers: Sequence[Offered]) -> list[_Placed]:
    found = []
    for offer in offers:
        capability = offer.capability
        part = _part(
            PartKind.CAPABILITY,
            offer.text,
            offer.found.source,
            entity=capability.entity if capability is not None else None,
            field=capability.field if capability is not None else None,
            capability=capability.kind.value if capability is not None else None,
            covered=capability is not None,
            reason=offer.reason,
        )
        found.append(_Placed(offer.found.at, part))
    return found


def _page(findings: Findings, domain: DomainModel) -> list[_Placed]:
    if not findings.page_wanted or not domain.has_page or not domain.entities:
        return []
    names = joined(entity.plural.replace("_", " ") for entity in domain.entities)
    part = _part(
        PartKind.CAPABILITY,
        f"a web page to work with {names}",
        findings.page_wanted[0],
        capability=CapabilityKind.PAGE.value,
    )
    return [_Placed(Place(0, 0), part)]


def _others(findings: Findings) -> list[_Placed]:
    return [
        _Placed(
            item.at,
            _part(
                item.kind,
                item.text,
                item.source,
                covered=item.covered,
                reason="" if item.covered else item.reason,
            ),
        )
        for item in findings.others
    ]


def _only_mentioned(findings: Findings, draft: Draft) -> list[_Placed]:
    """Things the text names and nothing was made of: never dropped without a word."""
    used = {*findings.roles, *(r.parent for r in findings.references)}
    used |= {topic for topic, _, _ in findings.topics}
    lost = [
        (item.source, item.at)
        for item in findings.entities
        if item.strength and item.key not in used and draft.entity(item.key) is None
    ]
    lost += [(f.source, f.at) for f in findings.fields if draft.entity(f.owner) is None]
    lost += [(a.source, a.at) for a in findings.associations if draft.entity(a.target) is None]
    lost += [(r.source, r.at) for r in findings.references if draft.entity(r.child) is None]
    lost += [
        (o.source, o.at)
        for o in findings.operations
        if (draft.entity(o.entity) is None if o.entity else not draft.entities)
    ]
    return [
        _Placed(at, _part(PartKind.UNKNOWN, source, source, covered=False, reason=_ONLY_MENTIONED))
        for source, at in lost
    ]


def _part(
    kind: PartKind,
    text: str,
    source: str,
    *,
    entity: str | None = None,
    field: str | None = None,
    capability: str | None = None,
    covered: bool = True,
    reason: str = "",
) -> RequirementPart:
    return RequirementPart(
        id="",
        kind=kind,
        text=text,
        source=source,
        entity=entity,
        field=field,
        capability=capability,
        covered=covered,
        reason=reason,
    )
