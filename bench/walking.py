"""Walking a graph with asyncio alone: what the floors do, and nothing an engine could leave out."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from bench.workloads import Node


class Frontier:
    """Which nodes are ready, by counting the needs that are left."""

    def __init__(self, graph: Sequence[Node]) -> None:
        self._left = {node.id: len(node.needs) for node in graph}
        self._dependants: dict[str, list[str]] = {node.id: [] for node in graph}
        for node in graph:
            for need in node.needs:
                self._dependants[need].append(node.id)
        self.ready = deque(node.id for node in graph if not node.needs)

    def finish(self, node_id: str) -> None:
        for dependant in self._dependants[node_id]:
            self._left[dependant] -= 1
            if self._left[dependant] == 0:
                self.ready.append(dependant)

    def take(self, most: int) -> list[str]:
        return [self.ready.popleft() for _ in range(min(most, len(self.ready)))]


async def walk(
    graph: Sequence[Node], parallel: int, work: Callable[[str], Awaitable[None]]
) -> None:
    """Runs `work` for every node after its needs, at most `parallel` at once."""
    frontier = Frontier(graph)
    lanes = 0

    async def lane() -> None:
        nonlocal lanes
        while frontier.ready:
            node_id = frontier.ready.popleft()
            await work(node_id)
            frontier.finish(node_id)
            open_lanes(len(frontier.ready) - 1)
        lanes -= 1

    def open_lanes(wanted: int) -> None:
        nonlocal lanes
        for _ in range(min(wanted, parallel - lanes)):
            lanes += 1
            group.create_task(lane())

    async with asyncio.TaskGroup() as group:
        open_lanes(len(frontier.ready))
