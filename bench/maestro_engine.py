"""Maestro's own engine, through its public API: one store, one engine, all runs at once."""

import asyncio
import time
from pathlib import Path

from bench.leg import Place, Walked, main
from bench.workloads import Workload as Load
from maestro.domain.run import RunStatus, StepStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.ports import StepContext, StepResult, Store
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock
from maestro.workflow.embedded import EmbeddedEngine


def workflow_of(load: Load) -> Workflow:
    steps = (
        Step(id=StepId(node.id), action="nothing", needs=tuple(StepId(n) for n in node.needs))
        for node in load.graph
    )
    return Workflow(name="bench", steps=tuple(steps))


async def walked(load: Load, store: Store) -> Walked:
    ran: dict[RunId, list[str]] = {RunId(f"run-{i}"): [] for i in range(load.runs)}

    async def nothing(context: StepContext, /) -> StepResult:
        ran[context.run_id].append(context.step.id)
        return StepResult(output={"done": True})

    engine = EmbeddedEngine(store, SystemClock(), {"nothing": nothing})
    begin = time.perf_counter()
    workflow = workflow_of(load)
    prepared = time.perf_counter()

    async def run(run_id: RunId) -> None:
        await engine.start(workflow, inputs={}, max_parallel=load.parallel, run_id=run_id)
        ended = await engine.execute(run_id)
        if ended.status is not RunStatus.SUCCEEDED:
            raise RuntimeError(f"run {run_id!r} ended {ended.status.value!r}")

    await asyncio.gather(*(run(run_id) for run_id in ran))
    done = Walked(
        seconds=time.perf_counter() - prepared,
        prepare_seconds=prepared - begin,
        ran=list(ran.values()),
    )
    for run_id in ran:
        await _check_journal(store, run_id)
    return done


async def _check_journal(store: Store, run_id: RunId) -> None:
    """What was kept agrees with what ran."""
    rows = await store.read(lambda tx: tx.runs.steps(run_id))
    for row in rows:
        if row.status is not StepStatus.SUCCEEDED or row.attempt != 1:
            raise RuntimeError(f"run {run_id!r} kept {row!r} of a step that ran once")


async def on_sqlite(load: Load, place: Place) -> Walked:
    return await opened(load, place.folder / "maestro.db")


async def on_postgres(load: Load, place: Place) -> Walked:
    return await opened(load, place.url)


async def opened(load: Load, location: str | Path) -> Walked:
    store = await open_store(location, seal_key=b"seal")
    try:
        return await walked(load, store)
    finally:
        await store.close()


if __name__ == "__main__":
    main({"sqlite": on_sqlite, "postgres": on_postgres}, ("maestro-conductor",))
