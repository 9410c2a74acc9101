"""What the scheduler knows of one run. Only the scheduler changes it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from maestro.domain.run import FINISHED_STEPS, RunStatus, StepRun, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import OnUnmet, Step


@dataclass(slots=True)
class StepState:
    step: Step
    order: int
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    forgiven: int = 0
    open_needs: int = 0
    queued: bool = False
    extended: bool = False
    due: bool = False
    """Its retry timer rang."""
    judged: bool = False
    """Its condition holds for what its needs gave last."""
    needs: tuple[StepId, ...] = ()
    """With the steps that name it as their parent."""
    dependants: list[StepId] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.status in FINISHED_STEPS

    @property
    def attempts_left(self) -> bool:
        return self.attempt - self.forgiven < self.step.retry.max_attempts

    @property
    def idle(self) -> bool:
        """Neither finished nor with anybody: what is left is that its needs finish."""
        return self.status in (StepStatus.PENDING, StepStatus.READY) or (
            self.status is StepStatus.WAITING and self.due
        )

    @property
    def may_start(self) -> bool:
        """False when it was decided otherwise, or a need was reset, while it was queued."""
        unjudged = (
            self.step.when is not None and self.status is StepStatus.PENDING and not self.judged
        )
        return self.idle and self.open_needs == 0 and not unjudged


Place = tuple[int, int, StepId]
"""In a heap of ready steps: higher priority first, then the workflow's order."""


class RunState:
    """Steps with their states, the ready queue and the counts that end a run.

    Advancing costs time proportional to the number of dependants of the step concerned, so the
    state is changed in place: `scheduler.advance` takes it over and hands it back.
    """

    def __init__(self, *, max_parallel: int, limits: Mapping[str, int]) -> None:
        self.steps: dict[StepId, StepState] = {}
        self.ready: list[Place] = []
        self.asking: list[StepId] = []
        """Steps that are ready to wait for an approval or a signal."""
        self.held: dict[str, list[Place]] = {key: [] for key in limits}
        """Ready steps whose concurrency key is in use to its limit."""
        self.in_use = dict.fromkeys(limits, 0)
        self.limits = limits
        self.max_parallel = max_parallel
        self.begun = False
        """Until then the queue is not complete, so nothing starts."""
        self.paused = False
        self.ended: RunStatus | None = None
        self.counts = dict.fromkeys(StepStatus, 0)

    @staticmethod
    def restore(
        steps: Collection[Step],
        limits: Mapping[str, int],
        runs: Iterable[StepRun],
        *,
        max_parallel: int,
        status: RunStatus,
    ) -> "RunState":
        """The state that the stored rows of a run stand for; new runs are a special case.

        Args:
            steps: those of a valid workflow.
            limits: Workflow.concurrency.
        """
        state = RunState(max_parallel=max_parallel, limits=limits)
        state.paused = status is RunStatus.PAUSED
        stored = {run.step_id: run for run in runs}
        for step in steps:
            run = stored.get(step.id) or StepRun(step_id=step.id, status=StepStatus.PENDING)
            state.steps[step.id] = StepState(
                step=step,
                order=len(state.steps),
                status=run.status,
                attempt=run.attempt,
                forgiven=run.forgiven,
                extended=run.extended,
            )
            state.counts[run.status] += 1
            if run.status is StepStatus.RUNNING and step.concurrency:
                state.in_use[step.concurrency] += 1
        state.connect(steps)
        return state

    def add(self, steps: Iterable[Step]) -> None:
        added = tuple(steps)
        for step in added:
            self.steps[step.id] = StepState(step=step, order=len(self.steps))
            self.counts[StepStatus.PENDING] += 1
        self.connect(added)

    def connect(self, steps: Iterable[Step]) -> None:
        """Counts open needs and notes dependants; needs may come later in the workflow."""
        ordered = tuple(steps)
        for step in ordered:
            own = self.steps[step.id]
            own.needs = tuple(dict.fromkeys(step.needs))
            for need in own.needs:
                self._connect(need, own)
        for step in ordered:
            if step.parent is not None and step.id not in self.steps[step.parent].step.needs:
                parent = self.steps[step.parent]
                parent.needs += (step.id,)
                self._connect(step.id, parent)

    def _connect(self, need: StepId, dependant: StepState) -> None:
        before = self.steps[need]
        before.dependants.append(dependant.step.id)
        dependant.open_needs += not before.finished

    def move(self, step_id: StepId, status: StepStatus) -> None:
        step = self.steps[step_id]
        self.counts[step.status] -= 1
        self.counts[status] += 1
        if step.step.concurrency:
            self._use(step.step.concurrency, step.status, status)
        step.status = status

    def _use(self, key: str, before: StepStatus, after: StepStatus) -> None:
        if after is StepStatus.RUNNING:
            self.in_use[key] += 1
        elif before is StepStatus.RUNNING:
            self.in_use[key] -= 1
            self.release(key)

    def release(self, key: str) -> None:
        """Lets the next held step of a concurrency key try again; nothing for the empty key."""
        if key and self.held[key] and self.in_use[key] < self.limits[key]:
            heappush(self.ready, heappop(self.held[key]))

    def must_wait(self, step: Step) -> bool:
        """Whether as many steps as may share the step's concurrency key are at work."""
        return bool(step.concurrency) and (
            self.in_use[step.concurrency] >= self.limits[step.concurrency]
        )

    def unmet(self, step_id: StepId) -> tuple[StepId, ...]:
        """The needs that ended otherwise than well."""
        return tuple(
            need
            for need in self.steps[step_id].needs
            if self.steps[need].status is not StepStatus.SUCCEEDED
        )

    def reaction(self, step_id: StepId, unmet: Sequence[StepId]) -> OnUnmet:
        """What the step does about them together: FAIL wins over SKIP, SKIP over RUN."""
        step = self.steps[step_id].step
        alone = [need for need in unmet if need in step.edges and step.edges[need].alone]
        asked = {
            step.reaction(need, skipped=self.steps[need].status is StepStatus.SKIPPED)
            for need in (alone or unmet)
        }
        return next((r for r in (OnUnmet.FAIL, OnUnmet.SKIP) if r in asked), OnUnmet.RUN)

    @property
    def running(self) -> int:
        return self.counts[StepStatus.RUNNING]

    @property
    def open(self) -> int:
        """Steps that have not finished."""
        return len(self.steps) - sum(map(self.counts.__getitem__, FINISHED_STEPS))
