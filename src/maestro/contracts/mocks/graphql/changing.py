"""Carries out mutations on the memory and makes what they answer."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLScalarType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from maestro.contracts.mocks.graphql.answering import Answers
from maestro.contracts.mocks.graphql.memory import Memory, Thing, refused
from maestro.contracts.mocks.graphql.sampling import (
    FieldValues,
    foreign_keys,
    list_keys,
    serialises,
)
from maestro.contracts.sdl.mutations import (
    Effect,
    MutationInput,
    MutationRole,
    mutation_role,
    participles,
    reached_state,
    read_input,
)
from maestro.contracts.sdl.scalars import scalar_kind
from maestro.contracts.sdl.words import words

_CREATED = ("createdat", "created", "creationdate", "insertedat", "dateadded")
_CHANGED = ("updatedat", "updated", "modifiedat", "lastmodified", "changedat")
_PLAIN_VERBS = ("update", "edit", "modify", "change", "patch", "set", "replace", "amend")


class Mutations:
    """The mutations of one schema."""

    def __init__(self, fields: FieldValues) -> None:
        self._fields = fields
        self._roles = fields.roles
        self._answers = Answers(fields)
        root = fields.roles.schema.mutation_type
        self.roles = {
            name: mutation_role(fields.roles, name, field)
            for name, field in (root.fields if root else {}).items()
        }

    def run(
        self, memory: Memory, name: str, field: GraphQLField, arguments: Mapping[str, Any]
    ) -> Any:
        """What the mutation answers. Raises GraphQLError when what it needs is not there."""
        role = self.roles[name]
        if role.effect is Effect.NONE:
            return self._answers.of(memory, field.type, None, role, arguments, name)
        entity = self._roles.entities[role.entity]
        given = read_input(self._roles, entity, field, arguments)
        if role.many:
            made = [self._create(memory, role, MutationInput(None, e)) for e in given.entries]
            return self._answers.of_many(memory, field, made, role, arguments, name)
        if role.effect is Effect.CREATE:
            entry = self._create(memory, role, given)
        elif given.keys:
            return self._several(memory, name, field, role, given, arguments)
        else:
            found = self._existing(memory, role, given)
            if found is None and role.effect is Effect.UPSERT:
                entry = self._create(memory, role, given)
            elif found is None:
                return self._missing(field, role, given)
            elif role.effect is Effect.DELETE:
                entry = found
                memory.delete(found)
            else:
                entry = memory.update(found, self._changes(memory, found, role, given.values))
        return self._answers.of(memory, field.type, entry, role, arguments, name)

    def _several(
        self,
        memory: Memory,
        name: str,
        field: GraphQLField,
        role: MutationRole,
        given: MutationInput,
        arguments: Mapping[str, Any],
    ) -> Any:
        """Changes or deletes all entries that are named; those that are not there are left out."""
        named = [memory.find(role.entity, key) for key in given.keys]
        found = [entry for entry in named if entry is not None]
        for entry in found:
            if role.effect is Effect.DELETE:
                memory.delete(entry)
            else:
                memory.update(entry, self._changes(memory, entry, role, given.values))
        if is_list_type(get_nullable_type(field.type)):
            return self._answers.of_many(memory, field, found, role, arguments, name)
        if str(get_nullable_type(field.type)) == "Int":
            return len(found)
        first = found[0] if found else None
        return self._answers.of(memory, field.type, first, role, arguments, name)

    def _existing(self, memory: Memory, role: MutationRole, given: MutationInput) -> Thing | None:
        if given.key is not None:
            return memory.find(role.entity, given.key)
        if role.effect is Effect.UPSERT:
            return None
        entries = memory.entries(role.entity)  # `updateProfile` without a key: the own one
        return entries[0] if entries else None

    def _missing(self, field: GraphQLField, role: MutationRole, given: MutationInput) -> Any:
        if str(get_nullable_type(field.type)) == "Boolean" and role.effect is Effect.DELETE:
            return False
        raise refused(f"{role.entity} {str(given.key)!r} was not found", "NOT_FOUND")

    def _create(self, memory: Memory, role: MutationRole, given: MutationInput) -> Thing:
        values = self._laid_out(memory, role.entity, given.values)
        for name, value in self._stamps(memory, role.entity, _CREATED + _CHANGED).items():
            values.setdefault(name, value)
        forms = participles(role.verb)
        for name, field in self._fields.fields(role.entity).items():
            plain = "".join(words(name))  # `placeOrder` sets placedAt
            if plain.endswith("at") and plain[:-2] in forms and _holds_moment(field):
                values.setdefault(name, memory.now())
        return memory.create(role.entity, values, given.key)

    def _changes(
        self, memory: Memory, entry: Thing, role: MutationRole, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        values = self._laid_out(memory, role.entity, given)
        if role.verb not in _PLAIN_VERBS:
            for name, value in self._reached(memory, entry, role.verb).items():
                values.setdefault(name, value)
        for name, value in self._stamps(memory, role.entity, _CHANGED).items():
            values.setdefault(name, value)
        return values

    def _reached(self, memory: Memory, entry: Thing, verb: str) -> dict[str, Any]:
        """`cancel` sets status CANCELLED, cancelled true and cancelledAt."""
        forms = participles(verb)
        found: dict[str, Any] = {}
        for name, field in self._fields.fields(entry.type_name).items():
            named: Any = get_named_type(field.type)
            plain = "".join(words(name))
            if isinstance(named, GraphQLEnumType):
                state = reached_state(verb, named)
                if state is not None and not is_list_type(get_nullable_type(field.type)):
                    found[name] = state
            elif str(named) == "Boolean" and (plain in forms or plain[2:] in forms):
                found[name] = True
            elif plain.removesuffix("at") in forms and _holds_moment(field):
                found[name] = memory.now()
            elif verb == "toggle" and str(named) == "Boolean" and not found:
                found[name] = not self._fields.leaf(memory, entry, name)
        return found

    def _stamps(self, memory: Memory, type_name: str, names: tuple[str, ...]) -> dict[str, Any]:
        stamped = [n for n in self._fields.fields(type_name) if "".join(words(n)) in names]
        if not stamped:
            return {}
        now = memory.now()
        fields = self._fields.fields(type_name)
        return {n: now for n in stamped if _holds_moment(fields[n])}

    def _laid_out(self, memory: Memory, type_name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Input values as an entry keeps them: nested objects become entries of their own."""
        fields = self._fields.fields(type_name)
        values: dict[str, Any] = {}
        for name, value in given.items():
            field = fields.get(name)
            if field is None:
                values[name] = value  # a foreign key, or something the mock cannot show
            elif is_leaf_type(get_named_type(field.type)):
                if serialises(field, value):
                    values[name] = value
            elif isinstance(value, list):
                made = [self._nested(memory, field, one) for one in value]
                values[name] = [one for one in made if one is not None]
            else:
                values[name] = self._nested(memory, field, value)
        return self._without_stale(memory, fields, given, values)

    def _without_stale(
        self,
        memory: Memory,
        fields: Mapping[str, GraphQLField],
        given: Mapping[str, Any],
        values: dict[str, Any],
    ) -> dict[str, Any]:
        """A foreign key that comes in replaces what the field itself referred to."""
        for name, field in fields.items():
            keys = foreign_keys(name) + list_keys(name)
            given_key = next((key for key in keys if key in given), None)
            if given_key is not None and name not in given:
                values[name] = given[given_key]
            target = str(get_named_type(field.type))
            if name in values and self._roles.is_entity(target):
                _refuse_dangling(memory, target, values[name])
        return values

    def _nested(self, memory: Memory, field: GraphQLField, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        connect = value.get("connect")
        if isinstance(connect, Mapping):
            return next(iter(connect.values()), None)
        target = self._roles.possible(str(get_named_type(field.type)))[0]
        inner = value["create"] if isinstance(value.get("create"), Mapping) else value
        entity = self._roles.entities.get(target)
        if entity is None:
            return Thing(target, "", 0, self._laid_out(memory, target, inner), is_seeded=False)
        key = inner.get(entity.key) if entity.key else None
        if key is not None and len(inner) == 1:
            return key
        rest = {n: v for n, v in inner.items() if n != entity.key}
        values = self._laid_out(memory, target, rest)
        known = memory.find(target, key) if key is not None else None
        if known is not None:
            return memory.update(known, values)
        return memory.create(target, values, key)


def _holds_moment(field: GraphQLField) -> bool:
    named = get_named_type(field.type)
    is_moment = isinstance(named, GraphQLScalarType) and scalar_kind(named) == "date-time"
    return (is_moment or str(named) == "String") and not is_list_type(get_nullable_type(field.type))


def _refuse_dangling(memory: Memory, target: str, value: Any) -> None:
    """Raises GraphQLError for a reference to something that is not there."""
    for key in value if isinstance(value, list) else [value]:
        if isinstance(key, str | int) and memory.find(target, key) is None:
            raise refused(f"{target} {str(key)!r} was not found", "NOT_FOUND")
