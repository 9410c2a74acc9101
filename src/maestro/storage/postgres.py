"""The store on one PostgreSQL database, which several processes may share."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TypeVar

import psycopg

from maestro.domain.figures import Timings
from maestro.domain.values import RunId
from maestro.errors import MaestroError, StorageError
from maestro.storage.database import Connection
from maestro.storage.leases import LeaseKeeper
from maestro.storage.postgres_link import PostgresLink, connect
from maestro.storage.postgres_location import Location
from maestro.storage.postgres_schema import prepare
from maestro.storage.readers import ReaderPool
from maestro.storage.transaction import SqlTransaction
from maestro.storage.writer import GroupCommitWriter

T = TypeVar("T")
_READERS = 4
LEASE_SECONDS = 15.0
"""After this long without a sign from its owner a run is free for another process."""
PATIENCE_SECONDS = 60.0
"""How long a server that went away is waited for."""
_FORGET_SECONDS = 30 * 86400


class PostgresStore:
    """The Store port: one writing session, readers beside it, runs owned by lease."""

    shared = True

    def __init__(
        self,
        writer: GroupCommitWriter,
        readers: ReaderPool,
        keeper: LeaseKeeper,
        lease_seconds: float,
    ) -> None:
        """Use `open`."""
        self._writer = writer
        self._readers = readers
        self._keeper = keeper
        self._lease_seconds = lease_seconds
        self._name = f"process {os.getpid()} on {socket.gethostname()}"

    @staticmethod
    async def open(
        url: str,
        *,
        seal_key: bytes,
        lease_seconds: float = LEASE_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> "PostgresStore":
        """Opens the database, creating or migrating its schema first where needed.

        Raises:
            InvalidInput: `url` is malformed.
            SchemaMismatch: a newer Maestro wrote the schema; it is left as it is.
            StorageUnavailable: it cannot be reached, read or written; the message says why.
        """
        return await asyncio.to_thread(
            _open, Location.of(url), lease_seconds, patience_seconds, seal_key
        )

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
        fence = await self._writer.write(
            lambda tx: tx.runs.take_lease(run_id, self._name, self._lease_seconds)
        )
        self._keeper.keep(run_id, fence)
        try:
            yield fence
        finally:
            self._keeper.forget(run_id, fence)
            if not left():
                await self._release(run_id, fence)

    async def driven(self, run_id: RunId) -> bool:
        return await self._readers.read(lambda tx: tx.runs.owner(run_id)) is not None

    async def _release(self, run_id: RunId, fence: int) -> None:
        """Lets another process own the run at once; if that cannot be said, the lease runs out."""
        with suppress(StorageError, TimeoutError):
            async with asyncio.timeout(self._lease_seconds):
                await self._writer.write(lambda tx: tx.runs.release(run_id, fence), about=run_id)

    async def close(self) -> None:
        """Finishes queued writes and ends the threads; a second call does nothing."""
        await self._readers.close()
        await self._writer.close()
        await asyncio.to_thread(self._keeper.close)


def _open(
    location: Location, lease_seconds: float, patience_seconds: float, seal_key: bytes
) -> PostgresStore:
    try:
        prepare(location)
    except psycopg.Error as error:
        raise location.failure(error, "opening") from error
    session = partial(connect, location, idle_seconds=max(0.5, lease_seconds / 3))
    writer = PostgresLink(
        location, partial(session, writing=True), patience_seconds=patience_seconds
    )
    try:
        writer.write(_forget_writers)
    except MaestroError:
        writer.close()
        raise
    return PostgresStore(
        GroupCommitWriter(writer, seal_key),
        ReaderPool(
            lambda: PostgresLink(
                location, partial(session, writing=False), patience_seconds=patience_seconds
            ),
            _READERS,
        ),
        LeaseKeeper(partial(session, writing=True), lease_seconds),
        lease_seconds,
    )


def _forget_writers(connection: Connection) -> bool:
    """Removes what ended processes left; finds out now that the database may not be written."""
    connection.execute(
        f"DELETE FROM writers WHERE seen < {connection.dialect.now} - ?",  # noqa: S608 -- constant text
        (_FORGET_SECONDS,),
    )
    return True
