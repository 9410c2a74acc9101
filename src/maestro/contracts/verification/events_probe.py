"""Listens to a really started provider of events and speaks to it: WebSocket, SSE and POST."""

import asyncio
import shlex
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import websockets
from websockets.asyncio.client import ClientConnection, connect

from maestro.contracts.asyncapi.addresses import ServedAddress
from maestro.contracts.asyncapi.wire import MAX_MESSAGE
from maestro.contracts.mock_marker import MOCK_NAME
from maestro.errors import InvalidInput

OPEN_SECONDS = 10.0
_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardMessage:
    text: str
    name: str = ""
    """The `event` field of a server-sent event."""


@dataclass(slots=True, kw_only=True)
class Hearing:
    """What came over one connection."""

    transport: str
    """`websocket`, `sse` or `http`."""
    url: str
    heard: list[HeardMessage] = field(default_factory=list)
    status: int | None = None
    """Of an HTTP reply."""
    closed: int | None = None
    """Code with which the provider closed a WebSocket, 1006 for none."""
    failure: str = ""
    """Why nothing could be heard or said."""

    @property
    def refused(self) -> bool:
        """The provider said no in the protocol's own words."""
        said_no = self.status is not None and 400 <= self.status < 500
        return said_no or self.closed in (1003, 1007, 1008) or (self.closed or 0) >= 4000

    @property
    def broke(self) -> bool:
        """The provider fell over."""
        failed = self.status is not None and self.status >= 500
        return failed or self.closed in (1006, 1011)


Enough = Callable[[Hearing], bool]


class EventsProbe:
    """Knows where the provider answers; counts what was asked."""

    def __init__(self, url: str, http: httpx.AsyncClient, *, patience: float, quiet: float) -> None:
        split = urlsplit(url)
        if split.scheme not in ("ws", "wss", "http", "https") or not split.netloc:
            raise InvalidInput(f"{url!r}: a provider of events has a ws:// or http:// address")
        secure = split.scheme in ("wss", "https")
        place = split.netloc + split.path.rstrip("/")
        self.web = f"{'https' if secure else 'http'}://{place}"
        self.socket = f"{'wss' if secure else 'ws'}://{place}"
        self.patience = patience
        self.quiet = quiet
        self.requests = 0
        self._http = http

    async def refuse_mock(self, paths: Sequence[str]) -> None:
        """Raises InvalidInput when one of our own mocks answers, or nothing does."""
        for path in ("/", *paths[:3]):
            headers: Mapping[str, str] = {}
            try:
                async with self._http.stream("GET", self.web + path) as reply:
                    headers = reply.headers
            except httpx.ConnectError as error:
                raise InvalidInput(
                    f"nothing answers at {self.web!r} ({error}); start the provider first"
                ) from error
            except httpx.HTTPError:
                continue  # a server that speaks WebSocket only
            if MOCK_NAME in headers:
                raise InvalidInput(
                    f"{self.web!r} is a mock ({MOCK_NAME}: {headers[MOCK_NAME]}); only a "
                    "really built provider can be verified"
                )

    async def listen(self, served: ServedAddress, path: str, enough: Enough) -> Hearing:
        """Hears what the provider publishes, until it is enough or patience ends.

        Then it listens a little longer: a provider may fall over once it has said everything.
        """
        for transport in transports(served):
            self.requests += 1
            hearing = Hearing(transport=transport, url=self._url(transport, path))
            job = self._hear_socket if transport == "websocket" else self._hear_stream
            try:
                async with asyncio.timeout(self.patience) as limit:
                    await job(hearing, self._settling(enough, limit))
            except TimeoutError:
                return hearing
            if not hearing.failure:
                return hearing
        return hearing

    async def say(self, served: ServedAddress, path: str, text: str, enough: Enough) -> Hearing:
        """Publishes one message; what comes back until it is enough or silence."""
        first: Hearing | None = None
        for transport in publishing_transports(served):
            self.requests += 1
            hearing = Hearing(transport=transport, url=self._url(transport, path))
            if transport == "websocket":
                await self._say_socket(hearing, text, enough)
            else:
                await self._say_post(hearing, text)
            if not hearing.failure and hearing.status not in (404, 405, 426, 501):
                return hearing
            first = first or hearing
        assert first is not None
        return first

    @asynccontextmanager
    async def conversation(self, path: str) -> AsyncIterator[ClientConnection]:
        """An open WebSocket. Raises OSError or a WebSocketException."""
        self.requests += 1
        async with connect(
            self.socket + path,
            open_timeout=OPEN_SECONDS,
            close_timeout=1,
            max_size=MAX_MESSAGE,
            proxy=None,
        ) as connection:
            yield connection

    def _settling(self, enough: Enough, limit: asyncio.Timeout) -> Enough:
        settled = False

        def settle(hearing: Hearing) -> bool:
            nonlocal settled
            if enough(hearing) and not settled:
                settled = True
                limit.reschedule(asyncio.get_running_loop().time() + self.quiet)
            return False

        return settle

    def _url(self, transport: str, path: str) -> str:
        return (self.socket if transport == "websocket" else self.web) + path

    async def _hear_socket(self, hearing: Hearing, enough: Enough) -> None:
        try:
            async with self.conversation(hearing.url.removeprefix(self.socket)) as connection:
                refuse_mocked(connection)
                async for text in connection:
                    hearing.heard.append(HeardMessage(text=_text(text)))
                    if enough(hearing):
                        return
                hearing.closed = connection.close_code
        except websockets.ConnectionClosed as error:
            hearing.closed = error.rcvd.code if error.rcvd else 1006
        except (OSError, websockets.WebSocketException) as error:
            hearing.failure = f"{type(error).__name__}: {error}"

    async def _hear_stream(self, hearing: Hearing, enough: Enough) -> None:
        headers = {"accept": _STREAM}
        try:
            async with self._http.stream("GET", hearing.url, headers=headers) as reply:
                hearing.status = reply.status_code
                kind = reply.headers.get("content-type", "")
                if reply.status_code != 200 or not kind.startswith(_STREAM):
                    hearing.failure = (
                        f"answered {reply.status_code} with {kind or 'no content type'}"
                    )
                    return
                async for message in _events(reply):
                    hearing.heard.append(message)
                    if enough(hearing):
                        return
        except httpx.HTTPError as error:
            hearing.failure = f"{type(error).__name__}: {error}"

    async def _say_socket(self, hearing: Hearing, text: str, enough: Enough) -> None:
        try:
            async with self.conversation(hearing.url.removeprefix(self.socket)) as connection:
                refuse_mocked(connection)
                await connection.send(text)
                await (await connection.ping())  # silence counts from when the message arrived
                try:
                    while not enough(hearing):
                        async with asyncio.timeout(self.quiet):
                            answer = await connection.recv()
                        hearing.heard.append(HeardMessage(text=_text(answer)))
                except TimeoutError:
                    return
        except websockets.ConnectionClosed as error:
            hearing.closed = error.rcvd.code if error.rcvd else 1006
        except (OSError, websockets.WebSocketException) as error:
            hearing.failure = f"{type(error).__name__}: {error}"

    async def say_post(self, path: str, text: str) -> Hearing:
        """Publishes one message by HTTP."""
        self.requests += 1
        hearing = Hearing(transport="http", url=self.web + path)
        await self._say_post(hearing, text)
        return hearing

    async def _say_post(self, hearing: Hearing, text: str) -> None:
        headers = {"content-type": "application/json"}
        try:
            reply = await self._http.post(hearing.url, content=text.encode(), headers=headers)
        except httpx.HTTPError as error:
            hearing.failure = f"{type(error).__name__}: {error}"
            return
        hearing.status = reply.status_code
        if reply.content:
            hearing.heard.append(HeardMessage(text=reply.text))


