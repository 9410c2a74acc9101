"""What a driver has under way in this process: attempts and timers, and the news they bring."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from maestro.domain.values import StepId
from maestro.ports import Clock, StepContext, StepHandler
from maestro.workflow.attempt import AttemptEnd, run_attempt
from maestro.workflow.shared_timers import SharedTimers


@dataclass(frozen=True, slots=True)
class TimeIsUp:
    """The timer of a step rang: its retry is due, or what it waited for did not come."""

    step_id: StepId
    due: datetime
    """What the timer was set to; the step may wait for another moment by now."""


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """The worker that had a step's attempt has not renewed its lease."""

    step_id: StepId


News = AttemptEnd | TimeIsUp | WorkerLost


class Undertakings:
    """Tasks of one task group, which ends with the drive."""

    def __init__(self, group: asyncio.TaskGroup, clock: Clock, timers: SharedTimers) -> None:
        self._group = group
        self._clock = clock
        self._timers_of_all = timers
        self._limits = timers.join(self._end_wait)
        self._attempts: dict[StepId, asyncio.Task[None]] = {}
        self._timers: dict[StepId, tuple[datetime, asyncio.Task[None]]] = {}
        self._inbox: list[News] = []
        self._woken = False
        self._waiter: asyncio.Future[None] | None = None

    def start(self, handler: StepHandler, context: StepContext) -> None:
        step_id = context.step.id
        self._attempts[step_id] = self._group.create_task(self._attempt(handler, context))

    def set_timer(self, step_id: StepId, due: datetime | None) -> None:
        """Takes the place of the step's earlier timer; None is no time at all."""
        before, ringing = self._timers.get(step_id, (None, None))
        if due is None or due == before:
            return
        if ringing is not None:
            ringing.cancel()
        delay = max(0.0, (due - self._clock.now()).total_seconds())
        ring = self._group.create_task(self._ring(step_id, due, delay))
        self._timers[step_id] = (due, ring)

    @property
    def busy(self) -> bool:
        """Whether any attempt is under way."""
        return bool(self._attempts)

    def has_attempt(self, step_id: StepId) -> bool:
        return step_id in self._attempts

    def wake(self) -> None:
        """Makes `news` return at once."""
        self._woken = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def news(self) -> list[News]:
        """What came since the last call; waits for something, at most until the bell rings."""
        if not self._woken:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self._woken = False
        came, self._inbox = self._inbox, []
        return came

    def abandon_attempts(self) -> list[StepId]:
        """Cancels every attempt; their steps, whose ends nobody will hear of."""
        cut = list(self._attempts)
        for task in self._attempts.values():
            task.cancel()
        self._attempts.clear()
        return cut

    def end(self) -> None:
        self.abandon_attempts()
        self._timers_of_all.leave(self._end_wait)
        for _, ringing in self._timers.values():
            ringing.cancel()

    async def _attempt(self, handler: StepHandler, context: StepContext) -> None:
        end = await run_attempt(handler, context, self._limits)
        if context.step.id not in self._attempts:  # abandoned; its handler did not stop at that
            return
        del self._attempts[context.step.id]
        self._tell(end)

    async def _ring(self, step_id: StepId, due: datetime, delay: float) -> None:
        await self._clock.sleep(delay)
        del self._timers[step_id]
        self._tell(TimeIsUp(step_id, due))

    def _end_wait(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _tell(self, item: News) -> None:
        self._inbox.append(item)
        self.wake()
