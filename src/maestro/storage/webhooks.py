"""Webhooks, and what became of what they were to be told."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from maestro import failpoints
from maestro.domain.values import RunId
from maestro.domain.webhook import Delivery, DeliveryResult, DeliveryStatus, Webhook
from maestro.errors import NotFound
from maestro.ports.projects import ClaimedDelivery
from maestro.storage.database import Connection, Row
from maestro.storage.events import SqlEvents
from maestro.storage.records import from_moment, from_text, to_moment, to_text, unreadable

_COLUMNS = (
    "number, webhook_id, run_id, sequence, kind, status, at, attempts, answer, error, ended_at, "
    "token"
)


class SqlWebhooks:
    """The WebhookRepository port on one connection."""

    def __init__(self, connection: Connection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    def insert(self, webhook: Webhook) -> None:
        self._connection.execute(
            "INSERT INTO webhooks (id, project, run_id, document) VALUES (?, ?, ?, ?)",
            (webhook.id, webhook.project, webhook.run_id, to_text(webhook)),
        )
        self._connection.executemany(
            "INSERT INTO webhook_kinds (webhook_id, kind) VALUES (?, ?)",
            [(webhook.id, kind) for kind in webhook.wanted()],
        )

    def get(self, webhook_id: str) -> Webhook:
        row = self._connection.execute(
            "SELECT document FROM webhooks WHERE id = ?", (webhook_id,)
        ).fetchone()
        if row is None:
            raise _unknown(webhook_id)
        return from_text(Webhook, row[0], f"webhook {webhook_id!r}")

    def of_projects(self, projects: Sequence[str] | None) -> Sequence[Webhook]:
        where = "" if projects is None else f"WHERE project IN ({_marks(projects)})"
        rows = self._connection.execute(
            f"SELECT id, document FROM webhooks {where}",  # noqa: S608 -- only marks
            tuple(projects or ()),
        )
        found = [from_text(Webhook, row[1], f"webhook {row[0]!r}") for row in rows.fetchall()]
        return sorted(found, key=lambda webhook: (webhook.created_at, webhook.id))

    def update(self, webhook: Webhook) -> None:
        done = self._connection.execute(
            "UPDATE webhooks SET document = ? WHERE id = ?", (to_text(webhook), webhook.id)
        )
        if done.rowcount == 0:
            raise _unknown(webhook.id)

    def remove(self, webhook_id: str) -> None:
        done = self._connection.execute("DELETE FROM webhooks WHERE id = ?", (webhook_id,))
        if done.rowcount == 0:
            raise _unknown(webhook_id)
        for table in ("webhook_kinds", "deliveries"):
            self._connection.execute(
                f"DELETE FROM {table} WHERE webhook_id = ?",  # noqa: S608 -- constant names
                (webhook_id,),
            )

    def counts(self, webhook_id: str) -> Mapping[DeliveryStatus, int]:
        rows = self._connection.execute(
            "SELECT status, count(*) FROM deliveries WHERE webhook_id = ? GROUP BY 1", (webhook_id,)
        )
        found = {row[0]: row[1] for row in rows.fetchall()}
        return {status: found.get(status.value, 0) for status in DeliveryStatus}

    def deliveries(
        self,
        webhook_id: str,
        limit: int,
        *,
        before: int | None = None,
        status: DeliveryStatus | None = None,
    ) -> Sequence[Delivery]:
        tests, values = ["webhook_id = ?"], list[object]([webhook_id])
        if before is not None:
            tests.append("number < ?")
            values.append(before)
        if status is not None:
            tests.append("status = ?")
            values.append(status.value)
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM deliveries WHERE {' AND '.join(tests)} "  # noqa: S608 -- constant names
            "ORDER BY number DESC LIMIT ?",
            (*values, limit),
        )
        return [_delivery(row) for row in rows.fetchall()]

    def again(self, webhook_id: str, number: int) -> Delivery:
        row = self._connection.execute(
            f"{_AGAIN} WHERE webhook_id = ? AND number = ? RETURNING {_COLUMNS}",
            (webhook_id, number),
        ).fetchone()
        if row is None:
            raise NotFound(f"webhook {webhook_id!r} has no delivery {number!r}")
        return _delivery(row)

    def all_dead_again(self, webhook_id: str) -> int:
        done = self._connection.execute(
            f"{_AGAIN} WHERE webhook_id = ? AND status = 'dead'", (webhook_id,)
        )
        return done.rowcount

    def due(self) -> Sequence[str]:
        rows = self._connection.execute(
            "SELECT w.id FROM webhooks w WHERE EXISTS (SELECT 1 FROM deliveries d WHERE "  # noqa: S608 -- only the clock
            f"d.webhook_id = w.id AND d.status = 'waiting' AND d.due <= {self._now})"
        )
        return [row[0] for row in rows.fetchall()]

    def claim(self, webhook_id: str, most: int, lease_seconds: float) -> Sequence[ClaimedDelivery]:
        failpoints.reach("delivery.claim.before")
        now, free = self._now, self._connection.dialect.lock_free_row
        rows = self._connection.execute(
            f"UPDATE deliveries SET due = {now} + ?, token = token + 1 WHERE number IN ("  # noqa: S608 -- constant text
            f"SELECT number FROM deliveries WHERE webhook_id = ? AND status = 'waiting' "
            f"AND due <= {now} ORDER BY due, number LIMIT ?{free}) RETURNING {_COLUMNS}",
            (float(lease_seconds), webhook_id, most),
        ).fetchall()
        failpoints.reach("delivery.claim.after")
        return [self._claimed(row) for row in sorted(rows)]

    def finish(
        self, claimed: ClaimedDelivery, result: DeliveryResult, at: datetime, wait: float | None
    ) -> None:
        status = DeliveryStatus.DELIVERED if result.delivered else DeliveryStatus.WAITING
        if not result.delivered and wait is None:
            status = DeliveryStatus.DEAD
        self._connection.execute(
            "UPDATE deliveries SET status = ?, attempts = attempts + 1, answer = ?, error = ?, "  # noqa: S608 -- only the clock
            f"ended_at = ?, due = {self._now} + ? WHERE number = ? AND token = ? "
            # SQLite gives the number of a removed delivery to the next one.
            "AND webhook_id = ? AND run_id = ? AND sequence = ?",
            (
                status.value,
                result.answer,
                result.error,
                to_moment(at),
                wait or 0.0,
                claimed.delivery.number,
                claimed.token,
                claimed.delivery.webhook_id,
                claimed.delivery.run_id,
                claimed.delivery.sequence,
            ),
        )

    def forget(self, before: datetime) -> None:
        self._connection.execute(
            "DELETE FROM deliveries WHERE status IN ('delivered', 'dead') AND at < ?",
            (to_moment(before),),
        )

    @property
    def _now(self) -> str:
        return self._connection.dialect.now

    def _claimed(self, row: Row) -> ClaimedDelivery:
        delivery = _delivery(row)
        found = self._events.after(delivery.run_id, delivery.sequence - 1, 1)
        return ClaimedDelivery(delivery=delivery, event=found[0], token=row[11])


_AGAIN = (
    "UPDATE deliveries SET status = 'waiting', attempts = 0, due = 0, token = token + 1, error = ''"
)


def _delivery(row: Row) -> Delivery:
    where = f"delivery {row[0]!r}"
    at = from_moment(row[6], where)
    if at is None:
        raise unreadable(where, ValueError("it has no moment"))
    return Delivery(
        number=row[0],
        webhook_id=row[1],
        run_id=RunId(row[2]),
        sequence=row[3],
        kind=row[4],
        status=DeliveryStatus(row[5]),
        at=at,
        attempts=row[7],
        answer=row[8],
        error=row[9],
        ended_at=from_moment(row[10], where),
    )


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values)) or "NULL"


def _unknown(webhook_id: str) -> NotFound:
    return NotFound(f"there is no webhook {webhook_id!r}; see 'maestro webhooks list'")
