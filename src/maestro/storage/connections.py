"""SQLite connections as the store wants them: explicit transactions, safe defaults."""

import sqlite3
from pathlib import Path

_BUSY_SECONDS = 30.0


def connect_writer(path: Path) -> sqlite3.Connection:
    """The connection that may change the database. Usable from any one thread at a time."""
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot change the database and never creates it."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