def refuse_mocked(connection: ClientConnection) -> None:
    """Raises InvalidInput when one of our own mocks has answered the handshake."""
    response = connection.response
    if response is not None and MOCK_NAME in response.headers:
        raise InvalidInput("the WebSocket belongs to a mock; only a built provider can be verified")


def transports(served: ServedAddress) -> tuple[str, ...]:
    """How an address may be listened to, the most likely way first."""
    protocols = {p for channel in served.channels for p in channel.protocols}
    if protocols and protocols <= {"http", "https", "sse", "mercure"}:
        return ("sse", "websocket")
    return ("websocket", "sse")


def publishing_transports(served: ServedAddress) -> tuple[str, ...]:
    ways = {"websocket": "websocket", "sse": "http"}
    return tuple(ways[transport] for transport in transports(served))


def listening_command(hearing: Hearing) -> str:
    """What shows the same messages again."""
    if hearing.transport == "websocket":
        return shlex.join(["python", "-m", "websockets", hearing.url])
    return shlex.join(["curl", "-N", "-H", f"Accept: {_STREAM}", hearing.url])


def saying_command(hearing: Hearing, text: str) -> str:
    """What publishes the same message again."""
    if hearing.transport == "websocket":
        said = f"(echo {shlex.quote(text)}; sleep 2)"
        return f"{said} | {shlex.join(['python', '-m', 'websockets', hearing.url])}"
    words = ["curl", "-X", "POST", "-H", "Content-Type: application/json", "-d", text, hearing.url]
    return shlex.join(words)


async def _events(reply: httpx.Response) -> AsyncIterator[HeardMessage]:
    """Server-sent events, by the rules of the standard."""
    name, data = "", list[str]()
    async for line in reply.aiter_lines():
        if not line:
            if data:
                yield HeardMessage(text="\n".join(data), name=name)
            name, data = "", []
            continue
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "data":
            data.append(value)
        elif key == "event":
            name = value


def _text(data: str | bytes) -> str:
    return data if isinstance(data, str) else data.decode("utf-8", errors="replace")
