"""HTTP/1.1 exchanges at little cost: trials send a thousand requests and should take seconds."""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools

from maestro.errors import InvalidInput

MAX_BODY = 32_000_000
CHUNK = 65_536


class NoReply(Exception):
    """The connection was refused, broke, or nothing came in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReply:
    status: int
    headers: Mapping[str, str]
    """Names in small letters; the last of several values."""
    content: bytes


@dataclass(slots=True)
class _Pipe:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used: bool = False


class _Collector:
    """Callbacks of the parser."""

    def __init__(self, *, headless: bool) -> None:
        self.headless = headless
        self.parser = httptools.HttpResponseParser(self)
        self.keep = False
        self.clear()

    def clear(self) -> None:
        self.headers: dict[str, str] = {}
        self.content = bytearray()
        self._begun = False
        self._complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._begun = True
        self.keep = bool(self.parser.should_keep_alive())  # known only as long as it is read
        if self.headless:
            self._complete = True

    def on_body(self, body: bytes) -> None:
        self.content += body

    def on_message_complete(self) -> None:
        self._complete = True

    def is_complete(self) -> bool:
        return self._complete

    def ends_with_connection(self) -> bool:
        """Whether a closed connection is the regular end of the body."""
        return self._begun and "content-length" not in self.headers


@dataclass(slots=True)
class Connections:
    """Connections to one server, kept open between requests. Close it at the end."""

    origin: str
    """`http://host:port`."""
    timeout: float
    _idle: list[_Pipe] = field(default_factory=list)
    _closing: deque[asyncio.StreamWriter] = field(default_factory=lambda: deque(maxlen=64))

    def __post_init__(self) -> None:
        parts = urlsplit(self.origin)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(f"{self.origin!r} is no http or https address")

    async def request(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[bytes, bytes]],
        content: bytes | None,
    ) -> RawReply:
        """Raises NoReply. A connection that the server has closed meanwhile is replaced."""
        message = self._message(method, target, headers, content)
        try:
            async with asyncio.timeout(self.timeout):
                while True:
                    pipe = await self._pipe()
                    try:
                        return await self._exchange(pipe, message, headless=method == "HEAD")
                    except (OSError, EOFError) as error:
                        self._drop(pipe)
                        if not pipe.used:
                            raise NoReply(f"{type(error).__name__}: {error}") from error
        except TimeoutError:
            raise NoReply(f"nothing came within {self.timeout:.0f} s") from None

    def _message(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[bytes, bytes]],
        content: bytes | None,
    ) -> bytes:
        lines = [f"{method} {target} HTTP/1.1".encode("ascii")]
        known = {name.lower() for name, _ in headers}
        own = [(b"host", urlsplit(self.origin).netloc.encode("ascii"))]
        if b"accept" not in known:
            own.append((b"accept", b"*/*"))
        if content is not None:
            own.append((b"content-length", str(len(content)).encode("ascii")))
        lines += [name + b": " + value for name, value in (*own, *headers)]
        return b"\r\n".join([*lines, b"", content or b""])

    async def _pipe(self) -> _Pipe:
        while self._idle:
            pipe = self._idle.pop()
            if not pipe.reader.at_eof() and not pipe.writer.is_closing():
                return pipe
            self._drop(pipe)
        parts = urlsplit(self.origin)
        secure = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if secure else 80)
        try:
            return _Pipe(*await asyncio.open_connection(parts.hostname, port, ssl=secure))
        except OSError as error:
            raise NoReply(f"{type(error).__name__}: {error}") from error

    async def _exchange(self, pipe: _Pipe, message: bytes, *, headless: bool) -> RawReply:
        collector = _Collector(headless=headless)
        done = False
        try:
            pipe.writer.write(message)
            status = 0
            while not collector.is_complete():
                chunk = await pipe.reader.read(CHUNK)
                if not chunk and collector.ends_with_connection():
                    break  # the body ended with the connection
                if not chunk:
                    raise EOFError("the server closed the connection without a whole reply")
                collector.parser.feed_data(chunk)
                status = collector.parser.get_status_code()
                if collector.is_complete() and 100 <= status < 200:
                    collector.clear()
                if len(collector.content) > MAX_BODY:
                    raise NoReply(f"the reply has more than {MAX_BODY} bytes")
            done = collector.is_complete() and collector.keep
        except httptools.HttpParserError as error:
            raise NoReply(f"the reply is no HTTP: {error}") from error
        finally:
            if done:
                pipe.used = True
                self._idle.append(pipe)
            else:
                self._drop(pipe)
        return RawReply(status=status, headers=collector.headers, content=bytes(collector.content))

    def _drop(self, pipe: _Pipe) -> None:
        pipe.writer.close()
        self._closing.append(pipe.writer)

    async def close(self) -> None:
        """Closes what is open and waits for it."""
        while self._idle:
            self._drop(self._idle.pop())
        while self._closing:
            with contextlib.suppress(OSError):
                await self._closing.popleft().wait_closed()
