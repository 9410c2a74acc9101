"""The one writer: a thread that lets queued changes share a commit.

A commit that reaches the disk costs about the same whatever it holds, so changes that wait at the
same time go into one transaction; one that cannot be made is rolled back alone.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

from maestro.domain.values import RunId
from maestro.errors import MaestroError, StorageUnavailable
from maestro.storage.database import Connection, Link
from maestro.storage.transaction import SqlTransaction

T = TypeVar("T")
MOST_PER_COMMIT = 512


class _Change:
    """A queued change and what became of it."""

    def __init__(self, work: Callable[[SqlTransaction], Any], about: RunId | None) -> None:
        self.work = work
        self.about = about
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
    """Keeps the error of what raises within, unless it ended the whole transaction."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.error: BaseException | None = None

    def __enter__(self) -> "_Kept":
        return self

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
        self.error = error
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

    async def write(self, work: Callable[[SqlTransaction], T], *, about: RunId | None = None) -> T:
        if self._closed:
            raise StorageUnavailable(f"the store {self._link.where} is closed; open it again")
        change = _Change(work, about)
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
        """Makes the changes, all in one go where each can be made; whether to commit."""
        for change in batch:
            change.error = None  # of an earlier try of the whole transaction
        if len(batch) == 1:
            self._make_one(connection, batch[0])
            return batch[0].error is None
        connection.execute("SAVEPOINT changes")
        with _Kept(self._link) as kept:
            _make(connection, batch)
        if kept.error is not None:
            connection.execute("ROLLBACK TO SAVEPOINT changes")
            self._make_each(connection, batch)
        connection.execute("RELEASE SAVEPOINT changes")
        return True

    def _make_each(self, connection: Connection, batch: Sequence[_Change]) -> None:
        """Each in a savepoint of its own: some of them cannot be made."""
        for change in batch:
            connection.execute("SAVEPOINT change")
            self._make_one(connection, change)
            if change.error is not None:
                connection.execute("ROLLBACK TO SAVEPOINT change")
            connection.execute("RELEASE SAVEPOINT change")

    def _make_one(self, connection: Connection, change: _Change) -> None:
        with _Kept(self._link) as kept:
            _make(connection, [change])
        change.error = kept.error


def _make(connection: Connection, changes: Sequence[_Change]) -> None:
    """Makes the changes, writing their journal rows together."""
    transaction = SqlTransaction(connection)
    transaction.prepare([change.about for change in changes if change.about is not None])
    for change in changes:
        change.result = change.work(transaction)
    transaction.flush()


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
