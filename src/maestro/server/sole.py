"""One server for a SQLite file: two would both take up what nobody drives."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maestro.errors import Conflict, StorageUnavailable


@contextmanager
def sole_server(database: Path | None) -> Iterator[None]:
    """Held by the one server that works on a SQLite file; without a file nothing is held. Blocks.

    Raises:
        Conflict: another server has it.
        StorageUnavailable: the folder cannot be written.
    """
    if database is None:
        yield
        return
    path = database.with_name(f"{database.name}.server")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageUnavailable(f"{str(path)!r} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    except BlockingIOError:
        by = os.read(handle, 20).decode("ascii", "replace") or "unknown"
        raise Conflict(
            f"another server (process {by}) works on {str(database)!r}; one server serves a file: "
            "end it, or name another file with --db"
        ) from None
    finally:
        os.close(handle)
