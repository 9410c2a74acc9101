"""A build on PostgreSQL whose personas' work is done by workers, and not where it is driven."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from dashboard_seed import WORK, ScriptedWriter, plan

from maestro.bootstrap import connect, step_handlers
from maestro.cli.agents import list_agents
from maestro.cli.options import StoreOptions
from maestro.delivery.service import Maestro
from maestro.delivery.shelf import Shelf
from maestro.domain.run import Event, StepStatus
from maestro.domain.values import RunId
from maestro.domain.work import Assignment, WorkResult
from maestro.errors import InvalidInput
from maestro.ports import Report, Sandbox
from maestro.settings import Settings
from maestro.workflow.worker import Worker, WorkerSettings

ASKED = "Write a handbook"


class NobodyHere:
    """Test double of a team that must not be asked."""

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        raise AssertionError("the work was not left to workers")


async def driven_beside_a_worker(
    m: Maestro, other: Maestro, run_id: RunId, look: Callable[[], Awaitable[object]]
) -> tuple[Event, ...]:
    """What the run told, once it had ended.

    Args:
        look: done while the work waits for the worker.
    """
    shelf = Shelf(store=other.store, clock=other.clock)
    worker = Worker(
        other.store,
        other.clock,
        step_handlers(other.settings, other.workspace, shelf, ScriptedWriter()),
        WorkerSettings(name="h:2", capabilities=("docs",), lease_seconds=15.0),
        drive=other.engine.execute,
        drain=other.drain,
        tell=lambda line: None,
        adopting=False,
    )
    stop = asyncio.Event()
    async with asyncio.timeout(90), asyncio.TaskGroup() as group:
        driving = group.create_task(m.execute(run_id))
        while not await m.store.read(lambda tx: tx.agents.pools.demands()):
            await asyncio.sleep(0.02)
        await look()
        group.create_task(worker.run(stop))
        await driving
        stop.set()
    detail = await m.show(run_id)
    assert {step.status for step in detail.steps} == {StepStatus.SUCCEEDED}, detail.steps
    return detail.events


@pytest.mark.xdist_group("postgres")
def test_a_personas_work_is_done_by_the_worker_that_offers_its_capability(
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MAESTRO_DATA", str(tmp_path))
    where = StoreOptions(db=postgres_url, sandbox="off")
    chosen = where.settings()

    async def scenario() -> tuple[Event, ...]:
        async with connect(chosen, executor=NobodyHere()) as m, connect(chosen) as other:
            asked = {"capabilities": {"technical_writer": "docs"}}
            run_id = await m.submit(ASKED, asked, plan=plan(judged=False))
            return await driven_beside_a_worker(m, other, run_id, partial(list_agents, store=where))

    told = [event for event in asyncio.run(scenario()) if "worker" in event.data]
    assert {(event.step_id, event.data["worker"]) for event in told} == {(WORK, "h:2")}
    assert (
        "workers that offer docs: steps waiting: 1, the first one for " in capsys.readouterr().out
    )


def test_without_workers_nothing_can_be_left_to_them(tmp_path: Path) -> None:
    chosen = Settings.load({"MAESTRO_DATA": str(tmp_path)})

    async def scenario() -> None:
        async with connect(chosen) as m:
            with pytest.raises(InvalidInput, match="only where processes share the store"):
                await m.submit(ASKED, {"capabilities": {"*": "docs"}})

    asyncio.run(scenario())
