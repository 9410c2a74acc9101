"""The graphs are what they say, and a wrong walk is found."""

import pytest

from bench.workloads import WORKLOADS, Node, Workload, chain, depths, fan, faults, layered

DIAMOND = (Node("a"), Node("b", ("a",)), Node("c", ("a",)), Node("d", ("b", "c")))


def diamond(runs: int = 1) -> Workload:
    return Workload(name="diamond", title="diamond", graph=DIAMOND, runs=runs)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("chain200", 200),
        ("fan1000", 1002),
        ("layered1000", 1000),
        ("small200x5", 1000),
        ("layered10000", 10_000),
    ],
)
def test_steps_of_each_workload(name: str, steps: int) -> None:
    assert WORKLOADS[name]().steps == steps


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_node_stands_after_its_needs(name: str) -> None:
    seen: set[str] = set()
    for node in WORKLOADS[name]().graph:
        assert seen.issuperset(node.needs)
        assert node.id not in seen
        seen.add(node.id)


def test_layered_draws_three_different_needs_and_the_same_every_time() -> None:
    graph = layered(4, 10, 3)
    assert graph == layered(4, 10, 3)
    assert graph != layered(4, 10, 3, seed=1)
    assert {len(set(node.needs)) for node in graph[10:]} == {3}


def test_depths() -> None:
    assert depths(DIAMOND) == [["a"], ["b", "c"], ["d"]]
    assert [len(level) for level in depths(fan(7))] == [1, 7, 1]
    assert [len(level) for level in depths(chain(3))] == [1, 1, 1]


def test_a_right_walk_has_no_fault() -> None:
    assert faults(diamond(), [["a", "c", "b", "d"]]) == []


@pytest.mark.parametrize(
    ("order", "fault"),
    [
        (["a", "b", "d", "c"], "'d' ran before 'c', which it needs"),
        (["a", "b", "c", "b", "d"], "'b' ran more than once"),
        (["a", "b", "c"], "'d' never ran"),
        (["a", "b", "c", "d", "e"], "'e' is no node of the graph"),
    ],
)
def test_a_wrong_walk_is_found(order: list[str], fault: str) -> None:
    assert faults(diamond(), [order]) == [f"run 0: {fault}"]


def test_a_lost_run_is_found() -> None:
    right = ["a", "b", "c", "d"]
    assert faults(diamond(runs=2), [right]) == ["1 runs instead of 2"]
    assert faults(diamond(runs=2), [right, ["a"]])[0] == "run 1: 'b' never ran"
