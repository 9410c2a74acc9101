"""The statement that fills the outbox: every event that a webhook wants to be told.

It runs in the transaction that writes the events, so there is never one without the other.
"""

from collections.abc import Iterable

from maestro.storage.bulk import Bulk
from maestro.storage.database import Connection, Row

_INTO = (
    "INSERT INTO deliveries (webhook_id, run_id, sequence, kind, at, status, attempts, token, due, "
    "error) SELECT w.id, e.run_id, e.sequence, e.kind, e.at, 'waiting', 0, 0, 0, '' FROM"
)
_WANTED = (
    "w.project = r.project AND w.run_id IN ('', r.id) AND k.webhook_id = w.id "
    "AND k.kind IN ('', e.kind)"
)
FILL_OUTBOX = Bulk(
    # SQLite joins in the order that is written: no webhook means no work.
    each=(
        f"{_INTO} webhooks w CROSS JOIN runs r CROSS JOIN webhook_kinds k CROSS JOIN events e "
        f"WHERE r.id = ? AND e.sequence > ? AND e.sequence <= ? AND e.run_id = r.id AND {_WANTED}"
    ),
    # PostgreSQL goes by what it takes the tables for, and has been seen to read every event of the
    # run at each commit; OFFSET keeps it from taking the two that are large apart.
    whole=(
        f"{_INTO} json_to_recordset(?::json) AS n (v0 text, v1 bigint, v2 bigint) "  # noqa: S608 -- constant text
        "CROSS JOIN LATERAL (SELECT id, project FROM runs WHERE id = n.v0 OFFSET 0) r "
        "CROSS JOIN LATERAL (SELECT run_id, sequence, kind, at FROM events WHERE run_id = n.v0 "
        "AND sequence > n.v1 AND sequence <= n.v2 OFFSET 0) e "
        "CROSS JOIN webhooks w CROSS JOIN webhook_kinds k "
        f"WHERE EXISTS (SELECT 1 FROM webhooks) AND {_WANTED}"
    ),
    width=3,
)
"""Takes rows of `_spans`."""
_ANY = "SELECT 1 FROM webhooks LIMIT 1"


def fill_outbox(connection: Connection, events: Iterable[Row]) -> None:
    """To be called with the events written."""
    if connection.dialect.near and connection.execute(_ANY).fetchone() is None:
        return
    connection.write_rows(FILL_OUTBOX, _spans(events))


def _spans(events: Iterable[Row]) -> list[Row]:
    """Per run: the number before its first event and that of its last; they have no gaps."""
    found: dict[str, tuple[int, int]] = {}
    for run_id, sequence, *_ in events:
        first, last = found.get(run_id, (sequence, sequence))
        found[run_id] = (min(first, sequence), max(last, sequence))
    return [(run_id, first - 1, last) for run_id, (first, last) in found.items()]
