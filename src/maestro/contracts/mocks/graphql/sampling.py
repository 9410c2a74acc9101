"""The value of every field of an entry: given, referred to, or sampled."""

import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from maestro.contracts.mocks.graphql.memory import Memory, Thing
from maestro.contracts.sdl.roles import FieldUse, SchemaRoles
from maestro.contracts.sdl.scalars import TEXT, is_custom, sample_of, scalar_kind
from maestro.contracts.sdl.values import real, text, truth, usually_null, whole
from maestro.contracts.sdl.words import noun, words

LIST_LENGTH = 2
"""Of lists of leaves and of objects without a life of their own."""


class FieldValues:
    """Fields of the object types of one schema, ready to give the values of any entry."""

    def __init__(self, roles: SchemaRoles) -> None:
        self.roles = roles
        self._back: dict[tuple[str, str], str] = {}

    def fields(self, type_name: str) -> Mapping[str, GraphQLField]:
        named = self.roles.schema.type_map.get(type_name)
        return named.fields if isinstance(named, GraphQLObjectType) else {}

    def leaf(self, memory: Memory, entry: Thing, name: str) -> Any:
        """The value of a scalar or enum field, kept for the next time."""
        values = entry.values
        if name in values:
            return values[name]
        field = self.fields(entry.type_name).get(name)
        if field is None:
            return None
        value = self._sampled(memory, entry, name, field)
        if not memory.behaviour.dynamic:
            values[name] = value
        return value

    def _sampled(self, memory: Memory, entry: Thing, name: str, field: GraphQLField) -> Any:
        referred = self._reference(memory, entry, name)
        if referred is not None:
            return referred
        named: Any = get_named_type(field.type)
        nullable = not is_non_null_type(field.type)
        if nullable and (usually_null(name) or (not entry.is_seeded and entry.key)):
            return None
        number = entry.number
        if isinstance(named, GraphQLEnumType) and not entry.is_seeded:
            number = 0  # what is created stands at the first of its states
        if memory.behaviour.dynamic:
            memory.draws += 1
            number += memory.draws * 7
        if is_list_type(get_nullable_type(field.type)):
            return self._leaves(entry.type_name, name, get_nullable_type(field.type), number)
        return leaf_sample(entry.type_name, name, named, number)

    def _leaves(self, owner: str, name: str, listed: Any, number: int) -> Any:
        inner = get_nullable_type(listed.of_type)
        if is_list_type(inner):
            return [self._leaves(owner, name, inner, number + n) for n in range(LIST_LENGTH)]
        named = get_named_type(inner)
        made = [leaf_sample(owner, name, named, number + n) for n in range(LIST_LENGTH)]
        return [value for n, value in enumerate(made) if value not in made[:n]]

    def _reference(self, memory: Memory, entry: Thing, name: str) -> Any:
        """`customerId` is the key of `customer`; `orderCount` the number of `orders`."""
        parts = words(name)
        if len(parts) < 2:
            return None
        fields = self.fields(entry.type_name)
        stem = "".join(parts[:-1])
        if parts[-1] in ("id", "uuid"):
            sibling = next((n for n in fields if "".join(words(n)) == stem), None)
            if sibling is not None and not is_leaf_type(get_named_type(fields[sibling].type)):
                found = self.one(memory, entry, sibling, fields[sibling])
                return self.key_value(found) if found is not None else None
            entity = self.roles.entity_named("_".join(parts[:-1]))
            picked = self._picked(memory, entry, name, entity.name) if entity else None
            return self.key_value(picked) if picked is not None else None
        if parts[-1] == "count" and str(get_named_type(fields[name].type)) == "Int":
            sibling = next((n for n in fields if n != name and noun(n) == noun(stem)), None)
            if sibling is not None and is_list_type(get_nullable_type(fields[sibling].type)):
                return len(self.many(memory, entry, sibling, fields[sibling]))
        return None

    def key_value(self, entry: Thing) -> Any:
        entity = self.roles.entities.get(entry.type_name)
        return entry.values.get(entity.key, entry.key) if entity and entity.key else entry.key

    def one(self, memory: Memory, entry: Thing, name: str, field: GraphQLField) -> Thing | None:
        """The object a field refers to."""
        target = str(get_named_type(field.type))
        nullable = not is_non_null_type(field.type)
        keys = (name, *foreign_keys(name))
        given = next((n for n in keys if n in entry.values), None)
        if given is not None:
            return self._as_entry(memory, target, entry.values[given], nullable=nullable)
        if not self.roles.is_entity(target):
            return self._embedded(entry, name, target, nullable=nullable)
        if nullable and not entry.is_seeded and entry.key:
            return None
        found = self._picked(memory, entry, name, target)
        if found is None and not nullable:
            return Thing(self.roles.possible(target)[0], "1", entry.number)
        return found

    def many(self, memory: Memory, entry: Thing, name: str, field: GraphQLField) -> list[Thing]:
        """The objects a list, connection or page field refers to, before any argument."""
        role = self.roles.role(name, field)
        target = role.target or str(get_named_type(field.type))
        given = entry.values.get(name)
        if given is None:
            given = next((entry.values[n] for n in list_keys(name) if n in entry.values), None)
        if isinstance(given, list):
            found = [self._as_entry(memory, target, value) for value in given]
            return [one for one in found if one is not None]
        if not self.roles.is_entity(target):
            if not entry.is_seeded and entry.key and not is_non_null_type(field.type):
                return []
            return [self._part(entry, name, target, n) for n in range(LIST_LENGTH)]
        back = self.back_reference(entry.type_name, target)
        if back:
            return [e for e in memory.entries(target) if self._refers(memory, e, back, entry)]
        if not entry.is_seeded and entry.key:
            return []
        every = memory.entries(target)
        start, count = _spread(entry, name), min(len(every), 1 + entry.number % 3)
        return [every[(start + n) % len(every)] for n in range(count)]

    def back_reference(self, owner: str, target: str) -> str:
        """The field by which objects of `target` point at `owner`; empty where none does."""
        if (owner, target) not in self._back:
            self._back[owner, target] = self._back_reference(owner, target)
        return self._back[owner, target]

    def _back_reference(self, owner: str, target: str) -> str:
        possible = self.roles.possible(target)
        if len(possible) != 1 or owner == target:
            return ""
        for name, field in self.fields(possible[0]).items():
            points = str(get_named_type(field.type)) == owner and not field.args
            if points and self.roles.role(name, field).use is FieldUse.LOOKUP:
                return name
        return ""

    def _refers(self, memory: Memory, entry: Thing, back: str, to: Thing) -> bool:
        found = self.one(memory, entry, back, self.fields(entry.type_name)[back])
        return found is not None and found.key == to.key

    def _picked(self, memory: Memory, entry: Thing, name: str, target: str) -> Thing | None:
        every = memory.entries(target)
        return every[_spread(entry, name) % len(every)] if every else None

    def _as_entry(
        self, memory: Memory, target: str, value: Any, *, nullable: bool = True
    ) -> Thing | None:
        """What a kept value refers to; something deleted only where null is not allowed."""
        if isinstance(value, Thing):
            is_stored = value.type_name in self.roles.entities and value.key
            if nullable and is_stored and memory.is_missing(value.type_name, value.key):
                return None
            return value
        if value is None or isinstance(value, Mapping) or not self.roles.is_entity(target):
            return None
        found = memory.find(target, value)
        return memory.departed(target, value) if found is None and not nullable else found

    def _embedded(self, entry: Thing, name: str, target: str, *, nullable: bool) -> Thing | None:
        if nullable and (usually_null(name) or (not entry.is_seeded and entry.key)):
            return None
        return self._part(entry, name, target, 0)

    def _part(self, entry: Thing, name: str, target: str, place: int) -> Thing:
        """An object that lives inside another one; a way back to it is kept."""
        possible = self.roles.possible(target)
        chosen = possible[(entry.number + place) % len(possible)]
        part = Thing(chosen, "", entry.number * LIST_LENGTH + place)
        for field_name, field in self.fields(chosen).items():
            if str(get_named_type(field.type)) == entry.type_name and entry.key:
                part.values.setdefault(field_name, entry)
        return part


