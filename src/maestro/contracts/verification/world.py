"""Entries that acceptance checks create on the provider, and take away again."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maestro.contracts.verification.interface import Interface, ProbedOperation, ProbedResource
from maestro.contracts.verification.probe import Exchange, Probe, Unmet
from maestro.contracts.verification.values import NoValue, value
from maestro.domain.values import JsonObject

UNKNOWN_ID = 2_000_000_001
"""No provider that is tested has come this far; within 32 bits."""

PAGE = 100
MAX_PAGES = 50
MAX_DEPTH = 12
"""Longest chain of required references that is followed."""


class Unverifiable(Exception):
    """The contract lacks what a check needs; the check cannot pass."""


@dataclass(slots=True)
class World:
    """Creates valid entries, with the entries they refer to, from the contract alone."""

    probe: Probe
    not_built: frozenset[str] = frozenset()
    numbers: int = 0
    created: list[tuple[str, int]] = field(default_factory=list)
    shared: dict[str, int] = field(default_factory=dict)
    """One entry per entity that others may refer to."""

    @property
    def interface(self) -> Interface:
        return self.probe.interface

    def resource(self, entity: str) -> ProbedResource:
        """Raises Unverifiable for an entity that the document does not create."""
        resource = self.interface.resource(entity)
        if resource.create is None or not resource.fields:
            raise Unverifiable(f"the document has no operation create_{entity} with a JSON body")
        return resource

    def field(self, resource: ProbedResource, name: str) -> JsonObject:
        if name not in resource.fields:
            raise Unverifiable(f"{resource.entity} has no field {name!r} in its create schema")
        schema = resource.fields[name]
        return schema if isinstance(schema, Mapping) else {}

    async def body(
        self,
        resource: ProbedResource,
        given: JsonObject | None = None,
        *,
        depth: int = 0,
        full: bool = True,
    ) -> dict[str, Any]:
        """A valid body for creation; `given` values win, `full` fills optional fields too."""
        fixed = dict(given or {})
        self.numbers += 1
        number = self.numbers
        body: dict[str, Any] = {}
        for name in resource.fields:
            if name in fixed:
                continue
            needed = name in resource.required
            if needed or (full and name not in resource.references()):
                body[name] = await self.value(resource, name, number=number, depth=depth)
        return {**body, **fixed}

    async def value(
        self, resource: ProbedResource, name: str, *, number: int | None = None, depth: int = 0
    ) -> Any:
        """A fresh valid value; for a reference the id of an existing entry."""
        target = resource.references().get(name)
        if target is not None:
            return await self.some(target, depth=depth + 1)
        if number is None:
            self.numbers += 1
            number = self.numbers
        return value(name, self.field(resource, name), number)

    async def two_values(self, resource: ProbedResource, name: str) -> tuple[Any, Any]:
        """Two valid values that differ. Raises Unverifiable where there is only one."""
        target = resource.references().get(name)
        if target is not None:
            return (await self.create(target))["id"], (await self.create(target))["id"]
        first = await self.value(resource, name)
        for _ in range(8):
            second = await self.value(resource, name)
            if second != first:
                return first, second
        raise Unverifiable(f"{resource.entity}.{name} has only the value {first!r}")

    async def some(self, entity: str, *, depth: int = 0) -> int:
        """Id of an entry that stays until the end of the checks."""
        if depth > MAX_DEPTH:
            raise Unverifiable(f"required references of {entity!r} go in a circle")
        if entity not in self.shared:
            self.shared[entity] = (await self.create(entity, depth=depth))["id"]
        return self.shared[entity]

    async def create(
        self, entity: str, given: JsonObject | None = None, *, depth: int = 0
    ) -> dict[str, Any]:
        """A stored entry as the provider answered it. Raises Unmet when creation fails."""
        resource = self.resource(entity)
        body = await self.body(resource, given, depth=depth)
        exchange = await self.post(resource, body)
        return exchange.entry()

    async def post(self, resource: ProbedResource, body: Mapping[str, Any]) -> Exchange:
        operation = operation_of(resource, "create")
        exchange = await self.probe.call(operation, body=dict(body))
        exchange.expect(operation.success, f"a valid {resource.entity} is created")
        self.created.append((resource.entity, exchange.entry()["id"]))
        return exchange

    async def refused(
        self, resource: ProbedResource, body: Mapping[str, Any], status: int, why: str
    ) -> None:
        """Expects that creation is refused; forgets nothing that was created all the same."""
        operation = operation_of(resource, "create")
        exchange = await self.probe.call(operation, body=dict(body))
        if exchange.status == operation.success:
            self.created.append((resource.entity, exchange.entry()["id"]))
        exchange.expect(status, why)

    async def read(self, resource: ProbedResource, identifier: int) -> Exchange:
        return await self.probe.call(operation_of(resource, "read"), identifier=identifier)

    async def stored(self, resource: ProbedResource, identifier: int) -> dict[str, Any]:
        exchange = await self.read(resource, identifier)
        return exchange.expect(200, f"a stored {resource.entity} can be read").entry()

    async def change(
        self, resource: ProbedResource, identifier: int, changes: JsonObject
    ) -> Exchange:
        operation = operation_of(resource, "update")
        return await self.probe.call(operation, identifier=identifier, body=dict(changes))

    async def remove(self, resource: ProbedResource, identifier: int) -> Exchange:
        return await self.probe.call(operation_of(resource, "delete"), identifier=identifier)

    async def page(
        self, resource: ProbedResource, query: JsonObject | None = None
    ) -> tuple[Exchange, dict[str, Any]]:
        """One page of a list: the exchange and its body, which has items and total."""
        exchange = await self.probe.call(operation_of(resource, "list"), query=query)
        body = exchange.expect(200, "a valid list request is answered").json()
        if not isinstance(body, dict) or not isinstance(body.get("items"), list):
            raise exchange.unmet("an object with items", exchange.shown(), "a list has items")
        if not isinstance(body.get("total"), int):
            raise exchange.unmet("an integer total", exchange.shown(), "a list tells its total")
        return exchange, body

    async def everything(
        self, resource: ProbedResource, query: JsonObject | None = None
    ) -> tuple[Exchange, list[dict[str, Any]]]:
        """All pages of a list; the total must be right."""
        asked = {"limit": PAGE, **(query or {})}
        exchange, body = await self.page(resource, asked)
        items = list(body["items"])
        for number in range(1, MAX_PAGES):
            if len(items) >= body["total"] or not body["items"]:
                break
            exchange, body = await self.page(resource, {**asked, "offset": PAGE * number})
            items += body["items"]
        if len(items) != body["total"] and len(items) < PAGE * MAX_PAGES:
            seen = f'"total": {body["total"]}, {len(items)} items on all pages'
            raise exchange.unmet("as many items as total says", seen, "total counts what matches")
        return exchange, items

    async def clean(self) -> None:
        """Deletes what was created, newest first; entries that refuse to go stay.

        No finding comes from here: whether an entry can be deleted is `crud_roundtrip`'s to say.
        """
        for entity, identifier in reversed(self.created):
            resource = self.interface.resource(entity)
            if resource.delete is not None:
                with contextlib.suppress(Unmet):
                    await self.probe.call(resource.delete, identifier=identifier)
        self.created.clear()
        self.shared.clear()


def operation_of(resource: ProbedResource, name: str) -> ProbedOperation:
    """Raises Unverifiable when the document does not offer it."""
    operations = {
        "create": resource.create,
        "list": resource.list,
        "read": resource.read,
        "update": resource.update,
        "delete": resource.delete,
    }
    operation = operations[name]
    if operation is None:
        raise Unverifiable(f"the document has no operation to {name} a {resource.entity}")
    return operation


CHECK_ERRORS = (Unmet, Unverifiable, NoValue)
