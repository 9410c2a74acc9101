"""The events of a run, stored ones first and then live."""

import asyncio
from collections.abc import AsyncIterator

from maestro.domain.run import ENDED_RUNS, Event
from maestro.domain.values import RunId
from maestro.ports import Store

_PAGE = 1000


class EventFeed:
    """Reads the log when this process wrote to it, and every `poll_seconds` for the others."""

    def __init__(self, store: Store, poll_seconds: float) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._written: asyncio.Event | None = None
        """Somebody waits for it; a run that nobody follows need not make one per commit."""

    def announce(self) -> None:
        """Something was written to some run's log."""
        if self._written is not None:
            self._written.set()
            self._written = None

    async def follow(self, run_id: RunId, after: int) -> AsyncIterator[Event]:
        """Ends after the last event of a run that has ended. Raises NotFound."""
        while True:
            written = self._next()  # before reading, so that nothing in between is missed
            status, events = await self._store.read(
                lambda tx, seen=after: (  # type: ignore[misc]
                    tx.runs.get(run_id).status,
                    tx.events.after(run_id, seen, _PAGE),
                )
            )
            for event in events:
                after = event.sequence
                yield event
            if len(events) == _PAGE:
                continue
            if status in ENDED_RUNS:
                return
            await until(written, self._poll_seconds)

    def _next(self) -> asyncio.Event:
        if self._written is None:
            self._written = asyncio.Event()
        return self._written


async def until(event: asyncio.Event, seconds: float) -> None:
    """Waits for the event, at most `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
