"""DBOS on SQLite: a workflow per run, a durable step per node, WAL and FULL.

DBOS finds a step again by the order of the calls, so a workflow must start its steps in the same
order every time: here depth by depth, at most `parallel` at once, as its documentation asks for.
"""

import asyncio
import sqlite3
import time
from contextlib import closing

from dbos import DBOS, DBOSConfig, SetWorkflowID

from bench.leg import Place, Walked, main
from bench.workloads import Workload, depths


async def dbos(workload: Workload, place: Place) -> Walked:
    ran: list[list[str]] = [[] for _ in range(workload.runs)]
    levels = depths(workload.graph)
    path = place.folder / "dbos.db"
    # DBOS leaves the journal mode as it finds it; in WAL a commit costs it one flush, not three.
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": f"sqlite:///{path}",
        "log_level": "ERROR",
    }
    DBOS(config=config)

    @DBOS.step()
    async def node(number: int, node_id: str) -> bool:
        ran[number].append(node_id)
        return True

    @DBOS.workflow()
    async def walk(number: int) -> int:
        places = asyncio.Semaphore(workload.parallel)

        async def placed(node_id: str) -> bool:
            async with places:
                return bool(await node(number, node_id))

        done = 0
        for level in levels:
            done += sum(await asyncio.gather(*(placed(node_id) for node_id in level)))
        return done

    async def run(number: int) -> None:
        with SetWorkflowID(f"run-{number}"):
            done = await walk(number)
        if done != len(workload.graph):
            raise RuntimeError(f"run {number} ended after {done} steps")

    DBOS.launch()
    try:
        begin = time.perf_counter()
        await asyncio.gather(*(run(number) for number in range(workload.runs)))
        ended = time.perf_counter()
    finally:
        DBOS.destroy()
    return Walked(seconds=ended - begin, ran=ran)


if __name__ == "__main__":
    main({"dbos": dbos}, ("dbos", "SQLAlchemy"))
