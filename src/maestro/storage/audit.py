"""Who asked for what, and whether it was allowed."""

from collections.abc import Sequence

from maestro.domain.access import AuditRecord
from maestro.storage.database import Connection
from maestro.storage.records import audit_from_row, to_moment


class SqlAudit:
    """The AuditRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, record: AuditRecord) -> None:
        self._connection.execute(
            "INSERT INTO audit (at, principal, action, target, allowed) VALUES (?, ?, ?, ?, ?)",
            (
                to_moment(record.at),
                record.principal,
                record.action,
                record.target,
                int(record.allowed),
            ),
        )

    def recent(self, limit: int) -> Sequence[AuditRecord]:
        rows = self._connection.execute(
            "SELECT at, principal, action, target, allowed FROM audit ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [audit_from_row(row) for row in rows.fetchall()]
