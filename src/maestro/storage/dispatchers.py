"""What the dispatchers of all processes last told of themselves."""

from collections.abc import Mapping
from dataclasses import fields

from maestro.domain.dispatching import DispatchOverview, DispatchRecord, DispatchTotals
from maestro.storage.database import Connection
from maestro.storage.records import from_text, to_text

_ADD = (
    "INSERT INTO dispatch_totals (name, amount) VALUES (?, ?) ON CONFLICT (name) "
    "DO UPDATE SET amount = dispatch_totals.amount + excluded.amount"
)


class SqlDispatchers:
    """The DispatchRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tell(self, record: DispatchRecord, since: DispatchTotals, lease_seconds: float) -> None:
        now = self._connection.dialect.now
        self._connection.execute(f"DELETE FROM dispatchers WHERE lease_until <= {now}")  # noqa: S608 -- constant text
        self._connection.execute(
            f"INSERT INTO dispatchers (process, lease_until, document) VALUES (?, {now} + ?, ?) "  # noqa: S608 -- constant text
            "ON CONFLICT (process) DO UPDATE SET lease_until = excluded.lease_until, "
            "document = excluded.document",
            (record.process, float(lease_seconds), to_text(record)),
        )
        more = [
            (name, float(amount))
            for name in _NAMES
            if (amount := getattr(record.snapshot.totals, name) - getattr(since, name))
        ]
        if more:
            self._connection.executemany(_ADD, more)

    def overview(self) -> DispatchOverview:
        now = self._connection.dialect.now
        rows = self._connection.execute(
            f"SELECT process, document FROM dispatchers WHERE lease_until > {now} "  # noqa: S608 -- constant text
            "ORDER BY process"
        ).fetchall()
        amounts = self._connection.execute("SELECT name, amount FROM dispatch_totals").fetchall()
        return DispatchOverview(
            processes=tuple(
                from_text(DispatchRecord, row[1], f"the dispatcher of {row[0]!r}") for row in rows
            ),
            totals=_totals({row[0]: row[1] for row in amounts}),
        )


_NAMES = tuple(field.name for field in fields(DispatchTotals))


def _totals(amounts: Mapping[str, float]) -> DispatchTotals:
    counts = {name: int(amounts.get(name, 0)) for name in _NAMES if name != "waited_seconds"}
    return DispatchTotals(**counts, waited_seconds=amounts.get("waited_seconds", 0.0))
