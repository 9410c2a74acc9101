"""The schema's revisions, and moving a database between them with Alembic.

Alembic and SQLAlchemy take longer to import than a whole `runs list` may last, so they are
loaded only when there is something to migrate.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from maestro.errors import SchemaMismatch

if TYPE_CHECKING:
    from sqlalchemy import Connection as MigratedConnection
    from sqlalchemy import Engine

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
"""Every revision in storage/migrations/versions, oldest first."""


def is_current(version: str | None, where: str) -> bool:
    """Whether `version` is the newest one; False when it is older or there is none yet.

    Raises:
        SchemaMismatch: it is none that this Maestro knows.
    """
    if version is not None and version not in REVISIONS:
        raise SchemaMismatch(
            f"the database {where} has schema {version!r}; this Maestro knows up to "
            f"{REVISIONS[-1]!r}. Use the newer Maestro that wrote it, or name another database"
        )
    return version == REVISIONS[-1]


def move_schema(
    engine: "Engine", target: str, *, first: Callable[["MigratedConnection"], object]
) -> None:
    """Moves the schema up to `target`, or down to `base`, in one transaction.

    `first` runs at its begin and makes other processes that migrate wait for its end.
    """
    from alembic import command  # noqa: PLC0415 -- slow to import and rarely needed
    from alembic.config import Config  # noqa: PLC0415 -- slow to import and rarely needed

    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option(
        "script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%")
    )
    with engine.begin() as connection:
        first(connection)
        config.attributes["connection"] = connection
        move = command.downgrade if target == "base" else command.upgrade
        move(config, target)
