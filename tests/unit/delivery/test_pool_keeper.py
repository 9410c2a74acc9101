"""Keepers of one pool on one database, with fake worker processes that join the real registry."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from team import NOW

from maestro.delivery.pool_keeper import START_SECONDS, STEADY_SECONDS, KeeperSettings, PoolKeeper
from maestro.domain.agent import Agent, AgentState
from maestro.domain.pool import Pool, PoolEvent, PoolEventKind
from maestro.errors import StorageUnavailable
from maestro.ports import Store
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock

LEASE = 30.0
POOL = Pool(capability="build", personas=("backend_developer",), min=3, max=3)


class FakeWorker:
    """Test double at the WorkerProcess port."""

    def __init__(self, process_id: int) -> None:
        self.process_id: int | None = process_id
        self.over = asyncio.Event()
        self.code = 0
        self.deaf = False

    async def ended(self) -> int:
        await self.over.wait()
        return self.code

    def leave(self) -> None:
        if not self.deaf:
            self.over.set()

    def die(self) -> None:
        self.code = 137
        self.over.set()

    def last_words(self) -> str:
        return "" if self.code == 0 else "no such luck"


class FakeWorkers:
    """Test double: starts processes that are none; those that are born alive join the registry."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.alive: dict[str, FakeWorker] = {}
        self.most = 0
        self.started = 0
        self.stillborn = False
        self.silent = False

    @asynccontextmanager
    async def start(self, agent: Agent) -> AsyncIterator[FakeWorker]:
        self.started += 1
        worker = FakeWorker(1_000_000 + self.started)
        assert agent.id not in self.alive
        self.alive[agent.id] = worker
        self.most = max(self.most, len(self.alive))
        try:
            if self.stillborn:
                worker.die()
            elif not self.silent:
                home = f"{socket.gethostname()}:{worker.process_id}"
                living = replace(agent, home=home)
                await self.store.write(lambda tx: tx.agents.join(living, NOW, LEASE))
            yield worker
        finally:
            del self.alive[agent.id]


class FakeTime:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeOutage:
    """Test double at the Store port: the store, unless it is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.away = False
        self.refused = asyncio.Event()
        self.reads = 0

    async def write(self, change: Callable[[Any], Any]) -> Any:
        self._reach()
        return await self._store.write(change)

    async def read(self, query: Callable[[Any], Any]) -> Any:
        self._reach()
        self.reads += 1
        return await self._store.read(query)

    def _reach(self) -> None:
        if self.away:
            self.refused.set()
            raise StorageUnavailable("no connection")


class Stage:
    """A store with fake workers, and keepers that are run on it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.workers = FakeWorkers(store)
        self.time = FakeTime()
        self.told: list[str] = []
        self.keeps: Any = store
        """What keepers work on."""

    @asynccontextmanager
    async def kept(self, name: str, pool: Pool = POOL) -> AsyncIterator[asyncio.Event]:
        settings = KeeperSettings(
            name=name, lease_seconds=LEASE, grace_seconds=1.0, look_seconds=0.01
        )
        keeper = PoolKeeper(
            self.keeps,
            SystemClock(),
            pool,
            settings,
            start=self.workers.start,
            tell=self.told.append,
            now=self.time,
        )
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(keeper.run(stop))
            yield stop
            stop.set()

    async def events(self, kind: PoolEventKind) -> list[PoolEvent]:
        found = await self.store.read(lambda tx: tx.agents.pools.events(1000))
        return [event for event in reversed(found) if event.kind is kind]

    async def drain(self, agent_id: str) -> None:
        agent = (await self.store.read(lambda tx: tx.agents.get(agent_id))).agent
        drained = replace(agent, state=AgentState.DRAINING)
        await self.store.write(lambda tx: tx.agents.update(drained))

    async def seen(self, kind: PoolEventKind, times: int) -> list[PoolEvent]:
        async with asyncio.timeout(30):
            while len(found := await self.events(kind)) < times:
                await asyncio.sleep(0.01)
        return found


def staged(tmp_path: Path, play: Callable[[Stage], Awaitable[None]]) -> None:
    async def scenario() -> None:
        store = await open_store(tmp_path / "pool.db", seal_key=b"seal")
        try:
            await play(Stage(store))
        finally:
            await store.close()

    asyncio.run(scenario())


def test_two_keepers_never_have_more_agents_than_one_and_the_second_takes_over(
    tmp_path: Path,
) -> None:
    async def play(stage: Stage) -> None:
        async with stage.kept("one") as first, stage.kept("two"):
            await stage.seen(PoolEventKind.AGENT_READY, 3)
            assert any("kept by one; standing by" in line for line in stage.told)
            first.set()
            await stage.seen(PoolEventKind.AGENT_READY, 6)
            (record,) = await stage.store.read(lambda tx: tx.agents.pools.all())
            assert (record.keeper, record.kept, record.agents) == ("two", True, 3)
        assert (stage.workers.most, stage.workers.alive) == (3, {})
        (record,) = await stage.store.read(lambda tx: tx.agents.pools.all())
        assert (record.started, record.ended, record.lost) == (6, 6, 0)
        assert (record.kept, record.agents) == (False, 0)

    staged(tmp_path, play)


