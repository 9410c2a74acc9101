"""HTTP for mocks: the server's own protocol with bounds, and a short way for whole requests.

A request that has arrived completely and whose reply needs no waiting is answered at once, without
a task, an event and a scope of its own; one that comes again byte for byte is not even read
again, only answered and recorded anew. Everything else goes the server's usual ASGI way: bodies
that are still on their way, pipelines behind such a request, WebSockets, HTTP/1.0, slow readers.
"""

import asyncio
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from maestro.contracts.mocks.repeating import KnownRequests
from maestro.contracts.mocks.surface import Again, Prompt, Receive, Scope, Send

MAX_HEAD = 64 * 1024
"""Bytes of a request line with all headers."""
IDLE_SECONDS = 30.0
"""A connection without requests is closed after this time, or up to twice as late."""

_TOLD_LARGE = b"the request line and headers may have 65536 bytes together"
_TOLD_SLOW = b"the request line and headers came too slowly"
_SHORT = {name.encode(): name for name in ("GET", "POST", "PUT", "PATCH", "DELETE")}


class _AnswerNow(Protocol):
    def __call__(
        self,
        method: str,
        address: bytes,
        fields: list[tuple[bytes, bytes]],
        body: bytes,
        *,
        returns: bool,
    ) -> Prompt | None: ...


class MockProtocol(HttpToolsProtocol):
    """Bounded request heads, which the server leaves open, and replies without detours."""

    _in_head = False
    _waiting = False
    """A request's head is complete and nobody has taken it yet."""
    _late: asyncio.TimerHandle | None = None
    _idle: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._answer: _AnswerNow | None = getattr(self.app, "answer_now", None)
        self._known: KnownRequests = getattr(self.app, "known", None) or KnownRequests()
        self._patience: float = getattr(self.app, "patience", 10.0)
        self._between = True
        self._is_open = False
        """Nothing is under way: a request that is known can be answered without being read."""
        self._returns = False
        """The same bytes have come before."""
        self._again: Again | None = None
        self._size = 0
        self._chunk = 0
        self._chunks: list[bytes] = []
        self._fields: list[tuple[bytes, bytes]] = []
        self._address = b""
        self._begun = 0
        self._served = 0
        self._seen = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._late = self.loop.call_later(self._patience, self._refuse, 408, _TOLD_SLOW)
        self._idle = self.loop.call_later(IDLE_SECONDS, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_timer()
        if self._idle is not None:
            self._idle.cancel()
        self._waiting = False
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_open:
            again = self._known.answers.get(data)
            if again is not None:
                reply = again(self.server_state.default_headers[0][1])
                if reply is not None:
                    self._served += 1
                    self.transport.write(reply)
                    return
        self._read(data)

    def pause_writing(self) -> None:
        """Whoever does not listen is not answered the short way."""
        self._is_open = False
        super().pause_writing()

    def _read(self, data: bytes) -> None:
        starts = self._between and (self.cycle is None or self.cycle.response_complete)
        self._returns = starts and self._known.returns(data)
        self._is_open = False
        self._chunk = len(data)
        self._again = None
        begun, between = self._begun, self._between
        super().data_received(data)
        if self._begun == begun:
            self._size += len(data)
        else:  # of several requests in one chunk, the last one's share is not known
            self._size = len(data) if between and self._begun == begun + 1 else 0
        if self._waiting and not self.transport.is_closing():
            self._take_the_long_way()
        if self._in_head:
            self._watch_head()
        elif self._between and not self.transport.is_closing():
            again = self._remembered()
            if again is not None and self._begun == begun + 1:
                self._known.remember(data, again)
            self._is_open = self._is_quiet()

    def _is_quiet(self) -> bool:
        """Whether nothing but a next request can follow."""
        return (
            (self.cycle is None or self.cycle.response_complete)
            and self._late is None
            and self.timeout_keep_alive_task is None
            and not self.flow.write_paused
        )

    def _remembered(self) -> Again | None:
        """What the parser's callbacks have left behind."""
        return self._again

    def _watch_head(self) -> None:
        if self._size > MAX_HEAD:
            self._refuse(431, _TOLD_LARGE)
        elif self._late is None:
            self._late = self.loop.call_later(self._patience, self._refuse, 408, _TOLD_SLOW)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._between = False
        self._begun += 1
        self._address = b""
        self._fields = []
        self._chunks = []

    def on_url(self, url: bytes) -> None:
        self._address += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._served += 1
        if self._late is not None:
            self._forget_timer()
        self._waiting = True
        if (
            self._answer is None
            or self.parser.should_upgrade()
            or (self._size + self._chunk > MAX_HEAD and self._is_large())
        ):
            self._take_the_long_way()

    def on_body(self, body: bytes) -> None:
        if self._waiting:
            self._chunks.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._between = True
        if self._waiting and self._answered():
            return
        if self._waiting:
            self._take_the_long_way()
        super().on_message_complete()

    def _answered(self) -> bool:
        """Whether the reply is written already."""
        method = _SHORT.get(self.parser.get_method())
        cycle = self.cycle
        if (
            self._answer is None
            or method is None
            or (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or self.parser.get_http_version() != "1.1"
        ):
            return False
        chunks = self._chunks
        body = b"" if not chunks else chunks[0] if len(chunks) == 1 else b"".join(chunks)
        prompt = self._answer(method, self._address, self._fields, body, returns=self._returns)
        if prompt is None:
            return False
        self._waiting = False
        reply, again = prompt
        date = self.server_state.default_headers[0][1]
        if self.parser.should_keep_alive():
            self._again = again
            self.transport.write(reply.whole(date))
        else:
            self.transport.write(reply.whole(date, close=True))
            self.transport.close()
        return True

    def _take_the_long_way(self) -> None:
        """Hands the request to the server as if its head had just been read."""
        self._waiting = False
        super().on_message_begin()
        self.url = self._address
        for name, value in self._fields:
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
        self.headers.extend(self._fields)
        if self._is_large():
            kept, self.app = self.app, _refuse_head
            try:
                super().on_headers_complete()
            finally:
                self.app = kept
        else:
            super().on_headers_complete()
        chunks, self._chunks = self._chunks, []
        for chunk in chunks:
            super().on_body(chunk)

    def _is_large(self) -> bool:
        """Told of heads that came together with a good deal else."""
        fields = sum(len(name) + len(value) + 4 for name, value in self._fields)
        return len(self._address) + fields > MAX_HEAD

    def _close_if_idle(self) -> None:
        busy = self.cycle is not None and not self.cycle.response_complete
        if self.transport.is_closing():
            return
        if self._served == self._seen and not busy and self.transport.get_protocol() is self:
            self.transport.close()
            return
        self._seen = self._served
        self._idle = self.loop.call_later(IDLE_SECONDS, self._close_if_idle)

    def _forget_timer(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: int, why: bytes) -> None:
        """Ends a connection whose request head is not going to be complete."""
        self._forget_timer()
        busy = self.cycle is not None and not self.cycle.response_complete
        if self.transport.is_closing() or busy:
            return
        self.transport.write(
            b"HTTP/1.1 %d Refused\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%s" % (status, len(why), why)
        )
        self.transport.close()


async def _refuse_head(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [
        (b"content-type", b"text/plain"),
        (b"content-length", b"%d" % len(_TOLD_LARGE)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 431, "headers": headers})
    await send({"type": "http.response.body", "body": _TOLD_LARGE})
