"""What was worked out of a run's journal, kept for as long as the journal says the same."""

import asyncio
from collections import OrderedDict

from maestro.delivery.run_desk import RunDesk
from maestro.delivery.service import Maestro, RunDetail
from maestro.domain.values import RunId

KEPT = 32


class Details:
    """The details of the runs that were looked at last."""

    def __init__(self, maestro: Maestro, desk: RunDesk) -> None:
        self._maestro = maestro
        self._desk = desk
        self._known: OrderedDict[RunId, tuple[int, RunDetail]] = OrderedDict()
        self._working: dict[RunId, asyncio.Lock] = {}

    async def of(self, run_id: RunId) -> RunDetail:
        """Of this moment; who asks for the same run at once waits for the same work.

        Raises NotFound.
        """
        lock = self._working.setdefault(run_id, asyncio.Lock())
        try:
            async with lock:
                _, last = await self._desk.head(run_id)
                known = self._known.get(run_id)
                if known is not None and known[0] == last:
                    self._known.move_to_end(run_id)
                    return known[1]
                detail = await self._maestro.show(run_id)
                self._known[run_id] = (detail.events[-1].sequence, detail)
                if len(self._known) > KEPT:
                    self._known.popitem(last=False)
                return detail
        finally:
            if not lock.locked():
                self._working.pop(run_id, None)
