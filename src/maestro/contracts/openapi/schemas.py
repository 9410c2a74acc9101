"""Where schemas stand inside schemas, and old schema dialects as JSON Schema 2020-12."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from maestro.contracts.openapi.pointers import join

_ONE = (
    "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
    "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")

Schema = Any
"""A schema is an object or a boolean; documents also hold worse."""


def subschemas(schema: Schema, pointer: str = "") -> Iterator[tuple[str, Schema]]:
    """Pointer and schema of every schema directly inside `schema`."""
    if not isinstance(schema, Mapping):
        return
    for key in (*_ONE, *_SEVERAL, *_NAMED):
        value = schema.get(key)
        place = join(pointer, key)
        if isinstance(value, list) and key not in _NAMED:
            yield from ((join(place, position), entry) for position, entry in enumerate(value))
        elif isinstance(value, Mapping) and key in _NAMED:
            yield from ((join(place, name), entry) for name, entry in value.items())
        elif isinstance(value, Mapping | bool) and key in _ONE:
            yield place, value


def rebuild(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """`schema` with `change` applied to every schema directly inside it."""
    if not isinstance(schema, Mapping):
        return schema
    made = dict(schema)
    for key in _ONE:
        if isinstance(made.get(key), Mapping):
            made[key] = change(made[key])
    for key in (*_SEVERAL, "items"):
        if isinstance(made.get(key), list):
            made[key] = [change(entry) for entry in made[key]]
    for key in _NAMED:
        if isinstance(made.get(key), Mapping):
            made[key] = {name: change(entry) for name, entry in made[key].items()}
    return made


def modernised(schema: Schema, reference: Callable[[str], str] = lambda ref: ref) -> Schema:
    """A schema of OpenAPI 2.0 or 3.0 as JSON Schema 2020-12.

    Args:
        schema: the old schema.
        reference: rewrites the target of `$ref`.
    """
    if not isinstance(schema, Mapping):
        return schema
    if isinstance(schema.get("$ref"), str):  # its siblings are ignored in both versions
        return {"$ref": reference(schema["$ref"])}
    made = rebuild(schema, lambda entry: modernised(entry, reference))
    _lift_bounds(made)
    if "example" in made:
        made["examples"] = [made.pop("example")]
    if made.get("type") == "file":
        made |= {"type": "string", "format": "binary"}
    if isinstance(made.get("required"), bool):  # a frequent slip, meaningless in these versions
        del made["required"]
    accepts_null = made.pop("nullable", made.pop("x-nullable", False))
    return _with_null(made) if accepts_null is True else made


def _lift_bounds(schema: dict[str, Any]) -> None:
    """`exclusiveMinimum: true` beside `minimum` becomes a number."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        flag = schema.get(exclusive)
        if isinstance(flag, bool):
            del schema[exclusive]
            if flag and bound in schema:
                schema[exclusive] = schema.pop(bound)


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if not isinstance(kind, str | list):
        notes: dict[str, Any] = {
            k: schema.pop(k) for k in ("description", "title", "default") if k in schema
        }
        return {"anyOf": [schema, {"type": "null"}], **notes} if schema else notes
    kinds = [kind] if isinstance(kind, str) else list(kind)
    schema["type"] = [*kinds, "null"] if "null" not in kinds else kinds
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    return schema
