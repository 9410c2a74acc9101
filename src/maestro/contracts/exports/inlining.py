"""Schemas that stand alone, with what they refer to written in place; circles stay references."""

from collections.abc import Mapping
from typing import Any

from maestro.contracts.openapi.schemas import Schema, rebuild, subschemas

_PREFIX = "#/$defs/"
_MOST = 400
"""Subschemas of a definition that is written in place; greater ones stay definitions."""
_MOST_IN_ALL = 20_000


def dereferenced(schema: Schema) -> Schema:
    """`schema` without references, as far as that is possible and sensible.

    It stands alone, as `standalone` makes it: every reference leads into its own `$defs`.
    """
    if not isinstance(schema, Mapping) or not isinstance(schema.get("$defs"), Mapping):
        return schema
    inlining = _Inlining(schema["$defs"])
    made = inlining.take({key: value for key, value in schema.items() if key != "$defs"})
    if inlining.written > _MOST_IN_ALL or not isinstance(made, Mapping):
        return schema
    kept: dict[str, Schema] = {}
    waiting = list(inlining.kept)
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept[name] = inlining.definition(name)
            waiting += [other for other in inlining.kept if other not in kept]
    return {**made, "$defs": kept} if kept else made


class _Inlining:
    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._uses = {name: _used(schema) for name, schema in definitions.items()}
        self._circular = {name for name in definitions if name in self._reached(name)}
        self._made: dict[str, Schema] = {}
        self._sizes: dict[str, int] = {}
        self.kept: dict[str, None] = {}
        """Definitions that are still referred to."""
        self.written = 0

    def take(self, schema: Schema) -> Schema:
        if not isinstance(schema, Mapping):
            return schema
        self.written += 1
        made = rebuild(schema, self.take)
        name = _name(made)
        if name is None or name not in self._definitions:
            return made
        if name in self._circular or self._size(name) > _MOST:
            self.kept[name] = None
            return made
        self.written += self._size(name)
        target = self.definition(name)
        del made["$ref"]
        if not made:
            return target
        return {**made, "allOf": [*made.get("allOf", ()), target]}

    def definition(self, name: str) -> Schema:
        if name not in self._made:
            self._made[name] = self.take(self._definitions[name])
        return self._made[name]

    def _size(self, name: str) -> int:
        """Subschemas of a definition with everything in place that belongs there."""
        if name not in self._sizes:
            self._sizes[name] = 1 + sum(
                count * (1 if other in self._circular else min(self._size(other), _MOST + 1))
                for other, count in self._uses[name].items()
                if other in self._definitions
            )
            self._sizes[name] += _count(self._definitions[name])
        return self._sizes[name]

    def _reached(self, start: str) -> set[str]:
        found: set[str] = set()
        waiting = list(self._uses[start])
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self._uses.get(name, ())
        return found


def _name(schema: Mapping[str, Any]) -> str | None:
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith(_PREFIX):
        return reference.removeprefix(_PREFIX)
    return None


def _used(schema: Schema) -> dict[str, int]:
    """How often a definition refers to which others."""
    found: dict[str, int] = {}
    waiting = [schema]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Mapping):
            name = _name(current)
            if name is not None:
                found[name] = found.get(name, 0) + 1
            waiting += [inner for _, inner in subschemas(current, "")]
    return found


def _count(schema: Schema) -> int:
    count, waiting = 0, [schema]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Mapping):
            count += 1
            waiting += [inner for _, inner in subschemas(current, "")]
    return count
