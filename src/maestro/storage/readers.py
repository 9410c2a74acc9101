"""Reading connections, a few of them, away from the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from maestro.errors import StorageUnavailable
from maestro.storage.database import Connection, Link
from maestro.storage.transaction import SqlTransaction

T = TypeVar("T")
_THREADS = 4


class ReaderPool:
    """Runs queries in threads; each query sees one consistent state of the database."""

    def __init__(self, link: Callable[[], Link]) -> None:
        """`link`: makes one that nobody else uses."""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="maestro-reader")
        self._links = [link() for _ in range(_THREADS)]
        self._idle = deque(self._links)
        self._closed = False

    async def read(self, query: Callable[[SqlTransaction], T]) -> T:
        if self._closed:
            where = self._links[0].where
            raise StorageUnavailable(f"the store {where} is closed; open it again")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._query, query)

    async def close(self) -> None:
        self._closed = True
        for link in self._links:
            link.give_up()
        await asyncio.to_thread(self._threads.shutdown)
        for link in self._links:
            link.close()

    def _query(self, query: Callable[[SqlTransaction], T]) -> T:
        link = self._idle.pop()  # there are as many as threads; the last used is the warmest
        try:
            return link.read(lambda connection: _answer(query, connection))
        finally:
            self._idle.append(link)


def _answer(query: Callable[[SqlTransaction], T], connection: Connection) -> T:
    transaction = SqlTransaction(connection)
    answer = query(transaction)
    transaction.flush()  # a query that writes is refused here
    return answer
