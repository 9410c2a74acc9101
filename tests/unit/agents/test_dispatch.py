"""The dispatcher on a real registry: capacity, queues, re-routing, circuits, measures."""

import asyncio
import gc
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from engine_bench import step
from team import (
    NO_SANDBOX,
    NOW,
    FakeExecutor,
    FixedTimeExecutor,
    an_agent,
    an_assignment,
    no_report,
    team,
)

from maestro.agents.breaker import COOLING_SECONDS, FAILURES
from maestro.agents.dispatch import Dispatcher
from maestro.domain.agent import PRIOR_SUCCESS, AgentState
from maestro.domain.run import EventKind
from maestro.domain.values import JsonValue, RunId, StepId
from maestro.domain.work import Budget, WorkResult
from maestro.errors import ModelFailed, NoAgentAvailable, StepFailed, StepTimedOut
from maestro.ports import StepContext, StepResult, Store
from maestro.workflow.attempt import AttemptEnd, run_attempt
from maestro.workflow.time_limits import TimeLimits


def test_no_more_than_the_capacity_at_once_and_places_come_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        executor = FakeExecutor()
        async with team(tmp_path, {"fixed": executor}, [an_agent("a", capacity=2)]) as (
            road,
            told,
            _,
        ):
            async with asyncio.TaskGroup() as group:
                for _ in range(5):
                    group.create_task(road.execute(an_assignment(), NO_SANDBOX, no_report))
                for _ in range(2):
                    await executor.started.acquire()
                seen = road.snapshot()
                assert (seen.agents[0].in_hand, seen.agents[0].given) == (2, 2)
                executor.let_go.set()
            assert executor.most == 2
            done = road.snapshot()
            assert (done.totals.given, done.totals.succeeded, done.agents[0].in_hand) == (5, 5, 0)
            assert done.queues == ()
            _, kind, data = told.told[0]
            assert kind is EventKind.AGENT_CHOSEN
            assert set(data) == {
                "persona",
                "agent",
                "executor",
                "score",
                "factors",
                "fallbacks",
                "excluded",
                "reason",
                "waited_seconds",
            }

    asyncio.run(scenario())


def test_a_place_is_given_back_after_an_error_and_the_failure_is_measured(tmp_path: Path) -> None:
    async def scenario() -> None:
        executor = FakeExecutor(StepFailed("broke"))
        executor.let_go.set()
        async with team(tmp_path, {"fixed": executor}, [an_agent("a")]) as (road, _, store):
            for _ in range(2):
                with pytest.raises(StepFailed, match="broke"):
                    await road.execute(an_assignment(), NO_SANDBOX, no_report)
            record = await store.read(lambda tx: tx.agents.get("a"))
            assert (record.failed, record.done) == (2, 0)
            assert 0 < record.success < PRIOR_SUCCESS
            assert road.snapshot().totals.failed == 2

    asyncio.run(scenario())


def test_what_nobody_can_do_fails_at_once_although_others_wait(tmp_path: Path) -> None:
    async def scenario() -> None:
        executor = FakeExecutor()
        agents = [an_agent("a"), an_agent("gone", state=AgentState.DRAINING)]
        async with team(tmp_path, {"fixed": executor}, agents) as (road, told, _):
            async with asyncio.TaskGroup() as group:
                for _ in range(2):
                    group.create_task(road.execute(an_assignment(), NO_SANDBOX, no_report))
                await executor.started.acquire()
                with pytest.raises(NoAgentAvailable, match="'technical_writer'"):
                    await road.execute(an_assignment("technical_writer"), NO_SANDBOX, no_report)
                executor.let_go.set()
            assert road.snapshot().totals.refused == 1
            assert set(told.chosen()) == {"a"}

    asyncio.run(scenario())


