"""Serves contracts over real HTTP: one server, one port and one memory for each consumer."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import uvicorn

from maestro.contracts.mocks.application import MockApplication
from maestro.contracts.openapi.document import from_object
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.errors import InvalidInput, SandboxFailed
from maestro.ports import MockServer, RecordedCall

_HOST = "127.0.0.1"


class HttpMockProvider:
    """The mock provider of REST contracts."""

    @asynccontextmanager
    async def serve(self, contract: Contract, *, consumer: str) -> AsyncIterator[MockServer]:
        """Listens before it yields and has let go of the port when it returns.

        Raises:
            InvalidInput: not an OpenAPI contract, or its operations cannot be read.
        """
        if contract.format is not SpecificationFormat.OPENAPI:
            raise InvalidInput(
                f"contract {contract.id!r} is {contract.kind.value!r}; only REST contracts are "
                f"served, so {consumer!r} has to work without a mock of it"
            )
        document = from_object(contract.specification, name=contract.id)
        application = await asyncio.to_thread(MockApplication, document)
        listener = socket.create_server((_HOST, 0), backlog=256)
        # asyncio sets it only on sockets that name their protocol; without it every reply waits
        # 40 ms for the client's acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port = listener.getsockname()[1]
        server = _QuietServer(_config(application))
        task = asyncio.create_task(server.serve([listener]), name=f"mock {contract.id} {consumer}")
        try:
            await server.until_ready(task)
            yield _Served(application, port, f"http://{_HOST}:{port}{document.base_path}")
        finally:
            server.should_exit = True
            await _ended(task)
            listener.close()


class _Served:
    """A mock as its consumer's step sees it."""

    def __init__(self, application: MockApplication, port: int, url: str) -> None:
        self._application = application
        self._port = port
        self._url = url

    @property
    def url(self) -> str:
        return self._url

    @property
    def port(self) -> int:
        return self._port

    def calls(self) -> Sequence[RecordedCall]:
        return self._application.calls()


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


def _config(application: MockApplication) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        interface="asgi3",
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
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
