"""What an exported Express server has to know to store the entries of a resource."""

from collections.abc import Mapping
from typing import Any

from maestro.contracts.mocks.entries import CHANGES, STAMPS, is_nullable, marked, stamped
from maestro.contracts.mocks.listing import is_searched
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.resources import Resource
from maestro.contracts.openapi.shapes import ObjectShape, kinds_of, object_shape, plain
from maestro.contracts.samples import sample
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

_EMPTY = ObjectShape(properties={}, required=frozenset())


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
        "created": list(stamped(shape, STAMPS + CHANGES)),
        "changed": list(stamped(shape, CHANGES)),
        "unique": [n for n, s in marks.items() if marked(s, "x-unique") is True],
        "references": [
            [name, target]
            for name, schema in marks.items()
            if isinstance(target := marked(schema, "x-references"), str)
        ],
        "searched": [
            name
            for name, schema in shape.properties.items()
            if is_searched(plain(document, schema))
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
