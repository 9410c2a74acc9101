"""Runs migrations on the database of DATABASE_URL, or on `data/app.db` without it."""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa
from alembic import context

SERVICE = Path(__file__).resolve().parents[1]


def database_url() -> str:
    """What the caller configured, then the environment, then the service's own file."""
    configured = context.config.get_main_option("sqlalchemy.url")
    default = f"sqlite:///{SERVICE / 'data' / 'app.db'}"
    url = configured or os.environ.get("DATABASE_URL") or default
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    return url


def target_metadata() -> sa.MetaData | None:
    """The models, for `alembic revision --autogenerate`; migrating itself does not need them."""
    if find_spec("app") is None:
        return None
    metadata: sa.MetaData = import_module("app.models").Base.metadata
    return metadata


def run() -> None:
    engine = sa.create_engine(database_url(), poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=target_metadata(),
            # SQLite can change a table only by copying it.
            render_as_batch=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    context.configure(url=database_url(), literal_binds=True, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    run()