def foreign_keys(name: str) -> tuple[str, ...]:
    return (f"{name}Id", f"{name}ID", f"{name}_id", f"{name}Uuid", f"{name}_uuid")


@lru_cache(maxsize=4096)
def list_keys(name: str) -> tuple[str, ...]:
    stem = name[:-1] if name.endswith("s") else name
    if name.endswith("ies"):
        stem = f"{name[:-3]}y"
    return (f"{stem}Ids", f"{stem}IDs", f"{stem}_ids", f"{name}Ids", f"{name}_ids")


def _spread(entry: Thing, name: str) -> int:
    return entry.number + zlib.crc32(name.encode()) % 7


_BUILT_IN: Mapping[str, Callable[[str, str, int], Any]] = {
    "String": text,
    "ID": lambda _, name, n: f"{'-'.join(words(name)[:-1]) or 'id'}-{1 + n}",
    "Int": lambda _, name, n: whole(name, n),
    "Float": lambda _, name, n: real(name, n),
    "Boolean": lambda _, name, n: truth(name, n),
}


def leaf_sample(owner: str, name: str, named: Any, number: int) -> Any:
    """A value of a scalar or enum for a field; the same number gives the same value."""
    if isinstance(named, GraphQLEnumType):
        options = list(named.values)
        return options[number % len(options)]
    if isinstance(named, GraphQLScalarType) and is_custom(named):
        kind = scalar_kind(named)
        return text(owner, name, number) if kind == TEXT else sample_of(kind, number)
    return _BUILT_IN[named.name](owner, name, number)


def serialises(field: GraphQLField, value: Any) -> bool:
    """Whether a field could answer with a value that came in."""
    named: Any = get_named_type(field.type)
    is_many = is_list_type(get_nullable_type(field.type))
    if value is None:
        return not is_non_null_type(field.type)
    if is_many != isinstance(value, list) and not (
        isinstance(named, GraphQLScalarType) and is_custom(named)
    ):
        return False
    try:
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                named.coerce_output_value(one)
    except (GraphQLError, TypeError, ValueError):
        return False
    return True
