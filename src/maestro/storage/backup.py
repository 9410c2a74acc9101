"""A copy of all that belongs to a SQLite store, taken while it is in use. All of it blocks."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from maestro.errors import Conflict, InvalidInput, NotFound, StorageUnavailable
from maestro.settings import Settings
from maestro.storage.secrets import audit_file
from maestro.storage.sqlite_link import connect_reader

DATABASE, DATA = "maestro.db", "maestro-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    database: Path
    """The copy; a Maestro that is told of it (`--db`) finds all the rest beside it."""
    runs: int
    artefacts: int


def back_up(settings: Settings, target: Path) -> BackupReport:
    """Copies the audit log's key and anchors, the database, and the artefacts, in that order.

    Anchors name records that the database holds already, and the database artefacts that are
    stored already; what is written meanwhile may be in the copy without being named, never the
    other way round.

    Raises:
        InvalidInput: the store is PostgreSQL, whose own tools copy it.
        Conflict: there is something in the folder.
        NotFound: there is no database.
        StorageUnavailable: something cannot be read or written, or the copy is not whole.
    """
    if settings.postgres_url is not None:
        raise InvalidInput(
            "a PostgreSQL database is copied by its own tools: pg_dump --format=custom; copy "
            f"{str(settings.data_folder)!r} after it"
        )
    if not settings.database.is_file():
        raise NotFound(f"there is no database {str(settings.database)!r} to copy")
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(target.iterdir()):
            raise Conflict(f"{str(target)!r} is not empty; name a folder that is")
        copy = target / DATABASE
        for kind in ("key", "anchors"):
            _copy_secret(audit_file(settings, kind), target / f"{DATABASE}.audit.{kind}")
        runs = _copy_database(settings.database, copy)
        artefacts = _copy_artefacts(settings.data_folder, target / DATA)
    except (OSError, shutil.Error, sqlite3.Error) as error:
        raise StorageUnavailable(
            f"the copy in {str(target)!r} is not whole: {error}; remove it and try again"
        ) from error
    return BackupReport(database=copy, runs=runs, artefacts=artefacts)


def _copy_secret(source: Path, copy: Path) -> None:
    """Nobody else can read it, not even while it is written."""
    if source.is_file():
        copy.touch(mode=0o600)
        shutil.copyfile(source, copy)


def _copy_database(source: Path, copy: Path) -> int:
    """One state of it, however much is written meanwhile.

    In one go: between parts of a copy SQLite lets go of the state that it reads, and begins again
    once there is another one, so that beside a busy server it would never come to an end. Writers
    do not wait for it: what they write goes to the log.
    """
    copy.touch(mode=0o600)
    with closing(connect_reader(source)) as reader:
        with closing(sqlite3.connect(copy)) as writer:
            reader.backup(writer)
            [[found]] = writer.execute("PRAGMA integrity_check(1)").fetchall()
            if found != "ok":
                raise StorageUnavailable(f"the copy {str(copy)!r} is damaged: {found}")
            [[runs]] = writer.execute("SELECT count(*) FROM runs").fetchall()
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    return int(runs)


def _copy_artefacts(source: Path, target: Path) -> int:
    artefacts = source / "artifacts"
    if not artefacts.is_dir():
        return 0
    # A file that is just being written has a name that no artefact has.
    shutil.copytree(artefacts, target / "artifacts", ignore=shutil.ignore_patterns("tmp*"))
    return sum(1 for path in (target / "artifacts").rglob("*") if path.is_file())
