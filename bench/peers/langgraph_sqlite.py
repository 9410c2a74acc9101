"""LangGraph with its SQLite checkpointer: a node per step, durability `sync`, WAL and FULL.

The state is one number that the nodes add to, the least a graph can keep.
"""

import asyncio
import operator
import time
from typing import Annotated, Any, TypedDict

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from bench.leg import Place, Walked, main
from bench.workloads import Workload


class State(TypedDict):
    done: Annotated[int, operator.add]


def node_function(node_id: str, ran: list[list[str]]) -> Any:
    async def step(state: State, config: RunnableConfig) -> State:
        ran[int(config["configurable"]["thread_id"])].append(node_id)
        return {"done": 1}

    return step


def build(workload: Workload, ran: list[list[str]]) -> Any:
    builder = StateGraph(State)
    needed: set[str] = set()
    for node in workload.graph:
        builder.add_node(node.id, node_function(node.id, ran))
        needed.update(node.needs)
    for node in workload.graph:
        if len(node.needs) > 1:
            builder.add_edge(list(node.needs), node.id)
        else:
            builder.add_edge(node.needs[0] if node.needs else START, node.id)
        if node.id not in needed:
            builder.add_edge(node.id, END)
    return builder


async def langgraph(workload: Workload, place: Place) -> Walked:
    ran: list[list[str]] = [[] for _ in range(workload.runs)]
    begin = time.perf_counter()
    async with aiosqlite.connect(place.folder / "langgraph.db") as connection:
        saver = AsyncSqliteSaver(connection)
        await saver.setup()  # sets WAL
        await connection.execute("PRAGMA synchronous = FULL")
        graph = build(workload, ran).compile(checkpointer=saver)
        prepared = time.perf_counter()

        async def run(number: int) -> None:
            state = await graph.ainvoke(
                {"done": 0},
                {
                    "configurable": {"thread_id": str(number)},
                    "recursion_limit": len(workload.graph) + 10,
                    "max_concurrency": workload.parallel,
                },
                durability="sync",
            )
            if state["done"] != len(workload.graph):
                raise RuntimeError(f"run {number} ended with the state {state!r}")

        await asyncio.gather(*(run(number) for number in range(workload.runs)))
        ended = time.perf_counter()
    return Walked(seconds=ended - prepared, prepare_seconds=prepared - begin, ran=ran)


if __name__ == "__main__":
    main({"langgraph": langgraph}, ("langgraph", "langgraph-checkpoint-sqlite", "aiosqlite"))
