"""What a mutation answers: the object it changed, alone or inside a payload."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from maestro.contracts.mocks.graphql.listing import cursor_of
from maestro.contracts.mocks.graphql.memory import Memory, Thing
from maestro.contracts.mocks.graphql.sampling import FieldValues, leaf_sample, serialises
from maestro.contracts.sdl.mutations import MutationRole, success_member
from maestro.contracts.sdl.words import words


class Answers:
    """The answers of the mutations of one schema."""

    def __init__(self, fields: FieldValues) -> None:
        self._fields = fields
        self._roles = fields.roles

    def of_many(
        self,
        memory: Memory,
        field: GraphQLField,
        made: Sequence[Thing],
        role: MutationRole,
        arguments: Mapping[str, Any],
        name: str,
    ) -> list[Any]:
        listed: Any = get_nullable_type(field.type)
        return [self.of(memory, listed.of_type, e, role, arguments, name) for e in made]

    def of(
        self,
        memory: Memory,
        answered: Any,
        entry: Thing | None,
        role: MutationRole,
        arguments: Mapping[str, Any],
        name: str,
    ) -> Any:
        nullable = get_nullable_type(answered)
        if is_list_type(nullable):
            one = self.of(memory, nullable.of_type, entry, role, arguments, name)
            return [one]
        named: Any = nullable
        if is_leaf_type(named):
            return self._told(named, name, entry)
        if entry is not None and self._is_kind(named, entry):
            return entry
        if isinstance(named, GraphQLUnionType):
            named = self._roles.schema.type_map[success_member(self._roles, named, role.entity)]
        elif isinstance(named, GraphQLInterfaceType):
            named = self._roles.schema.type_map[self._roles.possible(named.name)[0]]
        return self._payload(memory, named, entry, role, arguments)

    def _is_kind(self, named: Any, entry: Thing) -> bool:
        if is_abstract_type(named):
            return entry.type_name in self._roles.possible(named.name)
        return bool(named.name == entry.type_name)

    def _told(self, named: Any, name: str, entry: Thing | None) -> Any:
        if named.name == "Boolean":
            return True
        if entry is not None and named.name in ("ID", "UUID", "String"):
            return self._fields.key_value(entry)
        if named.name == "Int":
            key = self._fields.key_value(entry) if entry else None
            return key if isinstance(key, int) else 1
        return leaf_sample("Mutation", name, named, 0)

    def _payload(
        self,
        memory: Memory,
        named: GraphQLObjectType,
        entry: Thing | None,
        role: MutationRole,
        arguments: Mapping[str, Any],
    ) -> Thing:
        if named.name in self._roles.entities:  # no effect known: the first that fits
            return self._some(memory, named.name, arguments)
        payload = Thing(named.name, "", 0)
        for name, field in named.fields.items():
            found, value = self._payload_value(memory, name, field, entry, arguments)
            if found:
                payload.values[name] = value
        return payload

    def _some(self, memory: Memory, type_name: str, arguments: Mapping[str, Any]) -> Thing:
        every = memory.entries(type_name)
        fields = self._fields.fields(type_name)
        known = {
            name: value
            for name, value in arguments.items()
            if name in fields
            and is_leaf_type(get_named_type(fields[name].type))
            and serialises(fields[name], value)
        }
        for entry in every:
            if all(self._fields.leaf(memory, entry, n) == v for n, v in known.items()):
                return entry
        return Thing(type_name, "1", memory.behaviour.seed, known)

    def _payload_value(
        self,
        memory: Memory,
        name: str,
        field: GraphQLField,
        entry: Thing | None,
        arguments: Mapping[str, Any],
    ) -> tuple[bool, Any]:
        """Whether a field of a payload follows from what was done, and its value then."""
        named: Any = get_named_type(field.type)
        is_many = is_list_type(get_nullable_type(field.type))
        parts = words(name)
        if parts[-1:] in (("error",), ("errors",), ("problems",), ("violations",)):
            return (True, []) if is_many else (not is_non_null_type(field.type), None)
        if name == "clientMutationId":
            inner = arguments.get("input")
            return True, inner.get(name) if isinstance(inner, Mapping) else arguments.get(name)
        if not is_leaf_type(named):
            return self._payload_object(named, entry, is_many=is_many)
        return (False, None) if is_many else self._payload_leaf(named, parts, entry)

    def _payload_leaf(
        self, named: Any, parts: tuple[str, ...], entry: Thing | None
    ) -> tuple[bool, Any]:
        if named.name == "Boolean":
            return True, True
        if entry is not None and parts[-1:] == ("id",):
            return True, self._fields.key_value(entry)
        if named.name == "Int" and parts[-1:] in (("count",), ("rows",), ("affected",)):
            return True, 1
        if parts in (("code",), ("status",)) and named.name in ("String", "Int"):
            return True, "200" if named.name == "String" else 200
        return False, None

    def _payload_object(
        self, named: Any, entry: Thing | None, *, is_many: bool
    ) -> tuple[bool, Any]:
        query = self._roles.schema.query_type
        if query is not None and named is query:
            return True, Thing(query.name)
        if entry is None:
            return False, None
        if self._is_kind(named, entry):
            return True, [entry] if is_many else entry
        node = getattr(named, "fields", {}).get("node")
        if node is not None and self._is_kind(get_named_type(node.type), entry):
            edge = Thing(named.name, "", 0, {"node": entry, "cursor": cursor_of(entry, 0)})
            return True, edge
        return False, None
