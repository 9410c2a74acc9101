"""Keywords of one schema object, added to what its node says already."""

from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.comparison.schemas_nodes import (
    ArrayPart,
    LocatedSchema,
    Node,
    ObjectPart,
    is_number,
    listed,
    named,
    occurs,
    single,
)
from maestro.contracts.openapi import pointers

_ANNOTATIONS = (
    "default", "deprecated", "discriminator", "readOnly", "writeOnly", "x-extensible-enum",
    "contentEncoding", "contentMediaType", "xml",
)  # fmt: skip
_LOWER = ("minimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")
_CONDITIONS = (
    "not", "if", "contains", "dependentSchemas", "dependencies", "unevaluatedItems",
    "unevaluatedProperties", "$dynamicRef",
)  # fmt: skip
_COMPOSED = ("allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas", "$dynamicRef")


_CONTAINS = ("contains", "minContains", "maxContains")


class KeywordReader:
    """Adds the keywords of one schema object to a node."""

    def __init__(self, node: Node, schema: Mapping[str, Any], pointer: str) -> None:
        self._node = node
        self._schema = schema
        self._pointer = pointer

    def read(self) -> None:
        for key in self._schema:
            self._node.places.setdefault(key, pointers.join(self._pointer, key))
        self._types()
        self._values()
        self._bounds()
        self._sets()
        self._structure()
        self._conditions()
        for key in _ANNOTATIONS:
            if key in self._schema:
                self._node.notes.setdefault(key, self._schema[key])

    def _types(self) -> None:
        kind = self._schema.get("type")
        kinds = [kind] if isinstance(kind, str) else kind
        if not isinstance(kinds, list):
            return
        allowed = {str(entry) for entry in kinds}
        if "number" in allowed:
            allowed |= {"integer", "fraction"}
        self._node.types &= frozenset(allowed)

    def _values(self) -> None:
        found = self._schema.get("enum")
        values = list(found) if isinstance(found, list) else None
        if "const" in self._schema:
            values = [self._schema["const"]]
        if values is None:
            return
        node = self._node
        node.enum = values if node.enum is None else [v for v in node.enum if occurs(v, values)]

    def _bounds(self) -> None:
        bounds = self._node.bounds
        for key in _LOWER:
            for value in self._numbers(key):
                bounds[key] = max(bounds.get(key, value), value)
        for key in _UPPER:
            for value in self._numbers(key):
                bounds[key] = min(bounds.get(key, value), value)

    def _numbers(self, key: str) -> Iterator[tuple[float, int]]:
        """Bounds sort correctly as (number, step beyond it)."""
        if is_number(self._schema.get(key)):
            yield self._schema[key], 0
        exclusive = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}.get(key)
        if exclusive and is_number(self._schema.get(exclusive)):
            yield self._schema[exclusive], 1 if key == "minimum" else -1

    def _sets(self) -> None:
        for key in ("required", "pattern", "format", "multipleOf", "uniqueItems"):
            value = self._schema.get(key)
            entries = value if key == "required" and isinstance(value, list) else [value]
            for entry in entries:
                if isinstance(entry, str | int | float) and entry is not False:
                    place = pointers.join(self._pointer, key)
                    self._node.sets.setdefault(key, {}).setdefault(entry, place)
        dependent = self._schema.get("dependentRequired")
        for name, needed in dependent.items() if isinstance(dependent, Mapping) else ():
            for entry in needed if isinstance(needed, list) else ():
                place = pointers.join(self._pointer, "dependentRequired", name)
                self._node.dependent.setdefault((str(name), str(entry)), place)

    def _structure(self) -> None:
        schema, node, pointer = self._schema, self._node, self._pointer
        plain = not any(key in schema for key in _COMPOSED)
        others = single(schema, "additionalProperties", pointer)
        if others is None and plain:
            others = single(schema, "unevaluatedProperties", pointer)
        properties = named(schema, "properties", pointer)
        patterns = named(schema, "patternProperties", pointer)
        if properties or patterns or others:
            node.objects.append(ObjectPart(properties=properties, patterns=patterns, others=others))
        items = single(schema, "items", pointer)
        if items is None and plain:
            items = single(schema, "unevaluatedItems", pointer)
        prefix = listed(schema, "prefixItems", pointer)
        if items or prefix:
            node.arrays.append(ArrayPart(prefix=prefix, others=items))
        names = single(schema, "propertyNames", pointer)
        if names:
            node.names.append(names)
        for key in ("anyOf", "oneOf"):
            branches = listed(schema, key, pointer)
            if len(branches) > 1:  # a choice of one is none: see SchemaSide
                node.unions.append((key, branches))

    def _conditions(self) -> None:
        schema = self._schema
        plain = not any(key in schema for key in _COMPOSED)
        for key in _CONDITIONS:
            if key not in schema or (plain and key.startswith("unevaluated")):
                continue
            keep = {"if": ("if", "then", "else"), "contains": _CONTAINS}.get(key, (key,))
            kept = {name: schema[name] for name in keep if name in schema}
            if key == "if" and len(kept) == 1:  # neither `then` nor `else`: no effect
                continue
            if key == "unevaluatedProperties" and "additionalProperties" in schema:
                continue
            self._node.conditions.append((key, LocatedSchema(kept, self._pointer)))
