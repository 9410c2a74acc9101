"""The workflow engine and the handlers behind its actions."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import field
from typing import Protocol

from maestro.domain.access import AuditRecord
from maestro.domain.baseline import DEFAULT_PROJECT
from maestro.domain.hot_values import hot_dataclass
from maestro.domain.run import Event, EventKind, Run, StepError
from maestro.domain.steering import Steering
from maestro.domain.values import JsonObject, JsonValue, RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.ports.storage import Transaction

Emit = Callable[[EventKind, Mapping[str, JsonValue]], Awaitable[None]]
"""Appends an event of the running step; returns when it is durable."""


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """What a step handler is given."""

    run_id: RunId
    step: Step
    attempt: int
    run_inputs: JsonObject
    outputs: Mapping[StepId, JsonValue]
    """Committed outputs of every succeeded step of the run."""
    emit: Emit
    errors: Mapping[StepId, StepError] = field(default_factory=dict)
    """Why steps of the run failed or were blocked, for steps that run all the same (on_unmet)."""
    feedback: tuple[str, ...] = ()
    """Reasons why the previous attempt of this step was refused or failed."""

    async def progress(self, message: str, **data: JsonValue) -> None:
        """Tells watchers what the step is doing now."""
        await self.emit(EventKind.STEP_PROGRESS, {"message": message, **data})


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    output: JsonValue = None
    """JSON, small; files travel as artefact digests."""
    extend: tuple[Step, ...] = ()
    """Steps added to the run in the transaction that commits this result."""


class StepHandler(Protocol):
    """The code behind an action. Must be idempotent: after a crash it runs again.

    Raises Blocked to refuse, any other MaestroError to fail; a cancelled handler must end the
    processes it started.
    """

    async def __call__(self, context: StepContext, /) -> StepResult: ...


class Engine(Protocol):
    """Hosts the scheduler. No SQLite, asyncio or Temporal detail shows through."""

    async def start(
        self,
        workflow: Workflow,
        *,
        inputs: JsonObject,
        max_parallel: int,
        run_id: RunId,
        project: str = DEFAULT_PROJECT,
        also: Callable[[Transaction], None] | None = None,
    ) -> None:
        """Makes the run durable, PENDING. Raises InvalidInput for unknown actions.

        Args:
            also: done in the same transaction; where it raises there is no run.
        """
        ...

    async def execute(self, run_id: RunId) -> Run:
        """Drives a run (new, paused or interrupted) until it ends or pauses; recovers first."""
        ...

    async def steer(
        self,
        run_id: RunId,
        request: Steering,
        *,
        audit: AuditRecord | None = None,
    ) -> bool:
        """Does what somebody asks of a run, whoever executes it, or nobody.

        Args:
            audit: written with it in one transaction: both are there, or neither.

        False when it was already so. Raises NotFound, Conflict where the request is not legal in
        the present state (domain.steering.LEGAL), InvalidInput.
        """
        ...

    def drain(self, seconds: float) -> None:
        """This process is about to end: nothing more starts in it, attempts that have not ended
        after `seconds` are interrupted, and every `execute` returns. Other processes may go on.
        """
        ...

    def events(self, run_id: RunId, *, after: int = 0) -> AsyncIterator[Event]:
        """All events after a sequence number, then live ones, until the run has ended."""
        ...
