"""Reading connections, a few of them, away from the event loop.

Queries that wait at the same time are answered together by one thread: threads that read side by
side would spend their time on handing the interpreter's lock to each other.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from maestro.errors import MaestroError, StorageError, StorageUnavailable
from maestro.storage.database import Connection, Link
from maestro.storage.errands import Errand, Inbox, Kept, report
from maestro.storage.transaction import SqlTransaction

T = TypeVar("T")
MOST_AT_ONCE = 64


class ReaderPool:
    """Runs queries in threads; each query sees one consistent state of the database."""

    def __init__(self, link: Callable[[], Link], threads: int) -> None:
        """`link`: makes one that nobody else uses."""
        self._links = [link() for _ in range(threads)]
        self._threads: list[threading.Thread] = []
        self._inbox = Inbox(MOST_AT_ONCE)
        self._closed = False

    async def read(self, query: Callable[[SqlTransaction], T]) -> T:
        if self._closed:
            where = self._links[0].where
            raise StorageUnavailable(f"the store {where} is closed; open it again")
        if not self._threads:
            self._start()
        errand = Errand(query)
        self._inbox.put(errand)
        answer: T = await errand.future
        return answer

    async def close(self) -> None:
        """Answers what has been asked, then ends the threads."""
        if not self._closed:
            self._closed = True
            self._inbox.close(len(self._threads))
        for link in self._links:
            link.give_up()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _start(self) -> None:
        for link in self._links:
            thread = threading.Thread(
                target=self._serve, args=(link,), name="maestro-reader", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, link: Link) -> None:
        over = False
        while not over:
            asked, over = self._inbox.take()
            if asked:  # a reader that is only told to end opens no connection for it
                _answer_all(link, asked)
                report(asked)
        link.close()


def _answer_all(link: Link, asked: Sequence[Errand]) -> None:
    """All on one state; those that failed alone again: one may have spoilt it for the others."""
    try:
        link.read(lambda connection: _answer(link, connection, asked))
    except MaestroError as error:  # the database was waited for, for all of them
        for errand in asked:
            errand.error = error
        return
    if len(asked) > 1:
        for errand in asked:
            if isinstance(errand.error, StorageError):
                _answer_all(link, [errand])


def _answer(link: Link, connection: Connection, asked: Sequence[Errand]) -> None:
    for errand in asked:
        with Kept(link, "reading") as kept:
            errand.result = _result(errand.work, connection)
        errand.error = kept.error


def _result(query: Callable[[SqlTransaction], Any], connection: Connection) -> Any:
    transaction = SqlTransaction(connection)
    answer = query(transaction)
    transaction.flush()  # a query that writes is refused here
    return answer
