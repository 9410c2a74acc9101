"""What must hold of a run's rows and events after any number of crashes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maestro.domain.run import Event, EventKind, Run, RunStatus, StepRun, StepStatus
from maestro.domain.workflow import Workflow

_STEP_MOVES = {
    EventKind.STEP_STARTED: StepStatus.RUNNING,
    EventKind.STEP_SUCCEEDED: StepStatus.SUCCEEDED,
    EventKind.STEP_FAILED: StepStatus.FAILED,
    EventKind.STEP_BLOCKED: StepStatus.BLOCKED,
    EventKind.STEP_SKIPPED: StepStatus.SKIPPED,
    EventKind.STEP_CANCELLED: StepStatus.CANCELLED,
    EventKind.STEP_RETRYING: StepStatus.WAITING,
    EventKind.STEP_INTERRUPTED: StepStatus.READY,
    EventKind.STEP_AWAITING: StepStatus.AWAITING,
    EventKind.STEP_RESET: StepStatus.PENDING,
}
_RUN_MOVES = {
    EventKind.RUN_CREATED: RunStatus.PENDING,
    EventKind.RUN_STARTED: RunStatus.RUNNING,
    EventKind.RUN_RESUMED: RunStatus.RUNNING,
    EventKind.RUN_PAUSED: RunStatus.PAUSED,
    EventKind.RUN_BLOCKED: RunStatus.BLOCKED,
    EventKind.RUN_SUCCEEDED: RunStatus.SUCCEEDED,
    EventKind.RUN_FAILED: RunStatus.FAILED,
    EventKind.RUN_CANCELLED: RunStatus.CANCELLED,
}
_ENDS = frozenset(
    {
        EventKind.STEP_SUCCEEDED,
        EventKind.STEP_FAILED,
        EventKind.STEP_BLOCKED,
        EventKind.STEP_SKIPPED,
        EventKind.STEP_CANCELLED,
    }
)


@dataclass(frozen=True)
class Stored:
    """Everything the database holds of a run."""

    run: Run
    workflow: Workflow
    rows: Sequence[StepRun]
    events: Sequence[Event]


def rebuilt(events: Sequence[Event]) -> tuple[RunStatus, dict[str, tuple[StepStatus, int]]]:
    """Run status, and status and attempt of every step, from the events alone."""
    status = RunStatus.PENDING
    steps: dict[str, tuple[StepStatus, int]] = {}
    for event in events:
        status = _RUN_MOVES.get(event.kind, status)
        if event.kind in (EventKind.RUN_CREATED, EventKind.RUN_EXTENDED):
            steps.update({s["id"]: (StepStatus.PENDING, 0) for s in event.data["steps"]})
        elif event.step_id is not None and event.kind in _STEP_MOVES:
            attempt = event.attempt or steps[event.step_id][1]
            steps[event.step_id] = (_STEP_MOVES[event.kind], attempt)
    return status, steps


def faults(stored: Stored) -> list[str]:
    """Every invariant that rows and events break, in words."""
    found = []
    numbers = [event.sequence for event in stored.events]
    if numbers != list(range(1, len(numbers) + 1)):
        found.append(f"event numbers have gaps: {numbers}")
    status, steps = rebuilt(stored.events)
    if status is not stored.run.status:
        found.append(f"events say the run is {status}, its row says {stored.run.status}")
    rows = {str(row.step_id): (row.status, row.attempt) for row in stored.rows}
    if steps != rows:
        found.append(f"events say {steps}, the rows say {rows}")
    found += _started_too_early(stored)
    successes = Counter(e.step_id for e in stored.events if e.kind is EventKind.STEP_SUCCEEDED)
    found += [f"step {s} has {n} committed results" for s, n in successes.items() if n > 1]
    return found


def _started_too_early(stored: Stored) -> list[str]:
    needs = {step.id: step.needs for step in stored.workflow.steps}
    ended: set[str] = set()
    early = []
    for event in stored.events:
        if event.kind is EventKind.STEP_STARTED and event.step_id is not None:
            missing = [need for need in needs[event.step_id] if need not in ended]
            early += [f"{event.step_id} started before {need} had ended" for need in missing]
        elif event.kind in _ENDS and event.step_id is not None:
            ended.add(event.step_id)
    return early


def repeated(committed: Mapping[str, int], started: Sequence[tuple[str, int]]) -> list[str]:
    """Steps that ran although their result had been committed before."""
    return [f"{step} ran again as attempt {n}" for step, n in started if step in committed]
