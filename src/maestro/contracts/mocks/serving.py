"""ASGI applications on real ports, inside whatever event loop is running."""

import asyncio
import contextlib
import errno
import gc
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from maestro.contracts.mocks.protocol import MockProtocol
from maestro.errors import Conflict, InvalidInput, SandboxFailed


class _QuietServer(uvicorn.Server):
    """Runs inside somebody else's loop: no signal handlers, and it tells when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program, not to a mock."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def until_ready(self, task: asyncio.Task[None]) -> None:
        """Raises SandboxFailed when the server ended before it was ready."""
        waiting = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if not self._ready.is_set():
            raise SandboxFailed("the mock server ended before it listened") from task.exception()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        Conflict: somebody else listens there.
        InvalidInput: no such address, or not ours to use.
    """
    if not 0 <= port <= 65_535:
        raise InvalidInput(f"port {port!r} is outside of 0 to 65535; 0 takes a free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            raise Conflict(
                f"port {port} of {host} is taken; name another one, or 0 for a free one"
            ) from None
        raise InvalidInput(f"cannot listen on {host!r} port {port}: {error}") from None
    # asyncio sets it only on sockets that name their protocol; without it every reply waits
    # 40 ms for the client's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@asynccontextmanager
async def serving(
    application: Any, listeners: Sequence[socket.socket], *, name: str
) -> AsyncIterator[None]:
    """Answers on the sockets before it yields; has closed them when it returns."""
    server = _QuietServer(_config(application))
    task = asyncio.create_task(server.serve(list(listeners)), name=name)
    try:
        await server.until_ready(task)
        yield
    finally:
        server.should_exit = True
        await _ended(task)
        for listener in listeners:
            listener.close()


def mock_loop() -> asyncio.AbstractEventLoop:
    """The loop that a program which only serves mocks should run: uvloop where there is one.

    Such a program makes few garbage that only the collector could find, but keeps many records,
    so the collector also looks less often.
    """
    gc.set_threshold(100_000, 20, 100)
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _config(application: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        interface="asgi3",
        http=MockProtocol,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=1024 * 1024,
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )


async def _ended(task: asyncio.Task[None]) -> None:
    """Waits for the server's end, also while this task itself is being cancelled."""
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
