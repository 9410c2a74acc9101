"""Worker processes on one PostgreSQL: capabilities, takeover, and results that come too late."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import worker_program
from engine_bench import RUN, asking, step

from maestro.bootstrap import open_worker
from maestro.domain.agent import OFFLINE, Agent
from maestro.domain.run import EventKind, RunStatus, StepRun
from maestro.domain.steering import Verb
from maestro.domain.values import RunId
from maestro.domain.workflow import RetryPolicy, Workflow
from maestro.errors import Conflict, InvalidInput, StepFailed
from maestro.ports import StepContext, StepHandler, StepResult, Store
from maestro.settings import Settings
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock
from maestro.workflow.embedded import EmbeddedEngine
from maestro.workflow.feed import EventFeed
from maestro.workflow.worker import Worker, WorkerSettings

LEASE = 1.0
STARTING = 1.0
"""Beside the lease: noticing, and the new owner's first transaction."""
AGAIN = RetryPolicy(max_attempts=3)

pytestmark = pytest.mark.xdist_group("postgres")


@contextmanager
def worker(
    url: str, name: str, folder: Path, *capabilities: str
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [
            sys.executable,
            worker_program.__file__,
            url,
            name,
            str(LEASE),
            str(folder),
            *capabilities,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


async def eventually(done: Callable[[], bool], seconds: float = 30.0) -> float:
    """How long it took until `done`."""
    begin = time.monotonic()
    while not done():
        assert time.monotonic() - begin < seconds, "it did not happen"
        await asyncio.sleep(0.01)
    return time.monotonic() - begin


def traces(folder: Path, worker_name: str) -> list[str]:
    return sorted(path.name for path in folder.glob(f"*.{worker_name}"))


async def rows(store: Store) -> Mapping[str, StepRun]:
    return {row.step_id: row for row in await store.read(lambda tx: tx.runs.steps(RUN))}


async def left_to_workers(context: StepContext) -> StepResult:
    raise AssertionError(f"{context.step.id} was not meant to run here")


async def start(store: Store, *steps: object) -> EmbeddedEngine:
    handlers = {"hold": left_to_workers, "note": left_to_workers}
    engine = EmbeddedEngine(store, SystemClock(), handlers, capabilities=(), poll_seconds=0.05)
    flow = Workflow(name="flow", steps=tuple(steps))  # type: ignore[arg-type]
    await engine.start(flow, inputs={}, max_parallel=200, run_id=RUN)
    return engine


def test_each_step_goes_to_a_worker_with_its_capability(postgres_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        try:
            engine = await start(
                store,
                step("a", action="note", capability="gpu"),
                step("b", "a", action="note", capability="cpu"),
                step("c", "b", action="note", capability="gpu"),
            )
            run = await engine.execute(RUN)
            assert run.status is RunStatus.SUCCEEDED
            by = {name: row.output["by"] for name, row in (await rows(store)).items()}
            assert by == {"a": "one", "b": "two", "c": "one"}
        finally:
            await store.close()

    with worker(postgres_url, "one", tmp_path, "gpu"), worker(postgres_url, "two", tmp_path, "cpu"):
        asyncio.run(scenario())


def test_a_dead_workers_steps_are_taken_over_within_its_lease(
    postgres_url: str, tmp_path: Path
) -> None:
    async def scenario(first: subprocess.Popen[str]) -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        try:
            engine = await start(store, step("a", action="hold", capability="gpu", retry=AGAIN))
            execution = asyncio.create_task(engine.execute(RUN))
            await eventually(lambda: traces(tmp_path, "one") == ["a.1.one"])
            with worker(postgres_url, "two", tmp_path, "gpu") as second:
                assert second.stdout is not None
                await asyncio.to_thread(second.stdout.readline)  # it has started
                first.kill()
                waited = await eventually(lambda: traces(tmp_path, "two") == ["a.2.two"])
                assert waited <= LEASE + STARTING
                (tmp_path / "release").touch()
                assert (await execution).status is RunStatus.SUCCEEDED
            assert (await rows(store))["a"].output == {"by": "two"}
            log = await store.read(lambda tx: tx.events.after(RUN, 0))
            assert EventKind.STEP_INTERRUPTED in [event.kind for event in log]
        finally:
            await store.close()

    with worker(postgres_url, "one", tmp_path, "gpu") as first:
        asyncio.run(scenario(first))


def test_a_dead_drivers_run_is_taken_over_within_its_lease(
    postgres_url: str, tmp_path: Path
) -> None:
    async def scenario(driver: subprocess.Popen[str]) -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        try:
            await eventually(lambda: traces(tmp_path, "one") == ["a.1.one"])
            with worker(postgres_url, "two", tmp_path) as second:
                assert second.stdout is not None
                await asyncio.to_thread(second.stdout.readline)  # it has started
                driver.kill()
                waited = await eventually(lambda: traces(tmp_path, "two") == ["a.2.two"])
                assert waited <= LEASE + STARTING
                (tmp_path / "release").touch()
                events = EventFeed(store, 0.05).follow(RUN, 0)
                assert [event.kind async for event in events][-1] is EventKind.RUN_SUCCEEDED
            assert (await rows(store))["b"].output == {"by": "two"}
        finally:
            await store.close()

    async def prepare() -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        await start(store, step("a", action="hold", retry=AGAIN), step("b", "a", action="note"))
        await store.close()

    asyncio.run(prepare())
    with worker(postgres_url, "one", tmp_path, "drive") as driver:
        asyncio.run(scenario(driver))


def test_what_a_stopped_worker_brings_too_late_is_refused(
    postgres_url: str, tmp_path: Path
) -> None:
    """SIGSTOP past the lease, another worker takes over, SIGCONT: all of 100 are refused."""
    names = [f"s{number}" for number in range(100)]

    async def scenario(first: subprocess.Popen[str]) -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        try:
            engine = await start(
                store,
                *(step(name, action="hold", capability="gpu", retry=AGAIN) for name in names),
            )
            execution = asyncio.create_task(engine.execute(RUN))
            await eventually(lambda: len(traces(tmp_path, "one")) == len(names))
            first.send_signal(signal.SIGSTOP)
            with worker(postgres_url, "two", tmp_path, "gpu"):
                await eventually(lambda: len(traces(tmp_path, "two")) == len(names))
                (tmp_path / "release").touch()
                first.send_signal(signal.SIGCONT)
                assert (await execution).status is RunStatus.SUCCEEDED
            found = await rows(store)
            assert {found[name].output["by"] for name in names} == {"two"}
            assert {found[name].attempt for name in names} == {2}
        finally:
            await store.close()

    with worker(postgres_url, "one", tmp_path, "gpu") as first:
        asyncio.run(scenario(first))


def test_cancelling_a_run_ends_what_workers_do_for_it(postgres_url: str, tmp_path: Path) -> None:
    async def scenario(first: subprocess.Popen[str]) -> None:
        assert first.stdout is not None
        store = await open_store(postgres_url, seal_key=b"seal")
        try:
            engine = await start(store, step("a", action="hold", capability="gpu"))
            execution = asyncio.create_task(engine.execute(RUN))
            await eventually(lambda: traces(tmp_path, "one") == ["a.1.one"])
            await engine.steer(RUN, asking(Verb.CANCEL))
            assert (await execution).status is RunStatus.CANCELLED
            lines = [await asyncio.to_thread(first.stdout.readline) for _ in range(3)]
            assert lines[2] == "run-1/a attempt 1: ended early\n"
        finally:
            await store.close()

    with worker(postgres_url, "one", tmp_path, "gpu") as first:
        asyncio.run(scenario(first))


@asynccontextmanager
async def working(store: Store, handlers: Mapping[str, StepHandler]) -> AsyncIterator[None]:
    """A worker in this process, named w, that offers gpu."""
    settings = WorkerSettings(
        name="w", capabilities=("gpu",), lease_seconds=30, poll_seconds=0.02, grace_seconds=0.1
    )
    stop = asyncio.Event()
    taker = Worker(
        store, SystemClock(), handlers, settings, drive=nothing, drain=lambda _: None, tell=print
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(taker.run(stop))
        yield
        stop.set()


async def nothing(_: object) -> None:
    return None


def test_a_step_on_a_worker_can_tell_its_progress_but_not_that_its_run_succeeded(
    postgres_url: str,
) -> None:
    async def forge(context: StepContext) -> StepResult:
        await context.progress("at work")
        await context.emit(EventKind.RUN_SUCCEEDED, {})
        return StepResult()

    async def scenario() -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        try:
            engine = await start(store, step("a", action="note", capability="gpu"))
            async with working(store, {"note": forge}):
                assert (await engine.execute(RUN)).status is RunStatus.FAILED
            error = (await rows(store))["a"].error
            assert error is not None
            assert error.code == "invalid_input"
            assert "'run.succeeded' is told by the engine, not a step" in error.message
            log = await store.read(lambda tx: tx.events.after(RUN, 0))
            told = [event.data for event in log if event.kind is EventKind.STEP_PROGRESS]
            assert told == [{"message": "at work", "worker": "w"}]
            assert EventKind.RUN_SUCCEEDED not in [event.kind for event in log]
        finally:
            await store.close()

    asyncio.run(scenario())


def test_a_step_on_a_worker_can_tell_nothing_once_it_is_over(postgres_url: str) -> None:
    kept: list[StepContext] = []

    async def keep(context: StepContext) -> StepResult:
        kept.append(context)
        return StepResult()

    async def scenario() -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        try:
            engine = await start(store, step("a", action="note", capability="gpu"))
            async with working(store, {"note": keep}):
                assert (await engine.execute(RUN)).status is RunStatus.SUCCEEDED
                with pytest.raises(Conflict, match="attempt 1 of step 'a' is over"):
                    await kept[0].progress("still here")
        finally:
            await store.close()

    asyncio.run(scenario())


def test_a_worker_without_the_handler_fails_the_attempt_and_says_so(postgres_url: str) -> None:
    async def scenario() -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        try:
            twice = RetryPolicy(max_attempts=2, delay_seconds=0.01)
            paint = step("a", action="paint", capability="gpu", retry=twice)
            engine = await start(store, paint)
            async with working(store, {}):
                assert (await engine.execute(RUN)).status is RunStatus.FAILED
            row = (await rows(store))["a"]
            assert row.attempt == 2
            assert row.error is not None
            assert row.error.message.startswith("worker 'w' took step 'a'")
            assert "no handler for its action 'paint'" in row.error.message
        finally:
            await store.close()

    asyncio.run(scenario())


def test_a_worker_sees_what_happened_in_a_run_since_its_last_step_of_it(postgres_url: str) -> None:
    """Outputs, errors, feedback and steps that were added; reading them is no matter of luck."""
    saw: dict[str, object] = {}
    added = step("c", "b", action="note", capability="gpu")

    async def note(context: StepContext) -> StepResult:
        own = context.step.id
        saw[f"{own}.{context.attempt}"] = dict(context.outputs), context.feedback
        if (own, context.attempt) == ("b", 1):
            raise StepFailed("not yet")
        return StepResult(output=own.upper(), extend=(added,) if own == "a" else ())

    async def scenario() -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        try:
            again = RetryPolicy(max_attempts=2, delay_seconds=0.01)
            engine = await start(
                store,
                step("a", action="note", capability="gpu"),
                step("b", "a", action="note", capability="gpu", retry=again),
            )
            async with working(store, {"note": note}):
                assert (await engine.execute(RUN)).status is RunStatus.SUCCEEDED
        finally:
            await store.close()

    asyncio.run(scenario())
    assert saw == {
        "a.1": ({}, ()),
        "b.1": ({"a": "A"}, ()),
        "b.2": ({"a": "A"}, ("not yet",)),
        "c.1": ({"a": "A", "b": "B"}, ()),
    }


def test_a_step_that_a_stopped_worker_gives_back_keeps_what_it_was_told(postgres_url: str) -> None:
    """Else the next attempt would be another one to the journal of model calls, and pay again."""
    attempts: list[tuple[str, ...]] = []
    at_work = asyncio.Event()

    async def work(context: StepContext) -> StepResult:
        attempts.append(context.feedback)
        if context.attempt == 1:
            raise StepFailed("not yet")
        if context.attempt == 2:
            at_work.set()
            await asyncio.Event().wait()
        return StepResult()

    async def scenario() -> None:
        store = await open_store(postgres_url, seal_key=b"seal")
        try:
            again = RetryPolicy(max_attempts=3, delay_seconds=0.01)
            engine = await start(store, step("a", action="note", capability="gpu", retry=again))
            execution = asyncio.create_task(engine.execute(RUN))
            async with working(store, {"note": work}):
                await at_work.wait()
            async with working(store, {"note": work}):
                assert (await execution).status is RunStatus.SUCCEEDED
        finally:
            await store.close()

    asyncio.run(scenario())
    assert attempts == [(), ("not yet",), ("not yet",)]


def test_a_worker_for_an_agent_leaves_the_runs_of_dead_drivers_to_others(
    postgres_url: str, tmp_path: Path
) -> None:
    """Else it would drive them with that agent alone, and their other steps would find nobody."""
    agent = Agent(id="left", executor=OFFLINE, personas=("qa_engineer",), capacity=1)
    settings = Settings.load({"MAESTRO_DATA": str(tmp_path)}, database=postgres_url)
    lines: list[str] = []

    async def scenario() -> None:
        store = await open_store(postgres_url, lease_seconds=LEASE, seal_key=b"seal")
        try:
            engine = await start(store, step("a", action="note", capability="other"))
            await abandon(engine, store)
            flow = Workflow(name="flow", steps=(step("b", action="note", capability="gpu"),))
            driven = RunId("run-2")
            await engine.start(flow, inputs={}, max_parallel=1, run_id=driven)
            stop = asyncio.Event()
            async with (
                open_worker(
                    settings, ("gpu",), grace_seconds=0.1, slots=1, tell=lines.append, agent=agent
                ) as taker,
                asyncio.TaskGroup() as group,
            ):
                group.create_task(taker.run(stop))
                await engine.execute(driven)  # once its step was taken, the worker has looked round
                stop.set()
            assert await store.read(lambda tx: tx.runs.abandoned(9)) == [RUN]
        finally:
            await store.close()

    async def abandon(engine: EmbeddedEngine, store: Store) -> None:
        driver = asyncio.create_task(engine.execute(RUN))
        while not await store.read(lambda tx: tx.tasks.of_run(RUN)):
            await asyncio.sleep(0.01)
        driver.cancel()
        await asyncio.wait([driver])
        while await store.read(lambda tx: tx.runs.abandoned(9)) != [RUN]:
            await asyncio.sleep(0.05)

    asyncio.run(scenario())
    assert lines[:1] == ["run-2/b attempt 1: started"]  # not that it goes on with a run


def test_a_worker_needs_a_store_that_processes_can_share(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await open_store(tmp_path / "maestro.db", seal_key=b"seal")
        settings = WorkerSettings(name="w", capabilities=("gpu",), lease_seconds=LEASE)
        try:
            with pytest.raises(InvalidInput, match="PostgreSQL"):
                Worker(store, SystemClock(), {}, settings, drive=nothing, drain=print, tell=print)
        finally:
            await store.close()

    asyncio.run(scenario())
