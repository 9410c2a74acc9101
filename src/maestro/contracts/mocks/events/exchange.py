"""The parts of HTTP and WebSocket that serving events needs, on raw ASGI."""

import asyncio
import math
from collections.abc import Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes

from maestro.contracts.asyncapi.checking import Judgement
from maestro.contracts.asyncapi.wire import MAX_MESSAGE
from maestro.contracts.mock_marker import MOCK_HEADER
from maestro.contracts.mocks.events.stage import EventStage, Meeting
from maestro.contracts.mocks.events.topics import Listener
from maestro.contracts.mocks.messages import Refused, Violation, dump, problem_value
from maestro.contracts.mocks.surface import Receive, Scope, Send

SLOW_BODY_SECONDS = 30.0
PROBLEM = "application/problem+json"
EVERY, COUNT = "__every", "__count"
"""Query parameters of a listener: seconds between messages, and how many it wants."""


class EventExchange:
    """One listener on one address, whatever protocol it speaks."""

    def __init__(
        self, stage: EventStage, meeting: Meeting, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._stage = stage
        self._meeting = meeting
        self._scope = scope
        self._receive = receive
        self._send = send
        self._listener = Listener()


def headers_of(scope: Scope) -> dict[str, str]:
    """Names in small letters."""
    return {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope.get("headers", ())}


def query_of(scope: Scope) -> dict[str, str]:
    """The first value of each parameter."""
    text = scope.get("query_string", b"").decode("latin-1")
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


async def body_of(receive: Receive) -> bytes:
    """The whole body. Raises Refused when it is too large or comes too slowly."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SLOW_BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return b"".join(parts)
                part = message.get("body", b"")
                size += len(part)
                if size > MAX_MESSAGE:
                    raise Refused(413, f"a message has at most {MAX_MESSAGE} bytes")
                parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise Refused(408, f"the body did not arrive in {SLOW_BODY_SECONDS:g} s") from None


async def reply(
    send: Send,
    status: int,
    body: bytes = b"",
    content_type: str = "",
    headers: Mapping[str, str] | None = None,
) -> None:
    """A whole HTTP reply."""
    sent = {**(headers or {}), "content-length": str(len(body))}
    if content_type:
        sent["content-type"] = content_type
    await start(send, status, sent)
    await send({"type": "http.response.body", "body": body})


async def start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    every = {MOCK_HEADER[0]: MOCK_HEADER[1], **CORS, **headers}
    encoded = [(k.encode("latin-1"), v.encode("latin-1", "replace")) for k, v in every.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD, POST, OPTIONS",
    "access-control-allow-headers": "*",
    "access-control-expose-headers": "*",
}


async def refuse(send: Send, refused: Refused) -> None:
    body = dump(problem_value(refused))
    await reply(send, refused.status, body, PROBLEM, dict(refused.headers))


async def deny(scope: Scope, send: Send, refused: Refused) -> None:
    """Refuses a WebSocket before it is opened, with the reason where the server can carry one."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": refused.detail[:120]})
        return
    body = dump(problem_value(refused))
    headers = [(b"content-type", PROBLEM.encode()), (b"content-length", b"%d" % len(body))]
    headers.append((MOCK_HEADER[0].encode(), MOCK_HEADER[1].encode()))
    start_message = {"type": "websocket.http.response.start", "status": refused.status}
    await send({**start_message, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


def check_path(scope: Scope) -> None:
    """Raises Refused (400) for a path whose bytes are no text; parameters would take anything."""
    try:
        unquote_to_bytes(scope.get("raw_path") or b"").decode()
    except UnicodeDecodeError:
        raise Refused(400, "the path is not UTF-8") from None


def refusal(judgement: Judgement) -> Refused:
    """What is told to whoever published something wrong."""
    if judgement.unverifiable:
        return Refused(501, f"nothing can be said about this message: {judgement.unverifiable}")
    violations = [Violation(p.pointer, f"{p.detail} ({p.rule})") for p in judgement.problems]
    named = f" {judgement.message.name!r}" if judgement.message else ""
    first = violations[0]
    return Refused(
        422,
        f"this is no message{named} of the contract: {first.pointer or '/'}: {first.detail}",
        tuple(violations),
    )


def pace(query: Mapping[str, str]) -> tuple[float | None, int | None]:
    """Seconds between samples and how many messages are wanted. Raises Refused."""
    every: float | None = None
    count: int | None = None
    if EVERY in query:
        try:
            every = float(query[EVERY])
        except ValueError:
            every = math.nan
        if not 0.01 <= every <= 3600:
            raise Refused(400, f"{EVERY} is seconds from 0.01 to 3600, got {query[EVERY]!r}")
    if COUNT in query:
        text = query[COUNT]
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 1_000_000):
            raise Refused(400, f"{COUNT} is a number from 1 to 1000000, got {text!r}")
        count = int(text)
    return every, count


async def race(*jobs: Coroutine[Any, Any, object]) -> None:
    """Runs all until the first has ended, then ends the others. Raises what it raised."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        if not task.cancelled() and task.exception() is not None:
            raise task.exception() or AssertionError
