"""What comes in and what goes out, without any server in it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from maestro.domain.values import JsonValue

MOCK_HEADER = ("x-maestro-mock", "1")
"""On every reply, so that nobody mistakes a mock for the real provider."""

PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class MockRequest:
    method: str
    path: str
    """Percent-encoded, without the base path."""
    query: str
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MockReply:
    status: int
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()


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
