"""python -m bench.server_blocked FOLDER

`maestro serve` with a run whose step takes every thread that a step can get once FOLDER/block is
there, until it is killed. Prints the address, and `blocked` when no thread is left.
"""

import asyncio
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from scripted_run import plan_of

from maestro.bootstrap import connect
from maestro.cli.serve import api_server
from maestro.domain.values import StepId
from maestro.domain.work import Assignment, WorkResult
from maestro.domain.workflow import Step
from maestro.ports import Report, Sandbox
from maestro.server.serving import ServeOptions, listening, url_of
from maestro.server.threads import FOR_STEPS
from maestro.settings import Settings


@dataclass(frozen=True)
class BlockingWriter:
    """Works in threads, badly: once told, it takes them all and gives none back."""

    told: Path
    """A file that is there then."""

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        while not self.told.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await report("taking every thread")
        held, never = threading.Semaphore(0), threading.Event()

        def hold() -> None:
            held.release()
            never.wait()

        async with asyncio.TaskGroup() as group:
            for _ in range(2 * FOR_STEPS):
                group.create_task(asyncio.to_thread(hold))
            for _ in range(FOR_STEPS):
                while not held.acquire(blocking=False):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            sys.stdout.write("blocked\n")
            sys.stdout.flush()
        raise AssertionError("never")


async def main(folder: Path) -> None:
    database = folder / "m.db"
    settings = Settings.load(
        {"MAESTRO_DATA": str(folder / "data")}, database=database, sandbox="off"
    )
    persona = {"persona": "technical_writer", "component": "backend"}
    step = Step(
        id=StepId("work.backend"),
        action="persona.work",
        inputs={**persona, "provides": [], "consumes": []},
        timeout_seconds=3600,
    )
    async with connect(settings, executor=BlockingWriter(folder / "block")) as maestro:
        await maestro.submit("Keep notes", plan=plan_of((), (step,)))
        server = await api_server(maestro, settings, ServeOptions(port=0, max_runs=1000))
        with listening("127.0.0.1", 0) as listener:
            sys.stdout.write(f"{url_of(listener)}\n")
            sys.stdout.flush()
            await server.run(listener, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
