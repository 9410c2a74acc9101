"""What the journal keeps of attempts over many runs, and what it teaches: facts, counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from maestro.domain.overview import RunOverview
from maestro.domain.run import StepError
from maestro.domain.values import RunId, StepId


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierAttempt:
    """One try at a step of an ended run; what it put out is left where it is."""

    number: int
    status: str
    """As the journal has it: `succeeded`, `failed`, `blocked`, `cancelled` or `interrupted`."""
    started_at: datetime | None
    ended_at: datetime | None
    error: StepError | None

    @property
    def seconds(self) -> float | None:
        """None where nobody knows: an interrupted one ended when somebody found it so."""
        if self.started_at is None or self.ended_at is None or self.status == "interrupted":
            return None
        return max(0.0, (self.ended_at - self.started_at).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedStep:
    """A step of an ended run that was tried at least once."""

    run_id: RunId
    step_id: StepId
    title: str
    action: str
    persona: str
    phase: str
    needs: tuple[StepId, ...]
    attempts: tuple[EarlierAttempt, ...]
    """In order."""
    model_calls: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    """US dollars for those calls; None where that of one is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkInHand:
    """A step of a persona that is at work, or could be at once, in a run that has not ended."""

    run_id: RunId
    project: str
    step_id: StepId
    title: str
    persona: str
    status: str
    attempt: int
    since: datetime | None
    """When its attempt began; None before."""
    agent: str | None
    """Who was given it; None where nobody has been yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeredStep:
    """That somebody had a step done again."""

    run_id: RunId
    step_id: StepId
    at: datetime
    feedback: bool
    """Whether it was given back with the reasons for which it was refused."""


class LessonKind(StrEnum):
    """What it was that did not let an attempt succeed."""

    GATE = "gate"
    ARTEFACT = "artefact"  # one that a phase must hand over
    CHECK = "check"  # of a contract, or of a consumer on the real provider
    ERROR = "error"  # the step itself ended so


class Mending(StrEnum):
    """What came before the attempt that succeeded where an earlier one had not."""

    RETRY = "retry"  # the engine tried again by itself
    REQUEST = "request"  # somebody asked for it to be tried again
    REWORK = "rework"  # refused work was given back with its reasons
    CONTINUATION = "continuation"  # a process had died; the next one went on
    WAIVER = "waiver"  # the gate was let pass


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonCase:
    """Once in one run."""

    run_id: RunId
    project: str
    step_id: StepId
    title: str
    attempt: int
    """The last one that did not succeed for this reason."""
    status: str
    reason: str
    at: datetime
    mended_in: int | None
    """The attempt that succeeded; None where none did."""
    mended_by: Mending | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Something that kept attempts from succeeding, counted over ended runs."""

    id: str
    kind: LessonKind
    name: str
    """The gate, the required path, the check, or the code of the error."""
    action: str
    persona: str
    """Whose step it was, or whose work it judged; empty where it is nobody's alone."""
    phase: str
    reason: str
    """What the newest case says."""
    attempts: int
    """How many ended so."""
    runs: int
    """In how many runs."""
    runs_tried: int
    """How many runs came to such a step at all."""
    mended: int
    """Steps that succeeded at a later attempt."""
    unmended: int
    """Steps that did not."""
    mended_by: Mapping[str, int]
    mended_in: Mapping[str, int]
    """Attempt that succeeded -> how often."""
    seconds: float | None
    """Spent on the attempts that ended so; None where that of one is unknown."""
    cost: float | None
    """US dollars for models in the steps concerned; None where unknown."""
    at: datetime
    """Of the newest case."""
    cases: tuple[LessonCase, ...]
    """Newest first; the first few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """An ended run with what it took."""

    overview: RunOverview
    attempts: int
    unsuccessful: int
    """Attempts that failed, were blocked or interrupted."""
    mended: int
    """Steps with such an attempt that succeeded in the end."""
    unmended: int
    """Those that did not."""
    model_calls: int
    tokens: int
    cost: float | None
    """US dollars for those calls; None where that of one is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueprintRecord:
    """How the builds with one blueprint ended."""

    blueprint: str
    runs: int
    ends: Mapping[str, int]
    """By status."""
    score: float | None
    """Mean of those that have one."""
    seconds: float | None
    """Median."""
    cost: float | None
    """US dollars in all; None where that of one run is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFigures:
    """How the steps of one persona, or of one action, went."""

    persona: str
    action: str
    phase: str
    runs: int
    steps: int
    attempts: int
    first_try: int
    """Steps that succeeded at their first attempt."""
    succeeded: int
    seconds: float | None
    """Median of the attempts that succeeded."""
    model_calls: int
    tokens: int
    cost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFigures:
    """Counts over the newest ended runs."""

    runs: int
    more: bool
    """Whether there are older ones that were not counted."""
    ends: Mapping[str, int]
    seconds: float | None
    """Median of the runs."""
    blueprints: tuple[BlueprintRecord, ...]
    work: tuple[WorkFigures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanForecast:
    """What earlier runs say a plan will take. What nobody has measured is not guessed."""

    runs: int
    """Ended runs that were looked at."""
    steps: int
    measured: int
    """Steps of the plan of whose kind some earlier one succeeded."""
    unmeasured: tuple[StepId, ...]
    seconds: float | None
    """Along the longest chain of steps; None while a step is unmeasured."""
    sequential_seconds: float | None
    """One after the other; None while a step is unmeasured."""
    players: tuple[str, ...] = field(default=())
    """Agents and models beside the offline team that may get some of the work."""
    tokens: int | None = 0
    """None: a model may be called and nobody has measured how much it takes."""
    cost: float | None = 0.0
    """US dollars; None = unknown."""
