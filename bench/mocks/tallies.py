"""From raw rounds to medians, ratios and the bar; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

LEAST_RATIO = {"get": ("prism", 25.0), "post": ("prism", 20.0), "graphql": ("apollo", 4.0)}
"""For each task the rival, and ours over the rival's requests per CPU-second of the server."""
MOST_P99 = 0.25
MOST_IDLE_MB = 60.0
MOST_FIRST_REPLY = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One server, one kind of request, one round."""

    server: str
    task: str
    round: int
    requests: int
    seconds: float
    cpu_seconds: float
    p50_ms: float
    p99_ms: float
    wrong: int = 0
    lost: int = 0

    @property
    def per_cpu_second(self) -> float:
        return self.requests / self.cpu_seconds if self.cpu_seconds > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the rounds of a server come to; medians."""

    server: str
    task: str
    rounds: int
    per_cpu_second: float
    per_second: float
    p50_ms: float
    p99_ms: float
    wrong: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of the bar and what was found."""

    statement: str
    found: str
    kept: bool


def rows(legs: Sequence[Leg]) -> list[Row]:
    made = []
    for task, server in dict.fromkeys((leg.task, leg.server) for leg in legs):
        own = [leg for leg in legs if leg.task == task and leg.server == server]
        made.append(
            Row(
                server=server,
                task=task,
                rounds=len(own),
                per_cpu_second=median(leg.per_cpu_second for leg in own),
                per_second=median(leg.requests / leg.seconds for leg in own),
                p50_ms=median(leg.p50_ms for leg in own),
                p99_ms=median(leg.p99_ms for leg in own),
                wrong=sum(leg.wrong + leg.lost for leg in own),
            )
        )
    return made


def ratios(
    legs: Sequence[Leg], task: str, ours: str, rival: str
) -> tuple[list[float], list[float]]:
    """Per round: requests per CPU-second over the rival's, and p99 over the rival's."""
    by_round: dict[int, dict[str, Leg]] = {}
    for leg in legs:
        if leg.task == task:
            by_round.setdefault(leg.round, {})[leg.server] = leg
    both = [pair for pair in by_round.values() if ours in pair and rival in pair]
    speed = [
        pair[ours].per_cpu_second / pair[rival].per_cpu_second
        for pair in both
        if pair[rival].per_cpu_second
    ]
    return speed, [pair[ours].p99_ms / pair[rival].p99_ms for pair in both if pair[rival].p99_ms]


def sentences(
    legs: Sequence[Leg], ours: str, facts: Mapping[str, float], quiet: str, floor: str
) -> list[Sentence]:
    """The bar. `quiet` is Prism with its log off; `floor`, an event loop whose sockets look at
    nothing, is told beside it and decides nothing.
    """
    made = []
    for task, (rival, least) in LEAST_RATIO.items():
        speed, _ = ratios(legs, task, ours, rival)
        if speed:
            made.append(
                Sentence(
                    statement=f"{task}: at least {least:g} x {rival}'s requests per CPU-second",
                    found=_spread(speed),
                    kept=median(speed) >= least,
                )
            )
        if rival == "prism":
            made += _against_quiet(legs, task, ours, quiet, floor)
    made += _absolute(facts)
    wrong = sum(leg.wrong + leg.lost for leg in legs if leg.server == ours)
    made.append(Sentence(statement="no wrong or lost reply", found=str(wrong), kept=wrong == 0))
    return made


def _against_quiet(
    legs: Sequence[Leg], task: str, ours: str, quiet: str, floor: str
) -> list[Sentence]:
    """The same bar against a Prism that logs nothing, and how far the machine lets anybody go."""
    speed, tail = ratios(legs, task, ours, quiet)
    share, _ = ratios(legs, task, ours, floor)
    if not speed or not share:
        return []
    _, least = LEAST_RATIO[task]
    return [
        Sentence(
            statement=f"{task}: at least {least:g} x {quiet}'s requests per CPU-second",
            found=f"{_spread(speed)}; {median(share):.2f} of the floor's",
            kept=median(speed) >= least,
        ),
        Sentence(
            statement=f"{task}: p99 at most {MOST_P99:g} of {quiet}'s",
            found=f"{median(tail):.3f} of it",
            kept=median(tail) <= MOST_P99,
        ),
    ]


def _absolute(facts: Mapping[str, float]) -> list[Sentence]:
    wanted = (
        ("idle_mb", MOST_IDLE_MB, "MB idle"),
        ("first_reply_cpu", MOST_FIRST_REPLY, "CPU-s to the first reply of 1,000 operations"),
    )
    return [
        Sentence(
            statement=f"at most {most:g} {unit}",
            found=f"{facts[name]:.2f}",
            kept=facts[name] <= most,
        )
        for name, most, unit in wanted
        if name in facts
    ]


def _spread(speed: Sequence[float]) -> str:
    return f"{median(speed):.1f} x ({min(speed):.1f} to {max(speed):.1f})"
