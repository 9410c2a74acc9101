"""The schema of a PostgreSQL database: recognised cheaply, brought up to date when it is old."""

from contextlib import closing

import psycopg

from maestro.errors import StorageUnavailable
from maestro.storage.database import Row
from maestro.storage.postgres_location import Location
from maestro.storage.schema import is_current, move_schema

_LOCK = 0x6D616573_74726F  # "maestro": every Maestro takes this advisory lock to migrate
_OWN_TABLES = ("runs", "steps", "attempts", "events", "tasks", "requirements", "audit", "writers")
_FOUND = (
    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY(%s)"
)


def prepare(location: Location) -> None:
    """Creates or migrates the schema where needed, all or nothing.

    Raises:
        SchemaMismatch: a newer Maestro wrote it.
        StorageUnavailable: other tables are in the way.
        psycopg.Error: it cannot be opened, read or written.
    """
    with closing(_connect(location)) as session:
        if is_current(_stored_version(session, location), repr(location.shown)):
            return
    migrate(location, "head")


def migrate(location: Location, target: str) -> None:
    """Moves the schema up to `target`, or down to `base`, in one transaction.

    A process that comes second waits for the first one's transaction and finds nothing to do.
    """
    import sqlalchemy as sa  # noqa: PLC0415 -- slow to import and rarely needed

    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(**location.options),
        poolclass=sa.pool.NullPool,
    )
    try:
        move_schema(
            engine,
            target,
            first=lambda c: c.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})"),
        )
    except sa.exc.DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise error.orig from error
        raise


def _connect(location: Location) -> "psycopg.Connection[Row]":
    return psycopg.connect(**{"connect_timeout": 10, **location.options, "autocommit": True})


def _stored_version(session: "psycopg.Connection[Row]", location: Location) -> str | None:
    kept = session.execute("SELECT to_regclass('alembic_version')").fetchone()
    if kept is not None and kept[0] is not None:
        row = session.execute("SELECT version_num FROM alembic_version").fetchone()
        if row is not None:
            return str(row[0])
    found = [row[0] for row in session.execute(_FOUND, (list(_OWN_TABLES),))]
    if found:
        raise StorageUnavailable(
            f"the database {location.shown!r} holds tables of something else "
            f"({', '.join(sorted(found)[:3])}); name another database or another schema"
        )
    return None
