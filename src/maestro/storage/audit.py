"""Who asked for what, and whether it was allowed: a chain of seals that shows what was changed."""

from collections.abc import Sequence

from maestro.domain.access import AuditEntry, AuditRecord, audit_seal
from maestro.errors import StorageUnavailable
from maestro.storage.database import Connection, Row
from maestro.storage.records import audit_from_row, to_moment

_COLUMNS = "at, principal, action, target, allowed, project, id, seal"


class SqlAudit:
    """The AuditRepository port on one connection."""

    def __init__(self, connection: Connection, seal_key: bytes | None) -> None:
        """`seal_key`: None where nothing may be added."""
        self._connection = connection
        self._seal_key = seal_key

    def append(self, record: AuditRecord) -> None:
        if self._seal_key is None:
            raise StorageUnavailable("what only reads cannot add to the audit log")
        self._connection.execute(self._connection.dialect.lock_audit)
        last = self._connection.execute(
            "SELECT seal FROM audit ORDER BY id DESC LIMIT 1"
        ).fetchone()
        self._connection.execute(
            "INSERT INTO audit (at, principal, action, target, allowed, project, seal) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                to_moment(record.at),
                record.principal,
                record.action,
                record.target,
                int(record.allowed),
                record.project,
                audit_seal(self._seal_key, "" if last is None else last[0], record),
            ),
        )

    def recent(self, limit: int) -> Sequence[AuditRecord]:
        return [entry.record for entry in self.page(limit)]

    def page(
        self, limit: int, *, before: int | None = None, project: str | None = None
    ) -> Sequence[AuditEntry]:
        wanted, values = "id < ?" if before is not None else "id > ?", [before or 0]
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM audit WHERE {wanted} "  # noqa: S608 -- constant text
            f"{'' if project is None else 'AND project = ? '}ORDER BY id DESC LIMIT ?",
            (*values, *(() if project is None else (project,)), limit),
        )
        return [_entry(row) for row in rows.fetchall()]

    def after(self, number: int, limit: int) -> Sequence[AuditEntry]:
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM audit WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608 -- constant column list
            (number, limit),
        )
        return [_entry(row) for row in rows.fetchall()]


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(number=row[6], record=audit_from_row(row), seal=row[7])
