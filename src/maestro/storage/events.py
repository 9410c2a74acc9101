"""The append-only event log, one gapless sequence per run."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from maestro.domain.run import Event, EventKind
from maestro.domain.values import JsonObject, RunId, StepId
from maestro.errors import NotFound
from maestro.storage.records import EVENT_COLUMNS, event_from_row, event_row


class SqliteEvents:
    """The EventRepository port on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def append(
        self,
        run_id: RunId,
        kind: EventKind,
        at: datetime,
        *,
        step_id: StepId | None = None,
        attempt: int | None = None,
        data: JsonObject | None = None,
    ) -> Event:
        last = self._connection.execute(
            "SELECT coalesce(max(sequence), 0) FROM events WHERE run_id = ?", (run_id,)
        ).fetchone()[0]
        event = Event(
            run_id=run_id,
            sequence=last + 1,
            kind=kind,
            at=at,
            step_id=step_id,
            attempt=attempt,
            data=data or {},
        )
        try:
            self._connection.execute(
                f"INSERT INTO events ({EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 -- constant column list
                event_row(event),
            )
        except sqlite3.IntegrityError as error:
            raise NotFound(f"there is no run {run_id!r} to append an event to") from error
        return event

    def after(self, run_id: RunId, sequence: int, limit: int = 1000) -> Sequence[Event]:
        rows = self._connection.execute(
            f"SELECT {EVENT_COLUMNS} FROM events WHERE run_id = ? AND sequence > ? "  # noqa: S608 -- constant column list
            "ORDER BY sequence LIMIT ?",
            (run_id, sequence, limit),
        )
        return [event_from_row(row) for row in rows]
