"""Fields of entities as JSON Schema 2020-12 properties."""

from collections.abc import Mapping
from typing import Any

from maestro.domain.entities import CapabilityKind, DomainModel, Entity, Field, FieldType

INTEGER_LIMIT = 2**31 - 1
"""Ids and whole numbers stay within 32 bits, which every database and client can hold."""

DECIMAL_LIMIT = 1_000_000_000

EMAIL_PATTERN = (
    r"^[A-Za-z0-9]+([._+-][A-Za-z0-9]+)*@([A-Za-z0-9]+(-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,24}$"
)
"""Narrower than `format: email`, so that tools which know no formats agree with those that do."""

URL_PATTERN = r"^https?://[A-Za-z0-9]+([.-][A-Za-z0-9]+)*(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$"

TEXT_TYPES = (FieldType.STRING, FieldType.TEXT, FieldType.EMAIL, FieldType.URL)

_RESERVED = frozenset({"limit", "offset", "q", "sort"})
"""Query parameters of every list; a field of that name cannot also be one."""

_ALWAYS_FILTERED = (FieldType.ENUM, FieldType.REFERENCE, FieldType.BOOLEAN, FieldType.DATE)


def property_schema(entity: Entity, field: Field, *, external: bool) -> dict[str, Any]:
    """The schema of a field's value, null not included.

    Args:
        entity: what the field belongs to.
        field: what to describe.
        external: whether a reference leads to an entity of another service.
    """
    schema = type_schema(field, external=external)
    description = _description(field, external=external)
    if description:
        schema["description"] = description
    if field.unique:
        schema["x-unique"] = True
    schema["examples"] = [example(entity, field)]
    return schema


def nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema, also accepting null."""
    widened = dict(schema)
    widened["type"] = [widened["type"], "null"]
    if "enum" in widened:
        widened["enum"] = [*widened["enum"], None]
    return widened


def filter_fields(entity: Entity, domain: DomainModel) -> tuple[Field, ...]:
    """Fields whose exact value narrows the list: by type, or because the requirement says so."""
    asked = {
        capability.field
        for capability in domain.capabilities
        if capability.kind is CapabilityKind.FILTER and capability.entity == entity.name
    }
    asked |= {field.name for field in entity.fields if field.type in _ALWAYS_FILTERED}
    return tuple(f for f in entity.fields if f.name in asked - _RESERVED)


def search_fields(entity: Entity) -> tuple[Field, ...]:
    """Fields that `q` looks into; without any, the list has no `q`."""
    return tuple(f for f in entity.fields if f.type in TEXT_TYPES)


def max_length(field: Field) -> int:
    """Longest accepted text of a text field."""
    return field.max_length or (10_000 if field.type is FieldType.TEXT else 255)


def type_schema(field: Field, *, external: bool) -> dict[str, Any]:
    """Type, limits and markers, without words for people."""
    if field.type in TEXT_TYPES:
        return _text_schema(field)
    if field.type is FieldType.INTEGER:
        return {"type": "integer", **_bounds(field, -INTEGER_LIMIT - 1, INTEGER_LIMIT)}
    if field.type is FieldType.DECIMAL:
        bounds = _bounds(field, -DECIMAL_LIMIT, DECIMAL_LIMIT)
        return {"type": "number", "multipleOf": 0.01, **bounds}
    if field.type is FieldType.REFERENCE:
        marker = "x-references-external" if external else "x-references"
        limits = {"minimum": 1, "maximum": INTEGER_LIMIT}
        return {"type": "integer", **limits, marker: field.target}
    if field.type is FieldType.ENUM:
        return {"type": "string", "enum": list(field.values)}
    if field.type is FieldType.BOOLEAN:
        return {"type": "boolean"}
    return {"type": "string", "format": "date" if field.type is FieldType.DATE else "date-time"}


def _text_schema(field: Field) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if field.required:
        schema["minLength"] = 1
    schema["maxLength"] = max_length(field)
    if field.type is FieldType.EMAIL:
        schema |= {"format": "email", "pattern": EMAIL_PATTERN}
    if field.type is FieldType.URL:
        schema |= {"format": "uri", "pattern": URL_PATTERN}
    return schema


def _bounds(field: Field, least: int, most: int) -> dict[str, int]:
    return {
        "minimum": least if field.minimum is None else field.minimum,
        "maximum": most if field.maximum is None else field.maximum,
    }


def _description(field: Field, *, external: bool) -> str:
    notes = []
    if field.type is FieldType.REFERENCE:
        place = " in another service; it is not checked here" if external else ""
        notes.append(f"Id of a {(field.target or '').replace('_', ' ')}{place}.")
    if field.unique:
        notes.append("No two entries share it.")
    if field.source:
        notes.append(f"From the requirement: {field.source.strip()!r}.")
    return " ".join(notes)


_EXAMPLES: Mapping[FieldType, Any] = {
    FieldType.DECIMAL: 12.5,
    FieldType.BOOLEAN: True,
    FieldType.DATE: "2030-01-15",
    FieldType.DATETIME: "2030-01-15T09:30:00Z",
    FieldType.EMAIL: "ada@example.com",
    FieldType.URL: "https://example.com/page",
    FieldType.REFERENCE: 1,
    FieldType.INTEGER: 3,
}

_TEXT_EXAMPLES: Mapping[str, str] = {
    "title": "First draft",
    "description": "What it is about, in a sentence or two.",
    "phone": "+49 30 1234567",
    "address": "1 Example Street",
    "city": "Berlin",
    "country": "Germany",
    "sku": "AB-1234",
    "color": "blue",
    "comment": "Works as described.",
}


_PEOPLE = frozenset({
    "author", "client", "contact", "customer", "doctor", "driver", "employee", "guest", "member",
    "owner", "patient", "person", "student", "teacher", "user",
})  # fmt: skip


def example(entity: Entity, field: Field) -> Any:
    """A plausible value that the field's own schema accepts."""
    if field.type is FieldType.ENUM:
        return field.values[0]
    if field.type in (FieldType.INTEGER, FieldType.DECIMAL):
        return _number_example(field)
    if field.type in (FieldType.STRING, FieldType.TEXT):
        return _text_example(entity, field)[: max_length(field)].strip()
    return _EXAMPLES[field.type]


def _number_example(field: Field) -> float | int:
    preferred: float | int = _EXAMPLES[field.type]
    if field.minimum is not None and preferred < field.minimum:
        return field.minimum
    if field.maximum is not None and preferred > field.maximum:
        return field.maximum
    return preferred


def _text_example(entity: Entity, field: Field) -> str:
    if field.name == "name":
        person = entity.name in _PEOPLE
        return "Ada Lovelace" if person else f"Sample {entity.name.replace('_', ' ')}"
    return _TEXT_EXAMPLES.get(field.name, f"Some {field.name.replace('_', ' ')}")
