"""The floors: the least that walking a graph, and keeping it durable, costs on this machine.

`asyncio` keeps nothing. The others write the journal's rows and wait for the disk twice per step:
when it starts and when it ends. The `merged` ones wait once, for what ended together with what
starts because of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bench.journal import Book, Database, GroupCommit, PostgresDatabase, SqliteDatabase
from bench.leg import Place, Walked, main
from bench.walking import Frontier, walk
from bench.workloads import Workload

Drive = Callable[[Workload, Book, GroupCommit, list[str]], Awaitable[None]]


async def unstored(workload: Workload, place: Place) -> Walked:
    ran: list[list[str]] = [[] for _ in range(workload.runs)]

    async def run(order: list[str]) -> None:
        async def step(node_id: str) -> None:
            order.append(node_id)

        await walk(workload.graph, workload.parallel, step)

    begin = time.perf_counter()
    await asyncio.gather(*(run(order) for order in ran))
    return Walked(seconds=time.perf_counter() - begin, ran=ran)


async def two_waits(workload: Workload, book: Book, writer: GroupCommit, order: list[str]) -> None:
    async def step(node_id: str) -> None:
        await writer.write(book.moved((), (node_id,)))
        order.append(node_id)
        await writer.write(book.moved((node_id,), ()))

    await walk(workload.graph, workload.parallel, step)


async def one_wait(workload: Workload, book: Book, writer: GroupCommit, order: list[str]) -> None:
    frontier = Frontier(workload.graph)
    ended: list[str] = []
    while started := frontier.take(workload.parallel):
        await writer.write(book.moved(ended, started))
        for node_id in started:
            order.append(node_id)
            frontier.finish(node_id)
        ended = started
    await writer.write(book.moved(ended, ()))


async def stored(workload: Workload, database: Database, drive: Drive) -> Walked:
    ran: list[list[str]] = [[] for _ in range(workload.runs)]
    writer = GroupCommit(database)

    async def run(number: int) -> None:
        book = Book(f"run-{number}")
        await writer.write(book.created(workload))
        await drive(workload, book, writer, ran[number])

    begin = time.perf_counter()
    await asyncio.gather(*(run(number) for number in range(workload.runs)))
    seconds = time.perf_counter() - begin
    await writer.close()
    kept = database.counts()
    database.close()
    if kept != (workload.steps, 2 * workload.steps + 3 * workload.runs):
        raise RuntimeError(f"the floor kept {kept!r} rows of {workload.steps} steps")
    return Walked(seconds=seconds, ran=ran, commits=writer.commits)


def _sqlite(place: Place) -> Database:
    return SqliteDatabase(place.folder / "floor.db")


def _postgres(place: Place) -> Database:
    return PostgresDatabase(place.url)


if __name__ == "__main__":
    main(
        {
            "asyncio": unstored,
            "sqlite": lambda load, place: stored(load, _sqlite(place), two_waits),
            "sqlite-merged": lambda load, place: stored(load, _sqlite(place), one_wait),
            "postgres": lambda load, place: stored(load, _postgres(place), two_waits),
            "postgres-merged": lambda load, place: stored(load, _postgres(place), one_wait),
        }
    )
