"""The one writer: a thread that lets queued changes share a commit.

A commit that reaches the disk costs about the same whatever it holds, so changes that wait at the
same time go into one transaction; one that cannot be made is rolled back alone.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from maestro.domain.figures import Timings
from maestro.domain.values import RunId
from maestro.errors import MaestroError, StorageUnavailable
from maestro.storage.database import Connection, Link
from maestro.storage.errands import Errand, Inbox, Kept, report
from maestro.storage.transaction import SqlTransaction

T = TypeVar("T")
MOST_PER_COMMIT = 512


class GroupCommitWriter:
    """Owns the writing connection and its thread."""

    def __init__(self, link: Link, seal_key: bytes) -> None:
        self._link = link
        self._seal_key = seal_key
        self._inbox = Inbox(MOST_PER_COMMIT)
        self._closed = False
        self.commits = 0
        """How many transactions reached the disk; several changes may share one."""
        self.times = Timings()
        """From the begin of each until it was on the disk."""
        self._thread = threading.Thread(target=self._serve, name="maestro-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[SqlTransaction], T], *, about: RunId | None = None) -> T:
        if self._closed:
            raise StorageUnavailable(f"the store {self._link.where} is closed; open it again")
        change = Errand(work, about)
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

    def _commit(self, batch: Sequence[Errand]) -> None:
        began = time.monotonic()
        try:
            self._link.write(lambda connection: self._apply(connection, batch))
            self.commits += 1
            self.times.add(time.monotonic() - began)
        except MaestroError as error:  # the transaction is gone: nobody's change stands
            for change in batch:
                change.error = error

    def _apply(self, connection: Connection, batch: Sequence[Errand]) -> bool:
        """Makes the changes, all in one go where each can be made; whether to commit."""
        for change in batch:
            change.error = None  # of an earlier try of the whole transaction
        if len(batch) == 1:
            self._make_one(connection, batch[0])
            return batch[0].error is None
        connection.execute("SAVEPOINT changes")
        with Kept(self._link, "writing") as kept:
            self._make(connection, batch)
        if kept.error is not None:
            connection.execute("ROLLBACK TO SAVEPOINT changes")
            self._make_each(connection, batch)
        connection.execute("RELEASE SAVEPOINT changes")
        return True

    def _make_each(self, connection: Connection, batch: Sequence[Errand]) -> None:
        """Each in a savepoint of its own: some of them cannot be made."""
        for change in batch:
            connection.execute("SAVEPOINT change")
            self._make_one(connection, change)
            if change.error is not None:
                connection.execute("ROLLBACK TO SAVEPOINT change")
            connection.execute("RELEASE SAVEPOINT change")

    def _make_one(self, connection: Connection, change: Errand) -> None:
        with Kept(self._link, "writing") as kept:
            self._make(connection, [change])
        change.error = kept.error

    def _make(self, connection: Connection, changes: Sequence[Errand]) -> None:
        """Makes the changes, writing their journal rows together."""
        transaction = SqlTransaction(connection, self._seal_key)
        transaction.prepare([change.about for change in changes if change.about is not None])
        for change in changes:
            change.result = change.work(transaction)
        transaction.flush()
