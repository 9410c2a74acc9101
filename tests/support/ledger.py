"""What a host has stored and has under way, by the scheduler's commands alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from maestro.domain.run import ENDED_RUNS, RunStatus, StepRun, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import Step, Workflow
from maestro.workflow.run_state import RunState
from maestro.workflow.signals import (
    Await,
    CancelStep,
    Command,
    ConditionJudged,
    EndStep,
    ExtendRun,
    FinishRun,
    GiveUpStep,
    JudgeCondition,
    PauseAsked,
    RejectStep,
    RequeueStep,
    RerunAsked,
    ResetStep,
    RestRun,
    ResumeAsked,
    RetryAsked,
    RetryDue,
    ScheduleRetry,
    Signal,
    SkipStep,
    StartStep,
)


@dataclass
class Ledger:
    workflow: Workflow
    max_parallel: int
    rows: dict[StepId, StepRun] = field(default_factory=dict)
    status: RunStatus = RunStatus.RUNNING
    judging: set[StepId] = field(default_factory=set)
    """Conditions that the host was asked to judge and has not yet."""
    timers: set[StepId] = field(default_factory=set)
    """Retry timers that have not rung."""

    def __post_init__(self) -> None:
        self._add(self.workflow.steps)

    def restored(self) -> RunState:
        """The state after the process died; what was only in memory is gone."""
        self.judging.clear()
        self.timers = set(self.having(StepStatus.WAITING))
        return RunState.restore(
            self.workflow.steps,
            self.workflow.concurrency,
            self.rows.values(),
            max_parallel=self.max_parallel,
            status=self.status,
        )

    def having(self, *statuses: StepStatus) -> list[StepId]:
        return [row.step_id for row in self.rows.values() if row.status in statuses]

    def told(self, signal: Signal) -> None:
        """The host gave this signal to the scheduler, and it was taken."""
        again = isinstance(signal, RetryAsked | RerunAsked) and self.status in ENDED_RUNS
        if isinstance(signal, PauseAsked):
            self.status = RunStatus.PAUSED
        elif again or isinstance(signal, ResumeAsked):
            self.status = RunStatus.RUNNING
        elif isinstance(signal, ConditionJudged):
            self.judging.discard(signal.step_id)
        elif isinstance(signal, RetryDue):
            self.timers.discard(signal.step_id)

    def write(self, command: Command) -> None:  # noqa: C901  one case per command
        match command:
            case StartStep(step_id, attempt):
                self._change(step_id, status=StepStatus.RUNNING, attempt=attempt)
            case Await(step_id):
                self._change(step_id, status=StepStatus.AWAITING)
            case EndStep(step_id, status):
                self._change(step_id, status=status)
                self._ended = step_id
            case ScheduleRetry(step_id, _):
                self._change(step_id, status=StepStatus.WAITING)
                self.timers.add(step_id)
            case RequeueStep(step_id):
                self._change(step_id, status=StepStatus.READY)
            case SkipStep(step_id, _):
                self._change(step_id, status=StepStatus.SKIPPED)
            case GiveUpStep(step_id) | RejectStep(step_id, _):
                self._change(step_id, status=StepStatus.FAILED)
            case CancelStep(step_id, _):
                self._change(step_id, status=StepStatus.CANCELLED)
                self.timers.discard(step_id)
                self.judging.discard(step_id)
            case ResetStep(step_id):
                forgiven = self.rows[step_id].attempt
                self._change(step_id, status=StepStatus.PENDING, forgiven=forgiven)
            case JudgeCondition(step_id):
                self.judging.add(step_id)
            case ExtendRun(steps):
                self._change(self._ended, extended=True)
                self.workflow = self.workflow.extended(steps)
                self._add(steps)
            case FinishRun(status):
                self.status = status
            case RestRun():
                pass

    def _add(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.rows[step.id] = StepRun(step_id=step.id, status=StepStatus.PENDING)

    def _change(self, step_id: StepId, **changes: object) -> None:
        self.rows[step_id] = replace(self.rows[step_id], **changes)  # type: ignore[arg-type]
