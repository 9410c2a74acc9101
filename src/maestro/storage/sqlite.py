"""The store on one SQLite file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from maestro.domain.values import RunId
from maestro.errors import StorageUnavailable
from maestro.storage.failures import storage_failure
from maestro.storage.ownership import run_lock
from maestro.storage.readers import ReaderPool
from maestro.storage.schema import prepare
from maestro.storage.transaction import SqliteTransaction
from maestro.storage.writer import GroupCommitWriter

T = TypeVar("T")


class SqliteStore:
    """The Store port: WAL, `synchronous=FULL`, one writer thread, readers beside it.

    Several processes may have the same file open; each sees what the others committed.
    """

    def __init__(self, path: Path, writer: GroupCommitWriter, readers: ReaderPool) -> None:
        """Use `open`."""
        self._path = path
        self._writer = writer
        self._readers = readers

    @staticmethod
    async def open(path: Path) -> "SqliteStore":
        """Opens the file, creating or migrating it first where needed.

        Raises:
            SchemaMismatch: a newer Maestro wrote the file; it is left as it is.
            StorageUnavailable: it cannot be opened, read or written; the message says why.
        """
        return await asyncio.to_thread(_open, path)

    @property
    def commits(self) -> int:
        """Commits that reached the disk through this store; several changes may share one."""
        return self._writer.commits

    async def write(self, change: Callable[[SqliteTransaction], T]) -> T:
        return await self._writer.write(change)

    async def read(self, query: Callable[[SqliteTransaction], T]) -> T:
        return await self._readers.read(query)

    @asynccontextmanager
    async def own(self, run_id: RunId) -> AsyncIterator[None]:
        with run_lock(self._path, run_id):
            yield

    async def close(self) -> None:
        """Finishes queued writes and ends the threads; a second call does nothing."""
        await self._readers.close()
        await self._writer.close()


def _open(path: Path) -> SqliteStore:
    if path.is_dir():
        raise StorageUnavailable(f"the database {str(path)!r} is a folder; name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(
            f"the folder {str(path.parent)!r} of the database cannot be made: {error.strerror}; "
            "name a file in a folder that may be written"
        ) from error
    try:
        prepare(path)
        return SqliteStore(path, GroupCommitWriter(path), ReaderPool(path))
    except sqlite3.Error as error:
        raise storage_failure(path, error, "opening") from error
