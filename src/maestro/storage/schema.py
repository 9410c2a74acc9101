"""The database's schema: recognised cheaply, brought up to date by Alembic when it is old.

Alembic and SQLAlchemy take longer to import than a whole `runs list` may last, so they are
loaded only when there is something to migrate.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from maestro.errors import SchemaMismatch, StorageUnavailable
from maestro.storage.connections import connect_writer

REVISIONS = ("0001",)
"""Every revision in storage/migrations/versions, oldest first."""

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def prepare(path: Path) -> None:
    """Creates or migrates the database at `path` where needed, all or nothing.

    Raises:
        SchemaMismatch: a newer Maestro wrote it.
        StorageUnavailable: it is some other program's SQLite database.
        sqlite3.Error: it cannot be opened, read or written.
    """
    with closing(connect_writer(path)) as connection:
        if _is_current(connection, path):
            _probe_writing(connection)
            return
        connection.execute("PRAGMA journal_mode = WAL")
    migrate(path, "head")


def migrate(path: Path, target: str) -> None:
    """Moves the schema up to `target`, or down to `base`, in one transaction.

    A process that comes second waits for the first one's transaction and finds nothing to do.
    """
    import sqlalchemy as sa  # noqa: PLC0415 -- slow to import and rarely needed
    from alembic import command  # noqa: PLC0415 -- slow to import and rarely needed
    from alembic.config import Config  # noqa: PLC0415 -- slow to import and rarely needed

    engine = sa.create_engine(
        "sqlite://", creator=lambda: connect_writer(path), poolclass=sa.pool.NullPool
    )
    # The driver runs in autocommit; without a real BEGIN a broken migration would stay half done.
    sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option(
        "script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%")
    )
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            move = command.downgrade if target == "base" else command.upgrade
            move(config, target)
    except sa.exc.DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from error
        raise


def _is_current(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the schema is the newest one; False when it is older or not there yet."""
    version = _stored_version(connection, path)
    if version is None or version == REVISIONS[-1]:
        return version is not None
    if version not in REVISIONS:
        raise SchemaMismatch(
            f"the database {str(path)!r} has schema {version!r}; this Maestro knows up to "
            f"{REVISIONS[-1]!r}. Use the newer Maestro that wrote it, or name another file"
        )
    return False


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
