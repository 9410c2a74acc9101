"""Entries created, listed in pages, changed and deleted: on our own mock, then on the exported."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from maestro.contracts.exports.planned_requests import PlannedRequest, RestContract
from maestro.contracts.mocks.messages import MockRequest, dump
from maestro.contracts.mocks.rest import RestSurface
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.openapi.resources import Resource, ResourceAction
from maestro.contracts.roundtrip import NotAsPromised, ProviderReply, live_through
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

SendPlanned = Callable[[PlannedRequest], Awaitable[httpx.Response]]
_ENTRIES = 3


async def lives(
    rest: RestContract, send: SendPlanned, reset: Callable[[], Awaitable[None]]
) -> AsyncIterator[str]:
    """What went wrong; only what our own mock can do is asked of the other."""
    for resource in rest.resources:
        await reset()
        ours = RestSurface(rest.contract, MockBehaviour(), _forget)
        own = _Own(rest, ours)
        other = _Other(rest, send)
        try:
            await live_through(rest.document, resource, own.ask)
        except (NotAsPromised, InvalidInput):
            continue
        try:
            await live_through(rest.document, resource, other.ask)
        except NotAsPromised as error:
            yield f"life of a {resource.name}: {error}"
            continue
        async for fault in _pages(rest, resource, own, other):
            yield fault


async def _pages(
    rest: RestContract, resource: Resource, own: "_Own", other: "_Other"
) -> AsyncIterator[str]:
    """Lists of both mocks have as many entries, whole and in pages."""
    create = resource.operation(ResourceAction.CREATE)
    listing = resource.operation(ResourceAction.LIST)
    if create is None or listing is None or resource.parents:
        return
    for variant in range(_ENTRIES):
        try:
            _, body = rest.sampled(create, variant=variant)
        except InvalidInput:
            return
        first = await own.ask("POST", create.path, body)
        second = await other.ask("POST", create.path, body)
        if first.status != second.status:
            yield f"{create.key}: {second.status} instead of {first.status} for entry {variant + 1}"
            return
    for query in ("", *(f"?{name}" for name in _questions(listing))):
        first = await own.ask("GET", listing.path + query, None)
        second = await other.ask("GET", listing.path + query, None)
        wanted, seen = _counted(resource, first.value), _counted(resource, second.value)
        if first.status != second.status or wanted != seen:
            yield f"{listing.key}{query}: {seen} entries instead of {wanted}"


def _questions(listing: Operation) -> list[str]:
    names = {parameter.name for parameter in listing.in_location("query")}
    made = [f"{name}=1" for name in ("limit", "offset", "skip", "per_page") if name in names]
    return [*made, "limit=1&offset=2"] if {"limit", "offset"} <= names else made


def _counted(resource: Resource, value: JsonValue) -> int | None:
    items = resource.envelope.items if resource.envelope else None
    listed = value.get(items) if items is not None and isinstance(value, Mapping) else value
    return len(listed) if isinstance(listed, list) else None


class _Own:
    """Our mock, asked in this process."""

    def __init__(self, rest: RestContract, surface: RestSurface) -> None:
        self._rest = rest
        self._surface = surface

    async def ask(self, method: str, path: str, body: JsonValue) -> ProviderReply:
        planned = _planned(self._rest, method, path, body)
        asked: MockRequest = self._rest.asked(planned)
        reply = self._surface.answered(asked).reply
        location = dict(reply.headers).get("location", "")
        return ProviderReply(status=reply.status, value=_value(reply.body), location=location)


class _Other:
    """The exported mock."""

    def __init__(self, rest: RestContract, send: SendPlanned) -> None:
        self._rest = rest
        self._send = send

    async def ask(self, method: str, path: str, body: JsonValue) -> ProviderReply:
        reply = await self._send(_planned(self._rest, method, path, body))
        location = reply.headers.get("location", "")
        return ProviderReply(
            status=reply.status_code, value=_value(reply.content), location=location
        )


def _planned(rest: RestContract, method: str, path: str, body: JsonValue) -> PlannedRequest:
    """The operation's own valid request with another path and body."""
    parts = urlsplit(path)
    match = rest.api.find(parts.path)
    raw = match.methods.get(method) if match is not None else None
    if raw is None:
        raise InvalidInput(f"the contract has no {method} {path}")
    made = rest.planned(rest.api.ready(raw).operation)
    if isinstance(made, str):
        raise InvalidInput(made)
    changed = replace(made, path=parts.path, query=parts.query)
    if body is None:
        return replace(changed, value=None, body=b"", content_type="")
    return replace(changed, value=body, body=dump(body))


def _value(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        return None


def _forget(call: RecordedCall) -> None:
    """Nobody reads what is asked here."""