def test_an_agent_that_failed_at_it_is_asked_again_only_when_nobody_else_can(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        executor = FixedTimeExecutor(0)
        agents = [an_agent("a"), an_agent("b")]
        async with team(tmp_path, {"fixed": executor}, agents) as (road, told, _):
            for failed in (("a",), ("b",), ("a", "b")):
                work = an_assignment(failed_agents=failed)
                await road.execute(work, NO_SANDBOX, no_report)
            assert told.chosen()[:2] == ["b", "a"]
            assert "everybody who can has failed at this" in told.told[2][2]["reason"]
            assert road.snapshot().totals.rerouted == 2

    asyncio.run(scenario())


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_agent_that_keeps_breaking_is_left_alone_and_tried_again_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        watch, broken, fine = Watch(), FakeExecutor(ModelFailed("no answer")), FixedTimeExecutor(0)
        broken.let_go.set()
        agents = [
            an_agent("a", executor="broken", skills=("rest",)),
            an_agent("b"),
        ]
        executors = {"broken": broken, "fixed": fine}
        work = an_assignment(requirement="a REST API")
        async with team(tmp_path, executors, agents, now=watch) as (road, told, _):
            for _ in range(FAILURES):
                with pytest.raises(ModelFailed):
                    await road.execute(work, NO_SANDBOX, no_report)
            suspended = [data for _, kind, data in told.told if kind is EventKind.AGENT_SUSPENDED]
            assert [data["circuit"] for data in suspended] == ["agent:a", "provider:broken"]
            assert road.snapshot().suspended == ("agent:a", "provider:broken")
            await road.execute(work, NO_SANDBOX, no_report)
            assert told.chosen()[-1] == "b"
            watch.now += COOLING_SECONDS
            broken.error = None
            await road.execute(work, NO_SANDBOX, no_report)
            assert told.chosen()[-1] == "a"
            assert road.snapshot().suspended == ()

    asyncio.run(scenario())


def test_a_provider_that_breaks_takes_all_its_agents_along(tmp_path: Path) -> None:
    async def scenario() -> None:
        executor = FakeExecutor(ModelFailed("529"))
        executor.let_go.set()
        agents = [
            an_agent(name, executor="llm", model="anthropic:m", skills=("rest",)) for name in "abc"
        ]
        agents.append(an_agent("z"))
        executors = {"llm": executor, "fixed": FixedTimeExecutor(0)}
        work = an_assignment(requirement="a REST API")
        async with team(tmp_path, executors, agents) as (road, told, _):
            for _ in range(FAILURES):
                with pytest.raises(ModelFailed):
                    await road.execute(work, NO_SANDBOX, no_report)
            assert road.snapshot().suspended == ("provider:anthropic",)
            await road.execute(work, NO_SANDBOX, no_report)
            assert Counter(told.chosen()) == {"a": 1, "b": 1, "c": 1, "z": 1}

    asyncio.run(scenario())


def test_an_assignment_that_used_up_its_time_counts_as_failed(tmp_path: Path) -> None:
    async def scenario() -> None:
        executor, watch = FakeExecutor(), Watch()
        async with team(tmp_path, {"fixed": executor}, [an_agent("a")], now=watch) as (
            road,
            _,
            store,
        ):
            for late in (False, True):
                work = an_assignment(budget=Budget(wall_seconds=60))
                task = asyncio.create_task(road.execute(work, NO_SANDBOX, no_report))
                await executor.started.acquire()
                watch.now += 60.0 * late
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                record = await store.read(lambda tx: tx.agents.get("a"))
                assert record.failed == int(late)

    asyncio.run(scenario())


async def no_event(kind: EventKind, data: Mapping[str, JsonValue]) -> None:
    return None


def a_context(limit: float) -> StepContext:
    return StepContext(
        run_id=RunId("run-1"),
        step=step("a", timeout_seconds=limit),
        attempt=1,
        run_inputs={},
        outputs={},
        emit=no_event,
    )


def test_an_agent_that_hangs_until_the_steps_limit_has_failed(tmp_path: Path) -> None:
    """The limit is the whole step's, and began before the assignment was at the agent."""
    limit = 1.0

    async def scenario() -> AttemptEnd:
        agents = [an_agent("a")]
        async with team(tmp_path, {"fixed": FakeExecutor()}, agents) as (road, _, store):

            async def work(context: StepContext) -> StepResult:
                budget = Budget(wall_seconds=context.step.timeout_seconds)
                await road.execute(an_assignment(budget=budget), NO_SANDBOX, no_report)
                return StepResult()

            end = await run_attempt(work, a_context(limit), TimeLimits())
            record = await store.read(lambda tx: tx.agents.get("a"))
            assert (record.failed, road.snapshot().totals.failed) == (1, 1)
            return end

    error = asyncio.run(scenario()).error
    assert error is not None
    assert error.code == StepTimedOut.code


def test_time_that_went_by_in_the_queue_is_nobodys_failure(tmp_path: Path) -> None:
    async def scenario() -> None:
        executor, watch = FakeExecutor(), Watch()
        async with team(tmp_path, {"fixed": executor}, [an_agent("a")], now=watch) as (
            road,
            _,
            store,
        ):
            work = an_assignment(budget=Budget(wall_seconds=60))
            first = asyncio.create_task(road.execute(work, NO_SANDBOX, no_report))
            await executor.started.acquire()
            second = asyncio.create_task(road.execute(work, NO_SANDBOX, no_report))
            while not road.snapshot().queues:
                await asyncio.sleep(0)
            watch.now += 50.0
            executor.let_go.set()
            await first
            executor.let_go.clear()
            await executor.started.acquire()
            watch.now += 10.0
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            assert (await store.read(lambda tx: tx.agents.get("a"))).failed == 0

    asyncio.run(scenario())


def test_what_waits_for_one_agent_does_not_hold_back_what_another_one_can_do(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        held = FakeExecutor()
        executors = {"held": held, "fixed": FixedTimeExecutor(0)}
        agents = [an_agent("a", executor="held"), an_agent("b")]
        async with team(tmp_path, executors, agents) as (road, told, _):
            async with asyncio.TaskGroup() as group:
                only_a = an_assignment(failed_agents=("b",))
                for _ in range(2):  # one at work, one in the queue
                    group.create_task(road.execute(only_a, NO_SANDBOX, no_report))
                await held.started.acquire()
                while not [queue for queue in road.snapshot().queues if queue.left_out == ("b",)]:
                    await asyncio.sleep(0)
                async with asyncio.timeout(20):
                    await road.execute(an_assignment(), NO_SANDBOX, no_report)
                assert told.chosen() == ["a", "b"]
                held.let_go.set()

    asyncio.run(scenario())


def test_twenty_similar_assignments_are_spread_evenly(tmp_path: Path) -> None:
    async def scenario() -> Counter[str]:
        agents = [an_agent(name) for name in ("a", "b", "c", "d", "e", "f")]
        async with team(tmp_path, {"fixed": FixedTimeExecutor(0.01)}, agents) as (road, told, _):
            async with asyncio.TaskGroup() as group:
                for _ in range(20):
                    group.create_task(road.execute(an_assignment(), NO_SANDBOX, no_report))
            return Counter(told.chosen())

    shares = asyncio.run(scenario())
    assert sum(shares.values()) == 20
    assert max(shares.values()) - min(shares.values()) <= 1
    assert len(shares) == 6


@pytest.mark.parametrize("number", [1, 5, 20, 50])
def test_a_thousand_queued_assignments_none_lost_none_doubled(tmp_path: Path, number: int) -> None:
    executor = FixedTimeExecutor(0)

    async def scenario() -> Dispatcher:
        agents = [an_agent(f"a{n}") for n in range(number)]
        async with team(tmp_path, {"fixed": executor}, agents, queue_places=50) as (road, told, _):
            most = 0

            async def one(step: int) -> WorkResult:
                nonlocal most
                work = an_assignment(step_id=StepId(f"s{step}"))
                result = await road.execute(work, NO_SANDBOX, no_report)
                most = max(most, sum(load.in_hand for load in road.snapshot().agents))
                return result

            results = await asyncio.gather(*(one(step) for step in range(1000)))
            assert {result.summary for result in results} == {f"s{n}" for n in range(1000)}
            assert most <= number
            seen = Counter(told.chosen())
            assert max(seen.values()) - min(seen.values()) <= 1
            return road

    road = asyncio.run(scenario())
    assert Counter(executor.done) == Counter({StepId(f"s{n}"): 1 for n in range(1000)})
    assert road.snapshot().queues == ()  # nothing is kept of what has ended


def test_a_thousand_queued_assignments_take_little_memory_and_give_it_back(tmp_path: Path) -> None:
    executor = FakeExecutor()

    async def scenario() -> None:
        async with team(tmp_path, {"fixed": executor}, [an_agent("a")]) as (road, _, _store):
            work = an_assignment()
            tracemalloc.start()
            async with asyncio.TaskGroup() as group:
                for _ in range(1000):
                    group.create_task(road.execute(work, NO_SANDBOX, no_report))
                while sum(queue.waiting for queue in road.snapshot().queues) < 999:
                    await asyncio.sleep(0.01)
                queued, _peak = tracemalloc.get_traced_memory()
                executor.let_go.set()
            del group
            gc.collect()
            left, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert queued < 10_000_000  # some 10 kB each, the task that waits included
        assert peak < 20_000_000
        assert left < 2_000_000

    asyncio.run(scenario())


def test_an_agent_that_joins_meanwhile_takes_what_waits(tmp_path: Path) -> None:
    async def scenario() -> None:
        executor = FakeExecutor()
        async with team(tmp_path, {"fixed": executor}, [an_agent("a")]) as (road, told, store):
            async with asyncio.TaskGroup() as group:
                for _ in range(2):
                    group.create_task(road.execute(an_assignment(), NO_SANDBOX, no_report))
                await executor.started.acquire()
                await joined(store)
                await executor.started.acquire()
                executor.let_go.set()
            assert sorted(told.chosen()) == ["a", "b"]

    async def joined(store: Store) -> None:
        await store.write(lambda tx: tx.agents.insert(an_agent("b"), NOW))

    asyncio.run(scenario())
