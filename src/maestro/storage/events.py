"""The append-only event log, one gapless sequence per run."""

from collections.abc import Sequence
from datetime import datetime

from maestro import failpoints
from maestro.domain.run import Event, EventKind
from maestro.domain.values import JsonObject, RunId, StepId
from maestro.errors import Conflict, LeaseLost, NotFound
from maestro.storage.database import Connection
from maestro.storage.records import (
    EVENT_COLUMNS,
    INSERT_EVENT,
    event_from_row,
    event_row,
    no_run,
    other_owner,
)

_NEXT = (
    "UPDATE runs SET last_sequence = last_sequence + 1 WHERE id = ? AND status <> 'cancelled' "
    "RETURNING last_sequence"
)
_NEXT_OF_OWNER = (
    "UPDATE runs SET last_sequence = last_sequence + 1 WHERE id = ? AND status <> 'cancelled' "
    "AND fence = ? RETURNING last_sequence"
)
_AFTER = (
    f"SELECT {EVENT_COLUMNS} FROM events WHERE run_id = ? AND sequence > ? "  # noqa: S608 -- constant column list
    "ORDER BY sequence LIMIT ?"
)


class SqlEvents:
    """The EventRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(
        self,
        run_id: RunId,
        kind: EventKind,
        at: datetime,
        *,
        step_id: StepId,
        attempt: int,
        data: JsonObject,
        fence: int | None = None,
    ) -> Event:
        failpoints.reach("events.append.before")
        if fence is None:
            row = self._connection.execute(_NEXT, (run_id,)).fetchone()
        else:
            row = self._connection.execute(_NEXT_OF_OWNER, (run_id, fence)).fetchone()
        if row is None:
            raise self._refusal(run_id, fence)
        event = Event(
            run_id=run_id,
            sequence=row[0],
            kind=kind,
            at=at,
            step_id=step_id,
            attempt=attempt,
            data=data,
        )
        self._connection.execute(INSERT_EVENT, event_row(event))
        failpoints.reach("events.append.after")
        return event

    def after(self, run_id: RunId, sequence: int, limit: int = 1000) -> Sequence[Event]:
        rows = self._connection.execute(_AFTER, (run_id, sequence, limit))
        return [event_from_row(row) for row in rows.fetchall()]

    def _refusal(self, run_id: RunId, fence: int | None) -> NotFound | LeaseLost | Conflict:
        """Why the run took no event."""
        row = self._connection.execute("SELECT fence FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            return no_run(run_id)
        if fence is not None and row[0] != fence:
            return other_owner(run_id)
        return Conflict(f"run {run_id!r} was cancelled; its steps can tell no more")
