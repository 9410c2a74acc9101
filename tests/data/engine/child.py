"""A process that executes a run and tells on stdout what it does; tests kill it.

Usage: child.py DATABASE EFFECTS RUN. Every attempt appends `step attempt` to the file EFFECTS.
A step waits for ever in the attempts that its input `hang` lists, fails in those that `fail`
lists, and with the input `ask` waits for a line on stdin.
"""

import asyncio
import os
import sys
from pathlib import Path

from maestro.domain.values import RunId
from maestro.errors import StepFailed
from maestro.ports import StepContext, StepResult
from maestro.storage.sqlite import SqliteStore
from maestro.workflow.clock import SystemClock
from maestro.workflow.embedded import EmbeddedEngine


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def note(line: str) -> None:
    with Path(sys.argv[2]).open("a") as file:
        file.write(f"{line}\n")


async def effect(context: StepContext) -> StepResult:
    line = f"{context.step.id} {context.attempt}"
    note(line)
    say(line)
    if context.step.inputs.get("ask"):
        await asyncio.to_thread(sys.stdin.readline)
    if context.attempt in context.step.inputs.get("hang", ()):
        await asyncio.Event().wait()
    if context.attempt in context.step.inputs.get("fail", ()):
        raise StepFailed(f"attempt {context.attempt} is meant to fail")
    return StepResult(output=line)


async def main() -> None:
    store = await SqliteStore.open(Path(sys.argv[1]), seal_key=b"seal")
    try:
        engine = EmbeddedEngine(store, SystemClock(), {"effect": effect}, poll_seconds=0.05)
        run = await engine.execute(RunId(sys.argv[3]))
        say(f"run {run.status.value}")
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main())
