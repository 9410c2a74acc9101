"""Domain values to database rows and back.

A row that cannot be read back is a damaged or foreign database, so it raises StorageUnavailable
and never a half-filled value.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from maestro.domain.access import AuditRecord
from maestro.domain.encoding import decode, encode
from maestro.domain.overview import AttemptRecord
from maestro.domain.requirement import Requirement
from maestro.domain.run import Event, EventKind, Run, RunStatus, StepError, StepRun, StepStatus
from maestro.domain.values import JsonValue, RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import Conflict, InvalidInput, LeaseLost, NotFound, StorageUnavailable
from maestro.storage.bulk import insert
from maestro.storage.database import Row

T = TypeVar("T")
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, default=encode
)


def to_text(value: object) -> str:
    """Canonical JSON. Raises InvalidInput for what JSON cannot hold."""
    try:
        return _CANONICAL.encode(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"cannot be stored as JSON: {error}") from error


def from_text(kind: type[T], text: str, where: str) -> T:
    try:
        return decode(kind, json.loads(text), where=where)
    except (InvalidInput, ValueError, TypeError) as error:
        raise unreadable(where, error) from error


@lru_cache(maxsize=4096)
def to_moment(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, so that text order is time order.

    One moment is said of several rows, in transactions that many runs share.
    """
    if moment is None:
        return None
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")


def from_moment(text: str | None, where: str) -> datetime | None:
    return None if text is None else _moment(text, where)


_RUN = {
    "id": "text",
    "workflow": "text",
    "status": "text",
    "inputs": "text",
    "max_parallel": "int",
    "concurrency": "text",
    "created_at": "text",
    "started_at": "text",
    "ended_at": "text",
    "project": "text",
}
RUN_COLUMNS = ", ".join(_RUN)
RUN_COUNTERS = {"last_sequence": "bigint", "steered": "bigint", "fence": "bigint", "offers": "int"}
INSERT_RUN = insert("runs", {**_RUN, **RUN_COUNTERS}, end="ON CONFLICT (id) DO NOTHING")


def run_row(run: Run) -> Row:
    return (
        run.id,
        run.workflow,
        run.status.value,
        to_text(run.inputs),
        run.max_parallel,
        to_text(run.concurrency),
        to_moment(run.created_at),
        to_moment(run.started_at),
        to_moment(run.ended_at),
        run.project,
    )


def run_from_row(row: Row) -> Run:
    where = f"run {row[0]!r}"
    return Run(
        id=RunId(row[0]),
        workflow=row[1],
        status=_member(RunStatus, row[2], where),
        inputs=json_from_text(row[3], where),
        max_parallel=row[4],
        concurrency=json_from_text(row[5], where),
        created_at=_moment(row[6], where),
        started_at=from_moment(row[7], where),
        ended_at=from_moment(row[8], where),
        project=row[9],
    )


def workflow_of_run(run: Run, steps: Sequence[str]) -> Workflow:
    """`steps`: their definitions."""
    try:
        return _workflow(run.workflow, tuple(sorted(run.concurrency.items())), tuple(steps))
    except (InvalidInput, ValueError, TypeError, AttributeError) as error:
        raise unreadable(f"the workflow of run {run.id!r}", error) from error


def step_from_text(text: str, run_id: RunId) -> Step:
    try:
        return _step(text)
    except (InvalidInput, ValueError, TypeError) as error:
        raise unreadable(f"a step of run {run_id!r}", error) from error


@lru_cache(maxsize=16)
def _workflow(
    name: str, concurrency: tuple[tuple[str, int], ...], steps: tuple[str, ...]
) -> Workflow:
    """Many runs of one workflow, whose graph is checked once."""
    return Workflow(name=name, steps=tuple(map(_step, steps)), concurrency=dict(concurrency))


@lru_cache(maxsize=2048)
def _step(text: str) -> Step:
    """Workflows that grow have most of their steps in common."""
    return decode(Step, json.loads(text))


