"""What a schema does not look at, so that it need not be asked again."""

from collections.abc import Collection, Mapping
from typing import Any

from maestro.contracts.openapi.pointers import is_pointer, lookup
from maestro.contracts.openapi.schemas import Schema

_ANNOTATIONS = frozenset(
    ("$comment", "$defs", "$schema", "default", "deprecated", "description", "discriminator",
     "example", "examples", "externalDocs", "readOnly", "title", "writeOnly", "xml")
)  # fmt: skip
_OF_NAMES = frozenset(("type", "required", "minProperties", "maxProperties"))
"""Rules for objects that look at the names of properties, not at their values."""
_OF_KIND = frozenset(("type", "minimum", "exclusiveMinimum", "minLength"))
"""Rules for values that hold for all later ids and moments when they hold for one."""
_FORMATS = ("int64", "date-time", "uuid")
_DEEPEST = 20


def is_indifferent(schema: Schema, names: Collection[str]) -> bool:
    """Whether of objects that differ only in the ids and moments in these properties all are
    valid if the first one is.

    Later ids are greater numbers, or texts that are not shorter. `schema` stands alone and can be
    compiled. What is not understood is taken to look at everything.
    """
    return _is_open(schema, schema, names, 0)


def _is_open(root: Any, node: Schema, names: Collection[str] | None, depth: int) -> bool:
    """`names` is None for the schema of a value itself."""
    if not isinstance(node, Mapping) or depth > _DEEPEST:
        return isinstance(node, bool)
    return all(_is_rule_open(root, key, rule, names, depth + 1) for key, rule in node.items())


def _is_rule_open(
    root: Any, key: str, rule: Any, names: Collection[str] | None, depth: int
) -> bool:
    if key == "$ref":
        if not rule.startswith("#") or not is_pointer(rule):
            return False
        return _is_open(root, lookup(root, rule, where="schema"), names, depth)
    if key == "allOf":
        return all(_is_open(root, part, names, depth) for part in rule)
    if key in _ANNOTATIONS or key.startswith("x-"):
        return True
    if names is None:
        return rule in _FORMATS if key == "format" else key in _OF_KIND
    if key == "properties":
        return all(_is_open(root, rule[name], None, depth) for name in names if name in rule)
    return isinstance(rule, bool) if key == "additionalProperties" else key in _OF_NAMES
