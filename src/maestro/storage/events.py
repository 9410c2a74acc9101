"""The append-only event log, one gapless sequence per run."""

from collections.abc import Sequence
from datetime import datetime

from maestro.domain.run import Event, EventKind, RunStatus
from maestro.domain.values import JsonObject, RunId, StepId
from maestro.errors import Conflict
from maestro.storage.database import Connection
from maestro.storage.records import (
    EVENT_COLUMNS,
    event_from_row,
    event_row,
    other_owner,
)
from maestro.storage.sheet import Sheet

_AFTER = (
    f"SELECT {EVENT_COLUMNS} FROM events WHERE run_id = ? AND sequence > ? "  # noqa: S608 -- constant column list
    "ORDER BY sequence LIMIT ?"
)


class SqlEvents:
    """The EventRepository port on one connection."""

    def __init__(self, connection: Connection, sheet: Sheet) -> None:
        self._connection = connection
        self._sheet = sheet

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
        head = self._sheet.heads.of(run_id)
        if fence is not None and head.fence != fence:
            raise other_owner(run_id)
        if head.status == RunStatus.CANCELLED.value:
            raise Conflict(f"run {run_id!r} was cancelled; its steps can tell no more")
        event = Event(
            run_id=run_id,
            sequence=head.take_numbers(1),
            kind=kind,
            at=at,
            step_id=step_id,
            attempt=attempt,
            data=data,
        )
        self._sheet.add_event(event_row(event))
        return event

    def after(self, run_id: RunId, sequence: int, limit: int = 1000) -> Sequence[Event]:
        self._sheet.flush()
        rows = self._connection.execute(_AFTER, (run_id, sequence, limit))
        return [event_from_row(row) for row in rows.fetchall()]
