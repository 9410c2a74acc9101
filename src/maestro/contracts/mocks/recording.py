"""Every call as evidence: kept in memory within bounds, and written to a file when asked."""

import asyncio
import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from sys import getsizeof
from threading import Lock
from typing import Any, BinaryIO

import orjson

from maestro.contracts.mocks.messages import MockReply, MockRequest, dump
from maestro.contracts.mocks.routes import path_below
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput, StorageUnavailable
from maestro.ports import RecordedCall

MAX_CALLS = 20_000
"""Calls kept; of consumers that make more, the last ones."""
_MOST_CALLS = MAX_CALLS + 512
"""From so many on the first ones go, all at once; nobody sees more than MAX_CALLS."""
MAX_KEPT_BYTES = 48 * 1024 * 1024
MAX_LINE = 64 * 1024 * 1024
_MOST_WAITING = 5_000
"""Calls that wait for the file; further ones are written at once."""
_WRITE_SECONDS = 0.2
_LEAST_SIZE = 1_000
"""What a call is taken to keep in memory besides its bodies."""

_SECRET = re.compile(
    r"authorization|cookie|token|secret|passw|api[-_]?key|credential|signature", re.I
)
_NOT_EVIDENCE = ("x-maestro-consumer",)


@dataclass(frozen=True, slots=True)
class CallOrigin:
    """What all calls of one surface have in common."""

    contract: str
    consumer: str
    base: str = ""
    """Base path, as plain text; left out of recorded paths."""
    secrets: frozenset[tuple[str, str]] = frozenset()
    """Location and name of what the contract itself calls a key."""
    protocol: str = "http"
    version: str = ""
    """Of the contract."""


@dataclass(slots=True)
class AnsweredRequest:
    """A request with its reply as they went by: decoded only when somebody reads the record."""

    request: MockRequest
    reply: MockReply
    operation: str = ""
    valid: bool = False
    problem: str = ""
    body: JsonValue = None
    """What the request's body says."""

    def told(self, at: float, origin: CallOrigin, reply_body: bytes | None = None) -> RecordedCall:
        """`at` is in seconds since the epoch.

        `reply_body` is what was said this time, where the same request is answered in the same
        way with another body.
        """
        request, reply = self.request, self.reply
        below = path_below(origin.base, request.path)
        return RecordedCall(
            at=datetime.fromtimestamp(at, UTC),
            method=request.method,
            path=request.path if below is None else below,
            operation=self.operation,
            status=reply.status,
            valid=self.valid,
            problem=self.problem,
            request_body=self.body,
            query=_without_secrets(request.query, origin.secrets),
            request_headers=open_headers(request.headers, origin.secrets),
            reply_body=_reply_value(
                reply.body if reply_body is None else reply_body, reply.content_type
            ),
            contract=origin.contract,
            consumer=origin.consumer,
            protocol=origin.protocol,
            version=origin.version,
        )

    @property
    def size(self) -> int:
        """The bytes that it takes up in memory until it is decoded, more or less."""
        request = self.request
        size = _LEAST_SIZE + 5 * len(request.body) + len(self.reply.body) + len(request.query)
        headers = request.headers  # a join is quicker than a look at each of them
        return size + len(b"".join(headers)) + len(b"".join(headers.values()))


Kept = tuple[int, float, CallOrigin, AnsweredRequest, bytes | None] | tuple[int, None, RecordedCall]
"""A call as it is kept, after the bytes that it takes up: as few objects as possible, for there
are thousands, and most are never looked at."""


class CallRecorder:
    """Keeps the calls of one server; is itself the `Record` its surfaces call."""

    def __init__(self, file: Path | None = None) -> None:
        """Raises InvalidInput when the file cannot be written."""
        self._kept: deque[Kept] = deque()
        self._bytes = 0
        self._waiting: deque[Kept] | None = None
        self._file: BinaryIO | None = None
        self._path = file
        self._writing = Lock()
        self._gone = 0
        self.trouble = ""
        """Why the file is incomplete; empty while it is not."""
        if file is not None:
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                self._file = file.open("ab")
            except OSError as error:
                raise InvalidInput(
                    f"{file}: calls cannot be recorded there: {error.strerror or error}"
                ) from None
            self._waiting = deque()

    @property
    def total(self) -> int:
        """Calls seen, with those that are no longer kept."""
        return self._gone + len(self._kept)

    def __call__(self, call: RecordedCall) -> None:
        """Keeps a call of any surface."""
        self.keep((_size_of(call), None, call))

    def defer(self, origin: CallOrigin, call: AnsweredRequest) -> None:
        """Keeps what has just happened; decoding is left to whoever reads the record."""
        self.keep((call.size, time.time(), origin, call, None))

    def keep(self, call: Kept) -> None:
        kept = self._kept
        kept.append(call)
        self._bytes += call[0]
        if self._bytes > MAX_KEPT_BYTES or len(kept) > _MOST_CALLS:
            self._make_room()
        if self._waiting is not None:
            self._waiting.append(call)
            if len(self._waiting) >= _MOST_WAITING:  # nothing is lost when it cannot keep up
                self._write()

    def _make_room(self) -> None:
        kept = self._kept
        while len(kept) > MAX_CALLS or (self._bytes > MAX_KEPT_BYTES and len(kept) > 1):
            self._bytes -= kept.popleft()[0]
            self._gone += 1

    def calls(
        self, *, consumer: str | None = None, contract: str | None = None
    ) -> list[RecordedCall]:
        """In the order in which they were answered."""
        self._make_room()
        told = (_told(kept) for kept in tuple(self._kept))
        return [
            call
            for call in told
            if (consumer is None or call.consumer == consumer)
            and (contract is None or call.contract == contract)
        ]

    def forget(self, *, consumer: str | None = None) -> None:
        """Empties the memory of everybody or of one consumer; a file keeps what it has."""
        total = self.total
        self._kept = deque(
            kept for kept in self._kept if consumer is not None and _consumer(kept) != consumer
        )
        self._gone = total - len(self._kept)
        self._bytes = sum(kept[0] for kept in self._kept)

    async def keep_writing(self) -> None:
        """Writes to the file until cancelled; belongs to whoever opened the server."""
        while self._waiting is not None:
            await asyncio.sleep(_WRITE_SECONDS)
            if self._waiting:
                await asyncio.to_thread(self._write)

    def close(self) -> None:
        """Raises StorageUnavailable when the file is not complete."""
        if self._file is not None:
            self._write()
            try:
                self._file.close()
            except OSError as error:
                self._note(error)
            self._file = None
            self._waiting = None
        if self.trouble:
            raise StorageUnavailable(f"{self._path}: calls are missing: {self.trouble}")

    def _write(self) -> None:
        with self._writing:  # the loop and its helper thread may both be here
            if self._file is None or not self._waiting:
                return
            calls = [self._waiting.popleft() for _ in range(len(self._waiting))]
            try:
                self._file.writelines(line_of(_told(kept)) for kept in calls)
                self._file.flush()
            except OSError as error:
                self._note(error)

    def _note(self, error: OSError) -> None:
        self.trouble = self.trouble or str(error.strerror or error)


