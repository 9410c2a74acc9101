"""What stands where in an OpenAPI document: the one table every walk over documents uses."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.schemas import subschemas

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

Holding = Literal["one", "list", "map"]

_CARRIER: Mapping[str, tuple[Holding, str]] = {
    "schema": ("one", "schema"),
    "content": ("map", "media-type"),
    "examples": ("map", "example"),
}

GRAMMAR: Mapping[str, Mapping[str, tuple[Holding, str]]] = {
    "document": {
        "paths": ("map", "path-item"),
        "webhooks": ("map", "path-item"),
        "components": ("one", "components"),
        "definitions": ("map", "schema"),
        "parameters": ("map", "parameter"),
        "responses": ("map", "response"),
    },
    "components": {
        "schemas": ("map", "schema"),
        "responses": ("map", "response"),
        "parameters": ("map", "parameter"),
        "examples": ("map", "example"),
        "requestBodies": ("map", "request-body"),
        "headers": ("map", "header"),
        "securitySchemes": ("map", "security-scheme"),
        "links": ("map", "link"),
        "callbacks": ("map", "callback"),
        "pathItems": ("map", "path-item"),
        "mediaTypes": ("map", "media-type"),
    },
    "path-item": {
        "parameters": ("list", "parameter"),
        "additionalOperations": ("map", "operation"),
        **dict.fromkeys(METHODS, ("one", "operation")),
    },
    "operation": {
        "parameters": ("list", "parameter"),
        "requestBody": ("one", "request-body"),
        "responses": ("map", "response"),
        "callbacks": ("map", "callback"),
    },
    "parameter": _CARRIER,
    "header": _CARRIER,
    "request-body": {"content": ("map", "media-type")},
    "response": {
        "schema": ("one", "schema"),
        "headers": ("map", "header"),
        "content": ("map", "media-type"),
        "links": ("map", "link"),
    },
    "media-type": {
        "schema": ("one", "schema"),
        "itemSchema": ("one", "schema"),
        "examples": ("map", "example"),
        "encoding": ("map", "encoding"),
    },
    "encoding": {"headers": ("map", "header")},
}
"""Kind of an object to the members that hold further objects of a kind."""

Place = tuple[str, str, Any]
"""JSON pointer, kind and value."""


def parts(kind: str, value: Any, pointer: str) -> Iterator[Place]:
    """What stands directly inside `value`; nothing inside a reference."""
    if kind == "schema":
        yield from ((place, "schema", entry) for place, entry in subschemas(value, pointer))
        return
    if not isinstance(value, Mapping) or "$ref" in value:
        return
    if kind == "callback":
        for name, entry in value.items():
            yield join(pointer, name), "path-item", entry
        return
    for key, (holding, inner) in GRAMMAR.get(kind, {}).items():
        if key in value:
            yield from _held(holding, inner, value[key], join(pointer, key))


def _held(holding: Holding, kind: str, value: Any, pointer: str) -> Iterator[Place]:
    if holding == "one":
        yield pointer, kind, value
    elif holding == "list":
        entries = value if isinstance(value, list) else ()
        yield from ((join(pointer, n), kind, entry) for n, entry in enumerate(entries))
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            if not (kind in ("path-item", "response") and str(name).startswith("x-")):
                yield join(pointer, name), kind, entry


def walk(
    value: Any, kind: str = "document", pointer: str = "", *, deep: bool = True
) -> Iterator[Place]:
    """Everything in `value` whose kind is known, outer before inner, in document order.

    Args:
        value: the document or a part of it.
        kind: what `value` is.
        pointer: where `value` stands.
        deep: also look inside schemas.
    """
    waiting: list[Place] = [(pointer, kind, value)]
    while waiting:
        place = waiting.pop()
        yield place
        if deep or place[1] != "schema":
            waiting += reversed(list(parts(place[1], place[2], place[0])))
