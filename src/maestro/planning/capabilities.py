"""What users can do with the entities, as far as the offline team builds it."""

from dataclasses import dataclass

from maestro.domain.entities import Capability, CapabilityKind, Field, FieldType
from maestro.planning.draft import Draft
from maestro.planning.findings import Findings, OperationFound
from maestro.planning.shaping import Shaped, field_of

_NARROWED = (
    FieldType.ENUM,
    FieldType.REFERENCE,
    FieldType.BOOLEAN,
    FieldType.DATE,
    FieldType.DATETIME,
)
_TEXTS = (FieldType.STRING, FieldType.TEXT, FieldType.EMAIL, FieldType.URL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A stated operation and what became of it."""

    found: OperationFound
    capability: Capability | None
    """None: it cannot be built, and `reason` says why."""
    text: str
    reason: str = ""


def offered(draft: Draft, findings: Findings, shaped: Shaped) -> tuple[Offered, ...]:
    """Each stated operation once, in the order of the text."""
    results: list[Offered] = []
    seen: set[tuple[str, str, str | None]] = set()
    for found in findings.operations:
        for key in _entities_meant(draft, found):
            result = _offer(draft, found, key, shaped)
            mark = (found.kind, key, result.capability.field if result.capability else result.text)
            if mark not in seen:
                seen.add(mark)
                results.append(result)
    return tuple(results)


def _entities_meant(draft: Draft, found: OperationFound) -> list[str]:
    """`search by title` without saying what: everything that has a title."""
    if found.entity:
        entity = draft.entity(found.entity)
        return [entity.key] if entity is not None else []
    main = [key for key, entity in draft.entities.items() if not entity.join]
    if found.field is None:
        return main
    return [k for k in main if field_of(draft, draft.entities[k], found.field)] or main[:1]


def _offer(draft: Draft, found: OperationFound, key: str, shaped: Shaped) -> Offered:
    name = shaped.names.get(key, key)
    label = shaped_plural(shaped, name)
    entity = next((e for e in shaped.entities if e.name == name), None)
    if entity is None:
        return Offered(found=found, capability=None, text=found.source, reason="it has no name")
    field = _field(draft, found, key, shaped)
    if found.kind is CapabilityKind.MANAGE:
        text = f"create, list, show, change and delete {label}"
        return _built(found, CapabilityKind.MANAGE, name, None, text)
    if found.kind is CapabilityKind.ASSIGN:
        return _built(found, found.kind, name, found.field, f"assign {label}")
    if found.kind is CapabilityKind.SORT:
        if found.field is not None and field is None:
            return _missing(found, label, "sort")
        chosen = field.name if field else "created_at"
        words = chosen.removesuffix("_id").replace("_", " ")
        return _built(found, found.kind, name, chosen, f"sort {label} by {words}")
    texts = [f for f in entity.fields if f.type in _TEXTS]
    if found.field is None or (found.kind is CapabilityKind.SEARCH and _is_text(field)):
        if not texts:
            return _missing(found, label, "search")
        by = f" by {field.name.replace('_', ' ')}" if field else ""
        kind, column = CapabilityKind.SEARCH, field.name if field else None
        return _built(found, kind, name, column, f"search {label}{by}")
    return _narrow(found, field, name, label)


def _narrow(found: OperationFound, field: Field | None, name: str, label: str) -> Offered:
    if field is None:
        return _missing(found, label, found.kind.value)
    words = field.name.removesuffix("_id").replace("_", " ")
    if field.type in _NARROWED:
        text = f"filter {label} by {words}"
        return _built(found, CapabilityKind.FILTER, name, field.name, text)
    if field.type in _TEXTS:
        text = f"find {label} by {words}"
        return _built(found, CapabilityKind.SEARCH, name, field.name, text)
    return Offered(
        found=found,
        capability=None,
        text=f"filter {label} by {words}",
        reason="the offline templates narrow lists by choices, references, yes/no values, dates "
        "and text, not by numbers",
    )


def _is_text(field: Field | None) -> bool:
    return field is not None and field.type in _TEXTS


def _built(
    found: OperationFound, kind: CapabilityKind, entity: str, field: str | None, text: str
) -> Offered:
    capability = Capability(kind=kind, entity=entity, field=field, source=found.source)
    return Offered(found=found, capability=capability, text=text)


def _missing(found: OperationFound, label: str, verb: str) -> Offered:
    what = (found.field or "text").replace("_", " ")
    return Offered(
        found=found,
        capability=None,
        text=f"{verb} {label} by {what}",
        reason=f"{label} have no {what} of their own that a list could be narrowed by",
    )


def _field(draft: Draft, found: OperationFound, key: str, shaped: Shaped) -> Field | None:
    if found.field is None:
        return None
    entity = draft.entities[key]
    wanted = field_of(draft, entity, found.field)
    name = shaped.field_names.get((key, wanted)) if wanted else None
    model = next((e for e in shaped.entities if e.name == shaped.names.get(key)), None)
    return model.field(name) if model is not None and name is not None else None


def shaped_plural(shaped: Shaped, name: str) -> str:
    """`cart items`, for sentences."""
    plural = next((e.plural for e in shaped.entities if e.name == name), name)
    return plural.replace("_", " ")


def usual_capabilities(shaped: Shaped, *, has_page: bool) -> tuple[Capability, ...]:
    """What every entity gets, stated or not."""
    kinds = [CapabilityKind.MANAGE, *([CapabilityKind.PAGE] if has_page else [])]
    return tuple(Capability(kind=k, entity=e.name) for e in shaped.entities for k in kinds)
