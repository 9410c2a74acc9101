"""What is counted over all runs. A figure is named by a family and its labels; no run is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from maestro.domain.models import CallEntry
from maestro.domain.overview import AttemptRecord
from maestro.domain.run import Event
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step

FigureKey = tuple[str, ...]
"""FigureFamily, labels, and for a duration `sum` or the bound of the bucket that it fell into."""
SUM = "sum"


class ReadingPurpose(StrEnum):
    """What the journals of all runs are read for, each event once."""

    FIGURES = "figures"
    TRACES = "traces"


BOUNDS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, float("inf"))
"""Of durations of steps, runs and waits, in seconds."""
WRITE_BOUNDS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    10.0,
    float("inf"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureFamily:
    """Figures of one name."""

    name: str
    told: str
    labels: tuple[str, ...]
    duration: bool = False
    """Whether it is spread over BOUNDS."""


RUNS = FigureFamily(name="maestro_runs", told="Runs that ended so.", labels=("blueprint", "status"))
RUN_SECONDS = FigureFamily(
    name="maestro_run_duration_seconds",
    told="From a run's creation until it ended.",
    labels=("status",),
    duration=True,
)
STEPS = FigureFamily(
    name="maestro_steps",
    told="Steps that came to rest, by what became of them.",
    labels=("phase", "persona", "status"),
)
STEP_SECONDS = FigureFamily(
    name="maestro_step_duration_seconds",
    told="Of one attempt of a step.",
    labels=("action", "status"),
    duration=True,
)
RETRIES = FigureFamily(
    name="maestro_step_retries", told="Further attempts, by why.", labels=("reason",)
)
QUEUE_SECONDS = FigureFamily(
    name="maestro_queue_wait_seconds",
    told="From when a step could start until it was at work.",
    labels=(),
    duration=True,
)
GATES = FigureFamily(
    name="maestro_gate_decisions", told="Gates judged.", labels=("gate", "verdict")
)
CHECKS = FigureFamily(
    name="maestro_contract_checks",
    told="Checks of built things against contracts.",
    labels=("kind", "result"),
)
TOKENS = FigureFamily(
    name="maestro_model_tokens", told="Tokens of models.", labels=("model", "direction")
)
COST = FigureFamily(
    name="maestro_model_cost_dollars", told="US dollars, as far as known.", labels=("model",)
)
SUSPENDED = FigureFamily(
    name="maestro_agents_suspended", told="Circuits of agents that opened.", labels=("circuit",)
)
FAMILIES = (
    RUNS,
    RUN_SECONDS,
    STEPS,
    STEP_SECONDS,
    RETRIES,
    QUEUE_SECONDS,
    GATES,
    CHECKS,
    TOKENS,
    COST,
    SUSPENDED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedCall:
    """A call of a model or a tool, and when it was made, in seconds since 1970."""

    entry: CallEntry
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNews:
    """What a run's journal says since it was read last."""

    run_id: RunId
    project: str
    workflow: str
    created_at: datetime
    before: int
    """The last event that was read before."""
    events: Sequence[Event]
    steps: Mapping[StepId, Step]
    attempts: Mapping[tuple[StepId, int], AttemptRecord]
    """Of the steps that the events tell of."""
    waited: Mapping[tuple[StepId, int], float]
    """Seconds until a worker took an attempt that was left to workers."""
    ended: Mapping[StepId, datetime] = field(default_factory=dict)
    """When steps ended that those of the events need."""
    resets: Sequence[tuple[StepId, datetime]] = ()
    """When somebody asked for steps to be done once more."""
    agents: Mapping[tuple[StepId, int], str] = field(default_factory=dict)
    """Who was chosen for attempts."""
    calls: Sequence[TimedCall] = ()
    """Of models and tools, of the attempts that ended."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Kinds of its contracts, by id."""
    blueprint: str = ""
    """Of its team; empty where none was chosen."""

    @property
    def last(self) -> int:
        return self.events[-1].sequence if self.events else self.before


class Timings:
    """How long something took, as counts per bound of WRITE_BOUNDS; one thread writes."""

    def __init__(self) -> None:
        self.counts = [0] * len(WRITE_BOUNDS)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.seconds += seconds
        at = next(n for n, bound in enumerate(WRITE_BOUNDS) if seconds <= bound)
        self.counts[at] += 1
