"""The floors walk rightly: after the needs, and never more at once than allowed."""

import asyncio

import pytest

from bench.walking import Frontier, walk
from bench.workloads import WORKLOADS, faults


@pytest.mark.parametrize("name", ["chain200", "fan1000", "layered1000"])
def test_walk(name: str) -> None:
    workload = WORKLOADS[name]()
    order: list[str] = []
    at_work = most = 0

    async def step(node_id: str) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        order.append(node_id)
        at_work -= 1

    asyncio.run(walk(workload.graph, workload.parallel, step))
    assert faults(workload, [order]) == []
    assert most == (1 if name == "chain200" else workload.parallel)


def test_frontier_takes_at_most_what_is_asked_for() -> None:
    frontier = Frontier(WORKLOADS["fan1000"]().graph)
    assert frontier.take(16) == ["first"]
    assert frontier.take(16) == []
    frontier.finish("first")
    assert frontier.take(3) == ["s0", "s1", "s2"]
