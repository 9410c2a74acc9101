"""The store on one SQLite file."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from maestro.domain.figures import Timings
from maestro.domain.values import RunId
from maestro.errors import StorageError, StorageUnavailable
from maestro.storage.ownership import LifeSign
from maestro.storage.readers import ReaderPool
from maestro.storage.records import executed_by
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
_READERS = 2


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
        self._sign = LifeSign(path)
        self._owned: set[RunId] = set()

    @staticmethod
    async def open(
        path: Path, *, seal_key: bytes, busy_seconds: float = BUSY_SECONDS
    ) -> "SqliteStore":
        """Opens the file, creating or migrating it first where needed.

        Args:
            busy_seconds: how long another process's lock on the file is waited for.
            seal_key: seals what is added to the audit log.

        Raises:
            SchemaMismatch: a newer Maestro wrote the file; it is left as it is.
            StorageUnavailable: it cannot be opened, read or written; the message says why.
        """
        return await asyncio.to_thread(_open, path, busy_seconds, seal_key)

    @property
    def commits(self) -> int:
        """Commits that reached the disk through this store; several changes may share one."""
        return self._writer.commits

    @property
    def write_times(self) -> Timings:
        return self._writer.times

    async def write(
        self, change: Callable[[SqlTransaction], T], *, about: RunId | None = None
    ) -> T:
        return await self._writer.write(change, about=about)

    async def read(self, query: Callable[[SqlTransaction], T]) -> T:
        return await self._readers.read(query)

    @asynccontextmanager
    async def own(
        self, run_id: RunId, *, left: Callable[[], bool] = lambda: False
    ) -> AsyncIterator[int]:
        if run_id in self._owned:
            raise executed_by(run_id, f"process {os.getpid()}")
        self._owned.add(run_id)
        try:
            fence = await self._writer.write(
                lambda tx: tx.runs.take(run_id, self._sign.show(), self._is_alive), about=run_id
            )
            try:
                yield fence
            finally:
                if not left():
                    await self._release(run_id, fence)
        finally:
            self._owned.discard(run_id)

    async def driven(self, run_id: RunId) -> bool:
        owner = await self._readers.read(lambda tx: tx.runs.owner(run_id))
        if run_id in self._owned or owner is None:
            return run_id in self._owned
        return await asyncio.to_thread(self._is_alive, owner)

    def _is_alive(self, owner: str) -> bool:
        """Of this process the rows do not tell: it may not have been able to say that it left."""
        return owner != self._sign.name and self._sign.is_alive(owner)

    async def _release(self, run_id: RunId, fence: int) -> None:
        """If it cannot be said, the run is free at the latest when this process ends."""
        with suppress(StorageError):
            await self._writer.write(lambda tx: tx.runs.release(run_id, fence), about=run_id)

    async def close(self) -> None:
        """Finishes queued writes and ends the threads; a second call does nothing."""
        await self._readers.close()
        await self._writer.close()
        await asyncio.to_thread(self._sign.hide)


def prepared(path: Path) -> None:
    """The database is there and up to date afterwards. Blocks.

    Raises:
        SchemaMismatch: a newer Maestro wrote the file; it is left as it is.
        StorageUnavailable: it cannot be opened, read or written; the message says why.
    """
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


def _open(path: Path, busy_seconds: float, seal_key: bytes) -> SqliteStore:
    prepared(path)
    reader = partial(connect_reader, path, busy_seconds)
    writer = partial(connect_writer, path, busy_seconds)
    return SqliteStore(
        path,
        GroupCommitWriter(SqliteLink(path, writer), seal_key),
        ReaderPool(lambda: SqliteLink(path, reader), _READERS),
    )
