"""The schema of a SQLite file: recognised cheaply, brought up to date when it is old."""

import sqlite3
from contextlib import closing
from pathlib import Path

from maestro.errors import StorageUnavailable
from maestro.storage.schema import REVISIONS, is_current, move_schema
from maestro.storage.sqlite_link import connect_writer

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
_NEWEST = Path(__file__).with_suffix(".sql")
_OLDEST_SQLITE = (3, 35, 0)
"""The first that gives back the row an UPDATE changed."""


def prepare(path: Path) -> None:
    """Creates or migrates the database at `path` where needed, all or nothing.

    Raises:
        SchemaMismatch: a newer Maestro wrote it.
        StorageUnavailable: it is some other program's SQLite database, or this Python's SQLite is
            too old.
        sqlite3.Error: it cannot be opened, read or written.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StorageUnavailable(
            f"this Python has SQLite {sqlite3.sqlite_version}; use one with 3.35 or newer"
        )
    with closing(connect_writer(path)) as connection:
        if is_current(_stored_version(connection, path), repr(str(path))):
            _probe_writing(connection)
            return
        connection.execute("PRAGMA journal_mode = WAL")
        if _create(connection):
            return
    migrate(path, "head")


def _create(connection: sqlite3.Connection) -> bool:
    """Makes the newest schema at once where there is no table yet; whether that was so.

    Migrating would come to the same, but loads Alembic, which takes longer than a whole command may
    last and stays in memory for every garbage collection to walk through.
    """
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute(_TABLES).fetchone() is not None:  # somebody was quicker
        connection.execute("ROLLBACK")
        return False
    for statement in _NEWEST.read_text(encoding="utf-8").split(";"):
        connection.execute(statement)
    connection.execute("INSERT INTO alembic_version (version_num) VALUES (?)", REVISIONS[-1:])
    connection.execute("COMMIT")
    return True


def migrate(path: Path, target: str) -> None:
    """Moves the schema up to `target`, or down to `base`, in one transaction.

    A process that comes second waits for the first one's transaction and finds nothing to do.
    """
    import sqlalchemy as sa  # noqa: PLC0415 -- slow to import and rarely needed

    engine = sa.create_engine(
        "sqlite://", creator=lambda: connect_writer(path), poolclass=sa.pool.NullPool
    )
    try:
        # The driver runs in autocommit; without a real BEGIN a broken migration would stay half
        # done.
        move_schema(engine, target, first=lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    except sa.exc.DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from error
        raise


def _stored_version(connection: sqlite3.Connection, path: Path) -> str | None:
    tables = {row[0] for row in connection.execute(_TABLES)}
    if "alembic_version" in tables:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if row is not None:
            return str(row[0])
    if tables - {"alembic_version"}:
        raise StorageUnavailable(
            f"{str(path)!r} is a SQLite database of something else (tables "
            f"{', '.join(sorted(tables)[:3])}); name another file"
        )
    return None


def _probe_writing(connection: sqlite3.Connection) -> None:
    """Finds out now, not at the first run, that the file may not be written."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")
