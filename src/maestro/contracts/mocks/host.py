"""One mock server: several contracts of several kinds in one process, on one port."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

from maestro.contracts.mocks.dispatch import INSPECTION, HostApplication
from maestro.contracts.mocks.inspection import Inspection
from maestro.contracts.mocks.kinds import (
    RunningBeside,
    is_served_beside,
    server_for,
    surface_for,
)
from maestro.contracts.mocks.recording import CallRecorder
from maestro.contracts.mocks.routes import written
from maestro.contracts.mocks.seeding import SeedData, read_seed_data
from maestro.contracts.mocks.serving import listening, serving
from maestro.contracts.mocks.surface import MockBehaviour, MockSurface, NotingSurface
from maestro.contracts.reading import read_contracts
from maestro.domain.contract import Contract
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall
from maestro.settings import without_password


class MockHost:
    """Serves contracts for as long as its context is open."""

    def __init__(
        self,
        contracts: Sequence[Contract],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        behaviour: MockBehaviour | None = None,
        record_to: Path | None = None,
        consumer: str = "",
        consumer_ports: Mapping[str, int] | None = None,
        beside_port: int = 0,
        proxy: str | None = None,
        seed_data: JsonObject | None = None,
        broker: str | None = None,
    ) -> None:
        """
        Args:
            contracts: each with an id of its own.
            host: address to listen on.
            port: 0 takes a free one.
            behaviour: how replies are made.
            record_to: a file that gets every call as one line of JSON, besides the memory.
            consumer: who calls without saying so in `X-Maestro-Consumer`.
            consumer_ports: consumers that get a port of their own; 0 takes a free one.
            beside_port: of the first contract that needs a port of its own.
            proxy: URL of a real provider; REST contracts are then checked, not mocked.
            seed_data: entries that are there from the beginning, by contract or collection.
            broker: URL of a Redis, RabbitMQ or NATS on which AsyncAPI contracts are played, too.
        """
        if not contracts:
            raise InvalidInput("a mock server needs at least one contract")
        ids = [contract.id for contract in contracts]
        twice = next((name for name in ids if ids.count(name) > 1), None)
        if twice is not None:
            raise InvalidInput(f"two contracts are called {twice!r}; give each an id of its own")
        self._contracts = tuple(c for c in contracts if not is_served_beside(c))
        self._others = tuple(c for c in contracts if is_served_beside(c))
        self._behaviour = behaviour or MockBehaviour()
        self._host = host
        self._port = port
        self._record_to = record_to
        self._consumer = consumer
        self._consumer_ports = dict(consumer_ports or {})
        self._beside_port = beside_port
        self._proxy = proxy
        self._seed_data = seed_data or {}
        self._broker = broker
        self.played: list[str] = []
        """What is played on a broker, for people."""
        self.begins_with: Mapping[str, int] = {}
        """How many entries of the seed data each contract got."""
        self._stack = AsyncExitStack()
        self._application: HostApplication | None = None
        self._beside: dict[str, tuple[Contract, RunningBeside]] = {}
        self._recorder: CallRecorder | None = None

    async def __aenter__(self) -> "MockHost":
        """Listens when it returns.

        Raises:
            InvalidInput: a contract cannot be served, the seed data do not fit, or the address
                cannot be used.
            Conflict: the port is taken.
        """
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _open(self, stack: AsyncExitStack) -> None:
        listeners = {self._consumer: listening(self._host, self._port)}
        for listener in listeners.values():
            stack.callback(listener.close)
        for name, port in self._consumer_ports.items():
            listeners[name] = listening(self._host, port)
            stack.callback(listeners[name].close)
        self._port = listeners[self._consumer].getsockname()[1]
        self._consumer_ports = {n: s.getsockname()[1] for n, s in listeners.items()}
        recorder = CallRecorder(self._record_to)
        stack.callback(recorder.close)
        self._recorder = recorder
        make = await self._maker(stack, recorder)
        ports = {port: name for name, port in self._consumer_ports.items()}
        application = await asyncio.to_thread(
            HostApplication,
            self._contracts,
            make,
            recorder,
            consumer=self._consumer,
            consumer_ports=ports if len(ports) > 1 else None,
            patience=self._behaviour.patience,
        )
        self._application = application
        for contract in self._others:
            port = 0 if self._beside else self._beside_port
            server = server_for(
                contract, self._behaviour, recorder, self._consumer, host=self._host, port=port
            )
            self._beside[contract.id] = (contract, await stack.enter_async_context(server))
        seeds = SeedData(self._mocks, remembers=self._behaviour.stateful)
        self.begins_with = await asyncio.to_thread(seeds.load, self._seed_data)
        application.inspect = Inspection(application, self._beside, seeds)
        await stack.enter_async_context(
            serving(application, tuple(listeners.values()), name=f"mocks on port {self._port}")
        )
        if self._broker is not None:
            await self._play_on(self._broker, stack)
        stack.push_async_callback(_ended, asyncio.create_task(_examined(application)))
        stack.push_async_callback(_ended, asyncio.create_task(recorder.keep_writing()))

    async def _maker(
        self, stack: AsyncExitStack, recorder: CallRecorder
    ) -> Callable[[Contract, str], MockSurface]:
        if self._proxy is None:
            return lambda contract, consumer: surface_for(
                contract, self._behaviour, recorder, consumer
            )
        # needs an HTTP client, which no mock does
        from maestro.contracts.mocks.proxy import check_proxied, proxying  # noqa: PLC0415

        for contract in self._others:
            check_proxied(contract)
        made = proxying(self._proxy, self._behaviour, recorder)
        return await stack.enter_async_context(made)

    async def _play_on(self, broker: str, stack: AsyncExitStack) -> None:
        # what events need is loaded only by those who have any
        from maestro.contracts.mocks.events.broker_mock import BrokerMock  # noqa: PLC0415
        from maestro.contracts.mocks.events.brokers import connected  # noqa: PLC0415
        from maestro.contracts.mocks.events.surface import EventsSurface  # noqa: PLC0415

        surfaces = [one[0] for one in self.application.served().values()]
        stages = [one.stage for one in surfaces if isinstance(one, EventsSurface)]
        if not stages:
            raise InvalidInput("--broker is for AsyncAPI contracts, and there is none")
        for stage in stages:
            link = await connected(broker)
            stack.push_async_callback(link.close)
            mock = BrokerMock(stage, link)
            await stack.enter_async_context(mock.running())
            heard = ", ".join(served.template.path for served in mock.heard()) or "nothing"
            self.played.append(f"{stage.contract.id} on {without_password(broker)}, hears {heard}")

    def _mocks(self) -> Mapping[str, Sequence[object]]:
        """The mocks of each contract, one for every consumer."""
        beside = {name: (server,) for name, (_, server) in self._beside.items()}
        return {**self.application.served(), **beside}

    @property
    def application(self) -> HostApplication:
        """What answers; only while the context is open."""
        if self._application is None:
            raise InvalidInput("the mock server is not open; enter its context first")
        return self._application

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        """Without a path and without a slash at the end."""
        shown = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{shown}:{self._port}"

    def consumer_url(self, consumer: str) -> str:
        """Where a consumer with a port of its own calls."""
        shown = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{shown}:{self._consumer_ports.get(consumer, self._port)}"

    def addresses(self) -> list[tuple[Contract, str]]:
        """Every contract with the address at which it is served."""
        made = [
            (mount.contract, self.url + written(root))
            for mount in self.application.mounts
            for root in mount.roots
        ]
        beside = self._beside.values()
        return made + [(c, f"{self._host}:{server.port}") for c, server in beside]

    def calls(self, *, consumer: str | None = None) -> Sequence[RecordedCall]:
        """In the order in which they were answered; the last ones where there were very many."""
        return self._recorder.calls(consumer=consumer) if self._recorder else ()

    def seen(self) -> int:
        """How many calls there were in all."""
        return self._recorder.total if self._recorder else 0

    def notes(self) -> Sequence[str]:
        return self.application.notes()

    def reset(self, *, consumer: str | None = None) -> None:
        self.application.reset(consumer=consumer)
        for _, server in self._beside.values():
            server.reset()


async def run_mock_server(
    contracts: Sequence[Path | Contract],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    behaviour: MockBehaviour | None = None,
    record_to: Path | None = None,
    proxy: str | None = None,
    seed_data: Path | None = None,
    broker: str | None = None,
    tell: Callable[[str], None],
) -> None:
    """Serves until it is cancelled, telling a person line by line where and what.

    Raises:
        InvalidInput: a file or contract cannot be served, or the seed data do not fit.
        Conflict: the port is taken.
        SandboxFailed: the broker is gone.
        StorageUnavailable: not every call could be written to `record_to`.
    """
    paths = [entry for entry in contracts if isinstance(entry, Path)]
    read = iter(await asyncio.to_thread(read_contracts, paths))
    chosen = [next(read) if isinstance(entry, Path) else entry for entry in contracts]
    server = MockHost(
        chosen,
        host=host,
        port=port,
        behaviour=behaviour,
        record_to=record_to,
        proxy=proxy,
        seed_data=await read_seed_data(seed_data) if seed_data is not None else None,
        broker=broker,
    )
    async with server:
        for contract, address in server.addresses():
            tell(f"{contract.id} ({contract.kind.value}) at {address}")
        for name, count in server.begins_with.items():
            tell(f"{name} begins with {count} entries")
        for played in server.played:
            tell(played)
        tell(f"routes, calls, reset and specifications at {server.url}{INSPECTION}/")
        told: set[str] = set()
        while True:  # until cancelled
            for note in server.notes():
                if note not in told:
                    told.add(note)
                    tell(f"note: {note}")
            await asyncio.sleep(1.0)


async def _examined(application: HostApplication) -> None:
    """Looks at all of the contracts bit by bit; requests are answered in between."""
    for contract in [mount.contract.id for mount in application.mounts]:
        surface = application.surface(contract)
        parts: Iterator[str] = surface.examine() if isinstance(surface, NotingSurface) else iter(())
        for _ in parts:
            await asyncio.sleep(0)


async def _ended(task: asyncio.Task[None]) -> None:
    """Shows a failure of the task; only its own cancellation is what was wanted."""
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.result()
