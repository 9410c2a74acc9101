"""One schema out of several that must all hold, as far as a sampler needs it."""

from collections.abc import Callable, Mapping
from typing import Any

_GREATER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_SMALLER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")


ALTERNATIVES = "\0alternatives"
"""Further lists of options of which each has to be chosen from."""


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """A schema whose instances most likely fit both; the caller checks what comes of it."""
    made = dict(first)
    for key, value in second.items():
        if key in ("oneOf", "anyOf") and key in made and isinstance(value, list):
            made[ALTERNATIVES] = [*made.get(ALTERNATIVES, ()), value]
        else:
            made[key] = _combined(key, made[key], value) if key in made else value
    return made


def _combined(key: str, one: Any, other: Any) -> Any:
    if key in _GREATER and _numbers(one, other):
        return max(one, other)
    if key in _SMALLER and _numbers(one, other):
        return min(one, other)
    combine = _COMBINE.get(key)
    return combine(one, other) if combine else other


def _numbers(one: Any, other: Any) -> bool:
    return isinstance(one, int | float) and isinstance(other, int | float)


def _properties(one: Any, other: Any) -> Any:
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return other
    made = dict(one)
    for name, schema in other.items():
        made[name] = both(made[name], schema) if name in made else schema
    return made


def both(one: Any, other: Any) -> Any:
    """Two schemas at once, booleans included."""
    if one is True or other is True:
        return other if one is True else one
    if one is False or other is False:
        return False
    if "$ref" in one or "$ref" in other:
        return {"allOf": [one, other]}
    return merged(one, other)


def _union(one: Any, other: Any) -> Any:
    if isinstance(one, list) and isinstance(other, list):
        return list(dict.fromkeys([*one, *other]))
    return other


def _intersection(one: Any, other: Any) -> Any:
    if isinstance(one, list) and isinstance(other, list):
        return [entry for entry in one if entry in other] or other
    return other


def _types(one: Any, other: Any) -> Any:
    first = [one] if isinstance(one, str) else list(one)
    second = [other] if isinstance(other, str) else list(other)
    if "number" in first and "integer" in second:
        first = [*first, "integer"]
    if "number" in second and "integer" in first:
        second = [*second, "integer"]
    return [kind for kind in first if kind in second] or other


def _all_of(one: Any, other: Any) -> Any:
    return [*one, *other] if isinstance(one, list) and isinstance(other, list) else other


_COMBINE: Mapping[str, Callable[[Any, Any], Any]] = {
    "properties": _properties,
    "patternProperties": _properties,
    "$defs": _properties,
    "required": _union,
    "enum": _intersection,
    "type": _types,
    "allOf": _all_of,
    ALTERNATIVES: _all_of,
    "items": both,
    "additionalProperties": both,
    "uniqueItems": lambda one, other: one is True or other is True,
}
