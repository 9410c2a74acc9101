"""What the scheduler knows of one run. Only the scheduler changes it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from maestro.domain.run import FINISHED_STEPS, RunStatus, StepRun, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import Step, Workflow


@dataclass(slots=True)
class StepState:
    step: Step
    order: int
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    forgiven: int = 0
    open_needs: int = 0
    queued: bool = False
    dependants: list[StepId] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.status in FINISHED_STEPS

    @property
    def attempts_left(self) -> bool:
        return self.attempt - self.forgiven < self.step.retry.max_attempts


class RunState:
    """Steps with their states, the ready queue and the counts that end a run.

    Advancing costs time proportional to the number of dependants of the step concerned, so the
    state is changed in place: `scheduler.advance` takes it over and hands it back.
    """

    def __init__(self, *, max_parallel: int) -> None:
        self.steps: dict[StepId, StepState] = {}
        self.ready: list[tuple[int, int, StepId]] = []
        """A heap: higher priority first, then the workflow's order."""
        self.max_parallel = max_parallel
        self.paused = False
        self.ended: RunStatus | None = None
        self.counts = dict.fromkeys(StepStatus, 0)

    @staticmethod
    def restore(
        workflow: Workflow, runs: Sequence[StepRun], *, max_parallel: int, status: RunStatus
    ) -> "RunState":
        """The state that the stored rows of a run stand for; new runs are a special case."""
        state = RunState(max_parallel=max_parallel)
        state.paused = status is RunStatus.PAUSED
        stored = {run.step_id: run for run in runs}
        for step in workflow.steps:
            run = stored.get(step.id, StepRun(step_id=step.id, status=StepStatus.PENDING))
            state.steps[step.id] = StepState(
                step=step,
                order=len(state.steps),
                status=run.status,
                attempt=run.attempt,
                forgiven=run.forgiven,
            )
            state.counts[run.status] += 1
        state.connect(workflow.steps)
        return state

    def add(self, steps: Iterable[Step]) -> None:
        added = tuple(steps)
        for step in added:
            self.steps[step.id] = StepState(step=step, order=len(self.steps))
            self.counts[StepStatus.PENDING] += 1
        self.connect(added)

    def connect(self, steps: Iterable[Step]) -> None:
        """Counts open needs and notes dependants; needs may come later in the workflow."""
        for step in steps:
            own = self.steps[step.id]
            for need in dict.fromkeys(step.needs):
                needed = self.steps[need]
                needed.dependants.append(step.id)
                own.open_needs += not needed.finished

    def move(self, step_id: StepId, status: StepStatus) -> None:
        step = self.steps[step_id]
        self.counts[step.status] -= 1
        self.counts[status] += 1
        step.status = status

    def unmet(self, step_id: StepId) -> tuple[StepId, ...]:
        """The needs that ended otherwise than well."""
        return tuple(
            need
            for need in self.steps[step_id].step.needs
            if self.steps[need].status is not StepStatus.SUCCEEDED
        )

    @property
    def running(self) -> int:
        return self.counts[StepStatus.RUNNING]

    @property
    def open(self) -> int:
        """Steps that have not finished."""
        return len(self.steps) - sum(self.counts[status] for status in FINISHED_STEPS)
