"""What the scheduler is told (signals) and what it asks its host to do (commands)."""

from enum import StrEnum

from maestro.domain.hot_values import hot_dataclass
from maestro.domain.run import RunStatus, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import Step


class ConditionOutcome(StrEnum):
    """What became of a step's `when` condition."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does_not_hold"
    BROKEN = "broken"


# --- signals ------------------------------------------------------------------------------------


@hot_dataclass(frozen=True, slots=True)
class Begin:
    """The host is ready: start whatever may start. First signal after making or restoring."""


@hot_dataclass(frozen=True, slots=True)
class AttemptSucceeded:
    step_id: StepId
    extend: tuple[Step, ...] = ()


@hot_dataclass(frozen=True, slots=True)
class AttemptFailed:
    step_id: StepId
    worth_retry: bool
    """The error is of a kind that another attempt may cure."""
    spread: float = 1.0
    """Factor on the waiting time, drawn by the host: the scheduler draws no lots."""


@hot_dataclass(frozen=True, slots=True)
class AttemptBlocked:
    step_id: StepId


@hot_dataclass(frozen=True, slots=True)
class AttemptInterrupted:
    """The process that ran the attempt is gone; its attempt counts."""

    step_id: StepId


@hot_dataclass(frozen=True, slots=True)
class RetryDue:
    """The waiting time of a step is over."""

    step_id: StepId


@hot_dataclass(frozen=True, slots=True)
class ConditionJudged:
    step_id: StepId
    verdict: ConditionOutcome


@hot_dataclass(frozen=True, slots=True)
class Decided:
    """The awaited approval or signal came."""

    step_id: StepId
    accepted: bool
    """False: rejected, which blocks the step."""


@hot_dataclass(frozen=True, slots=True)
class Expired:
    """The awaited approval or signal did not come in time."""

    step_id: StepId


@hot_dataclass(frozen=True, slots=True)
class PauseAsked:
    pass


@hot_dataclass(frozen=True, slots=True)
class ResumeAsked:
    pass


@hot_dataclass(frozen=True, slots=True)
class CancelAsked:
    pass


@hot_dataclass(frozen=True, slots=True)
class RetryAsked:
    """Failed, blocked and cancelled steps go back, with what never ran because of them."""

    step_id: StepId | None = None
    """Only this one; None = every one."""


@hot_dataclass(frozen=True, slots=True)
class RerunAsked:
    """A finished step goes back, with everything that depends on it, directly or not."""

    step_id: StepId
    only_dependants: bool = False
    """The step itself stays as it is: its output was edited."""


Signal = (
    Begin
    | AttemptSucceeded
    | AttemptFailed
    | AttemptBlocked
    | AttemptInterrupted
    | RetryDue
    | ConditionJudged
    | Decided
    | Expired
    | PauseAsked
    | ResumeAsked
    | CancelAsked
    | RetryAsked
    | RerunAsked
)


# --- commands -----------------------------------------------------------------------------------


@hot_dataclass(frozen=True, slots=True)
class StartStep:
    step_id: StepId
    attempt: int


@hot_dataclass(frozen=True, slots=True)
class Await:
    """The step waits for somebody; answer with Decided or Expired."""

    step_id: StepId


@hot_dataclass(frozen=True, slots=True)
class EndStep:
    """The attempt's result, or what somebody decided, is the step's result."""

    step_id: StepId
    status: StepStatus


@hot_dataclass(frozen=True, slots=True)
class ScheduleRetry:
    step_id: StepId
    delay_seconds: float


@hot_dataclass(frozen=True, slots=True)
class RequeueStep:
    """An interrupted step may start again at once."""

    step_id: StepId


@hot_dataclass(frozen=True, slots=True)
class GiveUpStep:
    """An interrupted step has no attempt left."""

    step_id: StepId


@hot_dataclass(frozen=True, slots=True)
class JudgeCondition:
    """Answer with ConditionJudged."""

    step_id: StepId


@hot_dataclass(frozen=True, slots=True)
class SkipStep:
    step_id: StepId
    unmet: tuple[StepId, ...]
    """The needs that did not succeed; empty when its condition did not hold."""


@hot_dataclass(frozen=True, slots=True)
class RejectStep:
    """The step fails without an attempt."""

    step_id: StepId
    unmet: tuple[StepId, ...]
    """The needs that did not succeed; empty when its condition could not be judged."""


@hot_dataclass(frozen=True, slots=True)
class CancelStep:
    step_id: StepId
    running: bool


@hot_dataclass(frozen=True, slots=True)
class ResetStep:
    step_id: StepId


@hot_dataclass(frozen=True, slots=True)
class ExtendRun:
    steps: tuple[Step, ...]


@hot_dataclass(frozen=True, slots=True)
class FinishRun:
    status: RunStatus


@hot_dataclass(frozen=True, slots=True)
class RestRun:
    """Paused and nothing is running any more: the host may let go of the run."""


Command = (
    StartStep
    | Await
    | EndStep
    | ScheduleRetry
    | RequeueStep
    | GiveUpStep
    | JudgeCondition
    | SkipStep
    | RejectStep
    | CancelStep
    | ResetStep
    | ExtendRun
    | FinishRun
    | RestRun
)
