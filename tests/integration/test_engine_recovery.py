"""Real processes that execute runs, killed, watched and steered from this one."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from maestro.domain.run import EventKind, RunStatus, StepRun, StepStatus
from maestro.domain.steering import Steering, Verb
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import RetryPolicy, Step, Workflow
from maestro.errors import Conflict
from maestro.ports import StepContext, StepResult
from maestro.storage.sqlite import SqliteStore
from maestro.workflow.clock import SystemClock
from maestro.workflow.embedded import EmbeddedEngine

CHILD = Path(__file__).parents[1] / "data" / "engine" / "child.py"
RUN = RunId("run-1")


def asking(verb: Verb, step: str | None = None, **rest: Any) -> Steering:
    return Steering(verb=verb, by="ada", step_id=None if step is None else StepId(step), **rest)


PATIENT = RetryPolicy(max_attempts=50, delay_seconds=0)


async def unused(context: StepContext) -> StepResult:
    raise AssertionError("this process only steers; the child executes")


class Desk:
    """This process's view of the run, and the children it starts."""

    def __init__(self, folder: Path, store: SqliteStore) -> None:
        self.folder = folder
        self.store = store
        self.engine = EmbeddedEngine(store, SystemClock(), {"effect": unused}, poll_seconds=0.05)

    async def begin(self, *steps: Step, max_parallel: int = 2) -> None:
        flow = Workflow(name="flow", steps=steps)
        await self.engine.start(flow, inputs={}, max_parallel=max_parallel, run_id=RUN)

    @asynccontextmanager
    async def child(self) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "error",
            str(CHILD),
            str(self.folder / "maestro.db"),
            str(self.folder / "effects"),
            RUN,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    def effects(self) -> list[str]:
        return (self.folder / "effects").read_text().splitlines()

    async def rows(self) -> dict[str, StepRun]:
        return {row.step_id: row for row in await self.store.read(lambda tx: tx.runs.steps(RUN))}

    async def told(self, kind: EventKind) -> list[tuple[str | None, int | None]]:
        events = await self.store.read(lambda tx: tx.events.after(RUN, 0, 100_000))
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        return [(event.step_id, event.attempt) for event in events if event.kind is kind]


def at_desk(folder: Path, scenario: Callable[[Desk], Awaitable[None]]) -> None:
    async def main() -> None:
        store = await SqliteStore.open(folder / "maestro.db", seal_key=b"seal")
        try:
            await scenario(Desk(folder, store))
        finally:
            await store.close()

    asyncio.run(main())


def step(name: str, *needs: str, retry: RetryPolicy = PATIENT, **inputs: object) -> Step:
    return Step(
        id=StepId(name),
        action="effect",
        needs=tuple(map(StepId, needs)),
        retry=retry,
        inputs=inputs,
    )


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def kill_at(process: asyncio.subprocess.Process, awaited: Iterable[str]) -> None:
    """Kills the child once it has said every awaited line."""
    missing = set(awaited)
    while missing:
        said = await line(process)
        assert said, f"the child ended without saying {missing}"
        missing.discard(said)
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def finish(process: asyncio.subprocess.Process) -> str:
    """Lets the child end by itself; the last thing it says."""
    last = ""
    while said := await line(process):
        last = said
    assert await process.wait() == 0
    return last


