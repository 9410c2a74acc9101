"""A dispatcher whose numbers stand in the store while it has something to do."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from maestro.agents.dispatch import Dispatcher
from maestro.domain.dispatching import DispatchRecord, DispatchSnapshot
from maestro.domain.work import Assignment, WorkResult
from maestro.errors import StorageUnavailable
from maestro.ports import Clock, Report, Sandbox, Store
from maestro.workflow.feed import until

TELL_SECONDS = 0.5


@dataclass(slots=True)
class ToldDispatch:
    """A PersonaExecutor: the dispatcher, and others can see what it does."""

    dispatcher: Dispatcher
    store: Store
    clock: Clock
    process: str
    lease_seconds: float
    """What was told counts for so long."""
    _present: int = 0
    _telling: "asyncio.Task[None] | None" = None
    _told: DispatchSnapshot = field(default_factory=DispatchSnapshot)
    _told_at: float = 0.0
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once there is nothing to do; of the present telling."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        self._present += 1
        if self._telling is None:
            self._over = asyncio.Event()
            self._telling = asyncio.create_task(self._keep_telling(self._over))
        try:
            return await self.dispatcher.execute(assignment, sandbox, report)
        finally:
            self._present -= 1
            if not self._present:
                await self._leave()

    async def _leave(self) -> None:
        telling, self._telling = self._telling, None
        self._over.set()
        if telling is not None:
            # Not cancelled: what it is writing may be committed, and would be counted again.
            await asyncio.wait([telling])
        await self._tell()

    async def _keep_telling(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await until(over, TELL_SECONDS)
            fresh = asyncio.get_running_loop().time() - self._told_at < self.lease_seconds / 3
            if not over.is_set() and (not fresh or self.dispatcher.snapshot() != self._told):
                await self._tell()

    async def _tell(self) -> None:
        async with self._turn:  # each counts from where the one before it ended
            await self._tell_now()

    async def _tell_now(self) -> None:
        """What cannot be told now is told later: the work does not depend on it."""
        snapshot = self.dispatcher.snapshot()
        record = DispatchRecord(process=self.process, seen_at=self.clock.now(), snapshot=snapshot)
        since, lease = self._told.totals, self.lease_seconds if self._present else 0.0
        with suppress(StorageUnavailable):
            await self.store.write(lambda tx: tx.agents.dispatchers.tell(record, since, lease))
            self._told, self._told_at = snapshot, asyncio.get_running_loop().time()
