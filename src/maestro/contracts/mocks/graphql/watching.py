"""Subscriptions: a first sample, then whatever mutations change."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from graphql import (
    GraphQLField,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from maestro.contracts.mocks.graphql.listing import wanted
from maestro.contracts.mocks.graphql.memory import Memory, Thing
from maestro.contracts.mocks.graphql.resolving import Info, Resolvers
from maestro.contracts.mocks.graphql.sampling import leaf_sample
from maestro.contracts.sdl.mutations import Effect
from maestro.contracts.sdl.roles import SchemaRoles
from maestro.contracts.sdl.subscriptions import SubscriptionRole, subscription_role

MAX_WAITING = 1000
"""Events a slow subscriber may leave waiting; the oldest go first."""


def attach_subscriptions(roles: SchemaRoles, resolvers: Resolvers) -> None:
    root = roles.schema.subscription_type
    for name, field in (root.fields if root else {}).items():
        watched = _Watched(resolvers, name, field, subscription_role(roles, name, field))
        field.subscribe = watched.subscribe


class _Watched:
    """One field of the subscription type."""

    def __init__(
        self, resolvers: Resolvers, name: str, field: GraphQLField, role: SubscriptionRole
    ) -> None:
        self._resolvers = resolvers
        self._fields = resolvers.fields
        self._name = name
        self._field = field
        self._role = role

    def subscribe(self, _source: Any, info: Info, **arguments: Any) -> AsyncIterator[Any]:
        return self._events(info.context.memory, arguments)

    async def _events(self, memory: Memory, arguments: Mapping[str, Any]) -> AsyncIterator[Any]:
        waiting: asyncio.Queue[tuple[Effect, Thing]] = asyncio.Queue(MAX_WAITING)

        def heard(effect: Effect, entry: Thing) -> None:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait((effect, entry))

        stop: Callable[[], None] = memory.listen(heard)
        try:
            yield self._first(memory, arguments)
            while True:
                effect, entry = await waiting.get()
                if self._concerns(memory, effect, entry, arguments):
                    yield self._told(memory, entry, effect)
        finally:
            stop()

    def _first(self, memory: Memory, arguments: Mapping[str, Any]) -> Any:
        effect = sorted(self._role.effects)[0]
        if not self._role.entity:
            return self._sample(memory)
        key = next((arguments[n] for n in arguments if n == self._key_argument()), None)
        if key is not None:
            found = memory.find(self._role.entity, key)
            if found is not None:
                return self._told(memory, found, effect)
        for entry in memory.entries(self._role.entity):
            if self._fits(memory, entry, arguments):
                return self._told(memory, entry, effect)
        entries = memory.entries(self._role.entity)
        return self._told(memory, entries[0], effect) if entries else self._sample(memory)

    def _key_argument(self) -> str:
        return self._resolvers.roles.key_argument(self._role.entity, self._field)

    def _sample(self, memory: Memory) -> Any:
        named: Any = get_named_type(self._field.type)
        number = memory.behaviour.seed
        if is_leaf_type(named):
            value: Any = leaf_sample("Subscription", self._name, named, number)
        else:
            value = Thing(self._resolvers.roles.possible(named.name)[0], "", number)
        return [value] if is_list_type(get_nullable_type(self._field.type)) else value

    def _concerns(
        self, memory: Memory, effect: Effect, entry: Thing, arguments: Mapping[str, Any]
    ) -> bool:
        if not self._role.entity or effect not in self._role.effects:
            return False
        possible = self._resolvers.roles.possible(self._role.entity)
        return entry.type_name in possible and self._fits(memory, entry, arguments)

    def _fits(self, memory: Memory, entry: Thing, arguments: Mapping[str, Any]) -> bool:
        key = self._key_argument()
        rest = dict(arguments)
        if key and rest.get(key) is not None and str(rest.pop(key)) != entry.key:
            return False
        return bool(self._resolvers.selected(memory, [entry], wanted(rest)))

    def _told(self, memory: Memory, entry: Thing, effect: Effect) -> Any:
        """The event as the field's type has it."""
        named: Any = get_named_type(self._field.type)
        value: Any = entry
        if is_leaf_type(named):
            value = self._fields.key_value(entry)
        elif self._role.carried_in:
            value = Thing(named.name, "", entry.number, {self._role.carried_in: entry})
            self._tell_kind(value, effect)
        return [value] if is_list_type(get_nullable_type(self._field.type)) else value

    def _tell_kind(self, event: Thing, effect: Effect) -> None:
        """`type`, `mutation` or `action` of an event says what happened, where an enum can."""
        for name, field in self._fields.fields(event.type_name).items():
            options = getattr(get_named_type(field.type), "values", None)
            if options:
                stem = effect.value[:5].upper()
                fitting = next((o for o in options if stem in o.upper()), None)
                if fitting is not None:
                    event.values[name] = fitting
