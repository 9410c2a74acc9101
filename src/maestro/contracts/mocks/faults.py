"""Failures on request: a status, a wait, a broken body, a cut connection."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from maestro.contracts.mock_marker import ASKED_FOR
from maestro.contracts.mocks.messages import Refused
from maestro.contracts.mocks.preferences import MAX_DELAY, delay_of, preferences
from maestro.contracts.mocks.surface import MockSurface, Receive, Scope, Send

MAX_PLANNED = 100
MAX_TIMES = 100_000


class FaultKind(StrEnum):
    STATUS = "status"
    LATENCY = "latency"
    BODY = "body"
    """The body breaks off in its middle, and the reply claims to be whole."""
    CUT = "cut"
    """The connection ends in the middle of the body."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """What goes wrong, and with which requests."""

    kind: FaultKind
    status: int = 500
    seconds: float = 0.0
    method: str = "*"
    path: str = "*"
    """Glob over the whole path."""
    times: int = 1
    """How often it happens before it is over."""

    def fits(self, method: str, path: str) -> bool:
        return fnmatchcase(method, self.method) and fnmatchcase(path, self.path)

    def told(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value, "status": self.status, "milliseconds": 1000 * self.seconds,
            "method": self.method, "path": self.path, "times": self.times,
        }  # fmt: skip


class FaultPlan:
    """Faults that wait for the requests they fit."""

    def __init__(self, planned: Callable[[], None] = lambda: None) -> None:
        """`planned` is called whenever a fault is added."""
        self._planned = planned
        self.waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Raises Refused when too many wait."""
        if len(self.waiting) >= MAX_PLANNED:
            raise Refused(409, f"{MAX_PLANNED} faults wait already; let them happen or clear them")
        self.waiting.append(fault)
        self._planned()

    def next_for(self, method: str, path: str, prefer: bytes | None) -> Fault | None:
        """The fault of one request; what the request itself prefers comes first.

        Raises:
            Refused: 400 for a preference that means nothing.
        """
        if prefer is not None:
            own = _preferred(prefer)
            if own is not None:
                return own
        for fault in self.waiting:
            if fault.fits(method, path):
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None


def fault_of(value: Any) -> Fault:
    """A fault as the endpoint takes it. Raises Refused (400) naming the member that is wrong."""
    if not isinstance(value, Mapping):
        raise Refused(400, 'a fault is an object, such as {"kind": "status", "status": 503}')
    unknown = value.keys() - {"kind", "status", "milliseconds", "method", "path", "times"}
    if unknown:
        raise Refused(400, f"a fault has no {sorted(unknown)[0]!r}")
    kinds = [kind.value for kind in FaultKind]
    if value.get("kind") not in kinds:
        raise Refused(400, f"/kind is {value.get('kind')!r}; one of {', '.join(kinds)}")
    return Fault(
        kind=FaultKind(value["kind"]),
        status=_number(value, "status", 500, 400, 599),
        seconds=_number(value, "milliseconds", 0, 0, int(1000 * MAX_DELAY)) / 1000,
        method=str(value.get("method", "*"))[:20].upper(),
        path=str(value.get("path", "*"))[:500],
        times=_number(value, "times", 1, 1, MAX_TIMES),
    )


def _number(value: Mapping[str, Any], name: str, usual: int, least: int, most: int) -> int:
    given = value.get(name, usual)
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise Refused(400, f"/{name} is {given!r}; a whole number from {least} to {most}")
    return given


def _preferred(prefer: bytes) -> Fault | None:
    asked = preferences(prefer)
    delay = delay_of(asked)
    fault = asked.get("fault")
    if fault is None:
        return Fault(kind=FaultKind.LATENCY, seconds=delay) if delay else None
    name, _, argument = fault.partition(":")
    if name == "status" and re.fullmatch("[45][0-9]{2}", argument):
        return Fault(kind=FaultKind.STATUS, status=int(argument), seconds=delay)
    if name == "latency" and re.fullmatch("[0-9]{1,5}", argument):
        return Fault(kind=FaultKind.LATENCY, seconds=min(int(argument) / 1000, MAX_DELAY))
    if name in ("body", "cut") and not argument:
        return Fault(kind=FaultKind(name), seconds=delay)
    raise Refused(
        400, f"Prefer: fault={fault!r} is none; known: status:503, latency:250, body, cut"
    )


async def answer_with_fault(
    fault: Fault, surface: MockSurface, scope: Scope, receive: Receive, send: Send
) -> None:
    """Lets the fault happen to one request.

    Raises:
        Refused: the request is to fail with a status, which the caller answers and records.
    """
    if fault.seconds:
        await asyncio.sleep(fault.seconds)
    if scope["type"] != "http" or fault.kind is FaultKind.LATENCY:
        await surface(scope, receive, send)
    elif fault.kind is FaultKind.STATUS:
        raise Refused(
            fault.status,
            ASKED_FOR,
            headers=(("x-maestro-fault", "status"),),
            keeps_contract=True,
        )
    else:
        await surface(scope, receive, _Breaking(send, fault.kind).send)


class _Breaking:
    """Passes a reply on until the middle of its body."""

    def __init__(self, send: Send, kind: FaultKind) -> None:
        self._send = send
        self._kind = kind
        self._start: dict[str, Any] = {}
        self._broken = False

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._broken:
            return
        self._broken = True
        body = message.get("body", b"")
        half = body[: len(body) // 2]
        whole = self._kind is FaultKind.BODY
        headers = [(n, v) for n, v in self._start["headers"] if n != b"content-length"]
        length = len(half) if whole else max(len(body), 1)
        headers += [
            (b"content-length", b"%d" % length),
            (b"x-maestro-fault", self._kind.value.encode()),
        ]
        await self._send({**self._start, "headers": headers})
        # Without its end the server sees an unfinished reply and closes the connection.
        await self._send({"type": "http.response.body", "body": half, "more_body": not whole})
