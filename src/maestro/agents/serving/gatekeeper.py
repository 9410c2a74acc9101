"""What is let in at all: requests that name this service, of bounded size."""

from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_REQUEST_BYTES = 32_000_000
_LOCAL = ("127.0.0.1", "localhost", "[::1]")


class Gatekeeper:
    """An ASGI application around another one.

    A request for another host is refused: a page in the user's browser, led here by a name server
    of its own, could otherwise give out orders.
    """

    def __init__(self, inner: ASGIApp, *, url: str) -> None:
        self._inner = inner
        parts = urlsplit(url)
        hosts = {parts.hostname or "", *_LOCAL} if parts.hostname in _LOCAL else {parts.netloc}
        port = f":{parts.port}" if parts.port is not None else ""
        self._hosts = {f"{host}{port}" for host in hosts} if parts.hostname in _LOCAL else hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        refusal = self._refusal(scope)
        body = b"" if refusal else await _body(receive)
        if body is None:
            refusal = PlainTextResponse("larger than is taken", status_code=413)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._inner(scope, _replayed(body or b"", receive), send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get(b"host", "").lower() not in self._hosts:
            return PlainTextResponse("this host is not served here", status_code=421)
        if scope["method"] == "POST":
            kind = headers.get(b"content-type", "").split(";")[0].strip().lower()
            if kind != "application/json":
                return PlainTextResponse("only application/json is taken", status_code=415)
        return None


async def _body(receive: Receive) -> bytes | None:
    """None when it is too large, or its sender went away."""
    collected = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        collected += message.get("body", b"")
        if len(collected) > MAX_REQUEST_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(collected)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
