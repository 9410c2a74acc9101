"""What one schema says, gathered from everything that holds at the same time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from maestro.contracts.openapi import pointers

ATOMS = frozenset({"null", "boolean", "integer", "fraction", "string", "array", "object"})
"""JSON types, numbers told apart by whether they are whole."""


@dataclass(frozen=True, slots=True)
class LocatedSchema:
    """A schema and where it stands."""

    schema: Any
    pointer: str


Parts = tuple[LocatedSchema, ...]
"""Schemas that all hold at once; none at all allows everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPart:
    properties: Mapping[str, LocatedSchema]
    patterns: Mapping[str, LocatedSchema]
    others: LocatedSchema | None
    """`additionalProperties`; None where the schema says nothing."""

    def of(self, name: str) -> Parts:
        """What holds for the property `name`."""
        found = [self.properties[name]] if name in self.properties else []
        found += [entry for text, entry in self.patterns.items() if _finds(text, name)]
        return tuple(found) or self.rest

    @property
    def rest(self) -> Parts:
        return (self.others,) if self.others else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayPart:
    prefix: tuple[LocatedSchema, ...]
    others: LocatedSchema | None

    def of(self, position: int) -> Parts:
        return (self.prefix[position],) if position < len(self.prefix) else self.rest

    @property
    def rest(self) -> Parts:
        return (self.others,) if self.others else ()


@dataclass(slots=True, kw_only=True)
class Node:
    """One schema with everything that holds at the same time gathered."""

    parts: Parts
    pointer: str
    never: bool = False
    types: frozenset[str] = ATOMS
    enum: list[Any] | None = None
    bounds: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Lower and upper bounds with 1 or -1 beside exclusive ones, so that they sort."""
    sets: dict[str, dict[Any, str]] = field(default_factory=dict)
    """`required`, `pattern`, `format`, `multipleOf`, `uniqueItems`: value -> pointer."""
    dependent: dict[tuple[str, str], str] = field(default_factory=dict)
    names: list[LocatedSchema] = field(default_factory=list)
    objects: list[ObjectPart] = field(default_factory=list)
    arrays: list[ArrayPart] = field(default_factory=list)
    unions: list[tuple[str, Parts]] = field(default_factory=list)
    conditions: list[tuple[str, LocatedSchema]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """Keyword -> pointer of where it was said first."""

    def place(self, keyword: str) -> str:
        return self.places.get(keyword, self.pointer)

    def declared(self) -> dict[str, str]:
        """Names of properties in their order, with pointers."""
        found: dict[str, str] = {}
        for part in self.objects:
            for name, entry in part.properties.items():
                found.setdefault(name, entry.pointer)
        return found

    def property_parts(self, name: str) -> Parts:
        return tuple(entry for part in self.objects for entry in part.of(name))

    def other_properties(self) -> Parts:
        return tuple(entry for part in self.objects for entry in part.rest)

    @property
    def is_open(self) -> bool:
        """Nothing is said about properties that are not declared."""
        return all(part.others is None for part in self.objects) and not any(
            key == "unevaluatedProperties" for key, _ in self.conditions
        )

    @property
    def required(self) -> dict[Any, str]:
        return self.sets.get("required", {})


def listed(schema: Mapping[str, Any], key: str, pointer: str) -> Parts:
    """Schemas of a list such as `anyOf`."""
    entries = schema.get(key)
    if not isinstance(entries, list):
        return ()
    return tuple(
        LocatedSchema(entry, pointers.join(pointer, key, position))
        for position, entry in enumerate(entries)
        if isinstance(entry, Mapping | bool)
    )


def named(schema: Mapping[str, Any], key: str, pointer: str) -> dict[str, LocatedSchema]:
    """Schemas of a map such as `properties`."""
    entries = schema.get(key)
    if not isinstance(entries, Mapping):
        return {}
    return {
        str(name): LocatedSchema(entry, pointers.join(pointer, key, name))
        for name, entry in entries.items()
        if isinstance(entry, Mapping | bool)
    }


def single(schema: Mapping[str, Any], key: str, pointer: str) -> LocatedSchema | None:
    entry = schema.get(key)
    if not isinstance(entry, Mapping | bool):
        return None
    return LocatedSchema(entry, pointers.join(pointer, key))


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(one: Any, other: Any) -> bool:
    """Equality of JSON values: 1 equals 1.0, True does not equal 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def occurs(value: Any, values: list[Any]) -> bool:
    return any(same(value, entry) for entry in values)


@cache
def _compiled(pattern: str) -> "re.Pattern[str] | None":
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None


def _finds(pattern: str, text: str) -> bool:
    """A pattern Python cannot read might match: then its schema is taken into account."""
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(text) is not None
