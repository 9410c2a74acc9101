"""Sessions that break, servers that crash, commits whose answer gets lost: exact results."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import pytest
from postgres import PASSWORD, PostgresServer

from maestro.domain.run import EventKind, Run, RunStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import InvalidInput, StorageUnavailable
from maestro.ports import Store, Transaction
from maestro.storage.opening import open_store
from maestro.storage.postgres import PostgresStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FLOW = Workflow(name="flow", steps=(Step(id=StepId("a"), action="work"),))


async def begin(store: Store, *run_ids: str) -> None:
    for run_id in run_ids:
        run = Run(
            id=RunId(run_id),
            workflow="flow",
            status=RunStatus.RUNNING,
            inputs={},
            max_parallel=1,
            created_at=NOW,
        )
        await store.write(lambda tx, run=run: tx.runs.insert(run, FLOW))  # type: ignore[misc]


def tell(tx: Transaction, number: int, run_id: str = "run-1") -> int:
    event = tx.events.append(
        RunId(run_id),
        EventKind.STEP_PROGRESS,
        NOW,
        step_id=StepId("a"),
        attempt=1,
        data={"number": number},
    )
    return event.sequence


async def told(store: Store) -> dict[int, int]:
    """Sequence -> number."""
    events = await store.read(lambda tx: tx.events.after(RunId("run-1"), 0, 100_000))
    return {event.sequence: event.data["number"] for event in events}


class Load:
    """Writers and readers that go on until the crashes are over."""

    def __init__(self, stores: list[Store]) -> None:
        self._stores = stores
        self._over = asyncio.Event()
        self.answers: dict[int, int] = {}
        """Number -> the sequence that its writer was told."""

    async def run(self, crash: Callable[[], None], times: int) -> None:
        async with asyncio.TaskGroup() as group:
            for first in range(8):
                group.create_task(self._write(self._stores[first % 2], first))
            group.create_task(self._read(self._stores[1]))
            for _ in range(times):
                seen = len(self.answers)
                while len(self.answers) < seen + 20:
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(crash)
            self._over.set()

    async def _write(self, store: Store, first: int) -> None:
        number = first
        while not self._over.is_set():
            self.answers[number] = await store.write(partial(tell, number=number))
            number += 100

    async def _read(self, store: Store) -> None:
        last = 0
        while not self._over.is_set():
            count = len(await told(store))
            assert count >= last
            last = count


def test_a_server_that_crashes_under_load_loses_and_doubles_nothing(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async def play() -> None:
        stores = [await open_store(postgres_url, seal_key=b"seal") for _ in range(2)]
        await begin(stores[0], "run-1")
        load = Load(stores)
        await load.run(postgres_server.restart, times=5)
        kept = await told(stores[0])
        assert list(kept) == list(range(1, len(kept) + 1))
        assert kept == {sequence: number for number, sequence in load.answers.items()}
        for store in stores:
            await store.close()

    asyncio.run(play())


class CommitTrap:
    """Stands between a store and the server and breaks the connection at a COMMIT."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.sprung = 0
        self.armed = False
        self.forward = False
        """Whether the server still hears of the COMMIT."""
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        """Awaited after the COMMIT, before the connection breaks."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.create_task(self._pump(upstream, writer))
        try:
            while data := await reader.read(65536):
                if self.armed and b"COMMIT" in data:
                    self.armed = False
                    self.sprung += 1
                    back.cancel()
                    await self._spring(data, upstream, downstream)
                    break
                downstream.write(data)
                await downstream.drain()
        except OSError:
            pass
        finally:
            back.cancel()
            for end in (writer, downstream):
                end.close()

    async def _spring(
        self, data: bytes, upstream: asyncio.StreamReader, downstream: asyncio.StreamWriter
    ) -> None:
        if self.forward:
            downstream.write(data)
            await downstream.drain()
            assert await upstream.read(65536)  # it is committed; nobody else hears so
        if self.meanwhile is not None:
            await self.meanwhile()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
            sink.close()
        except OSError:
            sink.close()


@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("crash", [True, False])
def test_a_commit_whose_answer_is_lost_counts_once(
    postgres_server: PostgresServer, postgres_url: str, heard: bool, crash: bool
) -> None:
    """After a crash another store is first to write, and so gets the lost transaction's id."""
    trap = CommitTrap(postgres_server.port)

    async def play() -> None:
        direct = await open_store(postgres_url, seal_key=b"seal")
        await begin(direct, "run-1", "run-2")

        async def crashes() -> None:
            await asyncio.to_thread(postgres_server.restart)
            await direct.write(lambda tx: tell(tx, 0, "run-2"))

        async with trap.listening() as port:
            through = postgres_url.replace(f":{postgres_server.port}/", f":{port}/")
            store = await open_store(through, seal_key=b"seal")
            trap.forward = heard
            trap.meanwhile = crashes if crash else None
            for number in range(1, 4):
                trap.armed = True
                assert await store.write(partial(tell, number=number)) == number
            await store.close()
        assert trap.sprung == 3
        assert await told(direct) == {1: 1, 2: 2, 3: 3}
        await direct.close()

    asyncio.run(play())


