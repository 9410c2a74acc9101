"""The mock server's bench: ratios per round, medians, the bar."""

from bench.mocks.tallies import Leg, ratios, rows, sentences


def leg(server: str, number: int, requests: int, p99: float, *, task: str = "get") -> Leg:
    return Leg(
        server=server, task=task, round=number, requests=requests, seconds=2.0, cpu_seconds=1.0,
        p50_ms=p99 / 2, p99_ms=p99,
    )  # fmt: skip


LEGS = [
    leg("ours", 1, 3_000, 1.0), leg("rival", 1, 100, 10.0),
    leg("ours", 2, 2_000, 2.0), leg("rival", 2, 100, 10.0),
    leg("ours", 3, 9_000, 9.0), leg("rival", 3, 300, 10.0),
]  # fmt: skip


def test_ratios_are_taken_round_by_round() -> None:
    speed, tail = ratios(LEGS, "get", "ours", "rival")
    assert speed == [30.0, 20.0, 30.0]
    assert tail == [0.1, 0.2, 0.9]
    assert ratios(LEGS, "post", "ours", "rival") == ([], [])


def test_rows_are_medians() -> None:
    ours, rival = rows(LEGS)
    assert (ours.server, ours.rounds, ours.per_cpu_second, ours.per_second) == (
        "ours", 3, 3_000.0, 1_500.0,
    )  # fmt: skip
    assert (rival.per_cpu_second, rival.p99_ms) == (100.0, 10.0)


def against(ours: int, *, prism: int, quiet: int, floor: int, p99: float = 1.0) -> list[bool]:
    """What is kept of: the rival, the quiet rival, its p99, no wrong reply."""
    legs = [
        leg("ours", 1, ours, p99), leg("prism", 1, prism, 10.0),
        leg("quiet", 1, quiet, 10.0), leg("floor", 1, floor, 0.5),
    ]  # fmt: skip
    return [item.kept for item in sentences(legs, "ours", {}, "quiet", "floor")]


def test_the_bar_of_speed() -> None:
    assert against(2_500, prism=100, quiet=100, floor=9_000) == [True, True, True, True]
    assert against(2_400, prism=100, quiet=100, floor=9_000) == [False, False, True, True]
    assert against(2_500, prism=100, quiet=200, floor=9_000, p99=3.0) == [True, False, False, True]


def test_the_floor_excuses_nothing() -> None:
    assert against(2_500, prism=100, quiet=200, floor=2_500) == [True, False, True, True]


def test_the_bar_of_size_and_of_right_replies() -> None:
    facts = {"idle_mb": 61.0, "first_reply_cpu": 0.5}
    told = sentences(LEGS, "ours", facts, "quiet", "floor")
    assert [item.kept for item in told] == [False, True, True]
