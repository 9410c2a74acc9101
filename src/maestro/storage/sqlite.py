"""The store on one SQLite file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from maestro import failpoints
from maestro.domain.values import RunId
from maestro.errors import StorageUnavailable
from maestro.storage.ownership import run_lock
from maestro.storage.readers import ReaderPool
from maestro.storage.sqlite_link import (
    BUSY_SECONDS,
    SqliteLink,
    connect_reader,
    connect_writer,
    storage_failure,
)
from maestro.storage.sqlite_schema import prepare
from maestro.storage.transaction import SqlTransaction
from maestro.storage.writer import GroupCommitWriter

T = TypeVar("T")


class SqliteStore:
    """The Store port: WAL, `synchronous=FULL`, one writer thread, readers beside it.

    Several processes may have the same file open; each sees what the others committed.
    """

    shared = False

    def __init__(self, path: Path, writer: GroupCommitWriter, readers: ReaderPool) -> None:
        """Use `open`."""
        self._path = path
        self._writer = writer
        self._readers = readers

    @staticmethod
    async def open(path: Path, *, busy_seconds: float = BUSY_SECONDS) -> "SqliteStore":
        """Opens the file, creating or migrating it first where needed.

        Args:
            busy_seconds: how long another process's lock on the file is waited for.

        Raises:
            SchemaMismatch: a newer Maestro wrote the file; it is left as it is.
            StorageUnavailable: it cannot be opened, read or written; the message says why.
        """
        return await asyncio.to_thread(_open, path, busy_seconds)

    @property
    def commits(self) -> int:
        """Commits that reached the disk through this store; several changes may share one."""
        return self._writer.commits

    async def write(self, change: Callable[[SqlTransaction], T]) -> T:
        return await self._writer.write(change)

    async def read(self, query: Callable[[SqlTransaction], T]) -> T:
        return await self._readers.read(query)

    @asynccontextmanager
    async def own(self, run_id: RunId) -> AsyncIterator[int]:
        held = ExitStack()
        held.enter_context(run_lock(self._path, run_id))
        try:
            yield await self._writer.write(lambda tx: tx.runs.raise_fence(run_id))
            failpoints.reach("lease.release.before")
        finally:
            await asyncio.to_thread(held.close)  # removing a file may wait for the disk
        failpoints.reach("lease.release.after")

    async def close(self) -> None:
        """Finishes queued writes and ends the threads; a second call does nothing."""
        await self._readers.close()
        await self._writer.close()


def _open(path: Path, busy_seconds: float) -> SqliteStore:
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
    except sqlite3.Error as error:
        raise storage_failure(path, error, "opening") from error
    reader = partial(connect_reader, path, busy_seconds)
    writer = partial(connect_writer, path, busy_seconds)
    return SqliteStore(
        path,
        GroupCommitWriter(SqliteLink(path, writer)),
        ReaderPool(lambda: SqliteLink(path, reader)),
    )
