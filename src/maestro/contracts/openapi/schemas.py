"""Where schemas stand inside schemas."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from maestro.contracts.openapi.pointers import join

ONE = (
    "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
    "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")

Schema = Any
"""A schema is an object or a boolean; documents also hold worse."""


_HOLDING = {
    **dict.fromkeys(ONE, "one"),
    **dict.fromkeys(SEVERAL, "several"),
    **dict.fromkeys(NAMED, "named"),
    "items": "either",
}


def subschemas(schema: Schema, pointer: str = "") -> Iterator[tuple[str, Schema]]:
    """Pointer and schema of every schema directly inside `schema`."""
    if not isinstance(schema, Mapping):
        return
    for key, value in schema.items():
        holding = _HOLDING.get(key)
        if holding is None:
            continue
        place = join(pointer, key)
        if holding == "named":
            entries = value.items() if isinstance(value, Mapping) else ()
            yield from ((join(place, name), entry) for name, entry in entries)
        elif isinstance(value, list):
            yield from ((join(place, position), entry) for position, entry in enumerate(value))
        elif holding != "several" and isinstance(value, Mapping | bool):
            yield place, value


def rebuild(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """`schema` with `change` applied to every schema directly inside it."""
    if not isinstance(schema, Mapping):
        return schema
    made = dict(schema)
    for key, value in schema.items():
        holding = _HOLDING.get(key)
        if holding is not None:
            made[key] = _rebuilt(holding, value, change)
    return made


def _rebuilt(holding: str, value: Any, change: Callable[[Schema], Schema]) -> Any:
    if holding == "named":
        if isinstance(value, Mapping):
            return {name: change(entry) for name, entry in value.items()}
    elif isinstance(value, list):
        if holding != "one":
            return [change(entry) for entry in value]
    elif holding != "several" and isinstance(value, Mapping):
        return change(value)
    return value
