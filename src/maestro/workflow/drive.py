"""Driving one run: news in, one transaction per batch of entries, then what the entries say.

Others steer a run by writing to its rows (see `control`); the store counts how often. Each of the
driver's own transactions is refused when that count has moved, so nothing is started after a pause
was committed; the driver then reads the run again. While nothing else happens it looks every
`poll_seconds`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from maestro.domain.encoding import decode
from maestro.domain.run import (
    EventKind,
    Run,
    StepStatus,
)
from maestro.domain.values import JsonValue, RunId
from maestro.domain.workflow import Step
from maestro.errors import Conflict, MaestroError
from maestro.ports import Clock, Entry, Guard, StepContext, StepHandler, Store, Task, Transaction
from maestro.workflow.attempt import AttemptEnd
from maestro.workflow.book import RunBook
from maestro.workflow.context import step_context, telling
from maestro.workflow.driver_view import CheckSteps, DriverView
from maestro.workflow.feed import EventFeed
from maestro.workflow.shared_timers import SharedTimers
from maestro.workflow.signals import (
    Await,
    Command,
    EndStep,
    FinishRun,
    GiveUpStep,
    RequeueStep,
    RestRun,
    ScheduleRetry,
    StartStep,
)
from maestro.workflow.undertakings import News, Undertakings, WorkerLost


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all drives of an engine share."""

    store: Store
    clock: Clock
    handlers: Mapping[str, StepHandler]
    feed: EventFeed
    draw: Callable[[], float]
    """A lot from [0, 1) for the jitter of retries."""
    timers: SharedTimers
    """Their bell rings every `poll_seconds`."""
    offered: Callable[[Step], bool]
    """Whether the attempts of a step are left to workers."""
    check_steps: CheckSteps


