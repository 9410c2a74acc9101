"""The life of an entry of a foreign document's resource, tried on a running provider.

Designed contracts have checks of their own; this one needs nothing but the document.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from maestro.contracts.openapi.bundling import standalone, without_marked
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.openapi.resources import Resource, ResourceAction, resources
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.openapi.shapes import object_shape
from maestro.contracts.samples import Sampler
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

_GONE = (404, 410)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReply:
    status: int
    value: JsonValue
    """The JSON body, None where there is none."""
    location: str = ""
    """The Location header."""


Ask = Callable[[str, str, JsonValue], Awaitable[ProviderReply]]
"""Sends method, path with query (no base path) and JSON body (None = no body)."""


class NotAsPromised(Exception):
    """The provider did something else than the document says."""

    def __init__(self, operation: str, expected: str, seen: str) -> None:
        super().__init__(f"{operation}: expected {expected}, saw {seen}")
        self.operation = operation
        self.expected = expected
        self.seen = seen


def resource_of(document: OpenApiDocument, name: str) -> Resource:
    """Raises InvalidInput when the document has no such resource."""
    found = {resource.name: resource for resource in resources(document)}
    if name not in found:
        known = ", ".join(found) or "none"
        raise InvalidInput(f"the document has no resource {name!r}; it has {known}")
    return found[name]


async def live_through(
    document: OpenApiDocument,
    resource: Resource,
    ask: Ask,
    *,
    not_built: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """Creates, reads, finds, changes and deletes one entry, as far as the document offers it.

    Returns the operations that were tried.

    Raises:
        NotAsPromised: the first thing that is not as the document says.
        InvalidInput: without creating and reading there is nothing to try.
    """
    life = _Life(document, resource, ask, not_built)
    await life.begin()
    await life.find()
    await life.change()
    await life.end()
    return tuple(dict.fromkeys(life.tried))


class _Life:
    def __init__(
        self, document: OpenApiDocument, resource: Resource, ask: Ask, not_built: frozenset[str]
    ) -> None:
        self.tried: list[str] = []
        self._document = document
        self._resource = resource
        self._ask = ask
        self._operations = {
            action: operation
            for action, operation in resource.operations.items()
            if operation.key not in not_built
        }
        self._id: JsonValue = None
        shape = object_shape(document, resource.item_schema)
        self._known = frozenset(shape.properties) if shape else frozenset()

    async def begin(self) -> None:
        """Creates and reads."""
        create = self._operations.get(ResourceAction.CREATE)
        if create is None or ResourceAction.GET not in self._operations or self._resource.parents:
            raise InvalidInput(
                f"{self._resource.name}: creating and reading by id are needed for a round trip"
            )
        body = self._body(self._resource.create_schema, 0)
        reply = await self._send(create, create.path, body)
        entry = reply.value if isinstance(reply.value, Mapping) else {}
        name = self._resource.id_field or ""
        last = reply.location.rstrip("/").rpartition("/")[2]
        self._id = entry.get(name, body.get(name, last or None))
        if self._id is None:
            raise NotAsPromised(create.key, f"the property {name!r} of the new entry", repr(entry))
        await self._reads(body)

    async def find(self) -> None:
        """The list has the entry."""
        listing = self._operations.get(ResourceAction.LIST)
        envelope = self._resource.envelope
        if listing is None or envelope is None:
            return
        reply = await self._send(listing, listing.path + _widest(listing), None)
        listed = reply.value
        if envelope.items is not None and isinstance(listed, Mapping):
            listed = listed.get(envelope.items)
        name = self._resource.id_field or ""
        ids = [e.get(name) for e in listed or () if isinstance(e, Mapping)]
        if str(self._id) not in map(str, ids):
            raise NotAsPromised(listing.key, f"{name} {self._id!r} in the list", repr(ids[:20]))

    async def change(self) -> None:
        """Changes show when it is read again."""
        for action in (ResourceAction.UPDATE, ResourceAction.REPLACE, ResourceAction.UPSERT):
            operation = self._operations.get(action)
            if operation is None:
                continue
            body = self._body(self._resource.update_schema, 1)
            name = self._resource.id_field or ""
            if action is ResourceAction.UPSERT or name in body:
                body[name] = self._id
            await self._send(operation, self._path(operation), body)
            await self._reads(body)
            return

    async def end(self) -> None:
        """After its deletion it is gone."""
        delete = self._operations.get(ResourceAction.DELETE)
        if delete is None:
            return
        await self._send(delete, self._path(delete), None)
        getting = self._operations[ResourceAction.GET]
        reply = await self._ask("GET", self._path(getting), None)
        if reply.status not in _GONE:
            raise NotAsPromised(getting.key, "404 after the deletion", str(reply.status))

    async def _reads(self, sent: Mapping[str, JsonValue]) -> None:
        getting = self._operations[ResourceAction.GET]
        reply = await self._send(getting, self._path(getting), None)
        entry = reply.value if isinstance(reply.value, Mapping) else {}
        for name, value in sent.items():
            if name in self._known and not _same(entry.get(name), value):
                seen = f"{name} = {entry.get(name)!r}"
                raise NotAsPromised(getting.key, f"{name} = {value!r}", seen)

    async def _send(self, operation: Operation, path: str, body: JsonValue) -> ProviderReply:
        self.tried.append(operation.key)
        reply = await self._ask(operation.method, path, body)
        if not 200 <= reply.status < 300:
            raise NotAsPromised(operation.key, "success (2xx)", f"{reply.status} {reply.value!r}")
        return reply

    def _path(self, operation: Operation) -> str:
        text = str(self._id).lower() if isinstance(self._id, bool) else str(self._id)
        return operation.path.replace(f"{{{self._resource.id_parameter}}}", quote(text, safe=""))

    def _body(self, schema: Schema, variant: int) -> dict[str, Any]:
        whole = without_marked(standalone(self._document, schema), "readOnly")
        made = Sampler(whole, name=self._resource.name).sample(variant=variant)
        body = dict(made) if isinstance(made, Mapping) else {}
        shape = object_shape(self._document, schema)
        for name, entry in (shape.properties if shape else {}).items():
            if isinstance(entry, Mapping) and entry.get("readOnly") is True:
                body.pop(name, None)
        return body


def _widest(listing: Operation) -> str:
    """The query that shows most: the highest limit."""
    for parameter in listing.in_location("query"):
        schema = parameter.schema
        if parameter.name == "limit" and isinstance(schema, Mapping) and "maximum" in schema:
            return "?" + urlencode({"limit": schema["maximum"]})
    return ""


def _same(stored: JsonValue, sent: JsonValue) -> bool:
    """Equal, or the same moment in another spelling."""
    if stored == sent:
        return True
    try:
        return datetime.fromisoformat(str(stored)) == datetime.fromisoformat(str(sent))
    except (ValueError, TypeError):
        return False
