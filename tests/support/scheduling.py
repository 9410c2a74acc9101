"""What the scheduler's tests say a lot: steps, states, signals."""

from collections.abc import Iterable, Mapping

from maestro.domain.run import RunStatus, StepRun, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import (
    Step,
    StepKind,
    Workflow,
)
from maestro.workflow.run_state import RunState
from maestro.workflow.scheduler import advance
from maestro.workflow.signals import (
    Command,
    Signal,
    StartStep,
)

M, ITEMS = StepId("m"), StepId("m.items")


def step(name: str, *needs: str, **rest: object) -> Step:
    return Step(id=StepId(name), action="work", needs=tuple(map(StepId, needs)), **rest)  # type: ignore[arg-type]


def awaiting(name: str, *needs: str, kind: StepKind = StepKind.APPROVAL, **rest: object) -> Step:
    return Step(id=StepId(name), kind=kind, needs=tuple(map(StepId, needs)), **rest)  # type: ignore[arg-type]


def new_state(*steps: Step, max_parallel: int = 9, **limits: int) -> RunState:
    return restored(steps, max_parallel=max_parallel, limits=limits)


def restored(
    steps: Iterable[Step],
    *rows: StepRun,
    max_parallel: int = 9,
    limits: Mapping[str, int] | None = None,
    status: RunStatus = RunStatus.RUNNING,
) -> RunState:
    workflow = Workflow(name="w", steps=tuple(steps), concurrency=limits or {})
    return RunState.restore(
        workflow.steps, workflow.concurrency, rows, max_parallel=max_parallel, status=status
    )


def row(name: str, status: StepStatus, attempt: int = 1) -> StepRun:
    return StepRun(step_id=StepId(name), status=status, attempt=attempt)


def feed(state: RunState, *signals: Signal) -> list[Command]:
    """All commands that the signals give, one after another."""
    commands: list[Command] = []
    for signal in signals:
        state, given_now = advance(state, signal)
        commands.extend(given_now)
    return commands


def started(commands: Iterable[Command]) -> list[str]:
    return [command.step_id for command in commands if isinstance(command, StartStep)]


def children(count: int) -> tuple[Step, ...]:
    """What `m.items` extends a run by: steps that hold `m` back."""
    return tuple(step(f"m.{n}", "m.items", parent=M) for n in range(count))
