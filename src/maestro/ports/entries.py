"""What the engine hands to the store to be written, and what it reads back."""

from collections.abc import Sequence
from dataclasses import field

from maestro.domain.hot_values import hot_dataclass
from maestro.domain.run import EventKind, Run, StepRun
from maestro.domain.values import JsonObject
from maestro.domain.workflow import Step, Workflow


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class StepMove:
    """A step's row before and after a move."""

    before: StepRun
    """What the store must hold, or the move is refused."""
    after: StepRun
    definition: str
    """The step's digest."""
    input_digest: str = ""
    """sha256 over what an attempt works from; when one starts."""
    offered: bool = False
    """The attempt that starts is left to a worker that has the step's capability."""


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One state change and the event that tells of it, written together."""

    kind: EventKind
    step: StepMove | None = None
    extend: tuple[Step, ...] = ()
    run: Run | None = None
    data: JsonObject = field(default_factory=dict)


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What must still be true of a run for its driver's entries to be written."""

    fence: int
    """The number `Store.own` gave; a later owner has a greater one."""
    steered: int
    """How often somebody but the driver had changed the run when the driver last read it."""
    leaves: bool = False
    """With these entries the owner leaves the run: it has ended."""


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """All that is stored of a run but its events."""

    run: Run
    workflow: Workflow
    steps: Sequence[StepRun]
    """In the workflow's order."""
    steered: int
    """See Guard.steered."""
