"""Reads what the journals of all runs say, each event once for a purpose, whoever reads."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from maestro.domain.figures import ReadingPurpose, RunNews
from maestro.domain.values import RunId
from maestro.errors import Conflict
from maestro.ports import Store, Transaction

T = TypeVar("T")
RUNS_AT_ONCE = 20
EVENTS_AT_ONCE = 500
"""Of each run."""


@dataclass(frozen=True, slots=True)
class JournalReading(Generic[T]):
    """Takes parts of the journals, makes something of them, and moves the cursors behind them."""

    store: Store
    purpose: ReadingPurpose
    made: Callable[[Sequence[RunNews]], T]
    """In a reader's thread."""
    keep: Callable[[Transaction, T], None]
    """Writes it in the transaction that moves the cursors."""

    async def catch_up(self, seconds: float) -> int:
        """Reads for about so long at most; how many runs have events that are left."""
        until = time.monotonic() + seconds
        while True:
            cursors, _ = await self.part()
            if not _more(cursors):
                return 0
            if time.monotonic() >= until:
                return await self.store.read(lambda tx: tx.listing.counting.backlog(self.purpose))

    async def part(self) -> tuple[dict[RunId, tuple[int, int]], T | None]:
        """The cursors that were found, and what was made; None where another process was first."""
        cursors, found = await self.store.read(self._look)
        if not cursors:
            return cursors, found

        def change(tx: Transaction) -> None:
            tx.listing.counting.advance(self.purpose, cursors)
            self.keep(tx, found)

        try:
            await self.store.write(change)
        except Conflict:
            await asyncio.sleep(0.05)
            return cursors, None
        return cursors, found

    def _look(self, tx: Transaction) -> tuple[dict[RunId, tuple[int, int]], T]:
        counting = tx.listing.counting
        news = [
            counting.news(run_id, before, EVENTS_AT_ONCE)
            for run_id, before in counting.unread(self.purpose, RUNS_AT_ONCE)
        ]
        return {each.run_id: (each.before, each.last) for each in news}, self.made(news)


def _more(cursors: dict[RunId, tuple[int, int]]) -> bool:
    """Whether there may be more than was taken."""
    long = any(last - before >= EVENTS_AT_ONCE for before, last in cursors.values())
    return len(cursors) >= RUNS_AT_ONCE or long
