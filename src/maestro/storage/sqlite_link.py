"""Connections to a SQLite file, and its complaints as storage errors."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

from maestro import failpoints
from maestro.errors import StorageUnavailable
from maestro.storage.bulk import Bulk
from maestro.storage.database import Connection, Dialect, Row

T = TypeVar("T")
BUSY_SECONDS = 60.0
"""How long another process's lock on the file is waited for."""

_CLOCK = Dialect(
    now="((julianday('now') - 2440587.5) * 86400.0)", member="json_extract({}, '$.{}')", near=True
)
_NO_BATCH = nullcontext()
_NEXT_STEP = {
    "SQLITE_BUSY": "another process keeps the database locked; end it or try again",
    "SQLITE_LOCKED": "another process keeps the database locked; end it or try again",
    "SQLITE_CANTOPEN": "check that the folder exists and may be written, or name another file",
    "SQLITE_READONLY": "make the file and its folder writable, or name another file",
    "SQLITE_PERM": "make the file and its folder writable, or name another file",
    "SQLITE_FULL": "free space on the disk and try again",
    "SQLITE_IOERR": "check the disk, then try again",
    "SQLITE_CORRUPT": "restore the file from a backup, or name another file",
    "SQLITE_NOTADB": "it is not a Maestro database; name another file",
}


class SqliteConnection(sqlite3.Connection):
    """The driver's connection with what the repositories ask for beside it."""

    dialect = _CLOCK

    def batch(self) -> AbstractContextManager[object]:
        return _NO_BATCH

    def write_rows(self, statement: Bulk, rows: Sequence[Row], /) -> sqlite3.Cursor:
        return self.executemany(statement.each, rows)


def connect_writer(path: Path, busy_seconds: float = BUSY_SECONDS) -> SqliteConnection:
    """The connection that may change the database. Usable from any one thread at a time."""
    connection = sqlite3.connect(
        path,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,
        factory=SqliteConnection,
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_reader(path: Path, busy_seconds: float = BUSY_SECONDS) -> SqliteConnection:
    """A connection that cannot change the database and never creates it."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,
        factory=SqliteConnection,
    )


def storage_failure(path: Path, error: sqlite3.Error, doing: str) -> StorageUnavailable:
    """The error to raise for `error`, met while `doing` (`opening`, `reading`, `writing`)."""
    name = getattr(error, "sqlite_errorname", "")
    primary = "_".join(name.split("_")[:2])
    advice = _NEXT_STEP.get(primary, "check the file, or name another one")
    return StorageUnavailable(f"{doing} the database {str(path)!r} failed: {error}; {advice}")


class SqliteLink:
    """The Link port on one connection to a file."""

    errors: type[Exception] = sqlite3.Error

    def __init__(self, path: Path, connect: Callable[[], SqliteConnection]) -> None:
        self._path = path
        self._connect = connect
        self._connection: SqliteConnection | None = None

    @property
    def where(self) -> str:
        return repr(str(self._path))

    def write(self, work: Callable[[Connection], bool]) -> None:
        try:
            connection = self._open()
            failpoints.reach("begin.before")
            connection.execute("BEGIN IMMEDIATE")
            failpoints.reach("begin.after")
            if work(connection):
                failpoints.reach("commit.before")
                connection.execute("COMMIT")
                failpoints.reach("commit.after")
        except sqlite3.Error as error:
            raise self.failure(error, "writing") from error
        finally:
            self._roll_back()

    def read(self, query: Callable[[Connection], T]) -> T:
        try:
            connection = self._open()
            connection.execute("BEGIN")
            return query(connection)
        except sqlite3.Error as error:
            raise self.failure(error, "reading") from error
        finally:
            self._roll_back()

    def is_over(self, error: Exception) -> bool:
        """A full disk or a broken one ends the transaction: then nobody's change stands."""
        return self._connection is None or not self._connection.in_transaction

    def failure(self, error: Exception, doing: str) -> StorageUnavailable:
        assert isinstance(error, sqlite3.Error)
        return storage_failure(self._path, error, doing)

    def give_up(self) -> None:
        """Nothing to do: a file is there or it is not."""

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> SqliteConnection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _roll_back(self) -> None:
        """Leaves a connection that the next caller can use, or none, so that it gets another."""
        if self._connection is None or not self._connection.in_transaction:
            return
        try:
            self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()
