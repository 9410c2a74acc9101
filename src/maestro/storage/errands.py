"""Work that coroutines leave to a thread of the store, several pieces of it at a time."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from maestro.domain.values import RunId
from maestro.storage.database import Link
from maestro.storage.transaction import SqlTransaction


class Errand:
    """A piece of work and what became of it."""

    __slots__ = ("about", "error", "future", "loop", "result", "work")

    def __init__(self, work: Callable[[SqlTransaction], Any], about: RunId | None = None) -> None:
        """`about`: the run that it concerns first of all."""
        self.work = work
        self.about = about
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


class Inbox:
    """Where errands wait for a thread that takes them up together.

    A loop rings once for all errands of a turn of its own, when the turn is over: a thread woken
    by the first of them would take them up a few at a time, and meanwhile wrestle with the loop
    for the interpreter's lock.
    """

    def __init__(self, most: int) -> None:
        """`most`: how many are taken up at once."""
        self._most = most
        self._waiting: deque[Errand] = deque()
        self._bell: SimpleQueue[bool] = SimpleQueue()
        """True tells a taker to end."""
        self._about_to_ring: set[asyncio.AbstractEventLoop] = set()

    def put(self, errand: Errand) -> None:
        """To be called on the errand's loop."""
        self._waiting.append(errand)  # before looking: a taker forgets who rings, then takes
        if errand.loop not in self._about_to_ring:
            self._about_to_ring.add(errand.loop)
            errand.loop.call_soon(self._bell.put, False)

    def close(self, takers: int = 1) -> None:
        """Lets so many threads end once everything before has been taken."""
        for _ in range(takers):
            self._bell.put(True)

    def take(self) -> tuple[list[Errand], bool]:
        """Waits for errands; some of them, perhaps none, and whether the taker is to end."""
        over = self._bell.get()
        self._about_to_ring.clear()
        taken: list[Errand] = []
        while len(taken) < self._most:
            try:
                taken.append(self._waiting.popleft())
            except IndexError:  # another taker may have been quicker
                return taken, over
        self._bell.put(over)  # there may be more
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
