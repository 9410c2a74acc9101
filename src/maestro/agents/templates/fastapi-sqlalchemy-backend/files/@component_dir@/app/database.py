"""The database: engine, sessions and schema migration."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from fastapi import Depends, Request
from sqlalchemy.orm import DeclarativeBase, Session

SERVICE = Path(__file__).resolve().parents[1]
DEFAULT_URL = f"sqlite:///{SERVICE / 'data' / 'app.db'}"
TABLE_OPTIONS = {"sqlite_autoincrement": True}  # no id is ever given out twice


class Base(DeclarativeBase):
    """All tables; constraints have names, so that migrations can speak of them."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    __table_args__: Any = TABLE_OPTIONS


class UtcDateTime(sa.TypeDecorator[dt.datetime]):
    """Stores moments in UTC, also where the database knows no time zones."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(
        self, value: dt.datetime | None, dialect: sa.Dialect
    ) -> dt.datetime | None:
        return None if value is None else value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: dt.datetime | None, dialect: sa.Dialect
    ) -> dt.datetime | None:
        return None if value is None else value.replace(tzinfo=dt.UTC)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Database:
    """An engine. On SQLite, references are enforced and writers queue instead of failing."""

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = sa.make_url(url)
        sqlite = parsed.get_backend_name() == "sqlite"
        if sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine = sa.create_engine(url)
        self._writer = self.engine.execution_options(sqlite_begin="IMMEDIATE")
        if sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

    @classmethod
    def from_environment(cls) -> "Database":
        """The database of DATABASE_URL; `data/app.db` in the service's folder without it."""
        return cls(os.environ.get("DATABASE_URL") or DEFAULT_URL)

    def reading(self) -> Session:
        return Session(self.engine)

    def writing(self) -> Session:
        return Session(self._writer)

    def close(self) -> None:
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # SQLAlchemy begins transactions itself (below); the driver must not begin its own.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA busy_timeout = 30000")
    # SQLite's own lower() knows only ASCII letters; searching must find the others too.
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer takes the lock before it reads, so that what it checked still holds when it writes.
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def migrate(url: str) -> None:
    """Brings the database to the newest schema.

    Raises:
        RuntimeError: the migrations are not there; without them there is no schema.
    """
    if not (SERVICE / "alembic.ini").is_file() or not (SERVICE / "migrations").is_dir():
        raise RuntimeError(
            f"no migrations in {SERVICE}: alembic.ini and migrations/ must lie beside app/"
        )
    config = Config(SERVICE / "alembic.ini")
    config.set_main_option("script_location", str(SERVICE / "migrations").replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")


def _read(request: Request) -> Iterator[Session]:
    with request.app.state.database.reading() as session:
        yield session


def _write(request: Request) -> Iterator[Session]:
    with request.app.state.database.writing() as session, session.begin():
        yield session


# Scope "function": a change is committed before the answer that reports it is sent.
Reading = Annotated[Session, Depends(_read, scope="function")]
Writing = Annotated[Session, Depends(_write, scope="function")]
