"""Work that coroutines leave to a thread of the store, several pieces of it at a time."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Generic, TypeVar

from maestro.storage.database import Link
from maestro.storage.transaction import SqlTransaction


class Errand:
    """A piece of work and what became of it."""

    def __init__(self, work: Callable[[SqlTransaction], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        """On the loop's thread: tells the waiting coroutine."""
        if self.future.done():  # its waiter was cancelled; what was done stands all the same
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


E = TypeVar("E", bound=Errand)


class Inbox(Generic[E]):
    """Where errands wait for a thread that takes them up together."""

    def __init__(self, most: int) -> None:
        """`most`: how many are taken up at once."""
        self._most = most
        self._queue: SimpleQueue[E | None] = SimpleQueue()

    def put(self, errand: E) -> None:
        self._queue.put(errand)

    def close(self, takers: int = 1) -> None:
        """Lets so many threads end once everything before has been taken."""
        for _ in range(takers):
            self._queue.put(None)

    def take(self) -> tuple[list[E], bool]:
        """Waits for an errand; it and what waits behind it, and whether the taker is to end."""
        first = self._queue.get()
        if first is None:
            return [], True
        taken = [first]
        while len(taken) < self._most:
            try:
                errand = self._queue.get_nowait()
            except Empty:
                break
            if errand is None:
                return taken, True
            taken.append(errand)
        return taken, False


class Kept:
    """Keeps the error of what raises within, unless it ended the whole transaction."""

    def __init__(self, link: Link, doing: str) -> None:
        self._link = link
        self._doing = doing
        self.error: BaseException | None = None

    def __enter__(self) -> "Kept":
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
            error = self._link.failure(error, self._doing)
        self.error = error
        return True


def report(errands: Sequence[Errand]) -> None:
    """Wakes each event loop once for all its errands."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Errand]] = defaultdict(list)
    for errand in errands:
        by_loop[errand.loop].append(errand)
    for loop, done in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, done)
        except RuntimeError:
            continue  # that loop is closed: nobody waits there any more


def _settle(errands: Sequence[Errand]) -> None:
    for errand in errands:
        errand.settle()
