"""What an exported Express server has to know to store the entries of a resource."""

from collections.abc import Mapping
from typing import Any

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.naming import snake
from maestro.contracts.openapi.resources import Resource
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.openapi.shapes import ObjectShape, kinds_of, object_shape, plain
from maestro.contracts.samples import sample
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

_CREATED = ("created_at", "created", "created_on", "creation_date", "date_created")
_CHANGED = ("updated_at", "updated", "modified_at", "last_modified", "changed_at")
_EMPTY = ObjectShape(properties={}, required=frozenset())
_NO_WORDS = ("date", "date-time", "time", "uuid", "byte", "binary")


def resource_data(document: OpenApiDocument, resource: Resource) -> dict[str, Any]:
    """JSON values, see `state.mjs` for what becomes of them."""
    shape = object_shape(document, resource.item_schema) or _EMPTY
    creation = object_shape(document, resource.create_schema) or _EMPTY
    change = object_shape(document, resource.update_schema) or _EMPTY
    every = {**shape.properties, **change.properties, **creation.properties}
    marks = {name: plain(document, schema) for name, schema in every.items()}
    envelope = resource.envelope
    return {
        "name": resource.name,
        "idField": resource.id_field,
        "idParameter": resource.id_parameter,
        "id": _identity(document, resource, shape),
        "itemPath": resource.item_path,
        "parents": list(resource.parents),
        "items": envelope.items if envelope else None,
        "total": envelope.total if envelope else None,
        "fields": list(shape.properties),
        "fills": [[name, value] for name, value in _fills(document, shape, creation)],
        "created": _stamps(shape, (*_CREATED, *_CHANGED)),
        "changed": _stamps(shape, _CHANGED),
        "unique": [n for n, s in marks.items() if _mark(s, "x-unique") is True],
        "references": [
            [name, target]
            for name, schema in marks.items()
            if isinstance(target := _mark(schema, "x-references"), str)
        ],
        "searched": [
            name for name, schema in shape.properties.items() if _is_text(plain(document, schema))
        ],
    }


def _identity(
    document: OpenApiDocument, resource: Resource, shape: ObjectShape
) -> dict[str, JsonValue]:
    schema = shape.properties.get(resource.id_field or "", True)
    value = plain(document, schema)
    kinds = kinds_of(value)
    if {"integer", "number"} & kinds or not kinds:
        return {"kind": "number"}
    if isinstance(value, Mapping) and value.get("format") == "uuid":
        return {"kind": "uuid"}
    try:
        made = str(sample(document, schema, name=resource.name))
    except InvalidInput:
        made = ""
    return {"kind": "text", "stem": made if len(made) < 20 else ""}


def _fills(
    document: OpenApiDocument, shape: ObjectShape, creation: ObjectShape
) -> list[tuple[str, JsonValue]]:
    """What properties hold that nobody gave: the default, null, or a sample if it is required."""
    made: list[tuple[str, JsonValue]] = []
    for name, schema in shape.properties.items():
        sources = [plain(document, s) for s in (creation.properties.get(name), schema)]
        defaults = [s["default"] for s in sources if isinstance(s, Mapping) and "default" in s]
        if defaults:
            made.append((name, defaults[0]))
        elif is_nullable(schema):
            made.append((name, None))
        elif name in shape.required:
            try:
                made.append((name, sample(document, schema, name=name)))
            except InvalidInput:
                continue  # the reply's own sample stands in for it
    return made


def _stamps(shape: ObjectShape, names: tuple[str, ...]) -> list[str]:
    return [
        name
        for name, schema in shape.properties.items()
        if snake(name) in names
        and isinstance(schema, Mapping)
        and schema.get("format") == "date-time"
    ]


def _mark(schema: Any, name: str) -> Any:
    return schema.get(name) if isinstance(schema, Mapping) else None


def is_nullable(schema: Schema) -> bool:
    """Whether the schema itself, not what it refers to, says so."""
    if not isinstance(schema, Mapping):
        return False
    named, options = schema.get("type"), schema.get("anyOf")
    if isinstance(named, list):
        return "null" in named
    return isinstance(options, list) and {"type": "null"} in options


def _is_text(schema: Schema) -> bool:
    return (
        isinstance(schema, Mapping)
        and kinds_of(schema) == {"string"}
        and "enum" not in schema
        and schema.get("format") not in _NO_WORDS
    )
