"""The one writer: a thread that lets queued changes share a commit.

A commit that reaches the disk costs about the same whatever it holds, so changes that wait at the
same time go into one transaction, each in a savepoint of its own.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

from maestro.errors import MaestroError, StorageUnavailable
from maestro.storage.database import Connection, Link
from maestro.storage.transaction import SqlTransaction

T = TypeVar("T")
MOST_PER_COMMIT = 512


class _Change:
    """A queued change and what became of it."""

    def __init__(self, work: Callable[[SqlTransaction], Any]) -> None:
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


class _Kept:
    """Keeps the error of a change that raises, unless it ended the transaction of them all."""

    def __init__(self, link: Link, change: _Change) -> None:
        self._link = link
        self._change = change

    def __enter__(self) -> None:
        self._change.error = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if isinstance(error, self._link.errors):
            if self._link.is_over(error):
                return False
            error = self._link.failure(error, "writing")
        self._change.error = error
        return True


class GroupCommitWriter:
    """Owns the writing connection and its thread."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._queue: SimpleQueue[_Change | None] = SimpleQueue()
        self._closed = False
        self.commits = 0
        """How many transactions reached the disk; several changes may share one."""
        self._thread = threading.Thread(target=self._serve, name="maestro-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[SqlTransaction], T]) -> T:
        if self._closed:
            raise StorageUnavailable(f"the store {self._link.where} is closed; open it again")
        change = _Change(work)
        self._queue.put(change)
        result: T = await change.future
        return result

    async def close(self) -> None:
        """Finishes what is queued, then ends the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._link.give_up()
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            last = self._drain(batch)
            self._commit(batch)
            _report(batch)
            if last:
                break
        self._link.close()

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
            self._link.write(lambda connection: self._apply(connection, batch))
            self.commits += 1
        except MaestroError as error:  # the transaction is gone: nobody's change stands
            for change in batch:
                change.error = error

    def _apply(self, connection: Connection, batch: Sequence[_Change]) -> bool:
        """Makes the changes; whether there is something to commit."""
        transaction = SqlTransaction(connection)
        if len(batch) == 1:
            with _Kept(self._link, batch[0]):
                batch[0].result = batch[0].work(transaction)
            return batch[0].error is None
        for change in batch:
            connection.execute("SAVEPOINT change")
            with _Kept(self._link, change):
                change.result = change.work(transaction)
            if change.error is not None:
                connection.execute("ROLLBACK TO SAVEPOINT change")
            connection.execute("RELEASE SAVEPOINT change")
        return True


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
