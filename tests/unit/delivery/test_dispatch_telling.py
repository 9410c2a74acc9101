"""What a dispatcher does stands in the store while it does it; its counts stay."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from team import (
    NO_SANDBOX,
    FakeExecutor,
    an_agent,
    an_assignment,
    no_report,
    team,
)

from maestro.agents.dispatch import Dispatcher
from maestro.delivery.dispatch_telling import ToldDispatch
from maestro.domain.dispatching import DispatchOverview, DispatchTotals
from maestro.errors import AgentFailed, NoAgentAvailable
from maestro.ports import Store
from maestro.workflow.clock import SystemClock


async def overview(store: Store) -> DispatchOverview:
    return await store.read(lambda tx: tx.agents.dispatchers.overview())


async def seen(store: Store, enough: Callable[[DispatchOverview], bool]) -> DispatchOverview:
    async with asyncio.timeout(30):
        while not enough(found := await overview(store)):
            await asyncio.sleep(0.02)
    return found


def test_load_queue_and_wait_are_seen_and_gone_with_the_work(tmp_path: Path) -> None:
    async def scenario() -> None:
        executor = FakeExecutor()
        async with team(tmp_path, {"fixed": executor}, [an_agent("a")]) as (road, _, store):
            told = ToldDispatch(road, store, SystemClock(), "host:1", 30.0)
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(told.execute(an_assignment(), NO_SANDBOX, no_report))
                await executor.started.acquire()
                found = await seen(
                    store,
                    lambda one: any(
                        queue.waiting == 2 for p in one.processes for queue in p.snapshot.queues
                    ),
                )
                (process,) = found.processes
                assert process.process == "host:1"
                (load,), (queue,) = process.snapshot.agents, process.snapshot.queues
                assert (load.agent, load.in_hand) == ("a", 1)
                assert (queue.persona, queue.waiting) == ("backend_developer", 2)
                assert queue.oldest_seconds >= 0
                executor.let_go.set()
            done = await overview(store)
            assert done.processes == ()
            totals = done.totals
            assert (totals.given, totals.succeeded, totals.failed) == (3, 3, 0)
            assert totals.waited_seconds > 0

    asyncio.run(scenario())


class FakeSlowAnswer:
    """Test double at the Store port: commits, and the answer to the first write is held back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.committed = asyncio.Event()
        self.answer = asyncio.Event()

    async def write(self, change: Callable[[Any], Any]) -> Any:
        result = await self._store.write(change)
        if not self.committed.is_set():
            self.committed.set()
            await self.answer.wait()
        return result


def test_what_was_committed_is_not_counted_again_when_the_work_ends_meanwhile(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        executor = FakeExecutor()
        async with team(tmp_path, {"fixed": executor}, [an_agent("a")]) as (road, _, store):
            slow: Any = FakeSlowAnswer(store)
            told = ToldDispatch(road, slow, SystemClock(), "host:1", 30.0)
            async with asyncio.timeout(30), asyncio.TaskGroup() as group:
                work = group.create_task(told.execute(an_assignment(), NO_SANDBOX, no_report))
                await slow.committed.wait()
                executor.let_go.set()
                while road.snapshot().totals.succeeded == 0:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0)  # the work has ended, and what it was is being told
                slow.answer.set()
                await work
            found = await overview(store)
            assert (found.totals.given, found.totals.succeeded) == (1, 1)
            assert found.processes == ()

    asyncio.run(scenario())


def test_counts_of_several_processes_add_up_and_circuits_are_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        broken = FakeExecutor(AgentFailed("no"))
        broken.let_go.set()
        async with team(tmp_path, {"fixed": broken}, [an_agent("a")]) as (_, announced, store):
            for name in ("host:1", "host:2"):
                road = Dispatcher(store, {"fixed": broken}, announce=announced)
                told = ToldDispatch(road, store, SystemClock(), name, 30.0)
                for _ in range(2):
                    with pytest.raises(AgentFailed):
                        await told.execute(an_assignment(), NO_SANDBOX, no_report)
                with pytest.raises(NoAgentAvailable):
                    await told.execute(an_assignment("qa_engineer"), NO_SANDBOX, no_report)
            found = await overview(store)
            assert found.totals == DispatchTotals(
                given=4, failed=4, refused=2, waited_seconds=found.totals.waited_seconds
            )
            circuits = road.snapshot().circuits
            assert [(one.name, one.state, one.failures) for one in circuits] == [
                ("agent:a", "closed", 2),
                ("provider:fixed", "closed", 2),
            ]

    asyncio.run(scenario())
