"""Locks between processes, held by the operating system: a dead owner's lock is free at once."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maestro.domain.values import RunId, is_identifier
from maestro.errors import Conflict, InvalidInput, StorageUnavailable


@contextmanager
def run_lock(database: Path, run_id: RunId) -> Iterator[None]:
    """Held by the one process that executes a run.

    Raises:
        Conflict: a live process holds it; the message names its pid.
    """
    if not is_identifier(run_id):
        raise InvalidInput(f"run id {run_id!r} is not an identifier")
    path = database.with_name(f"{database.name}.locks") / run_id
    handle = _acquire(path)
    if handle is None:
        raise Conflict(
            f"run {run_id!r} is being executed by process {_owner(path)}; wait for it, pause or "
            "cancel the run, or end that process"
        )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held, so nobody can lock the old file
        os.close(handle)


def _acquire(path: Path) -> int | None:
    """A locked handle with our pid written into it, or None when somebody else holds it."""
    while True:
        handle = _open(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if _is_at(path, handle):
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            return handle
        os.close(handle)  # its last owner removed it between our open and our lock


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageUnavailable(
            f"the lock file {str(path)!r} cannot be opened: {error.strerror}; make the database's "
            "folder writable, or name another file"
        ) from error


def _is_at(path: Path, handle: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


def _owner(path: Path) -> str:
    try:
        return path.read_text() or "(starting now)"
    except FileNotFoundError:
        return "(ending now)"
