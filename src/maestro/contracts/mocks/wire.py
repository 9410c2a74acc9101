"""Requests as they come off the wire, within bounds of size and time, and replies onto it."""

import asyncio
from collections.abc import Mapping

from maestro.contracts.mocks.messages import MockReply, MockRequest, Refused
from maestro.contracts.mocks.surface import Receive, Scope, Send

MAX_BODY = 1024 * 1024
MAX_DRAINED = 256 * 1024 * 1024
"""Of a body that is too large, so much is read and dropped so that its sender hears the answer."""
DRAIN_SECONDS = 10.0

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_CLOSE = (("connection", "close"),)


class BodyRefused(Exception):
    """The body was not taken in."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.detail)
        self.refused = refused


def request_of(scope: Scope) -> MockRequest:
    """The request without its body. A header sent twice counts as its last, cookies as one."""
    raw = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    headers = scope["headers"]
    named = dict(headers)
    if len(named) != len(headers) and b"cookie" in named:
        named[b"cookie"] = b"; ".join(value for name, value in headers if name == b"cookie")
    return MockRequest(
        scope["method"],
        raw.decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        named,
        b"",
    )


async def read_body_of(request: MockRequest, receive: Receive, *, patience: float = 10.0) -> bytes:
    """The whole body.

    Raises:
        BodyRefused: 413 too large, 408 too slow.
    """
    try:
        async with asyncio.timeout(patience):
            message = await receive()
            if not message.get("more_body") and message["type"] == "http.request":
                body: bytes = message["body"]  # nearly always: all of it came at once
                if len(body) <= MAX_BODY:
                    return body
                raise BodyRefused(_too_large())
            return await _collected(message, receive)
    except TimeoutError:
        detail = f"the body did not arrive within {patience:g} s"
        raise BodyRefused(Refused(408, detail, headers=_CLOSE)) from None


async def _collected(message: dict[str, object], receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part = message.get("body", b"")
        assert isinstance(part, bytes)
        size += len(part)
        if size > MAX_BODY:
            await _drain(receive, size, bool(message.get("more_body")))
            raise BodyRefused(_too_large())
        parts.append(part)
        if not message.get("more_body"):
            break
        message = await receive()
    return b"".join(parts)


async def _drain(receive: Receive, size: int, more: bool) -> None:
    """Reads on without keeping anything: many clients only listen once they have sent all."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while more and size <= MAX_DRAINED:
                message = await receive()
                size += len(message.get("body", b""))
                more = bool(message.get("more_body"))
    except TimeoutError:
        return


def _too_large() -> Refused:
    return Refused(413, f"bodies of more than {MAX_BODY} bytes are not read", headers=_CLOSE)


async def send_reply(send: Send, request: MockRequest, reply: MockReply) -> None:
    """Sends a reply, with what browsers ask for where one asks."""
    start = reply.start_message()
    if b"origin" in request.headers or b"access-control-request-method" in request.headers:
        start = {**start, "headers": [*start["headers"], *_cors(request.headers)]}
    await send(start)
    body = b"" if request.method == "HEAD" else reply.body
    await send({"type": "http.response.body", "body": body})


def _cors(headers: Mapping[bytes, bytes]) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", headers.get(b"access-control-request-headers", b"*")),
        (b"access-control-expose-headers", b"*"),
    )