def test_after_kill_9_finished_steps_stay_and_running_ones_go_on(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin(
            step("a"), step("b", "a"), step("slow", hang=[1]), step("end", "b", "slow")
        )
        async with desk.child() as process:
            await kill_at(process, ["b 1", "slow 1"])
            # `b` may have been killed before or after its result was committed
        assert (await desk.rows())["slow"].status is StepStatus.RUNNING
        done = {name for name, row in (await desk.rows()).items() if row.output is not None}
        assert "a" in done
        async with desk.child() as process:
            assert await finish(process) == "run succeeded"
        ran = Counter(effect.split()[0] for effect in desk.effects())
        assert all(ran[name] == 1 for name in done)
        assert ("slow", 1) in await desk.told(EventKind.STEP_INTERRUPTED)
        assert (await desk.rows())["slow"].attempt == 2
        assert (await desk.rows())["slow"].output == "slow 2"

    at_desk(tmp_path, scenario)


def test_killed_over_and_over_a_run_still_ends_and_repeats_nothing_finished(
    tmp_path: Path,
) -> None:
    names = [f"s{number}" for number in range(14)]
    steps = [
        step(name, *([names[number // 2 - 1]] if number > 1 else []))
        for number, name in enumerate(names)
    ]

    async def scenario(desk: Desk) -> None:
        await desk.begin(*steps, max_parallel=3)
        kills = 0
        while (await desk.store.read(lambda tx: tx.runs.get(RUN))).status != "succeeded":
            async with desk.child() as process:
                for _ in range(4 + kills % 3):  # a fourth start means that something was committed
                    said = await line(process)
                    if said.startswith("run "):
                        break
                process.kill()
                await process.wait()
            kills += 1
            assert kills < 30, "every life of the child should get further"
        assert kills > 2
        succeeded = await desk.told(EventKind.STEP_SUCCEEDED)
        assert Counter(name for name, _ in succeeded) == Counter(names)
        assert max(Counter(desk.effects()).values()) == 1, "an attempt ran twice"
        final = dict(succeeded)
        for effect in desk.effects():
            name, attempt = effect.split()
            assert int(attempt) <= (final[name] or 0), f"{name} ran again after it succeeded"

    at_desk(tmp_path, scenario)


def test_an_interrupted_step_without_attempts_left_fails(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin(step("a", retry=RetryPolicy(max_attempts=1), hang=[1]), step("b", "a"))
        async with desk.child() as process:
            await kill_at(process, ["a 1"])
        async with desk.child() as process:
            assert await finish(process) == "run failed"
        row = (await desk.rows())["a"]
        assert row.error is not None
        assert (row.status, row.error.code) == (StepStatus.FAILED, "interrupted")
        await desk.engine.steer(RUN, asking(Verb.RETRY))
        async with desk.child() as process:
            assert await finish(process) == "run succeeded"
        assert desk.effects() == ["a 1", "a 2", "b 1"]

    at_desk(tmp_path, scenario)


def test_a_second_process_is_refused_with_the_owners_pid(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin(step("a", hang=[1]))
        async with desk.child() as process:
            assert await line(process) == "a 1"
            with pytest.raises(Conflict, match=f"by process {process.pid};"):
                await desk.engine.execute(RUN)
            process.kill()
            await process.wait()
            async with desk.store.own(RUN):  # a dead owner's lock is free at once
                pass

    at_desk(tmp_path, scenario)


def test_another_process_pauses_a_run(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin(step("a", ask=True), step("b", "a"), step("c"), max_parallel=1)
        async with desk.child() as process:
            assert await line(process) == "a 1"
            await desk.engine.steer(RUN, asking(Verb.PAUSE))
            assert process.stdin is not None
            process.stdin.write(b"go on\n")
            assert await finish(process) == "run paused"
        assert desk.effects() == ["a 1"]
        assert (await desk.rows())["a"].status is StepStatus.SUCCEEDED
        async with desk.child() as process:
            assert await finish(process) == "run succeeded"
        assert sorted(desk.effects()) == ["a 1", "b 1", "c 1"]

    at_desk(tmp_path, scenario)


def test_another_process_cancels_a_run(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin(step("a", hang=[1]), step("b", "a"))
        async with desk.child() as process:
            assert await line(process) == "a 1"
            await desk.engine.steer(RUN, asking(Verb.CANCEL))
            assert await finish(process) == "run cancelled"
        statuses = {row.status for row in (await desk.rows()).values()}
        assert statuses == {StepStatus.CANCELLED}

    at_desk(tmp_path, scenario)


def test_another_process_retries_a_branch_of_a_live_run(tmp_path: Path) -> None:
    once = RetryPolicy(max_attempts=1)

    async def scenario(desk: Desk) -> None:
        await desk.begin(
            step("a", hang=[1, 2]),
            step("b", retry=once, fail=[1]),
            step("c", "b", retry=once),
        )
        async with desk.child() as process:
            async for event in desk.engine.events(RUN):
                if event.kind is EventKind.STEP_SKIPPED:
                    await desk.engine.steer(RUN, asking(Verb.RETRY))
                if (event.kind, event.step_id) == (EventKind.STEP_SUCCEEDED, "c"):
                    break
            process.kill()
        assert sorted(desk.effects()) == ["a 1", "b 1", "b 2", "c 1"]

    at_desk(tmp_path, scenario)


def test_events_of_another_process_are_followed_live(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin(*(step(f"s{number}") for number in range(30)))
        async with desk.child() as process:
            seen = [event async for event in desk.engine.events(RUN)]
            assert await finish(process) == "run succeeded"
        assert [event.sequence for event in seen] == list(range(1, len(seen) + 1))
        assert seen[-1].kind is EventKind.RUN_SUCCEEDED
        run = await desk.store.read(lambda tx: tx.runs.get(RUN))
        assert run.status is RunStatus.SUCCEEDED

    at_desk(tmp_path, scenario)
