"""HTTP to one origin only: no redirects, no other host, a size limit, nothing compressed."""

from collections.abc import AsyncIterator

import httpx

from maestro.agents.executors.a2a.addresses import CardOrigin, resolved, same_origin
from maestro.errors import InvalidInput

MAX_REPLY_BYTES = 32_000_000
"""All that one reply may come to, a stream with everything it tells on the way."""
CONNECT_SECONDS = 10.0


class RefusedReply(httpx.TransportError):
    """A reply that is not read on; the message says why."""


def guarded_client(origin: CardOrigin, *, read_seconds: float) -> httpx.AsyncClient:
    """A client that reaches this origin and nothing else, whatever it is told on the way."""
    return httpx.AsyncClient(
        transport=_Guard(origin),
        follow_redirects=False,
        trust_env=False,
        timeout=httpx.Timeout(read_seconds, connect=CONNECT_SECONDS),
        headers={"Accept-Encoding": "identity", "User-Agent": "maestro"},
    )


class _Guard(httpx.AsyncBaseTransport):
    def __init__(self, origin: CardOrigin) -> None:
        self._origin = origin
        self._inner = httpx.AsyncHTTPTransport(trust_env=False, retries=0)
        self._address: str | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not same_origin(str(request.url), self._origin):
            raise RefusedReply(
                f"{str(request.url)[:200]!r} is not at {self._origin}, where the agent's card is"
            )
        response = await self._inner.handle_async_request(await self._pinned(request))
        try:
            _check_head(response)
        except RefusedReply:
            await response.aclose()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Bounded(response.stream),
            extensions=response.extensions,
        )

    async def _pinned(self, request: httpx.Request) -> httpx.Request:
        """The same request, to the address that was looked up and checked."""
        if self._address is None:
            try:
                self._address = await resolved(self._origin)
            except OSError as error:
                raise httpx.ConnectError(f"{self._origin.host!r} is not known: {error}") from error
            except InvalidInput as error:
                raise RefusedReply(str(error)) from error
        return httpx.Request(
            request.method,
            request.url.copy_with(host=self._address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": self._origin.host},
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        total = 0
        async for chunk in self._inner:
            total += len(chunk)
            if total > MAX_REPLY_BYTES:
                raise RefusedReply(f"the reply is larger than {MAX_REPLY_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def _check_head(response: httpx.Response) -> None:
    if 300 <= response.status_code < 400:
        where = response.headers.get("location", "")[:200]
        raise RefusedReply(
            f"the agent answered {response.status_code} and points to {where!r}; redirects are "
            "not followed"
        )
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise RefusedReply(f"the reply is compressed ({encoding[:40]!r}), which is not taken")
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in ("application/json", "text/event-stream", "application/a2a+json"):
        raise RefusedReply(
            f"the agent answered {response.status_code} with {kind[:80]!r}; only JSON and event "
            "streams are taken"
        )
