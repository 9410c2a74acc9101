"""Medians, ratios and the bar."""

import pytest

from bench.contenders import CONTENDERS
from bench.figures import Bar, Line, Measurement, bars, lines_of
from bench.leg import Reading
from bench.workloads import Node, Workload

TEN = Workload(name="layered10000", title="ten", graph=tuple(Node(f"s{i}") for i in range(10)))


def reading(seconds: float, peak_mb: float = 50.0, cpu_seconds: float = 0.1) -> Reading:
    return Reading(
        seconds=seconds,
        prepare_seconds=0.0,
        cpu_seconds=cpu_seconds,
        peak_mb=peak_mb,
        before_mb=40.0,
        commits=4,
    )


def rounds(contender: str, *seconds: float, peak_mb: float = 50.0) -> list[Measurement]:
    return [
        Measurement(
            workload=TEN.name,
            contender=contender,
            round=number,
            reading=reading(taken, peak_mb),
        )
        for number, taken in enumerate(seconds, start=1)
    ]


def failed(contender: str, why: str) -> Measurement:
    return Measurement(workload=TEN.name, contender=contender, round=2, failure=why)


def line(found: list[Measurement], key: str) -> Line:
    return next(row for row in lines_of(TEN, CONTENDERS, found) if row.contender.key == key)


def verdict(found: list[Measurement], words: str) -> Bar:
    table = {TEN.name: lines_of(TEN, CONTENDERS, found)}
    (bar,) = (item for item in bars(table) if words in item.statement)
    return bar


def test_medians_and_ratios() -> None:
    found = [
        *rounds("floor-sqlite", 1.0, 9.0, 2.0),
        *rounds("floor-sqlite-merged", 1.0, 1.0, 1.0),
        *rounds("maestro-sqlite", 5.0, 4.0, 100.0),
        *rounds("dbos-sqlite", 20.0, 20.0, 20.0),
    ]
    ours = line(found, "maestro-sqlite").cell
    assert ours is not None
    assert (ours.seconds, ours.ms_per_step, ours.cpu_ms_per_step) == (5.0, 500.0, 10.0)
    assert (ours.floors, ours.merged_floors, ours.slower_than_ours) == (2.5, 5.0, None)
    assert (ours.rounds, ours.commits) == (3, 4)
    peer = line(found, "dbos-sqlite").cell
    assert peer is not None
    assert (peer.floors, peer.slower_than_ours) == (10.0, 4.0)
    floor = line(found, "floor-sqlite").cell
    assert floor is not None
    assert floor.floors is None


def test_the_postgresql_floor_is_the_one_of_postgresql() -> None:
    found = [
        *rounds("floor-sqlite", 1.0),
        *rounds("floor-postgres", 4.0),
        *rounds("maestro-postgres", 8.0),
    ]
    ours = line(found, "maestro-postgres").cell
    assert ours is not None
    assert ours.floors == 2.0


def test_a_contender_with_a_failed_round_has_a_reason_and_no_figures() -> None:
    found = [*rounds("dbos-sqlite", 20.0), failed("dbos-sqlite", "did not end within 9 s")]
    row = line(found, "dbos-sqlite")
    assert row.cell is None
    assert row.failure == "did not end within 9 s"


def test_other_workloads_do_not_count() -> None:
    other = Measurement(workload="chain200", contender="dbos-sqlite", round=1, failure="no")
    assert lines_of(TEN, CONTENDERS, [other]) == []


@pytest.mark.parametrize(("seconds", "kept"), [(3.0, True), (3.1, False)])
def test_at_most_three_floors(seconds: float, kept: bool) -> None:
    found = [*rounds("floor-sqlite", 1.0), *rounds("maestro-sqlite", seconds)]
    assert verdict(found, "its floor").kept is kept


def test_without_a_floor_the_bar_is_not_kept() -> None:
    bar = verdict(rounds("maestro-sqlite", 1.0), "its floor")
    assert not bar.kept
    assert bar.found == "the floor was not measured"


@pytest.mark.parametrize(("peer", "kept"), [(1.1, True), (1.0, False), (0.5, False)])
def test_faster_than_a_peer(peer: float, kept: bool) -> None:
    found = [*rounds("maestro-sqlite", 1.0), *rounds("langgraph-sqlite", peer)]
    assert verdict(found, "faster than LangGraph").kept is kept


def test_a_peer_that_cannot_do_it_is_behind_only_if_we_can() -> None:
    lost = failed("langgraph-sqlite", "did not end within 9 s")
    bar = verdict([*rounds("maestro-sqlite", 1.0), lost], "faster than LangGraph")
    assert bar.kept
    assert bar.found == "it has no result: did not end within 9 s"
    both = [failed("maestro-sqlite", "wrong result"), lost]
    assert not verdict(both, "faster than LangGraph").kept


def test_peers_alone_say_nothing_of_the_bar() -> None:
    table = {TEN.name: lines_of(TEN, CONTENDERS, rounds("dbos-sqlite", 1.0))}
    assert bars(table) == []


@pytest.mark.parametrize(
    ("seconds", "peak_mb", "kept"), [(14.9, 249.0, True), (15.0, 10.0, False), (1.0, 250.0, False)]
)
def test_the_big_graph(seconds: float, peak_mb: float, kept: bool) -> None:
    found = rounds("maestro-sqlite", seconds, peak_mb=peak_mb)
    assert verdict(found, "under 15 s").kept is kept


@pytest.mark.parametrize(("cpu_seconds", "kept"), [(1.5, True), (1.6, False)])
def test_cost_per_step_does_not_grow_with_the_graph(cpu_seconds: float, kept: bool) -> None:
    small = Workload(name="layered1000", title="one", graph=TEN.graph)
    found = [
        Measurement(workload=load, contender="maestro-sqlite", round=1, reading=reading(1, 1, cpu))
        for load, cpu in (("layered1000", 1.0), ("layered10000", cpu_seconds))
    ]
    table = {load.name: lines_of(load, CONTENDERS, found) for load in (small, TEN)}
    (bar,) = (item for item in bars(table) if "CPU time per step" in item.statement)
    assert bar.kept is kept
