"""Entries that a GraphQL mock has from the beginning, held to the schema."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from maestro.contracts.mocks.graphql.memory import Thing
from maestro.contracts.mocks.graphql.sampling import foreign_keys, list_keys
from maestro.contracts.mocks.seeding import SeedEntries, entry_at
from maestro.contracts.openapi.pointers import join
from maestro.contracts.sdl.roles import SchemaRoles
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput


def check_entries(roles: SchemaRoles, given: SeedEntries) -> None:
    """Raises InvalidInput where an entry is not as its type says; names its place."""
    check = _Check(roles, given)
    for type_name, entries in given.items():
        entity = roles.entities.get(type_name)
        if entity is None:
            known = ", ".join(roles.entities) or "none"
            raise InvalidInput(f"/{type_name}: is no type that is kept; kept are {known}")
        taken: set[str] = set()
        for place, value in enumerate(entries):
            pointer = join("", type_name, place)
            body = entry_at(pointer, value)
            check.entry(type_name, body, pointer)
            key = str(body.get(entity.key, "")) if entity.key else ""
            if key and key in taken:
                raise InvalidInput(f"{pointer}/{entity.key}: {key!r} is taken already (unique)")
            taken.add(key)


def kept_values(roles: SchemaRoles, type_name: str, body: JsonObject) -> dict[str, Any]:
    """What an entry holds: objects without a life of their own become parts of it."""
    fields = _fields(roles, type_name)
    return {
        name: _kept(roles, str(get_named_type(fields[name].type)), value)
        if name in fields
        else value
        for name, value in body.items()
        if name != "__typename"
    }


def _kept(roles: SchemaRoles, target: str, value: JsonValue) -> Any:
    if isinstance(value, list):
        return [_kept(roles, target, one) for one in value]
    if not isinstance(value, dict) or is_leaf_type(roles.schema.type_map[target]):
        return value
    chosen = _meant(roles, target, value)
    return Thing(chosen, "", 0, kept_values(roles, chosen, value))


class _Check:
    def __init__(self, roles: SchemaRoles, given: SeedEntries) -> None:
        self._roles = roles
        self._keys = {
            name: {
                str(entry[entity.key])
                for entry in entries
                if isinstance(entry, dict) and entity.key in entry
            }
            for name, entries in given.items()
            if (entity := roles.entities.get(name)) is not None
        }

    def entry(self, type_name: str, body: JsonObject, pointer: str) -> None:
        fields = _fields(self._roles, type_name)
        for name, value in body.items():
            if name in fields:
                self._value(fields[name], value, join(pointer, name))
            elif name != "__typename" and not any(
                name in foreign_keys(field) + list_keys(field) for field in fields
            ):
                known = ", ".join(fields)
                raise InvalidInput(f"{join(pointer, name)}: {type_name} has no such field: {known}")

    def _value(self, field: GraphQLField, value: JsonValue, pointer: str) -> None:
        named = get_named_type(field.type)
        if value is None:
            if is_non_null_type(field.type):
                raise InvalidInput(f"{pointer}: null is no {field.type} (type)")
        elif is_leaf_type(named):
            if not _is_leaf_value(field.type, value):
                raise InvalidInput(f"{pointer}: {value!r:.80} is no {field.type} (type)")
        elif is_list_type(get_nullable_type(field.type)):
            if not isinstance(value, list):
                raise InvalidInput(f"{pointer}: {value!r:.80} is no {field.type} (type)")
            for place, one in enumerate(value):
                self._object(str(named), one, join(pointer, place))
        else:
            self._object(str(named), value, pointer)

    def _object(self, target: str, value: JsonValue, pointer: str) -> None:
        if not self._roles.is_entity(target):
            body = entry_at(pointer, value)
            self.entry(_meant(self._roles, target, body), body, pointer)
            return
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise InvalidInput(f"{pointer}: name the {target} by its key, not {value!r:.80}")
        possible = self._roles.possible(target)
        closed = all(name in self._keys for name in possible)
        if closed and not any(str(value) in self._keys[name] for name in possible):
            raise InvalidInput(f"{pointer}: {str(value)!r} leads to no {target} (reference)")


def _is_leaf_value(kind: Any, value: JsonValue) -> bool:
    """Whether a value is one of a scalar, an enum, or a list of them."""
    plain = get_nullable_type(kind)
    if value is None:
        return not is_non_null_type(kind)
    if is_list_type(plain):
        return isinstance(value, list) and all(_is_leaf_value(plain.of_type, v) for v in value)
    try:
        plain.coerce_input_value(value)  # stricter than what an answer may hold
    except (GraphQLError, TypeError, ValueError):
        return False
    return True


def _meant(roles: SchemaRoles, target: str, body: JsonObject) -> str:
    """Of the object types that a field may hold, the one it says it is, else the first."""
    possible = roles.possible(target)
    named = body.get("__typename")
    return str(named) if named in possible else possible[0]


def _fields(roles: SchemaRoles, type_name: str) -> Mapping[str, GraphQLField]:
    named = roles.schema.type_map.get(type_name)
    return named.fields if isinstance(named, GraphQLObjectType) else {}