def test_past_the_patience_it_is_unavailable_and_usable_when_it_is_back(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async def play() -> None:
        store = await open_store(postgres_url, patience_seconds=0.3, seal_key=b"seal")
        await begin(store, "run-1")
        await asyncio.to_thread(postgres_server.stop)
        try:
            for call in (store.write(lambda tx: tell(tx, 1)), told(store)):
                with pytest.raises(
                    StorageUnavailable, match="check that the server runs"
                ) as caught:
                    await call
                assert PASSWORD not in str(caught.value)
        finally:
            await asyncio.to_thread(postgres_server.start)
        await store.write(lambda tx: tell(tx, 2))
        assert await told(store) == {1: 2}
        await store.close()

    asyncio.run(play())


def test_closing_does_not_wait_for_a_server_that_is_away(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async def play() -> None:
        store = await open_store(postgres_url, patience_seconds=600.0, seal_key=b"seal")
        await begin(store, "run-1")
        await asyncio.to_thread(postgres_server.stop)
        try:
            write = asyncio.create_task(store.write(lambda tx: tell(tx, 1)))
            await asyncio.sleep(0)
            await asyncio.wait_for(store.close(), 30)
            with pytest.raises(StorageUnavailable):
                await write
        finally:
            await asyncio.to_thread(postgres_server.start)

    asyncio.run(play())


def test_transactions_that_block_each_other_both_go_through(postgres_url: str) -> None:
    met = threading.Barrier(2, timeout=30)
    tries: list[str] = []

    def crosswise(first: str, second: str) -> Callable[[Transaction], None]:
        def change(tx: Transaction) -> None:
            tries.append(first)
            tell(tx, 1, first)
            if tries.count(first) == 1:
                met.wait()
            tell(tx, 2, second)

        return change

    async def play() -> None:
        stores = [await open_store(postgres_url, seal_key=b"seal") for _ in range(2)]
        await begin(stores[0], "run-1", "run-2")
        await asyncio.gather(
            stores[0].write(crosswise("run-1", "run-2")),
            stores[1].write(crosswise("run-2", "run-1")),
        )
        assert len(tries) > 2
        for run_id in ("run-1", "run-2"):
            events = await stores[0].read(lambda tx, r=run_id: tx.events.after(RunId(r), 0))  # type: ignore[misc]
            assert [event.sequence for event in events] == [1, 2]
        for store in stores:
            await store.close()

    asyncio.run(play())


def test_readers_cannot_write(postgres_url: str) -> None:
    async def play() -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        await begin(store, "run-1")
        try:
            with pytest.raises(StorageUnavailable, match="read-only transaction"):
                await store.read(lambda tx: tell(tx, 1))
            assert await told(store) == {}
        finally:
            await store.close()

    asyncio.run(play())


def test_a_query_that_raises_leaves_a_usable_reader(postgres_url: str) -> None:
    async def play() -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        await begin(store, "run-1")

        def break_off(tx: Transaction) -> None:
            tx.runs.recent(1)
            raise ValueError("no")

        for _ in range(8):
            with pytest.raises(ValueError, match="no"):
                await store.read(break_off)
            assert await told(store) == {}
        await store.close()

    asyncio.run(play())


def test_a_value_that_postgresql_cannot_hold_is_the_callers(postgres_url: str) -> None:
    async def play() -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        try:
            with pytest.raises(InvalidInput, match="NUL"):
                await begin(store, "run-\0")
            await begin(store, "run-1")
        finally:
            await store.close()

    asyncio.run(play())


def test_concurrent_writes_share_commits(postgres_url: str) -> None:
    async def play() -> int:
        store = await PostgresStore.open(postgres_url, seal_key=b"seal")
        await begin(store, "run-1")
        before = store.commits
        sequences = await asyncio.gather(
            *(store.write(partial(tell, number=n)) for n in range(200))
        )
        assert sorted(sequences) == list(range(1, 201))
        shared = store.commits - before
        await store.close()
        return shared

    assert asyncio.run(play()) < 50
