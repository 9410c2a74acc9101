"""Connections to PostgreSQL that outlive its restarts.

A transaction that the server could not keep is run again. What became of a commit whose answer got
lost is read from the writer's row in `writers`, which every transaction sets to its own number:
transaction ids would not tell, because a server that crashed may give the same one out again.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from threading import Event
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from maestro import failpoints
from maestro.errors import MaestroError, StorageUnavailable
from maestro.storage.bulk import Bulk
from maestro.storage.database import Connection, Cursor, Dialect, Row
from maestro.storage.postgres_location import Location

T = TypeVar("T")

NOW = "extract(epoch FROM clock_timestamp())::float8"
_READING = Dialect(now=NOW, member="({}::json ->> '{}')", leases=True)
_WRITING = replace(
    _READING,
    lock_row=" FOR NO KEY UPDATE",  # rows that refer to it need not wait: no key ever changes
    lock_free_row=" FOR UPDATE SKIP LOCKED",
    lock_audit="SELECT pg_advisory_xact_lock(1635083369)",  # "audi"
)
_CONNECT_SECONDS = 10
_LONGEST_PAUSE_SECONDS = 1.0
_LOCKED = "55P03"
_AGAIN = frozenset({"40001", "40P01", _LOCKED})
"""Serialization failure, deadlock, lock timeout: the same work may succeed at once."""
_GONE = frozenset({"57P01", "57P02", "57P03", "25P03", "57P05"})
"""The server ends the session: shutdown, crash, start-up, idle for too long."""
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') = 'off'"
)
_BY_KEY = "SET enable_hashjoin = off; SET enable_mergejoin = off"
"""Rows are changed by their keys, a few at a time; the planner takes them for a hundred and would
rather read the whole table."""
_END_SILENT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND usename = current_user AND application_name = current_setting('application_name') "
    "AND backend_xid IS NOT NULL AND wait_event = 'ClientRead' "
    "AND state_change < clock_timestamp() - current_setting('lock_timeout')::interval"
)
_BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; "
    "INSERT INTO writers (id, batch, seen) VALUES ('{id}', {batch}, {now}) "
    "ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, seen = excluded.seen"
)
_LAST_BATCH = (
    f"INSERT INTO writers (id, batch, seen) VALUES (?, 0, {NOW}) "  # noqa: S608 -- constant text
    "ON CONFLICT (id) DO UPDATE SET seen = excluded.seen RETURNING batch"
)


class PostgresConnection:
    """The Connection port on one session, which commits each statement unless told to begin."""

    def __init__(self, session: "psycopg.Connection[Row]", dialect: Dialect) -> None:
        self._session = session
        self._dialect = dialect

    @property
    def dialect(self) -> Dialect:
        return self._dialect

    @property
    def is_closed(self) -> bool:
        return self._session.closed

    @property
    def in_transaction(self) -> bool:
        return self._session.info.transaction_status != TransactionStatus.IDLE

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        return self._session.execute(_translated(sql), parameters or None)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Cursor:
        cursor = self._session.cursor()
        cursor.executemany(_translated(sql), rows)
        return cursor

    def write_rows(self, statement: Bulk, rows: Sequence[Row], /) -> Cursor:
        return self.execute(statement.whole, (statement.as_document(rows),))

    def batch(self) -> AbstractContextManager[object]:
        return self._session.pipeline()

    def command(self, sql: str) -> str:
        """Several statements in one round trip, without parameters; how the last one ended."""
        return self._session.execute(sql.encode(), prepare=False).statusmessage or ""

    def close(self) -> None:
        self._session.close()


def connect(location: Location, *, writing: bool, idle_seconds: float) -> PostgresConnection:
    """A new session.

    Args:
        idle_seconds: after this long without a word in the middle of a transaction, its session
            is ended, so that a process that was stopped cannot hold a row for ever: by the server,
            and, where its clock does not run (after a pipeline), by a writer that waits for a row.
    """
    session = psycopg.connect(
        **{
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "maestro",
            **location.options,
            "client_encoding": "UTF8",
            "autocommit": True,
        }
    )
    connection = PostgresConnection(session, _WRITING if writing else _READING)
    try:
        idle = max(1, int(idle_seconds * 1000))
        connection.command(f"SET idle_in_transaction_session_timeout = {idle}; {_DURABLE}")
        if writing:
            connection.command(f"SET lock_timeout = {idle}; {_BY_KEY}")
    except psycopg.Error:
        connection.close()
        raise
    return connection


class PostgresLink:
    """The Link port: one session, opened anew for up to `patience_seconds` when it is lost."""

    errors: type[Exception] = psycopg.Error

    def __init__(
        self,
        location: Location,
        connect: Callable[[], PostgresConnection],
        *,
        patience_seconds: float,
    ) -> None:
        self._location = location
        self._connect = connect
        self._patience_seconds = patience_seconds
        self._connection: PostgresConnection | None = None
        self._stopped = Event()
        self._id = uuid.uuid4().hex
        self._batch = 0

    @property
    def where(self) -> str:
        return repr(self._location.shown)

    def write(self, work: Callable[[Connection], bool]) -> None:
        patience = _Patience(self._patience_seconds, self._stopped)
        in_doubt = False
        while True:
            try:
                if in_doubt and self._is_committed():
                    return
                in_doubt = False
                connection = self._begin()
                if not work(connection):
                    connection.command("ROLLBACK")
                    return
                in_doubt = True  # from here on the answer may get lost
                self._commit(connection)
                return
            except psycopg.Error as error:
                in_doubt = in_doubt and self._is_lost(error)
                self._clean_up(error)
                self._go_on(error, "writing", patience, in_doubt=in_doubt)

    def read(self, query: Callable[[Connection], T]) -> T:
        patience = _Patience(self._patience_seconds, self._stopped)
        while True:
            try:
                return self._query(query)
            except psycopg.Error as error:
                self._clean_up(error)
                self._go_on(error, "reading", patience)

    def _query(self, query: Callable[[Connection], T]) -> T:
        connection = self._open()
        connection.command("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        try:
            return query(connection)
        finally:
            self._end_query(connection)

    def _end_query(self, connection: PostgresConnection) -> None:
        try:
            connection.command("ROLLBACK")
        except psycopg.Error:  # what was read stands; the session does not
            self.close()

    def is_over(self, error: Exception) -> bool:
        return self._is_lost(error) or getattr(error, "sqlstate", None) in _AGAIN

    def failure(self, error: Exception, doing: str) -> MaestroError:
        return self._location.failure(error, doing)

    def give_up(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> PostgresConnection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _begin(self) -> PostgresConnection:
        connection = self._open()
        self._batch += 1
        failpoints.reach("begin.before")
        connection.command(_BEGIN.format(id=self._id, batch=self._batch, now=NOW))
        failpoints.reach("begin.after")
        return connection

    def _commit(self, connection: PostgresConnection) -> None:
        failpoints.reach("commit.before")
        status = connection.command("COMMIT")
        failpoints.reach("commit.after")
        if status != "COMMIT":  # the server rolls back a transaction in which a statement failed
            raise psycopg.InternalError(f"COMMIT was answered by {status!r}")

    def _is_committed(self) -> bool:
        """Whether the last COMMIT took place; waits for the end of its old session."""
        row = self._open().execute(_LAST_BATCH, (self._id,)).fetchone()
        return bool(row[0] == self._batch)

    def _is_lost(self, error: Exception) -> bool:
        """Whether the session is gone, and with it what it had not committed."""
        return (
            self._connection is None
            or self._connection.is_closed
            or getattr(error, "sqlstate", None) in _GONE
        )

    def _clean_up(self, error: psycopg.Error) -> None:
        """Leaves a session outside of any transaction, or none, and nobody silent in its way."""
        if self._connection is None:
            return
        if not self._is_lost(error):
            try:
                if self._connection.in_transaction:
                    self._connection.command("ROLLBACK")
                if error.sqlstate == _LOCKED:
                    self._connection.command(_END_SILENT)
                return
            except psycopg.Error:
                pass  # it broke just now
        self.close()

    def _go_on(
        self, error: psycopg.Error, doing: str, patience: "_Patience", *, in_doubt: bool = False
    ) -> None:
        """Returns when the same should be tried again."""
        collided = error.sqlstate in _AGAIN
        if (collided or self._connection is None) and patience.pause(although_stopped=collided):
            return
        failure = self.failure(error, doing)
        if in_doubt:
            raise StorageUnavailable(
                f"{failure}. Whether the last changes were kept is not known: read them again"
            ) from error
        raise failure from error


class _Patience:
    """Pauses that grow, up to a limit for all of them together."""

    def __init__(self, seconds: float, stopped: Event) -> None:
        self._until = time.monotonic() + seconds
        self._stopped = stopped
        self._pause = 0.02

    def pause(self, *, although_stopped: bool) -> bool:
        """False when there is no time left."""
        left = self._until - time.monotonic()
        if left <= 0 or (self._stopped.is_set() and not although_stopped):
            return False
        jittered = self._pause * random.uniform(0.5, 1.5)  # noqa: S311 -- spreads retries, no secret
        self._stopped.wait(min(jittered, left))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
        return True


@cache
def _translated(sql: str) -> bytes:
    """With the driver's placeholders; statements hold no `?` or `%` otherwise."""
    return sql.replace("?", "%s").encode()
