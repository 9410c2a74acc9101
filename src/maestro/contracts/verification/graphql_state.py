"""Whether queries see what mutations do: created, listed, filtered, changed, deleted."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLEnumType, GraphQLField, get_named_type

from maestro.contracts.sdl.mutations import Effect, is_key_name, reached_state
from maestro.contracts.sdl.roles import EntityType
from maestro.contracts.verification.graphql_entities import (
    EntityOperations,
    EntityWorld,
    Made,
)
from maestro.contracts.verification.graphql_lists import ListingChecks
from maestro.contracts.verification.graphql_probe import GraphqlReply
from maestro.contracts.verification.graphql_requests import (
    GraphqlRequest,
    same_value,
    shown,
)
from maestro.domain.contract import Finding

UNKNOWN_KEYS = {"ID": "987654321", "String": "987654321", "Int": 987654321}


class EntityChecks:
    """All state checks of one type of object."""

    def __init__(self, world: EntityWorld, operations: EntityOperations) -> None:
        self._world = world
        self._operations = operations
        self._entity: EntityType = operations.entity
        self.found: list[Finding] = []
        self._lists = ListingChecks(world, operations.entity, self.found)

    def _note(
        self, reply: GraphqlReply, rule: str, message: str, expected: str, seen: str = ""
    ) -> None:
        self.found.append(reply.finding(rule, message, expected, seen))

    async def run(self) -> None:
        first = await self._world.create(self._entity)
        if first is None:
            await self._reading()
            return
        if isinstance(first, GraphqlReply):
            self._note(
                first,
                "create_fails",
                "a valid creation is not carried out",
                f"a {self._entity.name} without errors",
            )
            return
        self.found += self._kept(first, first.values, "lost_write")
        second = await self._world.create(self._entity)
        if isinstance(second, Made) and second.key == first.key:
            message = "two created objects have the same key"
            self._note(second.reply, "duplicate_key", message, "a key of its own")
        await self._after(first, second if isinstance(second, Made) else first)

    async def _reading(self) -> None:
        """Of a type that nobody can create: what is there has to hold together."""
        for name in self._operations.listings:
            found = await self._world.listed(self._entity, name, {})
            if found is not None and found[1]:
                await self._lists.check(name, found[1][0])
        for key in self._world.known.get(self._entity.name, [])[:2]:
            if self._operations.item:
                await self._read(key, {})
        await self._unknown()

    async def _after(self, first: Made, second: Made) -> None:
        if self._operations.item:
            await self._read(first.key, first.sent)
            await self._read(second.key, second.sent)
            await self._unknown()
        for name in self._operations.listings:
            await self._lists.holds(name, first.key)
            await self._lists.check(name, dict(first.values))
        await self._updates(first)
        await self._deletes(second)

    def _kept(self, made: Made, seen: Mapping[str, Any], rule: str) -> list[Finding]:
        return [
            made.reply.finding(
                rule,
                f"{name} is not what was given",
                f"{name}: {shown(value)}",
                f"{name}: {shown(seen.get(name))}",
            )
            for name, value in made.sent.items()
            if name in seen and not same_value(value, seen.get(name))
        ]

    async def _read(self, key: Any, sent: Mapping[str, Any], rule: str = "lost_write") -> None:
        reply = await self._world.fetch(self._entity, key)
        if reply is None:
            return
        values = self._world.entity_in(reply.value(), self._entity)
        if values is None:
            message = "an object that is there cannot be read by its key"
            self._note(reply, "created_not_found", message, f"{self._entity.name} {key!r}")
            return
        if str(values.get(self._entity.key)) != str(key):
            seen = f"{self._entity.key}: {shown(values.get(self._entity.key))}"
            self._note(reply, "wrong_object", "another object is answered", f"{key!r}", seen)
            return
        self.found += self._kept(Made(key, values, sent, reply), values, rule)

    async def _unknown(self) -> None:
        key = UNKNOWN_KEYS.get(self._entity.key_type)
        if key is None or not self._operations.item:
            return
        reply = await self._world.fetch(self._entity, key)
        if reply is not None and self._world.entity_in(reply.value(), self._entity) is not None:
            message = "an object is answered for a key that nobody has"
            self._note(reply, "unknown_key_found", message, "null or an error")

    async def _updates(self, made: Made) -> None:
        for name in self._operations.by_effect(Effect.UPDATE):
            asked = self._world.fields("mutation")[name]
            self._world.number += 1
            request = self._world.maker.request("mutation", name, number=self._world.number)
            arguments = _with_key(request, self._entity, made.key)
            changed = await self._world.mutate(self._entity, name, arguments, self._world.number)
            if isinstance(changed, GraphqlReply):
                if self._operations.mutations[name].verb in ("update", "edit", "change", "patch"):
                    message = "a valid change of an existing object is not carried out"
                    self._note(changed, "update_fails", message, "the changed object")
                continue
            if changed is None:
                continue
            self.found += self._changed(name, asked, changed)
            if self._operations.item:
                await self._read(made.key, changed.sent, "lost_update")

    def _changed(self, name: str, asked: GraphQLField, changed: Made) -> list[Finding]:
        found = self._kept(changed, changed.values, "lost_update")
        own: Any = self._world.roles.schema.type_map[self._entity.name]
        for field, declared in own.fields.items():
            named = get_named_type(declared.type)
            if isinstance(named, GraphQLEnumType) and field not in changed.sent:
                state = reached_state(self._operations.mutations[name].verb, named)
                if state is not None and changed.values.get(field) not in (state, None):
                    found.append(
                        changed.reply.finding(
                            "transition_ignored",
                            f"{name} does not lead to {state}",
                            f"{field}: {state}",
                            f"{field}: {shown(changed.values.get(field))}",
                        )
                    )
        return found

    async def _deletes(self, made: Made) -> None:
        for name in self._operations.by_effect(Effect.DELETE)[:1]:
            asked = self._world.fields("mutation")[name]
            request = self._world.maker.request("mutation", name, depth=2)
            arguments = _with_key(request, self._entity, made.key)
            sent = self._world.maker.request("mutation", name, arguments, depth=2)
            reply = await self._world.probe.ask(sent)
            if reply is None:
                continue
            if reply.errors or (str(get_named_type(asked.type)) == "Boolean" and not reply.value()):
                message = "an object that is there cannot be deleted"
                self._note(reply, "delete_fails", message, "a deletion without errors")
                continue
            self._world.forget(self._entity.name, made.key)
            if self._operations.item:
                again = await self._world.fetch(self._entity, made.key)
                value = again.value() if again is not None else None
                if again is not None and self._world.entity_in(value, self._entity) is not None:
                    message = "a deleted object can still be read"
                    self._note(again, "delete_ignored", message, "null or an error")
            for listing in self._operations.listings:
                found = await self._lists.everything(listing)
                if found is not None and any(
                    str(e.get(self._entity.key)) == str(made.key) for e in found[1]
                ):
                    message = "a deleted object is still listed"
                    self._note(found[0], "deleted_still_listed", message, f"no {made.key!r}")


def _with_key(request: GraphqlRequest, entity: EntityType, key: Any) -> dict[str, Any]:
    """The arguments of a request, aimed at one object."""

    def aimed(values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: aimed(value)
            if isinstance(value, dict)
            else (key if is_key_name(entity, name) else value)
            for name, value in values.items()
        }

    return aimed(request.variables)
