"""The embedded engine when its surroundings fail: store gone, process told to stop, time passed."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from maestro.domain.run import EventKind, RunStatus, StepRun, StepStatus
from maestro.domain.steering import Steering, Verb
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import RetryPolicy, Step, Workflow
from maestro.errors import (
    Conflict,
    InvalidInput,
    SchemaMismatch,
    StepFailed,
    StorageUnavailable,
)
from maestro.ports import StepContext, StepHandler, StepResult
from maestro.storage.sqlite import SqliteStore
from maestro.workflow.embedded import EmbeddedEngine

RUN = RunId("run-1")


def asking(verb: Verb, step: str | None = None, **rest: Any) -> Steering:
    return Steering(verb=verb, by="ada", step_id=None if step is None else StepId(step), **rest)


MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """Stands still; a sleep lasts until the test moves the hands, and is noted."""

    def __init__(self, now: datetime = MIDNIGHT) -> None:
        self.hands = now
        self.slept: list[float] = []
        self.asleep = asyncio.Event()
        self.ring = asyncio.Event()

    def now(self) -> datetime:
        return self.hands

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.asleep.set()
        await self.ring.wait()


def engine_on(
    store: SqliteStore, handlers: Mapping[str, StepHandler], clock: FakeClock | None = None
) -> EmbeddedEngine:
    return EmbeddedEngine(store, clock or FakeClock(), handlers, poll_seconds=0.02)


def with_store(folder: Path, scenario: Callable[[SqliteStore], Awaitable[None]]) -> None:
    async def main() -> None:
        store = await SqliteStore.open(folder / "maestro.db", seal_key=b"seal")
        try:
            await scenario(store)
        finally:
            await store.close()

    asyncio.run(main())


async def begin(engine: EmbeddedEngine, *steps: Step, max_parallel: int = 4) -> None:
    flow = Workflow(name="flow", steps=steps)
    await engine.start(flow, inputs={}, max_parallel=max_parallel, run_id=RUN)


async def rows(store: SqliteStore) -> dict[str, StepRun]:
    return {row.step_id: row for row in await store.read(lambda tx: tx.runs.steps(RUN))}


def step(name: str, *needs: str, action: str = "work", **rest: object) -> Step:
    return Step(id=StepId(name), action=action, needs=tuple(map(StepId, needs)), **rest)  # type: ignore[arg-type]


async def work(context: StepContext) -> StepResult:
    return StepResult(output=context.attempt)


class Waiting:
    """A handler that waits for ever and notes how it was ended."""

    def __init__(self) -> None:
        self.inside = asyncio.Event()
        self.ended = 0

    async def __call__(self, context: StepContext) -> StepResult:
        self.inside.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1
        return StepResult()


def test_an_unavailable_store_ends_the_execution_and_its_handlers(tmp_path: Path) -> None:
    waiting = Waiting()

    async def scenario(store: SqliteStore) -> None:
        async def closes(context: StepContext) -> StepResult:
            await waiting.inside.wait()
            await store.close()
            return StepResult()

        engine = engine_on(store, {"work": waiting, "close": closes})
        await begin(engine, step("a"), step("b", action="close"))
        with pytest.raises(StorageUnavailable, match="closed"):
            await engine.execute(RUN)
        assert waiting.ended == 1

    with_store(tmp_path, scenario)


def test_a_stopped_execution_ends_its_handlers_and_goes_on_as_the_next_attempt(
    tmp_path: Path,
) -> None:
    waiting = Waiting()
    patient = RetryPolicy(max_attempts=2)

    async def scenario(store: SqliteStore) -> None:
        engine = engine_on(store, {"work": waiting})
        await begin(engine, step("a", retry=patient))
        execution = asyncio.create_task(engine.execute(RUN))
        await waiting.inside.wait()
        with pytest.raises(Conflict, match="is being executed by process"):
            await engine.execute(RUN)
        execution.cancel()
        with pytest.raises(asyncio.CancelledError):
            await execution
        assert waiting.ended == 1
        assert (await rows(store))["a"].status is StepStatus.RUNNING
        run = await engine_on(store, {"work": work}).execute(RUN)
        assert run.status is RunStatus.SUCCEEDED
        assert (await rows(store))["a"].output == 2
        [resumed] = [
            event
            for event in await store.read(lambda tx: tx.events.after(RUN, 0))
            if event.kind is EventKind.RUN_RESUMED
        ]
        assert resumed.data == {"interrupted": ["a"]}

    with_store(tmp_path, scenario)


def test_an_interrupted_rework_still_gets_the_feedback_it_was_answering(tmp_path: Path) -> None:
    waiting = Waiting()
    feedback: list[tuple[str, ...]] = []

    async def scenario(store: SqliteStore) -> None:
        async def reworks(context: StepContext) -> StepResult:
            feedback.append(context.feedback)
            if context.attempt == 1:
                raise StepFailed("the check 'x' failed")
            return await (waiting if context.attempt == 2 else work)(context)

        clock = FakeClock()
        clock.ring.set()
        engine = engine_on(store, {"work": reworks}, clock)
        await begin(engine, step("a", retry=RetryPolicy(max_attempts=3)))
        execution = asyncio.create_task(engine.execute(RUN))
        await waiting.inside.wait()
        execution.cancel()
        with pytest.raises(asyncio.CancelledError):
            await execution
        assert (await engine.execute(RUN)).status is RunStatus.SUCCEEDED

    with_store(tmp_path, scenario)
    assert feedback == [(), ("the check 'x' failed",), ("the check 'x' failed",)]


def test_a_waiting_retry_keeps_its_time_over_a_restart(tmp_path: Path) -> None:
    policy = RetryPolicy(max_attempts=2, delay_seconds=100, max_delay_seconds=100, jitter=0)

    async def fails_once(context: StepContext) -> StepResult:
        if context.attempt == 1:
            raise StepFailed("once")
        return StepResult()

    async def scenario(store: SqliteStore) -> None:
        clock = FakeClock()
        engine = engine_on(store, {"work": fails_once}, clock)
        await begin(engine, step("a", retry=policy))
        execution = asyncio.create_task(engine.execute(RUN))
        await clock.asleep.wait()
        execution.cancel()
        with pytest.raises(asyncio.CancelledError):
            await execution
        assert (await rows(store))["a"].retry_at == MIDNIGHT + timedelta(seconds=100)
        later = FakeClock(MIDNIGHT + timedelta(seconds=70))
        later.ring.set()
        run = await engine_on(store, {"work": fails_once}, later).execute(RUN)
        assert (run.status, later.slept) == (RunStatus.SUCCEEDED, [30.0])

    with_store(tmp_path, scenario)


def test_a_changed_definition_is_an_error_not_a_wrong_answer(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore) -> None:
        engine = engine_on(store, {"work": work})
        await begin(engine, step("a", timeout_seconds=60))
        with closing(sqlite3.connect(tmp_path / "maestro.db")) as connection:
            connection.execute("UPDATE steps SET definition = replace(definition, '60.0', '90.0')")
            connection.commit()
        with pytest.raises(SchemaMismatch, match="step 'a' of run 'run-1'"):
            await engine.execute(RUN)
        assert (await rows(store))["a"].attempt == 0

    with_store(tmp_path, scenario)


def test_a_run_whose_action_is_not_known_here_is_left_alone(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore) -> None:
        await begin(engine_on(store, {"work": work, "rare": work}), step("a", action="rare"))
        with pytest.raises(InvalidInput, match="unknown action 'rare'"):
            await engine_on(store, {"work": work}).execute(RUN)
        run = await store.read(lambda tx: tx.runs.get(RUN))
        assert run.status is RunStatus.PENDING

    with_store(tmp_path, scenario)


def test_pauses_from_elsewhere_stop_the_run_wherever_they_land(tmp_path: Path) -> None:
    """Another engine pauses after ever more events; after the pause nothing is started."""

    async def scenario(store: SqliteStore) -> None:
        driver, steerer = (engine_on(store, {"work": work}) for _ in range(2))
        await begin(driver, *(step(f"s{n}", *([f"s{n - 1}"] if n else [])) for n in range(150)))

        async def pause_when(sequence: int) -> None:
            async for event in driver.events(RUN, after=sequence - 1):
                assert event.sequence == sequence
                await steerer.steer(RUN, asking(Verb.PAUSE))
                break

        for further in (4, 7, 12, 17):
            told = await store.read(lambda tx: tx.events.after(RUN, 0))
            pausing = asyncio.create_task(pause_when(len(told) + further))
            assert (await driver.execute(RUN)).status is RunStatus.PAUSED
            await pausing
        assert (await driver.execute(RUN)).status is RunStatus.SUCCEEDED
        paused = False
        for event in await store.read(lambda tx: tx.events.after(RUN, 0)):
            if event.kind in (EventKind.RUN_PAUSED, EventKind.RUN_RESUMED):
                paused = event.kind is EventKind.RUN_PAUSED
            assert not (paused and event.kind is EventKind.STEP_STARTED)

    with_store(tmp_path, scenario)
