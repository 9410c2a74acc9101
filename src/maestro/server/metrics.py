"""Figures for Prometheus. What counts runs and their parts comes from the store when it is asked
for, so that it outlives this process and is the same in every one.
"""

from collections import Counter as Counted
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from maestro.delivery.agent_desk import AgentsOverview
from maestro.domain.figures import (
    BOUNDS,
    FAMILIES,
    SUM,
    WRITE_BOUNDS,
    FigureFamily,
    FigureKey,
    Timings,
)
from maestro.domain.overview import StoreFigures
from maestro.domain.run import ENDED_RUNS, RunStatus
from maestro.server.release import VERSION

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ACTIVE = sorted(status.value for status in RunStatus if status not in ENDED_RUNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """What is told of the moment of asking."""

    figures: StoreFigures
    """Of the store, now."""
    totals: Mapping[FigureKey, float]
    """Of the store, since it was made."""
    backlog: int
    """Runs with events that the totals do not count yet."""
    team: AgentsOverview
    """Agents, what they have in hand, and the pools."""
    oldest: Mapping[str, float] = field(default_factory=dict)
    """For how long the oldest attempt waits for a worker, by capability."""
    written: Timings = field(default_factory=Timings)
    watchers: int = 0
    executed: int = 0
    lag_seconds: float = 0.0


class ServerFigures:
    """What this process counts of itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "maestro_requests_total",
            "Answered requests.",
            ("method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "maestro_request_duration_seconds",
            "From a request's arrival until its answer began.",
            ("method",),
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )

    def text(self, scrape: Scrape) -> bytes:
        whole = CollectorRegistry()
        whole.register(_StoreCollector(scrape))
        return generate_latest(whole) + generate_latest(self.registry)


class _StoreCollector(Collector):
    def __init__(self, scrape: Scrape) -> None:
        self._scrape = scrape

    def collect(self) -> Iterator[Metric]:
        told, now = self._scrape, self._scrape.figures
        for family in FAMILIES:
            yield (
                _durations(family, told.totals) if family.duration else _count(family, told.totals)
            )
        yield _gauge("maestro_runs_active", "Runs that have not ended.", "status", _going(now))
        yield _gauge("maestro_steps_active", "Of those runs.", "status", _steps(now))
        yield _gauge(
            "maestro_queue_depth", "Attempts that wait for a worker.", "capability", now.waiting
        )
        yield _gauge(
            "maestro_queue_oldest_seconds",
            "How long the oldest of them has waited.",
            "capability",
            told.oldest,
        )
        yield from _team(told.team)
        work = {"working": now.work.get("running", 0), "queued": now.work.get("ready", 0)}
        yield _gauge("maestro_assignments", "Work of personas.", "state", work)
        yield _written(told.written)
        for name, (meaning, value) in {
            "maestro_runs_uncounted": ("Runs the totals lag behind.", told.backlog),
            "maestro_runs_executed": ("Runs at work in this process.", told.executed),
            "maestro_watchers": ("Streams of events that are open here.", told.watchers),
            "maestro_event_lag_seconds": ("From writing an event to reading it.", told.lag_seconds),
        }.items():
            yield GaugeMetricFamily(name, meaning, value=value)
        yield _gauge("maestro_build_info", "This Maestro.", "version", {VERSION: 1})


def _team(team: AgentsOverview) -> Iterator[Metric]:
    """Agents are named only while they have something in hand: runs may bring models of theirs."""
    health = Counted(dict.fromkeys(("ready", "draining", "away"), 0))
    health.update(record.health for record in team.agents)
    yield _gauge("maestro_agents", "Agents of the registry.", "state", health)
    hands = {agent: number for agent, number in team.in_hand().items() if number}
    yield _gauge("maestro_agent_assignments", "What an agent has in hand.", "agent", hands)
    queues, circuits = Counted[str](), Counted[str]()
    for process in team.dispatch.processes:
        for queue in process.snapshot.queues:  # several of a persona, by language
            queues[queue.persona] += queue.waiting
        circuits.update(process.snapshot.suspended)
    yield _gauge("maestro_agent_queue", "Assignments that wait for an agent.", "persona", queues)
    yield _gauge("maestro_circuits_open", "Processes that give it nothing.", "circuit", circuits)
    pools = {record.pool.capability: record for record in team.pools}
    for name, told, values in (
        ("agents", "Agents of a pool that are alive.", {n: p.agents for n, p in pools.items()}),
        ("agents_max", "As many as it may have.", {n: p.pool.max for n, p in pools.items()}),
        ("kept", "1 while a process keeps it.", {n: int(p.kept) for n, p in pools.items()}),
    ):
        yield _gauge(f"maestro_pool_{name}", told, "capability", values)
    for name, told, values in (
        ("started", "Agents that were started.", {n: p.started for n, p in pools.items()}),
        ("lost", "Not meant to end.", {n: p.lost + p.start_failed for n, p in pools.items()}),
    ):
        family = CounterMetricFamily(f"maestro_pool_{name}", told, labels=("capability",))
        for capability, value in values.items():
            family.add_metric((capability,), value)
        yield family


def _gauge(name: str, told: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, told, labels=(label,))
    for key, value in sorted(values.items()):
        family.add_metric((key,), value)
    return family


def _count(family: FigureFamily, totals: Mapping[FigureKey, float]) -> Metric:
    metric = CounterMetricFamily(family.name, family.told, labels=family.labels)
    for key, value in sorted(totals.items()):
        if key[0] == family.name:
            metric.add_metric(key[1:], value)
    return metric


def _durations(family: FigureFamily, totals: Mapping[FigureKey, float]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.told, labels=family.labels)
    own = {key[1:]: value for key, value in totals.items() if key[0] == family.name}
    for labels in sorted({key[:-1] for key in own}) or ([()] if not family.labels else []):
        counts = [own.get((*labels, str(bound)), 0.0) for bound in BOUNDS]
        metric.add_metric(labels, _buckets(BOUNDS, counts), own.get((*labels, SUM), 0.0))
    return metric


def _written(times: Timings) -> Metric:
    told = "Commits of this process, until they were on the disk."
    metric = HistogramMetricFamily("maestro_journal_write_seconds", told)
    metric.add_metric((), _buckets(WRITE_BOUNDS, times.counts), times.seconds)
    return metric


def _buckets(bounds: tuple[float, ...], counts: list[float] | list[int]) -> list[tuple[str, float]]:
    """Each counts what fell into it or any before."""
    below, found = 0.0, list[tuple[str, float]]()
    for bound, count in zip(bounds, counts, strict=True):
        below += count
        found.append(("+Inf" if bound == float("inf") else str(bound), below))
    return found


def _going(figures: StoreFigures) -> Mapping[str, int]:
    going = dict.fromkeys(_ACTIVE, 0)
    for (_, status), number in figures.runs.items():
        if status in going:
            going[status] += number
    return going


def _steps(figures: StoreFigures) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for (_, status), number in figures.steps.items():
        counts[status] = counts.get(status, 0) + number
    return counts
