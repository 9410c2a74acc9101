"""Several contracts behind one port: whose request it is, and for which consumer."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from maestro.contracts.mocks.faults import FaultPlan, answer_with_fault
from maestro.contracts.mocks.messages import MockRequest, Refused, problem_reply
from maestro.contracts.mocks.recording import CallRecorder, open_headers
from maestro.contracts.mocks.repeating import KnownRequests
from maestro.contracts.mocks.surface import (
    InstantSurface,
    MockRoute,
    MockSurface,
    NotingSurface,
    Prompt,
    Receive,
    Scope,
    Send,
    SharingSurface,
)
from maestro.contracts.mocks.wire import request_of, send_reply
from maestro.domain.contract import Contract
from maestro.ports import RecordedCall

CONSUMER_HEADER = b"x-maestro-consumer"
MAX_CONSUMERS = 200
INSPECTION = "/__maestro"

_LONG_WAY = frozenset((b"prefer", b"origin", b"expect", b"transfer-encoding", b"upgrade"))
"""Headers whose meaning is looked after on the ASGI way."""

_CONSUMER = re.compile(r"[A-Za-z0-9_.\-]{1,64}")

Fields = Sequence[tuple[bytes, bytes]]
"""Headers as they came in, their names in small letters."""

MakeSurface = Callable[[Contract, str], MockSurface]


@dataclass(frozen=True, slots=True)
class Mount:
    """Where one contract is served."""

    contract: Contract
    prefix: str
    """Empty, or `/<contract id>` where its own paths were taken already."""
    roots: tuple[str, ...]
    """With the prefix."""


@dataclass(frozen=True, slots=True)
class _Entry:
    root: str
    below: str
    prefix: str
    surface: MockSurface


_Place = tuple[bytes | None, bytes]
"""The consumer, if it says who it is, and the address that it calls."""

_Target = tuple[InstantSurface, str, str, str]
"""What answers there, the prefix that it is mounted below, path and query."""

_MAX_TARGETS = 2_048
_MAX_ADDRESS = 1_024
"""Addresses that are remembered, and how long each may be."""


class HostApplication:
    """The ASGI application of a mock server."""

    def __init__(
        self,
        contracts: Sequence[Contract],
        make: MakeSurface,
        recorder: CallRecorder,
        *,
        consumer: str = "",
        consumer_ports: Mapping[int, str] | None = None,
        patience: float = 10.0,
    ) -> None:
        """Raises InvalidInput for a contract that cannot be served."""
        self._make = make
        self._recorder = recorder
        self._consumer = consumer
        self._ports = dict(consumer_ports or {})
        self._contracts = tuple(contracts)
        self._surfaces: dict[str, dict[str, MockSurface]] = {}
        self._tables: dict[str, list[_Entry]] = {}
        self._targets: dict[_Place, _Target] = {}
        self.patience = patience
        self.known = KnownRequests()
        self.faults = FaultPlan(self.known.forget)
        self.mounts: tuple[Mount, ...] = ()
        first: dict[str, MockSurface] = {c.id: make(c, consumer) for c in contracts}
        self.mounts = _mounted(contracts, first)
        self._adopt(consumer, first)
        self.inspect: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None

    @property
    def recorder(self) -> CallRecorder:
        return self._recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        path: str = scope["path"]
        if path.startswith(INSPECTION) and self.inspect is not None:
            await self.inspect(scope, receive, send)
            return
        consumer, prefer = self._asked_by(scope["headers"], scope.get("server"))
        try:
            entry = self._entry(consumer, path)
            fault = None
            if prefer is not None or self.faults.waiting:
                fault = self.faults.next_for(scope.get("method", "GET"), path, prefer)
            if entry.prefix:
                scope = _below(scope, entry.prefix)
            if fault is None:
                await entry.surface(scope, receive, send)
            else:
                await answer_with_fault(fault, entry.surface, scope, receive, send)
        except Refused as refused:
            await self._refuse(scope, receive, send, refused, consumer)

    def _asked_by(
        self, headers: Fields, server: tuple[str, int | None] | None
    ) -> tuple[str, bytes | None]:
        """The consumer, and what it prefers."""
        consumer, prefer = self._consumer, None
        if self._ports and server is not None:
            consumer = self._ports.get(server[1] or 0, consumer)
        for name, value in headers:
            if name == CONSUMER_HEADER:
                consumer = value.decode("latin-1")
            elif name == b"prefer":
                prefer = value
        return consumer, prefer

    def answer_now(
        self,
        method: str,
        address: bytes,
        fields: Fields,
        body: bytes,
        *,
        returns: bool,
    ) -> Prompt | None:
        """A reply that needs no waiting, and where the request `returns` what answers it again.

        None for what has to go through ASGI.
        """
        headers = dict(fields)
        if len(headers) != len(fields) or not _LONG_WAY.isdisjoint(headers) or self.faults.waiting:
            return None
        place = (headers.get(CONSUMER_HEADER), address)
        target = self._targets.get(place) or self._target(place)
        if target is None:
            return None
        surface, prefix, path, query = target
        request = MockRequest(method, path, query, headers, body)
        return surface.answered_now(request, prefix, returns=returns)

    def _target(self, place: _Place) -> _Target | None:
        """What is called at an address by a consumer; None for what goes through ASGI."""
        name, address = place
        if self._ports or b"%" in address or b"#" in address:
            return None
        consumer = self._consumer if name is None else name.decode("latin-1")
        path, _, query = address.decode("latin-1").partition("?")
        entry = _entry_for(self._tables.get(consumer, ()), path)
        if entry is None or path.startswith(INSPECTION):
            return None
        if not isinstance(entry.surface, InstantSurface):
            return None
        made = (entry.surface, entry.prefix, path.removeprefix(entry.prefix), query)
        if len(address) <= _MAX_ADDRESS:
            if len(self._targets) >= _MAX_TARGETS:
                self._targets.clear()
            self._targets[place] = made
        return made

    def _entry(self, consumer: str, path: str) -> _Entry:
        entry = _entry_for(self._tables.get(consumer) or self._table(consumer), path)
        if entry is not None:
            return entry
        roots = ", ".join(sorted(root or "/" for mount in self.mounts for root in mount.roots))
        raise Refused(404, f"nothing is served at {path!r}; served are {roots}")

    def _table(self, consumer: str) -> list[_Entry]:
        """A consumer that calls for the first time gets a memory of its own."""
        if _CONSUMER.fullmatch(consumer) is None:
            raise Refused(400, f"{CONSUMER_HEADER.decode()}: {consumer[:80]!r} is no name")
        if len(self._tables) >= MAX_CONSUMERS:
            raise Refused(429, f"{MAX_CONSUMERS} consumers have called; restart the mock server")
        known = self._surfaces[self._consumer]
        made: dict[str, MockSurface] = {}
        for contract in self._contracts:
            surface = known[contract.id]
            made[contract.id] = (
                surface.for_consumer(consumer)
                if isinstance(surface, SharingSurface)
                else self._make(contract, consumer)
            )
        return self._adopt(consumer, made)

    def _adopt(self, consumer: str, surfaces: dict[str, MockSurface]) -> list[_Entry]:
        entries = [
            _Entry(root, f"{root}/", mount.prefix, surface)
            for mount in self.mounts
            for surface in (surfaces[mount.contract.id],)
            for root in mount.roots
        ]
        entries.sort(key=lambda entry: -len(entry.root))  # `/api/v2` is asked before `/api`
        self._surfaces[consumer] = surfaces
        self._tables[consumer] = entries
        return entries

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, refused: Refused, consumer: str
    ) -> None:
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        request = request_of(scope)
        reply = problem_reply(refused)
        self._recorder(
            RecordedCall(
                at=datetime.now(UTC),
                method=request.method,
                path=request.path,
                operation="",
                status=reply.status,
                valid=refused.keeps_contract,
                problem=refused.detail,
                request_headers=open_headers(request.headers),
                consumer=consumer[:64],
            )
        )
        await send_reply(send, request, reply)

    def reset(self, *, consumer: str | None = None, contract: str | None = None) -> int:
        """Forgets what requests have changed; how many memories that were."""
        count = 0
        for name, surfaces in self._surfaces.items():
            for contract_id, surface in surfaces.items():
                if consumer in (None, name) and contract in (None, contract_id):
                    surface.reset()
                    count += 1
        self.known.forget()  # they would keep in memory what was stored
        return count

    def served(self) -> dict[str, list[MockSurface]]:
        """The surfaces of each contract, that of the nameless consumer first."""
        own = self._surfaces[self._consumer]
        return {
            contract: [first, *(s[contract] for s in self._surfaces.values() if s is not own)]
            for contract, first in own.items()
        }

    def routes(self) -> list[tuple[Mount, MockRoute]]:
        surfaces = self._surfaces[self._consumer]
        return [
            (mount, route)
            for mount in self.mounts
            for route in surfaces[mount.contract.id].routes()
        ]

    def surface(self, contract: str) -> MockSurface | None:
        return self._surfaces[self._consumer].get(contract)

    def consumers(self) -> list[str]:
        return sorted(self._surfaces)

    def notes(self) -> list[str]:
        """What is wrong with the contracts and where they are served, as far as is known."""
        made = [
            f"{mount.contract.id}: its paths were taken already; served below {mount.prefix}"
            for mount in self.mounts
            if mount.prefix
        ]
        for contract_id, surface in self._surfaces[self._consumer].items():
            if isinstance(surface, NotingSurface):
                made += [f"{contract_id}: {note}" for note in surface.notes()]
        if self._recorder.trouble:
            made.append(f"the record is not complete: {self._recorder.trouble}")
        return made


def _entry_for(entries: Sequence[_Entry], path: str) -> _Entry | None:
    for entry in entries:
        if path.startswith(entry.below) or path == entry.root:
            return entry
    return None


def _mounted(
    contracts: Sequence[Contract], surfaces: Mapping[str, MockSurface]
) -> tuple[Mount, ...]:
    taken: set[str] = set()
    made = []
    for contract in contracts:
        roots = tuple(surfaces[contract.id].roots)
        prefix = f"/{contract.id}" if taken.intersection(roots) else ""
        placed = tuple(prefix + root for root in roots)
        taken.update(placed)
        made.append(Mount(contract, prefix, placed))
    return tuple(made)


def _below(scope: Scope, prefix: str) -> Scope:
    raw = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    return {
        **scope,
        "path": scope["path"].removeprefix(prefix),
        "raw_path": raw.removeprefix(prefix.encode()),
        "root_path": prefix,
    }
