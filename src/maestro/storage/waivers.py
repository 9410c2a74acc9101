"""Waivers of gates, asked for and decided."""

from collections.abc import Collection, Sequence

from maestro.domain.waiver_life import WaiverRecord, WaiverStatus
from maestro.errors import Conflict, NotFound
from maestro.storage.database import Connection
from maestro.storage.records import from_text, to_text


class SqlWaivers:
    """The WaiverRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, record: WaiverRecord) -> None:
        done = self._connection.execute(
            "INSERT INTO waivers (id, project, gate, status, author, approver, document) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            (
                record.id,
                record.project,
                record.gate,
                record.status.value,
                record.author,
                record.approver,
                to_text(record),
            ),
        )
        if done.rowcount == 0:
            raise Conflict(f"waiver id {record.id!r} is already taken; choose another")

    def get(self, waiver_id: str) -> WaiverRecord:
        row = self._connection.execute(
            "SELECT document FROM waivers WHERE id = ?",
            (waiver_id,),
        ).fetchone()
        if row is None:
            raise NotFound(
                f"there is no waiver {waiver_id!r} in this database; see 'maestro waivers list'"
            )
        return from_text(WaiverRecord, row[0], f"waiver {waiver_id!r}")

    def update(self, record: WaiverRecord, *, before: WaiverStatus) -> None:
        done = self._connection.execute(
            "UPDATE waivers SET status = ?, approver = ?, document = ? WHERE id = ? AND status = ?",
            (record.status.value, record.approver, to_text(record), record.id, before.value),
        )
        if done.rowcount == 0:
            raise Conflict(f"waiver {record.id!r} was decided by somebody else in the meantime")

    def of_project(
        self, project: str, statuses: Collection[WaiverStatus] = tuple(WaiverStatus)
    ) -> Sequence[WaiverRecord]:
        words = [status.value for status in statuses]
        rows = self._connection.execute(
            "SELECT id, document FROM waivers WHERE project = ? "  # noqa: S608 -- only marks
            f"AND status IN ({', '.join('?' for _ in words)}) ORDER BY position DESC",
            (project, *words),
        )
        return [from_text(WaiverRecord, row[1], f"waiver {row[0]!r}") for row in rows.fetchall()]
