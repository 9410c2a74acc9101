"""The mock as an ASGI application: reads, judges, answers, records."""

import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from maestro.contracts.mocks.messages import (
    MOCK_HEADER,
    MockReply,
    MockRequest,
    Refused,
    problem_reply,
)
from maestro.contracts.mocks.replies import ReplyWriter
from maestro.contracts.mocks.routes import Match, Routes
from maestro.contracts.mocks.state import MockState
from maestro.contracts.mocks.validation import ReadRequest, RequestValidator
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import Operation, operations
from maestro.contracts.openapi.resources import resources
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MAX_BODY = 1024 * 1024
MAX_CALLS = 20_000
"""Calls kept; of a consumer that makes more, the last ones."""

_PREFERRED = re.compile(r'(?:^|[;,\s])code\s*=\s*"?([1-5][0-9]{2})"?(?:$|[;,\s])', re.I)


@dataclass(frozen=True, slots=True)
class _Handled:
    """A reply with what the record says about the request."""

    reply: MockReply
    operation: str = ""
    valid: bool = False
    problem: str = ""
    body: JsonValue = None


@dataclass(frozen=True, slots=True)
class _Compiled:
    operation: Operation
    validator: RequestValidator
    writer: ReplyWriter


class MockApplication:
    """One contract, one consumer, one memory."""

    def __init__(self, document: OpenApiDocument) -> None:
        """Raises InvalidInput for a document whose operations cannot be read."""
        self._document = document
        self._base = document.base_path
        self._operations = operations(document)
        self._routes = Routes(self._operations)
        self._state = MockState(document, resources(document))
        self._compiled: dict[str, _Compiled] = {}
        self._calls: deque[RecordedCall] = deque(maxlen=MAX_CALLS)

    def calls(self) -> Sequence[RecordedCall]:
        """In the order in which they were answered."""
        return tuple(self._calls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http":
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        body = await _read(receive)
        raw = scope.get("raw_path") or scope["path"].encode()
        request = MockRequest(
            method=scope["method"],
            path=raw.decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body or b"",
        )
        if body is None:
            refused = Refused(413, f"bodies of more than {MAX_BODY} bytes are not read")
            handled = _Handled(problem_reply(refused), problem=refused.detail)
        else:
            handled = self._handle(request)
        self._record(request, handled)
        await _send(send, request, handled.reply)

    def _handle(self, request: MockRequest) -> _Handled:
        asks_first = "access-control-request-method" in request.headers
        if request.method == "OPTIONS" and asks_first:
            return _Handled(MockReply(status=204), valid=True)
        try:
            match = self._find(request)
            operation = _chosen(match, request.method)
        except Refused as refused:
            return _Handled(problem_reply(refused), problem=refused.detail)
        if operation is None:
            allow = (("allow", _allow(match)),)
            return _Handled(MockReply(status=204, headers=allow), valid=True)
        return self._answer(operation, match, request)

    def _find(self, request: MockRequest) -> Match:
        if request.path != self._base and not request.path.startswith(f"{self._base}/"):
            raise Refused(404, f"{request.path!r} is outside of {self._base!r}")
        try:
            match = self._routes.find(request.path.removeprefix(self._base))
        except UnicodeDecodeError:
            raise Refused(400, "the path is not UTF-8") from None
        if match is None:
            raise Refused(404, f"the contract has no path {request.path!r}")
        return match

    def _answer(self, operation: Operation, match: Match, request: MockRequest) -> _Handled:
        try:
            return self._judged(self._ready(operation), match, request)
        except InvalidInput as error:  # a broken schema spoils its own operation only
            refused = Refused(500, f"the contract of {operation.key} cannot be used: {error}")
            return _Handled(problem_reply(refused), operation.key, problem=refused.detail)

    def _judged(self, compiled: _Compiled, match: Match, request: MockRequest) -> _Handled:
        key = compiled.operation.key
        body: JsonValue = None
        try:
            read = compiled.validator.read(request, match.arguments)
            body = read.body
            reply = self._reply(compiled, read, request)
        except Refused as refused:
            reply = compiled.writer.refusal(refused)
            return _Handled(reply, key, refused.keeps_contract, refused.detail, body)
        return _Handled(reply, key, valid=True, body=body)

    def _reply(self, compiled: _Compiled, read: ReadRequest, request: MockRequest) -> MockReply:
        accept = request.headers.get("accept")
        preferred = _PREFERRED.search(request.headers.get("prefer", ""))
        if preferred:
            reply = compiled.writer.documented(int(preferred[1]), accept)
            applied = ("preference-applied", f"code={preferred[1]}")
            return replace(reply, headers=(*reply.headers, applied))
        if accept is not None:
            compiled.writer.success(accept)  # a refused Accept must not change anything
        outcome = self._state.handle(compiled.operation, read)
        if outcome is None:
            return compiled.writer.success(accept)
        location = self._base + outcome.location if outcome.location else ""
        return compiled.writer.success(
            accept, action=outcome.action, value=outcome.value, location=location
        )

    def _ready(self, operation: Operation) -> _Compiled:
        known = self._compiled.get(operation.key)
        if known is None:
            known = self._compiled[operation.key] = _Compiled(
                operation,
                RequestValidator(self._document, operation),
                ReplyWriter(self._document, operation),
            )
        return known

    def _record(self, request: MockRequest, handled: _Handled) -> None:
        self._calls.append(
            RecordedCall(
                at=datetime.now(UTC),
                method=request.method,
                path=request.path.removeprefix(self._base),
                operation=handled.operation,
                status=handled.reply.status,
                valid=handled.valid,
                problem=handled.problem,
                request_body=handled.body,
                query=request.query,
            )
        )


def _chosen(match: Match, method: str) -> Operation | None:
    """None for an OPTIONS that only asks what is allowed."""
    if method in match.methods:
        return match.methods[method]
    if method == "HEAD" and "GET" in match.methods:
        return match.methods["GET"]
    if method == "OPTIONS":
        return None
    allow = _allow(match)
    raise Refused(
        405, f"{method} is not allowed here; allowed: {allow}", headers=(("allow", allow),)
    )


def _allow(match: Match) -> str:
    methods = {*match.methods, "OPTIONS"} | ({"HEAD"} if "GET" in match.methods else set())
    return ", ".join(sorted(methods))


async def _read(receive: Receive) -> bytes | None:
    """The whole body, None when it is too large (the rest is read and dropped)."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        elif size > 16 * MAX_BODY:
            return None
        if not message.get("more_body"):
            return b"".join(parts) if size <= MAX_BODY else None


async def _send(send: Send, request: MockRequest, reply: MockReply) -> None:
    headers = [
        MOCK_HEADER,
        *reply.headers,
        *_cors(request.headers),
        ("content-length", str(len(reply.body))),
    ]
    if reply.content_type:
        headers.append(("content-type", reply.content_type))
    encoded = [(k.encode("latin-1"), v.encode("latin-1", "replace")) for k, v in headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    body = b"" if request.method == "HEAD" else reply.body
    await send({"type": "http.response.body", "body": body})


def _cors(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    asked = headers.get("access-control-request-headers", "*")
    return (
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        ("access-control-allow-headers", asked),
        ("access-control-expose-headers", "*"),
    )
