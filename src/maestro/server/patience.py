"""How long answers are waited for, all of them less when it is known that none will come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LEFT_SECONDS = 0.2
"""What each still gets then: it may be about to answer."""


class RequestPatience:
    """The time limits that run at the moment."""

    def __init__(self) -> None:
        self._clocks: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def limit(self, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        """Raises TimeoutError after so long, and soon after `end`."""
        async with asyncio.timeout(seconds) as clock:
            self._clocks.add(clock)
            try:
                yield clock
            finally:
                self._clocks.discard(clock)

    def forget(self, clock: asyncio.Timeout) -> None:
        """Its answer has begun."""
        self._clocks.discard(clock)

    def end(self) -> None:
        """Nobody waits any longer."""
        soon = asyncio.get_running_loop().time() + LEFT_SECONDS
        for clock in self._clocks:
            if not clock.expired():
                clock.reschedule(soon)
