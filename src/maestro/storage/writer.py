"""The one writer: a thread that lets queued changes share a commit.

With `synchronous=FULL` a commit costs a disk flush whatever it holds, so changes that wait at the
same time go into one transaction, each in a savepoint of its own.
"""

import asyncio
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Literal, TypeVar

from maestro.errors import StorageUnavailable
from maestro.storage.connections import connect_writer
from maestro.storage.failures import storage_failure
from maestro.storage.transaction import SqliteTransaction

T = TypeVar("T")
MOST_PER_COMMIT = 512


class _Change:
    """A queued change and what became of it."""

    def __init__(self, work: Callable[[SqliteTransaction], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        """On the loop's thread: tells the waiting coroutine."""
        if self.future.done():  # its waiter was cancelled; the change stands all the same
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class _Savepoint:
    """Keeps a change that raises from touching the others in the same transaction."""

    def __init__(self, connection: sqlite3.Connection, change: _Change) -> None:
        self._connection = connection
        self._change = change

    def __enter__(self) -> None:
        self._connection.execute("SAVEPOINT change")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[True]:
        if error is not None:
            self._change.error = error
            self._connection.execute("ROLLBACK TO change")
        self._connection.execute("RELEASE change")
        return True


class GroupCommitWriter:
    """Owns the writing connection and its thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = connect_writer(path)
        self._transaction = SqliteTransaction(self._connection)
        self._queue: SimpleQueue[_Change | None] = SimpleQueue()
        self._closed = False
        self.commits = 0
        """How many transactions reached the disk; several changes may share one."""
        self._thread = threading.Thread(target=self._serve, name="maestro-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[SqliteTransaction], T]) -> T:
        if self._closed:
            raise StorageUnavailable(f"the store {str(self._path)!r} is closed; open it again")
        change = _Change(work)
        self._queue.put(change)
        result: T = await change.future
        return result

    async def close(self) -> None:
        """Finishes what is queued, then ends the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            last = self._drain(batch)
            self._commit(batch)
            _report(batch)
            if last:
                break
        self._connection.close()

    def _drain(self, batch: list[_Change]) -> bool:
        """Adds everything that waits; True when the request to close was among it."""
        while len(batch) < MOST_PER_COMMIT:
            try:
                change = self._queue.get_nowait()
            except Empty:
                return False
            if change is None:
                return True
            batch.append(change)
        return False

    def _commit(self, batch: Sequence[_Change]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for change in batch:
                with _Savepoint(self._connection, change):
                    change.result = change.work(self._transaction)
            self._connection.execute("COMMIT")
            self.commits += 1
        except sqlite3.Error as error:
            # Some errors (disk full, I/O) end the whole transaction: then nobody's change stands.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            for change in batch:
                change.error = storage_failure(self._path, error, "writing")
        for change in batch:
            if isinstance(change.error, sqlite3.Error):
                change.error = storage_failure(self._path, change.error, "writing")


def _report(batch: Sequence[_Change]) -> None:
    """Wakes each event loop once for all its changes."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Change]] = defaultdict(list)
    for change in batch:
        by_loop[change.loop].append(change)
    for loop, changes in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, changes)
        except RuntimeError:
            continue  # that loop is closed: nobody waits there any more


def _settle(changes: Sequence[_Change]) -> None:
    for change in changes:
        change.settle()
