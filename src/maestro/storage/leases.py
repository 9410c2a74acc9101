"""The heartbeat: keeps this process's leases on runs alive, on a thread and a session of its own.

So a busy event loop or a long commit does not cost a run its owner.
"""

import json
from collections.abc import Callable, Sequence, Set
from threading import Condition, Thread

import psycopg

from maestro import failpoints
from maestro.domain.values import RunId
from maestro.storage.database import Row
from maestro.storage.postgres_link import NOW, PostgresConnection

_RENEW = f"UPDATE runs SET lease_until = {NOW} + ? WHERE id = ? AND fence = ? RETURNING id, fence"  # noqa: S608 -- constant text
_RENEW_FREE = (
    f"UPDATE runs SET lease_until = {NOW} + ? WHERE id IN (SELECT id FROM runs "  # noqa: S608 -- constant text
    "WHERE (id, fence) IN (SELECT l->>0, (l->>1)::bigint FROM json_array_elements(?::json) AS l) "
    "FOR UPDATE SKIP LOCKED) RETURNING id, fence"
)


class LeaseKeeper:
    """Renews every lease it was told of, three times as often as it must."""

    def __init__(self, connect: Callable[[], PostgresConnection], lease_seconds: float) -> None:
        self._connect = connect
        self._lease_seconds = lease_seconds
        self._connection: PostgresConnection | None = None
        self._changed = Condition()
        self._leases: set[tuple[RunId, int]] = set()
        self._closed = False
        self._thread: Thread | None = None

    def keep(self, run_id: RunId, fence: int) -> None:
        with self._changed:
            self._leases.add((run_id, fence))
            if self._thread is None:
                self._thread = Thread(target=self._beat, name="maestro-leases", daemon=True)
                self._thread.start()
            self._changed.notify()

    def forget(self, run_id: RunId, fence: int) -> None:
        """Lets the lease run out."""
        with self._changed:
            self._leases.discard((run_id, fence))

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        self._hang_up()

    def _beat(self) -> None:
        rest = self._lease_seconds / 3
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._leases)
                # Woken early only to end: a lease that came meanwhile is fresh.
                self._changed.wait_for(lambda: self._closed, rest)
                if self._closed:
                    return
                leases = sorted(self._leases)
            free = self._renew_free(leases)
            renewed = [self._renew(*lease) for lease in leases if lease not in free]
            rest = self._lease_seconds / (3 if all(renewed) else 20)

    def _renew_free(self, leases: Sequence[tuple[RunId, int]]) -> Set[tuple[RunId, int]]:
        """Renews in one go those whose rows nobody holds at this moment; these."""
        failpoints.reach("lease.renew.before")
        rows = self._execute(_RENEW_FREE, (self._lease_seconds, json.dumps(leases)))
        failpoints.reach("lease.renew.after")
        return {(RunId(row[0]), row[1]) for row in rows or ()}

    def _renew(self, run_id: RunId, fence: int) -> bool:
        """False when the database could not be asked."""
        failpoints.reach("lease.renew.before")
        renewed = self._execute(_RENEW, (self._lease_seconds, run_id, fence))
        failpoints.reach("lease.renew.after")
        if renewed == []:  # somebody else owns it now; the owner here hears so at its next write
            with self._changed:
                self._leases.discard((run_id, fence))
        return renewed is not None

    def _execute(self, sql: str, parameters: Sequence[object]) -> list[Row] | None:
        """What the statement gives back; None when the database could not be asked in time."""
        for _ in range(2):  # a session that was lost unnoticed is found out by using it
            try:
                return self._open().execute(sql, parameters).fetchall()
            except psycopg.errors.LockNotAvailable:
                return None
            except psycopg.Error:
                self._hang_up()
        return None

    def _open(self) -> PostgresConnection:
        if self._connection is None:
            self._connection = self._connect()
            patience = max(1, int(self._lease_seconds * 1000 / 6))
            self._connection.command(f"SET lock_timeout = {patience}")
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
