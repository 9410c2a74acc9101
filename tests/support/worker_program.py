"""A worker process for tests: python worker_program.py URL NAME LEASE_SECONDS FOLDER CAPABILITY...

Its handlers leave their traces in FOLDER, so that a test sees what really ran:
With the capability `drive` it drives run-1 at once, as the process that submitted it would.
`hold` writes `<step>.<attempt>.<name>` when it starts and ends when FOLDER/release exists,
`note` writes the same and ends at once. Both give the worker's name as output.
"""

import asyncio
import sys
from pathlib import Path

from maestro.domain.values import RunId
from maestro.ports import StepContext, StepResult
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock
from maestro.workflow.embedded import EmbeddedEngine
from maestro.workflow.worker import Worker, WorkerSettings


async def main(
    url: str, name: str, lease_seconds: float, folder: Path, capabilities: list[str]
) -> None:
    def trace(context: StepContext) -> None:
        (folder / f"{context.step.id}.{context.attempt}.{name}").touch()

    async def hold(context: StepContext) -> StepResult:
        trace(context)
        while not (folder / "release").exists():
            await asyncio.sleep(0.02)
        return StepResult(output={"by": name})

    async def note(context: StepContext) -> StepResult:
        trace(context)
        return StepResult(output={"by": name})

    def tell(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    store = await open_store(url, lease_seconds=lease_seconds, seal_key=b"seal")
    try:
        clock = SystemClock()
        handlers = {"hold": hold, "note": note}
        engine = EmbeddedEngine(
            store, clock, handlers, capabilities=capabilities, poll_seconds=0.05
        )
        settings = WorkerSettings(
            name=name,
            capabilities=capabilities,
            lease_seconds=lease_seconds,
            slots=100,
            poll_seconds=0.05,
            grace_seconds=0.5,
        )
        worker = Worker(
            store, clock, handlers, settings, drive=engine.execute, drain=engine.drain, tell=tell
        )
        tell("ready")
        if "drive" in capabilities:
            await engine.execute(RunId("run-1"))
        await worker.run(asyncio.Event())
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), Path(sys.argv[4]), sys.argv[5:]))
