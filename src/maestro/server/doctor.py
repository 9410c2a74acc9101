"""What `maestro doctor` says, for who asks over HTTP: looked at once for all who ask at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from maestro.domain.values import JsonObject
from maestro.ports import Clock
from maestro.server.problems import HttpProblem, RequestRefused, contained

BELIEVED_SECONDS = 30.0
PATIENCE_SECONDS = 8.0
"""An answer must begin within the guard's ten."""

Examination = Callable[[], Awaitable[JsonObject]]


class Doctor:
    """Looks at this machine, at most once at a time, and remembers for a while."""

    def __init__(self, examine: Examination, clock: Clock) -> None:
        self._examine = examine
        self._clock = clock
        self._group: asyncio.TaskGroup | None = None
        self._looking: asyncio.Task[None] | None = None
        self._found: JsonObject | None = None
        self._until = 0.0

    def begin(self, group: asyncio.TaskGroup) -> None:
        """From now on it can look; what it starts belongs to `group`."""
        self._group = group

    def end(self) -> None:
        """Nothing is begun any more."""
        self._group = None
        if self._looking is not None:
            self._looking.cancel()

    async def report(self) -> JsonObject:
        """Raises RequestRefused while looking takes longer than may be waited for."""
        if self._found is not None and time.monotonic() < self._until:
            return self._found
        if (self._looking is None or self._looking.done()) and self._group is not None:
            self._looking = self._group.create_task(self._look(), name="doctor")
        if self._looking is not None:
            await asyncio.wait({self._looking}, timeout=PATIENCE_SECONDS)
        if self._found is None or time.monotonic() >= self._until:
            raise RequestRefused(
                HttpProblem(
                    status=503,
                    detail="the machine is still being looked at",
                    retryable=True,
                    headers={"Retry-After": "5"},
                )
            )
        return self._found

    async def _look(self) -> None:
        await contained(self._remember(), "looking at this machine")

    async def _remember(self) -> None:
        now: datetime = self._clock.now()
        found = await self._examine()
        self._found = {**found, "checked_at": now.isoformat()}
        self._until = time.monotonic() + BELIEVED_SECONDS