def keeper(record: Callable[[RecordedCall], None]) -> Callable[[Kept], None]:
    """What takes calls that are not decoded yet, whoever is told of them in the end."""
    if isinstance(record, CallRecorder):
        return record.keep
    return lambda kept: record(_told(kept))


def _told(kept: Kept) -> RecordedCall:
    if kept[1] is None:
        return kept[2]
    _, at, origin, call, reply_body = kept
    return call.told(at, origin, reply_body)


def _size_of(call: RecordedCall) -> int:
    """The bytes that a decoded call takes up: of all that its bodies, texts and headers hold."""
    size = _LEAST_SIZE
    waiting: list[Any] = [
        call.request_body, call.reply_body, call.path, call.query, call.problem,
        call.request_headers,
    ]  # fmt: skip
    while waiting:
        value = waiting.pop()
        size += getsizeof(value)
        if isinstance(value, Mapping):
            waiting += value.keys()
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
    return size


def _consumer(kept: Kept) -> str:
    return kept[2].consumer


_FIELDS = tuple(entry.name for entry in fields(RecordedCall))


def line_of(call: RecordedCall) -> bytes:
    """One line of JSON, with its end."""
    value = {name: getattr(call, name) for name in _FIELDS}
    value["at"] = call.at.isoformat()
    value["request_headers"] = dict(call.request_headers)
    return dump(value) + b"\n"


def call_of(line: str | bytes) -> RecordedCall:
    """The call a line tells of. Raises InvalidInput naming what is wrong with it."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"a recorded call is one JSON object a line: {error}") from None
    if not isinstance(value, dict):
        raise InvalidInput(f"a recorded call is an object, got {type(value).__name__}")
    try:
        at = datetime.fromisoformat(str(value.pop("at")))
        return RecordedCall(at=at, **value)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"this is no recorded call: {error}") from None


def read_calls(path: Path) -> list[RecordedCall]:
    """All calls of a file that a mock has recorded. Raises InvalidInput naming the line."""
    try:
        if path.stat().st_size > MAX_LINE:
            raise InvalidInput(f"{path}: has more than {MAX_LINE} bytes; record fewer calls")
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror or error}") from None
    made = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                made.append(call_of(line))
            except InvalidInput as error:
                raise InvalidInput(f"{path}, line {number}: {error}") from None
    return made


def open_headers(
    headers: Mapping[bytes, bytes], secrets: frozenset[tuple[str, str]] = frozenset()
) -> dict[str, str]:
    """Those that hold no secret, and that the consumer sent of its own accord."""
    made = {}
    for raw_name, value in headers.items():
        name = raw_name.decode("latin-1")
        secret = _SECRET.search(name) or ("header", name) in secrets
        if not secret and name not in _NOT_EVIDENCE:
            made[name] = value.decode("latin-1")
    return made


def _without_secrets(query: str, secrets: frozenset[tuple[str, str]]) -> str:
    """Values of keys in a query are left out; their names stay, so that it still reads well."""
    if not query:
        return query
    return "&".join(_open_pairs(query, secrets))


def _open_pairs(query: str, secrets: frozenset[tuple[str, str]]) -> Iterator[str]:
    for pair in query.split("&"):
        name, separator, _ = pair.partition("=")
        hidden = _SECRET.search(name) or ("query", name.lower()) in secrets
        yield f"{name}{separator}" if hidden else pair


def _reply_value(body: bytes, content_type: str) -> JsonValue:
    if not body:
        return None
    if "json" in content_type:
        try:
            return orjson.loads(body)
        except ValueError:
            return body.decode("utf-8", "replace")
    return body.decode("utf-8", "replace") if _is_text(content_type) else None


def _is_text(content_type: str) -> bool:
    return content_type.startswith("text/") or content_type.endswith("xml")


def counted(calls: Sequence[RecordedCall]) -> dict[str, Any]:
    """How often each operation was called, with the calls that broke the contract."""
    made: dict[str, Any] = {}
    for call in calls:
        entry = made.setdefault(call.operation or "none", {"calls": 0, "broken": 0})
        entry["calls"] += 1
        entry["broken"] += not call.valid
    return made
