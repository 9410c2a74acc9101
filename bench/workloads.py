"""The graphs that every engine walks, and the check that it walked them rightly."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

PARALLEL = 16
SEED = 20261121


@dataclass(frozen=True, slots=True)
class Node:
    id: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One graph, run once or many times at once; at most `parallel` steps of a run at work."""

    name: str
    title: str
    graph: tuple[Node, ...]
    """Every node after its needs."""
    runs: int = 1
    parallel: int = PARALLEL

    @property
    def steps(self) -> int:
        return len(self.graph) * self.runs


def chain(length: int) -> tuple[Node, ...]:
    return tuple(Node(f"s{i}", (f"s{i - 1}",) if i else ()) for i in range(length))


def fan(width: int) -> tuple[Node, ...]:
    """One node, `width` that need it, and one that needs them all."""
    middle = tuple(Node(f"s{i}", ("first",)) for i in range(width))
    return (Node("first"), *middle, Node("last", tuple(node.id for node in middle)))


def layered(layers: int, width: int, needs: int, seed: int = SEED) -> tuple[Node, ...]:
    """Each node needs `needs` nodes of the layer before, drawn by lot; the same every time."""
    lot = random.Random(seed)  # noqa: S311 - a graph, not a secret
    nodes = [Node(f"s0-{i}") for i in range(width)]
    for layer in range(1, layers):
        for i in range(width):
            drawn = sorted(lot.sample(range(width), needs))
            nodes.append(Node(f"s{layer}-{i}", tuple(f"s{layer - 1}-{n}" for n in drawn)))
    return tuple(nodes)


def depths(graph: Sequence[Node]) -> list[list[str]]:
    """Node ids by the longest chain of needs before them."""
    depth: dict[str, int] = {}
    groups: list[list[str]] = []
    for node in graph:
        level = 1 + max((depth[need] for need in node.needs), default=-1)
        depth[node.id] = level
        if level == len(groups):
            groups.append([])
        groups[level].append(node.id)
    return groups


WORKLOADS: Mapping[str, Callable[[], Workload]] = {
    "chain200": lambda: Workload(name="chain200", title="chain of 200", graph=chain(200)),
    "fan1000": lambda: Workload(
        name="fan1000", title="fan-out and fan-in of 1,000", graph=fan(1000)
    ),
    "layered1000": lambda: Workload(
        name="layered1000", title="layered DAG of 1,000, 3 needs each", graph=layered(20, 50, 3)
    ),
    "small200x5": lambda: Workload(
        name="small200x5", title="200 runs of 5 steps, all at once", graph=chain(5), runs=200
    ),
    "layered10000": lambda: Workload(
        name="layered10000",
        title="layered DAG of 10,000, 3 needs each",
        graph=layered(100, 100, 3),
    ),
}


def faults(workload: Workload, ran: Sequence[Sequence[str]]) -> list[str]:
    """What is wrong with the order in which the steps of each run were at work; empty when right.

    Steps do nothing, so a step's one entry stands for its start and its end.
    """
    found: list[str] = []
    if len(ran) != workload.runs:
        found.append(f"{len(ran)} runs instead of {workload.runs}")
    for number, order in enumerate(ran):
        found.extend(f"run {number}: {fault}" for fault in _faults_of_run(workload.graph, order))
    return found


def _faults_of_run(graph: Sequence[Node], order: Sequence[str]) -> list[str]:
    needs_of = {node.id: node.needs for node in graph}
    found: list[str] = []
    seen: set[str] = set()
    for step in order:
        if step not in needs_of:
            found.append(f"{step!r} is no node of the graph")
            continue
        if step in seen:
            found.append(f"{step!r} ran more than once")
        missing = [need for need in needs_of[step] if need not in seen]
        if missing:
            found.append(f"{step!r} ran before {missing[0]!r}, which it needs")
        seen.add(step)
    found.extend(f"{step!r} never ran" for step in needs_of if step not in seen)
    return found
