"""How much the engine costs per step, against the floor of the same disk in the same minute.

Floor: the same number of rows as the journal writes per step (two step rows, two attempt rows, two
events), group-committed by one thread with synchronous=FULL. Prints milliseconds per step and the
ratio to the floor; compare ratios, not absolutes. Results: bench/results/engine.json.
"""

import asyncio
import json
import queue
import sqlite3
import tempfile
import threading
import time
from pathlib import Path

from maestro.domain.run import RunStatus
from maestro.domain.values import StepId, new_run_id
from maestro.domain.workflow import Step, Workflow
from maestro.ports import StepContext, StepResult
from maestro.storage.sqlite import SqliteStore
from maestro.workflow.clock import SystemClock
from maestro.workflow.embedded import EmbeddedEngine

ROWS_PER_STEP = 6
RESULTS = Path(__file__).parent / "results" / "engine.json"


def chain(length: int) -> list[Step]:
    return [
        Step(id=StepId(f"s{i}"), action="nothing", needs=(StepId(f"s{i - 1}"),) if i else ())
        for i in range(length)
    ]


def fan(width: int) -> list[Step]:
    first = StepId("a")
    leaves = [Step(id=StepId(f"s{i}"), action="nothing", needs=(first,)) for i in range(width)]
    last = Step(id=StepId("z"), action="nothing", needs=tuple(leaf.id for leaf in leaves))
    return [Step(id=first, action="nothing"), *leaves, last]


async def nothing(_: StepContext, /) -> StepResult:
    return StepResult(output={"done": True})


async def engine_seconds(steps: list[Step], folder: Path) -> float:
    store = await SqliteStore.open(folder / "engine.db")
    try:
        engine = EmbeddedEngine(store, SystemClock(), {"nothing": nothing})
        run_id = new_run_id()
        workflow = Workflow(name="bench", steps=tuple(steps))
        await engine.start(workflow, inputs={}, max_parallel=16, run_id=run_id)
        begin = time.perf_counter()
        run = await engine.execute(run_id)
        spent = time.perf_counter() - begin
        assert run.status is RunStatus.SUCCEEDED
        return spent
    finally:
        await store.close()


def floor_seconds(commits: int, rows: int, folder: Path) -> float:
    """`rows` rows over `commits` durable commits, as one writer thread writes them."""
    connection = sqlite3.connect(folder / "floor.db", check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE journal(id INTEGER PRIMARY KEY, data TEXT)")
    work: queue.Queue[int] = queue.Queue()

    def writer() -> None:
        while (count := work.get()) >= 0:
            with connection:
                connection.executemany(
                    "INSERT INTO journal(data) VALUES (?)", [("x" * 230,)] * count
                )
            work.task_done()

    thread = threading.Thread(target=writer)
    thread.start()
    begin = time.perf_counter()
    for _ in range(commits):
        work.put(rows // commits)
    work.join()
    spent = time.perf_counter() - begin
    work.put(-1)
    thread.join()
    connection.close()
    return spent


def main() -> None:
    table = []
    # A chain must wait for every commit; in a fan up to 16 steps share one.
    for name, steps, commits in (("chain of 200", chain(200), 200), ("fan of 1000", fan(1000), 64)):
        with tempfile.TemporaryDirectory() as folder:
            floor = floor_seconds(commits, len(steps) * ROWS_PER_STEP, Path(folder))
            spent = asyncio.run(engine_seconds(steps, Path(folder)))
        row = {
            "workload": name,
            "ms_per_step": round(1000 * spent / len(steps), 3),
            "floor_ms_per_step": round(1000 * floor / len(steps), 3),
            "ratio": round(spent / floor, 2),
        }
        table.append(row)
        print(  # noqa: T201 - a bench prints
            f"{name:<14}{row['ms_per_step']:>8} ms/step  floor {row['floor_ms_per_step']:>7} ms  "
            f"ratio {row['ratio']}"
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
