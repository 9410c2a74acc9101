"""What comes in and what goes out, without any server in it."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import orjson

from maestro.contracts.mock_marker import MOCK_HEADER
from maestro.domain.values import JsonValue

NO_BODY = (204, 205, 304)
"""Statuses that never have a body."""

_NO_LENGTH = (204, 304)
"""Of these the statuses that end with the head; a 205 without a length would last for ever."""

_ALWAYS = [
    (MOCK_HEADER[0].encode(), MOCK_HEADER[1].encode()),
    (b"access-control-allow-origin", b"*"),
]
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

PROBLEM = "application/problem+json"


class MockRequest:
    """One request as it came in."""

    __slots__ = ("body", "headers", "method", "path", "query")

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[bytes, bytes],
        body: bytes,
    ) -> None:
        self.method = method
        self.path = path
        """Percent-encoded."""
        self.query = query
        self.headers = headers
        """Names in small letters."""
        self.body = body

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


class MockReply:
    """One reply as it goes out."""

    __slots__ = ("_head", "_start", "body", "content_type", "headers", "status")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self._start: dict[str, Any] | None = None
        self._head = b""

    def start_message(self) -> dict[str, Any]:
        """The first ASGI message; made once for a reply that is given out again and again."""
        if self._start is None:
            encoded = [
                (name.encode("latin-1", "replace"), clean(value)) for name, value in self.headers
            ]
            encoded += _ALWAYS
            if self.content_type:
                encoded.append((b"content-type", clean(self.content_type)))
            if self.status not in _NO_LENGTH:
                encoded.append((b"content-length", b"%d" % len(self.body)))
            self._start = {
                "type": "http.response.start",
                "status": self.status,
                "headers": encoded,
            }
        return self._start

    def head(self) -> bytes:
        """Status line and headers as they are written to a socket, without the end."""
        if not self._head:
            head = beginning(self.status, self.content_type) + header_lines(self.headers)
            if self.status not in _NO_LENGTH:
                head = b"%scontent-length: %d\r\n" % (head, len(self.body))
            self._head = head
        return self._head

    def whole(self, date: bytes, *, close: bool = False) -> bytes:
        """All that is written to a socket; with `close` the last thing there."""
        end = b"connection: close\r\n" if close else b""
        return b"%s%sdate: %s\r\n\r\n%s" % (self.head(), end, date, self.body)


@lru_cache(maxsize=512)
def beginning(status: int, content_type: str) -> bytes:
    """What most replies have in common: the status line and the first headers."""
    lines = [b"HTTP/1.1 %d %s\r\n" % (status, _phrase(status).encode())]
    lines += [b"%s: %s\r\n" % pair for pair in _ALWAYS]
    if content_type:
        lines.append(b"content-type: %s\r\n" % clean(content_type))
    return b"".join(lines)


def header_lines(headers: Iterable[tuple[str, str]]) -> bytes:
    """Headers as they are written to a socket."""
    lines = b""
    for name, value in headers:
        lines += b"%s: %s\r\n" % (name.encode("latin-1", "replace"), clean(value))
    return lines


def clean(value: str) -> bytes:
    """Header values hold no line ends and no control characters, whatever a contract says."""
    if value.isascii() and value.isprintable():
        return value.encode()
    return _CONTROL.sub(" ", value).encode("latin-1", "replace")


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a request does not keep to the contract."""

    pointer: str
    """`/title` in the body, `query/limit`, `path/task_id`, `header/x-tenant`."""
    detail: str
    """What is wrong, with the rule in brackets."""


@dataclass(slots=True)
class Refused(Exception):
    """Ends the handling of a request with an error reply."""

    status: int
    detail: str
    violations: tuple[Violation, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    keeps_contract: bool = field(default=False)
    """The request itself was in order: the entry is missing, or the state forbids it."""


def dump(value: JsonValue) -> bytes:
    """Compact JSON."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # deeper, or with greater integers, than it writes
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def problem_value(refused: Refused) -> dict[str, Any]:
    """Problem details (RFC 9457)."""
    value: dict[str, Any] = {
        "type": "about:blank",
        "title": _phrase(refused.status),
        "status": refused.status,
        "detail": refused.detail,
    }
    if refused.violations:
        value["errors"] = [{"pointer": v.pointer, "detail": v.detail} for v in refused.violations]
    return value


def problem_reply(refused: Refused) -> MockReply:
    """An error reply for which the contract has no schema of its own."""
    return MockReply(
        status=refused.status,
        body=dump(problem_value(refused)),
        content_type=PROBLEM,
        headers=refused.headers,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def accepted(header: str | None, offered: Iterable[str]) -> str | None:
    """The first offered media type the Accept header allows, None when it allows none."""
    kinds = list(offered)
    if header is None or not header.strip() or not kinds:
        return kinds[0] if kinds else ""
    ranges = [_range(entry) for entry in header.split(",")]
    best: tuple[float, str] | None = None
    for kind in kinds:
        plain = kind.partition(";")[0].strip().lower()
        matching = [(rank, quality) for rank, quality in _quality(ranges, plain)]
        quality = max(matching)[1] if matching else 0.0
        if quality > 0 and (best is None or quality > best[0]):
            best = (quality, kind)
    return best[1] if best else None


def _quality(ranges: list[tuple[str, float]], plain: str) -> Iterable[tuple[int, float]]:
    """How exactly each range names the type, with the weight it gives."""
    major = plain.partition("/")[0]
    for allowed, quality in ranges:
        if allowed == plain:
            yield 3, quality
        elif allowed == f"{major}/*":
            yield 2, quality
        elif allowed == "*/*":
            yield 1, quality


def _range(entry: str) -> tuple[str, float]:
    kind, *parameters = (part.strip().lower() for part in entry.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return kind, float(parameter[2:])
            except ValueError:
                return kind, 0.0
    return kind, 1.0
