"""Entries through their life: made, read, listed, changed, taken away."""

import math
import re
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from maestro.contracts.protobuf.resources import EntryAction, GrpcResource
from maestro.contracts.protobuf.sampling import is_whole
from maestro.contracts.verification.grpc_methods import Check, judged
from maestro.contracts.verification.grpc_probe import GrpcExchange, clip
from maestro.contracts.verification.grpc_world import GrpcWorld, plain_values
from maestro.domain.contract import Finding

MAX_PAGES = 50
_SERVERS_OWN = re.compile(
    r"(id|uid|uuid|etag|status|state|version|revision|total|.*_(at|time|on|by|count|total))"
)
"""Fields a provider may set as it likes, whatever the request says."""


class _Met(Exception):
    """Ends a life early: what follows would only repeat the finding."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__()
        self.findings = findings


def life_check(world: GrpcWorld, resource: GrpcResource) -> Check:
    """One entry from its creation to its end, and what other methods say of it meanwhile."""

    async def check() -> list[Finding]:
        life = _Life(world, resource)
        try:
            await life.run()
        except _Met as met:
            return [*life.findings, *met.findings]
        return life.findings

    return check


class _Life:
    def __init__(self, world: GrpcWorld, resource: GrpcResource) -> None:
        self.findings: list[Finding] = []
        self._world = world
        self._resource = resource

    async def run(self) -> None:
        identifier, wanted = await self._create()
        other, _ = await self._create()
        if identifier == other:
            text = "two creations give the same id"
            self._add(self._creation, "grpc_unique_id", text, "another id", str(other))
        await self._read(identifier, wanted)
        await self._unknown()
        await self._list(identifier, wanted)
        await self._change(identifier, wanted)
        await self._delete(identifier)

    async def _create(self) -> tuple[Any, dict[str, Any]]:
        exchange, request = await self._world.create(self._resource)
        self._creation = exchange
        self._demand_ok(exchange, "a valid entry is made")
        identifier = self._world.id_of(self._resource, exchange)
        if identifier is None:
            text = "the reply to a creation names no entry"
            self._add(exchange, "grpc_create_id", text, f"an {self._resource.id_field}", "none")
            raise _Met([])
        given = self._resource.taken(request)
        wanted = plain_values(given if given is not None else request)
        known = self._resource.entry.fields_by_name
        wanted = {
            name: value
            for name, value in wanted.items()
            if name in known
            and name != self._resource.id_field
            and not _SERVERS_OWN.fullmatch(name)
        }
        self._compare(exchange, wanted, "grpc_lost_write", "the reply differs from what was sent")
        return identifier, wanted

    async def _read(self, identifier: Any, wanted: dict[str, Any]) -> None:
        exchange = await self._get(identifier)
        if exchange is None:
            return
        self._demand_ok(exchange, "an entry that was made can be read")
        self._compare(
            exchange, wanted, "grpc_lost_write", "what is read differs from what was sent"
        )
        entry = self._resource.taken(exchange.messages[0]) if exchange.messages else None
        seen = getattr(entry, self._resource.id_field) if entry is not None else None
        if entry is not None and seen != identifier:
            text = "another entry is read than was asked for"
            self._add(exchange, "grpc_wrong_entry", text, str(identifier), str(seen))

    async def _unknown(self) -> None:
        unknown = self._world.unknown_id(self._resource)
        exchange = await self._get(unknown)
        if exchange is not None and exchange.code != "NOT_FOUND":
            text = "an entry that does not exist is answered otherwise"
            self._add(exchange, "grpc_not_found", text, "NOT_FOUND")

    async def _list(self, identifier: Any, wanted: dict[str, Any]) -> None:
        method = self._resource.methods.get(EntryAction.LIST)
        if method is None:
            return
        everything = self._world.probe.model.message_class(method.request)()
        exchange, entries = await self._pages(everything)
        if identifier not in self._ids(entries):
            text = "an entry that was made is not in the list"
            self._add(exchange, "grpc_list_incomplete", text, str(identifier), _short(entries))
        await self._first_page(everything)
        await self._filters(identifier, wanted)

    async def _first_page(self, everything: Any) -> None:
        known = next(
            (
                f
                for f in everything.DESCRIPTOR.fields
                if f.name in ("page_size", "limit", "max_results", "per_page") and is_whole(f)
            ),
            None,
        )
        if known is None:
            return
        request = type(everything)()
        setattr(request, known.name, 1)
        exchange = await self._world.call(self._resource.methods[EntryAction.LIST], request)
        entries = self._entries(exchange)
        if exchange.ok and len(entries) > 1:
            text = f"{known.name} 1 brings more entries than that"
            self._add(exchange, "grpc_page_size", text, "one entry", f"{len(entries)} entries")

    async def _filters(self, identifier: Any, wanted: dict[str, Any]) -> None:
        """A field of the request that is called like one of the entry narrows the list."""
        method = self._resource.methods[EntryAction.LIST]
        for known in method.request.fields:
            own = self._resource.entry.fields_by_name.get(known.name)
            text_like = known.type == FieldDescriptor.TYPE_STRING and not known.is_repeated
            if own is None or own.type != known.type or not text_like or known.name not in wanted:
                continue
            request = self._world.probe.model.message_class(method.request)()
            setattr(request, known.name, wanted[known.name])
            exchange, entries = await self._pages(request)
            strangers = [e for e in entries if getattr(e, known.name) != wanted[known.name]]
            if strangers or identifier not in self._ids(entries):
                text = f"{known.name} does not narrow the list to the entries that have it"
                seen = f"{len(strangers)} entries with another value of {len(entries)}"
                self._add(exchange, "grpc_filter", text, str(wanted[known.name]), seen)

    async def _change(self, identifier: Any, wanted: dict[str, Any]) -> None:
        method = self._resource.methods.get(EntryAction.UPDATE)
        changed = next((name for name in wanted if self._can_change(name)), None)
        if method is None or changed is None:
            return
        request = self._world.probe.model.message_class(method.request)()
        value = self._world.sampler.value(
            self._resource.entry.fields_by_name[changed], variant=self._world.number()
        )
        held = self._resource.entry_in(method.request)
        target = getattr(request, held.name) if held is not None else request
        for name, earlier in wanted.items():
            if name in target.DESCRIPTOR.fields_by_name:
                setattr(target, name, earlier)
        setattr(target, changed, value)
        self._world.name(self._resource, request, identifier)
        for known in method.request.fields:
            kind = known.message_type
            if kind is not None and kind.full_name == "google.protobuf.FieldMask":
                getattr(request, known.name).paths.append(changed)
        exchange = await self._world.call(method, request)
        self._demand_ok(exchange, "an entry that exists can be changed")
        text = "what is read does not show the change"
        read = await self._get(identifier) or exchange
        self._compare(read, {**wanted, changed: value}, "grpc_lost_update", text)

    def _can_change(self, name: str) -> bool:
        method = self._resource.methods.get(EntryAction.UPDATE)
        if method is None:
            return False
        held = self._resource.entry_in(method.request)
        return held is not None or name in method.request.fields_by_name

    async def _delete(self, identifier: Any) -> None:
        method = self._resource.methods.get(EntryAction.DELETE)
        if method is None:
            return
        request = self._world.naming(self._resource, EntryAction.DELETE, identifier)
        exchange = await self._world.call(method, request)
        self._demand_ok(exchange, "an entry that exists can be taken away")
        read = await self._get(identifier)
        if read is not None and read.code != "NOT_FOUND":
            text = "an entry that was taken away can still be read"
            self._add(read, "grpc_delete_ineffective", text, "NOT_FOUND")

    async def _get(self, identifier: Any) -> GrpcExchange | None:
        method = self._resource.methods.get(EntryAction.GET)
        if method is None:
            return None
        request = self._world.naming(self._resource, EntryAction.GET, identifier)
        return await self._world.call(method, request)

    async def _pages(self, request: Any) -> tuple[GrpcExchange, list[Any]]:
        """The whole list, following the tokens of its pages."""
        method = self._resource.methods[EntryAction.LIST]
        exchange = await self._world.call(method, request)
        first = exchange
        self._demand_ok(exchange, "the list can be read")
        entries = self._entries(exchange)
        for _ in range(MAX_PAGES):
            token = (
                getattr(exchange.messages[0], "next_page_token", "") if exchange.messages else ""
            )
            if not token or not isinstance(token, str) or not hasattr(request, "page_token"):
                break
            following = type(request)()
            following.CopyFrom(request)
            following.page_token = token
            exchange = await self._world.call(method, following)
            self._demand_ok(exchange, "the next page can be read")
            entries += self._entries(exchange)
        return first, entries

    def _entries(self, exchange: GrpcExchange) -> list[Any]:
        method = self._resource.methods[EntryAction.LIST]
        if method.kind.streams_replies:
            return list(exchange.messages)
        held = self._resource.entries_in(method.reply)
        if not exchange.messages or held is None:
            return []
        return list(getattr(exchange.messages[0], held.name))

    def _ids(self, entries: Sequence[Any]) -> list[Any]:
        return [getattr(entry, self._resource.id_field) for entry in entries]

    def _compare(
        self, exchange: GrpcExchange, wanted: dict[str, Any], rule: str, text: str
    ) -> None:
        entry = self._resource.taken(exchange.messages[0]) if exchange.messages else None
        if entry is None:
            return
        for name, value in wanted.items():
            seen = getattr(entry, name)
            if not _equal(value, seen):
                self._add(exchange, rule, f"{text}: {name}", str(value), str(seen))

    def _demand_ok(self, exchange: GrpcExchange, why: str) -> None:
        found = judged(exchange)
        self.findings += found
        if not exchange.ok:
            raise _Met([] if found else [exchange.finding("grpc_entry_status", why, "OK")])

    def _add(
        self, exchange: GrpcExchange, rule: str, text: str, expected: str, seen: str = ""
    ) -> None:
        self.findings.append(exchange.finding(rule, text, expected, seen))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    return bool(one == other)


def _short(entries: Sequence[Any]) -> str:
    return clip(f"{len(entries)} entries")
