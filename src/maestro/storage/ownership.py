"""Which process has a run in a SQLite file: its name in the run's row, and a sign that it lives.

The sign is a file beside the database that the process keeps locked. The operating system lets go
of the lock when the process ends, however it ends, so a dead owner's runs are free at once.
"""

import fcntl
import os
import secrets
from pathlib import Path
from threading import Lock

from maestro.domain.values import is_identifier
from maestro.errors import StorageUnavailable


class LifeSign:
    """The sign of this process on one database; blocks, so not to be used on an event loop."""

    def __init__(self, database: Path) -> None:
        self._folder = database.with_name(f"{database.name}.locks")
        self._making = Lock()
        self._path: Path | None = None
        self._handle = -1

    @property
    def name(self) -> str:
        """Empty until the sign is given."""
        return "" if self._path is None else self._path.name

    def show(self) -> str:
        """Gives the sign where it is not given yet, and removes those of the dead; its name.

        Raises StorageUnavailable when the folder cannot be written.
        """
        with self._making:
            if self._path is None:
                self._sweep()
                self._path, self._handle = self._made()
            return self.name

    def hide(self) -> None:
        with self._making:
            if self._path is not None:
                self._path.unlink(missing_ok=True)  # while it is held: nobody takes it for dead
                os.close(self._handle)
                self._path = None

    def is_alive(self, name: str) -> bool:
        """Whether the process of that name, which is not this one, still runs."""
        return is_identifier(name) and not _is_free(self._folder / name)

    def _made(self) -> tuple[Path, int]:
        while True:
            path = self._folder / f"p{os.getpid()}-{secrets.token_hex(8)}"
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            except OSError as error:
                raise StorageUnavailable(
                    f"the lock file {str(path)!r} cannot be made: {error.strerror}; make the "
                    "database's folder writable, or name another file"
                ) from error
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # somebody who looks for the dead found it before it was locked
                os.close(handle)
                continue
            if path.exists():
                return path, handle
            os.close(handle)

    def _sweep(self) -> None:
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                _is_free(path, remove=True)


def pid_of(name: str) -> str:
    """The process id in a sign's name."""
    return name[1:].partition("-")[0]


def _is_free(path: Path, *, remove: bool = False) -> bool:
    """Whether nobody holds the file; a shared lock, so that several may look at once."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if remove:
            path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