class RunDrive:
    """One execution of one run by this process, which owns it."""

    def __init__(self, run_id: RunId, around: Surroundings) -> None:
        self._run_id = run_id
        self._fence = 0
        self._around = around
        self._view: DriverView
        self._under_way: Undertakings
        self._leave_by: datetime | None = None
        """Set while the process is about to end: nothing new starts."""
        self._over = False
        self._left = False

    def has_left(self) -> bool:
        """Whether the run's last entries made it free already."""
        return self._left

    def wake(self) -> None:
        """Somebody in this process steered the run: look at once."""
        self._under_way.wake()

    def drain(self, seconds: float) -> None:
        """Starts nothing more; what has not ended after `seconds` is interrupted."""
        self._leave_by = self._around.clock.now() + timedelta(seconds=seconds)
        self.wake()

    async def run(self, fence: int) -> Run:
        """Drives until the run ends or rests, and ends every handler before it returns.

        `fence`: what the store gave to this process as the run's owner.
        """
        self._fence = fence
        failure: MaestroError | None = None
        async with asyncio.TaskGroup() as group:
            self._under_way = Undertakings(group, self._around.clock, self._around.timers)
            try:
                await self._drive()
            except MaestroError as error:
                failure = error
            finally:
                self._under_way.end()
        if failure is not None:
            raise failure
        return self._view.book.run

    async def _drive(self) -> None:
        await self._load()
        if self._view.state.paused and self._leave_by is not None:
            return
        await self._commit(DriverView.take_over)
        while not self._over:
            news = await self._under_way.news()
            if self._view.with_workers:
                news += await self._around.store.read(self._from_workers)
            if self._leave_by is not None:
                news += self._leaving(self._leave_by)
            elif not news:
                if not await self._was_steered():
                    continue
                await self._load()
            await self._commit(partial(DriverView.take_news, news=news))

    def _leaving(self, leave_by: datetime) -> list[News]:
        """Starts nothing more; past the time to leave, what is still under way is given up."""
        self._view.state.paused = True
        late = self._around.clock.now() >= leave_by
        cut = self._under_way.abandon_attempts() if late else []
        self._over = not self._under_way.busy
        return [WorkerLost(step_id) for step_id in cut]

    async def _load(self) -> None:
        """Reads the run as it is stored now."""
        book, steered, tasks = await self._around.store.read(self._read)
        self._view = DriverView(
            book, steered, tasks, check_steps=self._around.check_steps, draw=self._around.draw
        )
        self._view.state.paused |= self._leave_by is not None

    def _read(self, tx: Transaction) -> tuple[RunBook, int, Sequence[Task]]:
        stored = tx.runs.whole(self._run_id)
        return (
            RunBook(stored.run, stored.workflow, stored.steps, self._around.offered),
            stored.steered,
            tx.tasks.of_run(self._run_id) if self._around.store.shared else (),
        )

    def _from_workers(self, tx: Transaction) -> list[News]:
        """What became of the attempts that workers have."""
        expected = self._view.with_workers
        news: list[News] = [
            decode(AttemptEnd, result)
            for task, result in tx.tasks.finished(self._run_id)
            if expected.get(task.step_id) == task.attempt
        ]
        lost = tx.tasks.expired(self._run_id)
        return news + [WorkerLost(task.step_id) for task in lost if task.step_id in expected]

    async def _was_steered(self) -> bool:
        steered = await self._around.store.read(lambda tx: tx.runs.steered(self._run_id))
        return steered != self._view.steered

    async def _commit(self, plan: Callable[[DriverView, datetime], list[Entry]]) -> None:
        """Writes the planned entries and then does what they say; plans anew when overtaken."""
        while True:
            now = self._around.clock.now()
            entries = plan(self._view, now)
            if not entries:
                break
            if await self._around.store.write(self._writing(entries, now), about=self._run_id):
                self._left = self._view.ended
                break
            await self._load()
        self._around.feed.announce()
        for command in self._view.planned:
            self._carry_out(command)
        if self._view.fresh:
            self._view.fresh = False
            self._set_timers()
        self._over |= self._view.ended

    def _writing(self, entries: list[Entry], now: datetime) -> Callable[[Transaction], bool]:
        """The change that writes them; false when the run was steered since it was read."""
        guard = Guard(fence=self._fence, steered=self._view.steered, leaves=self._view.ended)
        return lambda tx: tx.runs.record(self._run_id, entries, now, guard=guard) is not None

    # --- carrying out -----------------------------------------------------------------------

    def _carry_out(self, command: Command) -> None:
        """Does what a committed command asks for beyond its rows."""
        if isinstance(command, StartStep):
            if self._around.offered(self._view.book.steps[command.step_id]):
                self._view.with_workers[command.step_id] = command.attempt
            else:
                handler = self._around.handlers[self._view.book.steps[command.step_id].action]
                self._under_way.start(handler, self._context(command))
        elif isinstance(command, EndStep):
            self._settle(command)
        elif isinstance(command, ScheduleRetry | Await):
            self._view.with_workers.pop(command.step_id, None)
            self._under_way.set_timer(
                command.step_id, self._view.book.rows[command.step_id].retry_at
            )
        elif isinstance(command, RequeueStep | GiveUpStep):
            self._view.with_workers.pop(command.step_id, None)
        elif isinstance(command, FinishRun | RestRun):
            self._over = True

    def _settle(self, command: EndStep) -> None:
        self._view.with_workers.pop(command.step_id, None)
        if command.status is StepStatus.SUCCEEDED:
            output = self._view.book.rows[command.step_id].output
            self._view.outputs.add(command.step_id, output)

    def _context(self, command: StartStep) -> StepContext:
        return step_context(
            self._view.book,
            command.step_id,
            command.attempt,
            outputs=self._view.outputs.so_far(),
            emit=partial(self._emit, command),
        )

    async def _emit(
        self, command: StartStep, kind: EventKind, data: Mapping[str, JsonValue]
    ) -> None:
        step_id, attempt = command.step_id, command.attempt
        now = self._around.clock.now()
        told = telling(self._run_id, step_id, attempt, kind, data, now, fence=self._fence)
        if (
            not self._under_way.has_attempt(step_id)
            or self._view.book.rows[step_id].attempt != attempt
        ):
            raise Conflict(f"attempt {attempt} of step {step_id!r} is over; it can tell no more")
        await self._around.store.write(told, about=self._run_id)
        self._around.feed.announce()

    def _set_timers(self) -> None:
        for row in self._view.book.rows.values():
            if row.status in (StepStatus.WAITING, StepStatus.AWAITING):
                self._under_way.set_timer(row.step_id, row.retry_at)
