"""SQLite's complaints as storage errors: what happened, to which file, and what to do next."""

import sqlite3
from pathlib import Path

from maestro.errors import StorageUnavailable

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


def storage_failure(path: Path, error: sqlite3.Error, doing: str) -> StorageUnavailable:
    """The error to raise for `error`, met while `doing` (`opening`, `reading`, `writing`)."""
    name = getattr(error, "sqlite_errorname", "")
    primary = "_".join(name.split("_")[:2])
    advice = _NEXT_STEP.get(primary, "check the file, or name another one")
    return StorageUnavailable(f"{doing} the database {str(path)!r} failed: {error}; {advice}")
