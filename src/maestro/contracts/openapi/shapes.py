"""What a schema amounts to when one looks through references and compositions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import MediaType, Operation
from maestro.contracts.openapi.pointers import follow
from maestro.contracts.openapi.schemas import Schema
from maestro.errors import InvalidInput

_MAX_NESTING = 12
"""Compositions nested deeper are not looked into; real ones have two or three levels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectShape:
    """Properties of an object schema, gathered from `allOf` and references."""

    properties: Mapping[str, Schema]
    required: frozenset[str]


def resolved(document: OpenApiDocument, schema: Schema) -> Schema:
    """The schema behind references; True, which says nothing, behind a bad one.

    Bad references are reported by the lint and by whatever compiles the schema.
    """
    try:
        return follow(document.root, schema, where="schema")
    except InvalidInput:
        return True


def kinds_of(schema: Schema) -> frozenset[str]:
    """JSON types a schema names, null left out; guessed from its keywords where it names none."""
    if not isinstance(schema, Mapping):
        return frozenset()
    named = schema.get("type")
    if isinstance(named, str):
        return frozenset({named}) - {"null"}
    if isinstance(named, list):
        return frozenset(k for k in named if isinstance(k, str)) - {"null"}
    if "properties" in schema:
        return frozenset({"object"})
    return frozenset({"array"}) if "items" in schema else frozenset()


def plain(document: OpenApiDocument, schema: Schema, nesting: int = 0) -> Schema:
    """The one schema that matters: through references, and past `null` in a choice of two."""
    found = resolved(document, schema)
    if nesting > _MAX_NESTING or not isinstance(found, Mapping):
        return found
    for key in ("anyOf", "oneOf"):
        options = found.get(key)
        if isinstance(options, list):
            real = [o for o in options if not (isinstance(o, Mapping) and o.get("type") == "null")]
            if len(real) == 1:
                return plain(document, real[0], nesting + 1)
    parts = found.get("allOf")
    if isinstance(parts, list) and len(parts) == 1 and "properties" not in found:
        return plain(document, parts[0], nesting + 1)
    return found


def object_shape(document: OpenApiDocument, schema: Schema, nesting: int = 0) -> ObjectShape | None:
    """None where the schema is no object with known properties."""
    found = plain(document, schema)
    if not isinstance(found, Mapping) or nesting > _MAX_NESTING:
        return None
    properties: dict[str, Schema] = {}
    required: set[str] = set()
    parts = found.get("allOf")
    for part in parts if isinstance(parts, list) else ():
        shape = object_shape(document, part, nesting + 1)
        if shape is not None:
            properties.update(shape.properties)
            required |= shape.required
    own = found.get("properties")
    properties.update(own if isinstance(own, Mapping) else {})
    listed = found.get("required")
    required |= {n for n in listed if isinstance(n, str)} if isinstance(listed, list) else set()
    if not properties:
        return None
    return ObjectShape(properties=properties, required=frozenset(required))


def json_content(content: Mapping[str, MediaType]) -> MediaType | None:
    """The JSON form of a body, if it has one."""
    for kind, media in content.items():
        if is_json(kind):
            return media
    return content.get("*/*")


def is_json(media_type: str) -> bool:
    """Whether bodies of that media type are JSON texts."""
    plain_type = media_type.partition(";")[0].strip().lower()
    return plain_type in ("application/json", "text/json") or plain_type.endswith("+json")


_REDIRECTS = ("301", "302", "303", "307", "308")


def success_status(operation: Operation) -> str | None:
    """The status of the reply that means success: the least 2xx, a redirect, else `default`.

    None where the document describes errors only.
    """
    known = sorted(operation.responses)
    good = [status for status in known if status.startswith("2")]
    elsewhere = [status for status in known if status.isdigit() and status.startswith("3")]
    redirects = [status for status in elsewhere if status in _REDIRECTS]
    other = ["default"] if "default" in known else []
    return next(iter((*good, *redirects, *other, *elsewhere)), None)


def success_schema(operation: Operation) -> Schema | None:
    """Schema of the JSON body that a success brings, None where it brings none."""
    good = sorted(status for status in operation.responses if status.startswith("2"))
    for status in good:
        media = json_content(operation.responses[status].content)
        if media is not None:
            return media.schema
    return None


def body_schema(operation: Operation) -> Schema | None:
    """Schema of the request body as JSON, or as a form, None where there is no body."""
    if operation.body is None:
        return None
    media = json_content(operation.body.content) or next(
        iter(operation.body.content.values()), None
    )
    return media.schema if media else None


def reference_name(schema: Any) -> str | None:
    """`Pet` for a reference to the named schema `Pet`."""
    target = schema.get("$ref") if isinstance(schema, Mapping) else None
    prefix = "#/components/schemas/"
    if isinstance(target, str) and target.startswith(prefix):
        return target.removeprefix(prefix)
    return None
