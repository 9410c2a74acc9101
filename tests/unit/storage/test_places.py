"""A process killed at any durable step leaves all of a change or nothing."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from maestro.domain.run import StepStatus
from maestro.domain.values import RunId
from maestro.storage.opening import open_store
from maestro.storage.places import PLACES

CHILD = """
import asyncio, sys
from dataclasses import replace
from datetime import UTC, datetime
from maestro import failpoints
from maestro.domain.run import EventKind, Run, RunStatus, StepRun, StepStatus
from maestro.domain.workflow import Step, Workflow
from maestro.ports import Entry, Guard, StepMove
from maestro.storage.opening import open_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEP = Step(id="a", action="work", capability="gpu")
RUN = Run(id="run-1", workflow="flow", status=RunStatus.RUNNING, inputs={}, max_parallel=1,
          created_at=NOW)
IDLE = StepRun(step_id="a", status=StepStatus.PENDING)
BUSY = replace(IDLE, status=StepStatus.RUNNING, attempt=1, started_at=NOW)
DONE = replace(BUSY, status=StepStatus.SUCCEEDED, output={"n": 1}, ended_at=NOW)

def entry(kind, before, after):
    move = StepMove(before=before, after=after, definition=STEP.digest(), offered=True)
    return Entry(kind=kind, step=move)

async def main(location, place):
    store = await open_store(location, lease_seconds=0.3, seal_key=b"seal")
    await store.write(lambda tx: tx.runs.insert(RUN, Workflow(name="flow", steps=(STEP,))))
    failpoints.arm(place)
    async with store.own("run-1") as fence:
        guard = Guard(fence=fence, steered=0)
        start = [entry(EventKind.STEP_STARTED, IDLE, BUSY)]
        await store.write(lambda tx: tx.runs.record("run-1", start, NOW, guard=guard))
        task = await store.write(lambda tx: tx.tasks.claim(["gpu"], "w", 60.0))
        await store.write(lambda tx: tx.tasks.renew(task, 60.0))
        await store.write(lambda tx: tx.tasks.finish(task, {}))
        end = [entry(EventKind.STEP_SUCCEEDED, BUSY, DONE)]
        await store.write(lambda tx: tx.runs.record("run-1", end, NOW, guard=guard))
        if place.startswith("lease.renew"):
            await asyncio.sleep(30)
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


def check(location: str) -> None:
    """Status, events and tasks tell the same."""

    async def play() -> None:
        store = await open_store(location, seal_key=b"seal")
        run_id = RunId("run-1")
        [step] = await store.read(lambda tx: tx.runs.steps(run_id))
        events = await store.read(lambda tx: tx.events.after(run_id, 0))
        tasks = await store.read(lambda tx: tx.tasks.of_run(run_id))
        await store.close()
        stages = [StepStatus.PENDING, StepStatus.RUNNING, StepStatus.SUCCEEDED]
        stage = stages.index(step.status)
        kinds = [f"{event.sequence} {event.kind.value}" for event in events]
        assert kinds == ["1 step.started", "2 step.succeeded"][:stage]
        assert len(tasks) == (stage == 1)
        assert step.output == (None if stage < 2 else {"n": 1})

    asyncio.run(play())


def killed(location: str, place: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CHILD, location, place],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, f"{place} is not passed\n{done.stderr}"
    check(location)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_is_passed_and_survived(place: str, postgres_url: str) -> None:
    killed(postgres_url, place)


@pytest.mark.parametrize("place", [place for place in PLACES if "renew" not in place])
def test_every_place_of_a_file_is_passed_and_survived(place: str, tmp_path: Path) -> None:
    killed(str(tmp_path / "maestro.db"), place)
