"""What driving a run costs the store."""

import asyncio
from pathlib import Path

from maestro.domain.run import RunStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.ports import StepContext, StepResult
from maestro.storage.sqlite import SqliteStore
from maestro.workflow.clock import SystemClock
from maestro.workflow.embedded import EmbeddedEngine

RUN = RunId("run-1")
CHAIN = tuple(
    Step(id=StepId(f"s{n}"), action="work", needs=(StepId(f"s{n - 1}"),) if n else ())
    for n in range(3)
)


async def work(context: StepContext) -> StepResult:
    return StepResult(output={"done": True})


def test_a_chain_is_a_commit_per_step_and_three_for_creating_taking_and_beginning(
    tmp_path: Path,
) -> None:
    """What ends the run also leaves it to the next owner."""

    async def play() -> None:
        store = await SqliteStore.open(tmp_path / "maestro.db", seal_key=b"seal")
        engine = EmbeddedEngine(store, SystemClock(), {"work": work})
        flow = Workflow(name="flow", steps=CHAIN)
        await engine.start(flow, inputs={}, max_parallel=1, run_id=RUN)
        ended = await engine.execute(RUN)
        assert ended.status is RunStatus.SUCCEEDED
        assert store.commits == len(CHAIN) + 3
        assert await store.read(lambda tx: tx.runs.owner(RUN)) is None
        await store.close()

    asyncio.run(play())
