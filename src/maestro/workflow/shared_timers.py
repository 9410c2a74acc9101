"""The timers that all drives of an engine share: to set and cancel some for every run costs more
than the rest of what its owner does between two steps.
"""

import asyncio
from collections.abc import Callable

from maestro.workflow.time_limits import TimeLimits

Ring = Callable[[], None]


class SharedTimers:
    """One bell for all who wait for news, and the time limits of all attempts.

    There is a timer only while somebody has joined, all of them on one event loop.
    """

    def __init__(self, seconds: float) -> None:
        """`seconds`: how often the bell rings."""
        self._seconds = seconds
        self._rings: set[Ring] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._limits: TimeLimits | None = None

    def join(self, ring: Ring) -> TimeLimits:
        """From now on `ring` is called whenever the bell rings."""
        if self._limits is None:
            self._limits = TimeLimits()
            self._set()
        self._rings.add(ring)
        return self._limits

    def leave(self, ring: Ring) -> None:
        """Time limits that are not over hold all the same."""
        self._rings.discard(ring)
        if not self._rings and self._limits is not None:
            self._limits.close()
            self._limits = None
            if self._timer is not None:
                self._timer.cancel()

    def _set(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._strike)

    def _strike(self) -> None:
        for ring in tuple(self._rings):
            ring()
        self._set()
