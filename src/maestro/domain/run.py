"""The execution of a workflow: statuses, the legal moves, and the events that tell of them."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from maestro.domain.baseline import DEFAULT_PROJECT
from maestro.domain.hot_values import hot_dataclass
from maestro.domain.values import JsonObject, JsonValue, RunId, StepId
from maestro.errors import Conflict


class RunStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    BLOCKED = "blocked"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"  # for the retry timer
    AWAITING = "awaiting"  # an approval or a signal
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # it broke, attempts used up
    BLOCKED = "blocked"  # it was refused
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


FINISHED_STEPS = frozenset(
    {
        StepStatus.SUCCEEDED,
        StepStatus.FAILED,
        StepStatus.BLOCKED,
        StepStatus.SKIPPED,
        StepStatus.CANCELLED,
    }
)
"""Statuses a step leaves only when somebody asks for a retry."""

ENDED_RUNS = frozenset(
    {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.BLOCKED, RunStatus.CANCELLED}
)

LEGAL_MOVES: Mapping[RunStatus, frozenset[RunStatus]] = {
    RunStatus.PENDING: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.PAUSED,
            RunStatus.BLOCKED,
            RunStatus.SUCCEEDED,
            RunStatus.FAILED,
            RunStatus.CANCELLED,
        }
    ),
    RunStatus.PAUSED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
    RunStatus.BLOCKED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
    RunStatus.FAILED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
    RunStatus.SUCCEEDED: frozenset({RunStatus.RUNNING}),
    RunStatus.CANCELLED: frozenset(),
}
"""The one table of legal moves. An ended run goes on only when a retry or re-run was asked for."""


def check_move(current: RunStatus, wanted: RunStatus) -> None:
    """Raises Conflict when a run may not go from `current` to `wanted`."""
    if wanted not in LEGAL_MOVES[current]:
        allowed = ", ".join(sorted(LEGAL_MOVES[current])) or "nothing: it has ended for good"
        raise Conflict(f"a run that is {current} cannot become {wanted}; allowed: {allowed}")


class EventKind(StrEnum):
    RUN_CREATED = "run.created"
    RUN_STARTED = "run.started"
    RUN_EXTENDED = "run.extended"
    RUN_RESUMED = "run.resumed"
    RUN_PAUSED = "run.paused"
    RUN_BLOCKED = "run.blocked"
    RUN_SUCCEEDED = "run.succeeded"
    RUN_FAILED = "run.failed"
    RUN_CANCELLED = "run.cancelled"
    STEP_STARTED = "step.started"
    STEP_PROGRESS = "step.progress"  # data: message, and whatever the step wants to tell
    STEP_SUCCEEDED = "step.succeeded"
    STEP_FAILED = "step.failed"
    STEP_BLOCKED = "step.blocked"
    STEP_SKIPPED = "step.skipped"
    STEP_RETRYING = "step.retrying"
    STEP_INTERRUPTED = "step.interrupted"  # its process died; goes on as the next attempt
    STEP_CANCELLED = "step.cancelled"
    STEP_AWAITING = "step.awaiting"  # an approval or a signal; data: kind, expires_at
    STEP_RESET = "step.reset"  # somebody asked for a retry or a re-run
    STEP_SIGNALLED = "step.signalled"  # before it waited; data: by, payload
    STEP_EDITED = "step.edited"  # somebody changed its output; data: by, comment, before, after
    MOCK_STARTED = "mock.started"  # data: contract, url, consumer
    MOCK_STOPPED = "mock.stopped"  # data: contract, calls
    AGENT_CHOSEN = "agent.chosen"  # data: persona, agent, score, factors, fallbacks, reason
    AGENT_SUSPENDED = "agent.suspended"  # its circuit opened; data: circuit, agent, seconds, reason


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    run_id: RunId
    sequence: int
    """Per run, from 1, without gaps; written in the transaction that changes the state."""
    kind: EventKind
    at: datetime
    step_id: StepId | None = None
    attempt: int | None = None
    data: JsonObject = field(default_factory=dict)


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class StepError:
    """Why an attempt did not succeed, as it is stored and shown."""

    code: str
    message: str
    reasons: tuple[str, ...] = ()
    detail: JsonValue = None


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    step_id: StepId
    status: StepStatus
    attempt: int = 0
    """0 before the first one started."""
    output: JsonValue = None
    error: StepError | None = None
    """Of the last attempt that did not succeed; kept while the next one runs, gone on success."""
    forgiven: int = 0
    """Attempts up to this number no longer count: somebody asked for a retry."""
    started_at: datetime | None = None
    """Of the last attempt."""
    ended_at: datetime | None = None
    retry_at: datetime | None = None
    """When the retry timer rings, or the awaited approval or signal expires."""
    extended: bool = False
    """Its success added steps to the run, so it cannot be re-run."""


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    id: RunId
    workflow: str
    status: RunStatus
    inputs: JsonObject
    max_parallel: int
    created_at: datetime
    concurrency: Mapping[str, int] = field(default_factory=dict)
    """See Workflow.concurrency."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    project: str = DEFAULT_PROJECT