STEP_RUN_COLUMNS = (
    "step_id, status, attempt, forgiven, output, error, started_at, ended_at, retry_at, extended"
)


_STEP_STATUS: Mapping[str, StepStatus] = {str(status): status for status in StepStatus}


def step_run_from_row(row: Row) -> StepRun:
    where = f"step {row[0]!r}"
    return StepRun(
        step_id=StepId(row[0]),
        status=_STEP_STATUS.get(row[1]) or _member(StepStatus, row[1], where),
        attempt=row[2],
        forgiven=row[3],
        output=None if row[4] is None else json_from_text(row[4], where),
        error=None if row[5] is None else from_text(StepError, row[5], where),
        started_at=None if row[6] is None else _moment(row[6], where),
        ended_at=None if row[7] is None else _moment(row[7], where),
        retry_at=None if row[8] is None else _moment(row[8], where),
        extended=bool(row[9]),
    )


def attempt_from_row(row: Row, where: str) -> AttemptRecord:
    """Of attempt, status, started_at, ended_at, output and error."""
    return AttemptRecord(
        attempt=row[0],
        status=row[1],
        started_at=from_moment(row[2], where),
        ended_at=from_moment(row[3], where),
        output=None if row[4] is None else json_from_text(row[4], where),
        error=None if row[5] is None else from_text(StepError, row[5], where),
    )


_EVENT = {
    "run_id": "text",
    "sequence": "bigint",
    "kind": "text",
    "at": "text",
    "step_id": "text",
    "attempt": "int",
    "data": "text",
}
EVENT_COLUMNS = ", ".join(_EVENT)
INSERT_EVENT = insert("events", _EVENT)


def event_row(event: Event) -> Row:
    return (
        event.run_id,
        event.sequence,
        event.kind.value,
        to_moment(event.at),
        event.step_id,
        event.attempt,
        to_text(event.data),
    )


def event_from_row(row: Row) -> Event:
    where = f"event {row[1]} of run {row[0]!r}"
    return Event(
        run_id=RunId(row[0]),
        sequence=row[1],
        kind=_member(EventKind, row[2], where),
        at=_moment(row[3], where),
        step_id=None if row[4] is None else StepId(row[4]),
        attempt=row[5],
        data=json_from_text(row[6], where),
    )


def requirement_from_row(row: Row) -> Requirement:
    return from_text(Requirement, row[1], f"requirement {row[0]!r}")


def audit_from_row(row: Row) -> AuditRecord:
    return AuditRecord(
        at=_moment(row[0], "an audit record"),
        principal=row[1],
        action=row[2],
        target=row[3],
        allowed=bool(row[4]),
        project=row[5],
    )


def json_from_text(text: str, where: str) -> JsonValue:
    if text == "{}":  # most are: inputs, limits and data that there are none of
        return {}
    try:
        return json.loads(text)
    except (ValueError, TypeError) as error:
        raise unreadable(where, error) from error


def _moment(text: str, where: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise unreadable(where, error) from error


Member = TypeVar("Member", RunStatus, StepStatus, EventKind)


def _member(kind: type[Member], text: str, where: str) -> Member:
    try:
        return kind(text)
    except ValueError as error:
        raise unreadable(where, error) from error


def unreadable(where: str, error: Exception) -> StorageUnavailable:
    return StorageUnavailable(
        f"{where} cannot be read back from the database: {error}; restore it from a backup"
    )


def no_run(run_id: RunId) -> NotFound:
    return NotFound(f"there is no run {run_id!r} in this database; list the runs to see their ids")


def executed_by(run_id: RunId, owner: str) -> Conflict:
    return Conflict(
        f"run {run_id!r} is being executed by {owner}; wait for it, pause or cancel the run, or "
        "end that process"
    )


def other_owner(run_id: RunId) -> LeaseLost:
    return LeaseLost(
        f"run {run_id!r} was taken over by another process; what this one did since is not kept"
    )
