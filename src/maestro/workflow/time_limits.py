"""Time limits of attempts that run side by side, all watched by one timer.

Nearly every attempt ends long before its limit, so what counts is what a limit costs that is never
reached: setting and cancelling a timer for each costs more than the rest of starting an attempt.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType


class TimeLimit:
    """Cancels what its task does within, once the time is over; then TimeoutError is raised."""

    __slots__ = ("_before", "_leave", "_reached", "_task", "due", "expired")

    def __init__(self, due: float, leave: "Callable[[TimeLimit], None]") -> None:
        """Use `TimeLimits.limit`."""
        self.due = due
        self.expired = False
        """Known once it is left; also true of what took no notice of being cancelled."""
        self._leave = leave
        self._reached = False
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._before = task.cancelling()

    def reach(self) -> None:
        self._reached = True
        self._task.cancel()

    def __enter__(self) -> "TimeLimit":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave(self)
        if self._reached:
            self.expired = True
            asked_by_others = self._task.uncancel() > self._before
            if kind is asyncio.CancelledError and not asked_by_others:
                raise TimeoutError from error


class TimeLimits:
    """Those of one event loop; to be made and used on it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._limits: set[TimeLimit] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def limit(self, seconds: float) -> TimeLimit:
        """To be entered at once, by the task that asks."""
        limit = TimeLimit(self._loop.time() + seconds, self._left)
        self._limits.add(limit)
        if self._timer is None or limit.due < self._timer.when():
            self._set(limit.due)
        return limit

    def close(self) -> None:
        """No limit comes any more; those that there are still hold."""
        self._closed = True
        if not self._limits:
            self._stop()

    def _left(self, limit: TimeLimit) -> None:
        """The timer is not moved for it: it may ring for nobody."""
        self._limits.discard(limit)
        if self._closed and not self._limits:
            self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, due: float) -> None:
        self._stop()
        self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        for limit in [limit for limit in self._limits if limit.due <= now]:
            self._limits.discard(limit)
            limit.reach()
        if self._limits:
            self._set(min(limit.due for limit in self._limits))
