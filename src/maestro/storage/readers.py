"""Read-only connections, a few of them, away from the event loop."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from maestro.errors import StorageUnavailable
from maestro.storage.connections import connect_reader
from maestro.storage.failures import storage_failure
from maestro.storage.transaction import SqliteTransaction

T = TypeVar("T")
_THREADS = 4


class ReaderPool:
    """Runs queries in threads; each query sees one consistent state of the database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="maestro-reader")
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    async def read(self, query: Callable[[SqliteTransaction], T]) -> T:
        if self._closed:
            raise StorageUnavailable(f"the store {str(self._path)!r} is closed; open it again")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._query, query)

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        while self._idle:
            self._idle.pop().close()

    def _query(self, query: Callable[[SqliteTransaction], T]) -> T:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.execute("BEGIN")
            return query(SqliteTransaction(connection))
        except sqlite3.Error as error:
            raise storage_failure(self._path, error, "reading") from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        try:
            return connect_reader(self._path)
        except sqlite3.Error as error:
            raise storage_failure(self._path, error, "opening") from error