def test_a_worker_that_dies_is_told_of_and_replaced_after_a_wait(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        async with stage.kept("one"):
            await stage.seen(PoolEventKind.AGENT_READY, 3)
            stage.workers.alive["build-2"].die()
            (lost,) = await stage.seen(PoolEventKind.AGENT_LOST, 1)
            assert lost.agent == "build-2"
            assert lost.data == {
                "exit_code": 137,
                "reason": "its process ended with status 137: no such luck",
                "retry_seconds": 1.0,
            }
            (record,) = await stage.store.read(lambda tx: tx.agents.pools.all())
            assert (record.lost, "no such luck" in record.trouble) == (1, True)
            assert stage.workers.started == 3
            stage.time.now += 1.0
            await stage.seen(PoolEventKind.AGENT_READY, 4)
            (record,) = await stage.store.read(lambda tx: tx.agents.pools.all())
            assert record.trouble == ""

    staged(tmp_path, play)


def test_starts_that_fail_are_backed_off_and_seen(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.workers.stillborn = True
        async with stage.kept("one", replace(POOL, min=1)):
            for failures in range(1, 5):
                found = await stage.seen(PoolEventKind.START_FAILED, failures)
                assert stage.workers.started == failures
                stage.time.now += 2 ** (failures - 1)
            assert [event.data["retry_seconds"] for event in found] == [1.0, 2.0, 4.0, 8.0]
            (record,) = await stage.store.read(lambda tx: tx.agents.pools.all())
            assert (record.agents, "no such luck" in record.trouble) == (0, True)

    staged(tmp_path, play)


def test_a_worker_that_never_joins_is_ended(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.workers.silent = True
        async with stage.kept("one", replace(POOL, min=1)):
            await stage.seen(PoolEventKind.AGENT_STARTED, 1)
            stage.time.now += START_SECONDS + 1
            (failed,) = await stage.seen(PoolEventKind.START_FAILED, 1)
            assert failed.data["reason"] == "it did not join the registry within 60 s"
            assert stage.workers.alive == {}

    staged(tmp_path, play)


def test_one_that_gives_no_sign_any_more_is_ended_and_replaced(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        async with stage.kept("one"):
            await stage.seen(PoolEventKind.AGENT_READY, 3)
            home = f"{socket.gethostname()}:{stage.workers.alive['build-1'].process_id}"
            await stage.store.write(lambda tx: tx.agents.beat("build-1", home, -1.0))
            (lost,) = await stage.seen(PoolEventKind.AGENT_LOST, 1)
            assert (lost.agent, lost.data["reason"]) == (
                "build-1",
                "it gave no sign within its lease",
            )
            stage.time.now += 1.0
            await stage.seen(PoolEventKind.AGENT_READY, 4)

    staged(tmp_path, play)


def test_one_that_a_person_drained_is_ended_and_replaced(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        async with stage.kept("one", replace(POOL, min=2)):
            await stage.seen(PoolEventKind.AGENT_READY, 2)
            await stage.drain("build-1")
            ready = await stage.seen(PoolEventKind.AGENT_READY, 3)
            assert ready[-1].agent == "build-3"
            stage.time.now += LEASE
            (ended,) = await stage.seen(PoolEventKind.AGENT_ENDED, 1)
            assert (ended.agent, ended.data["reason"]) == ("build-1", "it was drained")
            assert set(stage.workers.alive) == {"build-2", "build-3"}

    staged(tmp_path, play)


def test_one_that_works_well_does_not_end_the_backoff_of_others(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        async with stage.kept("one", replace(POOL, min=2)):
            await stage.seen(PoolEventKind.AGENT_READY, 2)
            stage.time.now += STEADY_SECONDS + 1
            stage.workers.stillborn = True
            stage.workers.alive["build-2"].die()
            await stage.seen(PoolEventKind.AGENT_LOST, 1)
            stage.time.now += 1
            await stage.seen(PoolEventKind.START_FAILED, 1)
            stage.time.now += 2
            failed = await stage.seen(PoolEventKind.START_FAILED, 2)
            assert [event.data["retry_seconds"] for event in failed] == [2.0, 4.0]

    staged(tmp_path, play)


def test_one_that_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        async with stage.kept("one", replace(POOL, min=1, max=1)):
            await stage.seen(PoolEventKind.AGENT_READY, 1)
            deaf = stage.workers.alive["build-1"]
            deaf.deaf = True
            await stage.drain("build-1")
            async with asyncio.timeout(30):
                while stage.workers.alive.get("build-1") is deaf:
                    stage.time.now += LEASE
                    await asyncio.sleep(0.01)
            (ended,) = await stage.seen(PoolEventKind.AGENT_ENDED, 1)
            told = "it was drained; killed, as it did not end within 6 s"
            assert (ended.agent, ended.data["reason"]) == ("build-1", told)

    staged(tmp_path, play)


def test_while_the_database_is_away_nobody_is_taken_for_hung(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        away = FakeOutage(stage.store)
        stage.keeps = away
        async with stage.kept("one", replace(POOL, min=1)):
            await stage.seen(PoolEventKind.AGENT_READY, 1)
            away.away = True
            home = f"{socket.gethostname()}:{stage.workers.alive['build-1'].process_id}"
            await stage.store.write(lambda tx: tx.agents.beat("build-1", home, -1.0))
            await away.refused.wait()
            away.away = False
            before = away.reads
            async with asyncio.timeout(30):
                while away.reads < before + 3:
                    await asyncio.sleep(0.01)
            assert await stage.events(PoolEventKind.AGENT_LOST) == []
            stage.time.now += LEASE
            (lost,) = await stage.seen(PoolEventKind.AGENT_LOST, 1)
            assert lost.data["reason"] == "it gave no sign within its lease"

    staged(tmp_path, play)
