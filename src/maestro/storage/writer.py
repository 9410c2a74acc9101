"""The one writer: a thread that lets queued changes share a commit.

A commit that reaches the disk costs about the same whatever it holds, so changes that wait at the
same time go into one transaction; one that cannot be made is rolled back alone.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from maestro.domain.values import RunId
from maestro.errors import MaestroError, StorageUnavailable
from maestro.storage.database import Connection, Link
from maestro.storage.errands import Errand, Inbox, Kept, report
from maestro.storage.transaction import SqlTransaction

T = TypeVar("T")
MOST_PER_COMMIT = 512


class _Change(Errand):
    """A queued change."""

    def __init__(self, work: Callable[[SqlTransaction], Any], about: RunId | None) -> None:
        super().__init__(work)
        self.about = about


class GroupCommitWriter:
    """Owns the writing connection and its thread."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._inbox: Inbox[_Change] = Inbox(MOST_PER_COMMIT)
        self._closed = False
        self.commits = 0
        """How many transactions reached the disk; several changes may share one."""
        self._thread = threading.Thread(target=self._serve, name="maestro-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[SqlTransaction], T], *, about: RunId | None = None) -> T:
        if self._closed:
            raise StorageUnavailable(f"the store {self._link.where} is closed; open it again")
        change = _Change(work, about)
        self._inbox.put(change)
        result: T = await change.future
        return result

    async def close(self) -> None:
        """Finishes what is queued, then ends the thread."""
        if not self._closed:
            self._closed = True
            self._inbox.close()
        self._link.give_up()
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        over = False
        while not over:
            batch, over = self._inbox.take()
            if batch:
                self._commit(batch)
                report(batch)
        self._link.close()

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
        with Kept(self._link, "writing") as kept:
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
        with Kept(self._link, "writing") as kept:
            _make(connection, [change])
        change.error = kept.error


def _make(connection: Connection, changes: Sequence[_Change]) -> None:
    """Makes the changes, writing their journal rows together."""
    transaction = SqlTransaction(connection)
    transaction.prepare([change.about for change in changes if change.about is not None])
    for change in changes:
        change.result = change.work(transaction)
    transaction.flush()
