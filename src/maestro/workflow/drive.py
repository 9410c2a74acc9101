"""Driving one run: news in, one transaction per batch of moves, then what the moves say.

Other processes steer a run by writing to its event log (see `control`). The driver looks at the
log inside each of its own transactions, so nothing is started after a pause was committed, and
every `poll_seconds` while nothing else happens.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from maestro.domain.run import (
    ENDED_RUNS,
    Event,
    EventKind,
    Run,
    RunStatus,
    StepError,
    StepStatus,
)
from maestro.domain.values import JsonValue, RunId, StepId
from maestro.domain.workflow import Step
from maestro.errors import Conflict, InvalidInput, MaestroError
from maestro.ports import Clock, StepContext, StepHandler, Store, Transaction
from maestro.workflow.attempt import AttemptEnd, failed_end, plain_json, run_attempt
from maestro.workflow.backoff import spread_of
from maestro.workflow.book import Move, RunBook
from maestro.workflow.conditions import condition_holds
from maestro.workflow.control import read_run, state_of, was_steered
from maestro.workflow.feed import EventFeed, until
from maestro.workflow.run_state import RunState
from maestro.workflow.scheduler import advance
from maestro.workflow.signals import (
    AttemptBlocked,
    AttemptFailed,
    AttemptInterrupted,
    AttemptSucceeded,
    Begin,
    Command,
    ConditionJudged,
    ConditionOutcome,
    EndStep,
    FinishRun,
    JudgeCondition,
    RestRun,
    RetryDue,
    ScheduleRetry,
    Signal,
    StartStep,
)

_TOLD_BY_STEPS = frozenset(
    {
        EventKind.STEP_PROGRESS,
        EventKind.MOCK_STARTED,
        EventKind.MOCK_STOPPED,
        EventKind.AGENT_CHOSEN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all drives of an engine share."""

    store: Store
    clock: Clock
    handlers: Mapping[str, StepHandler]
    feed: EventFeed
    draw: Callable[[], float]
    """A lot from [0, 1) for the jitter of retries."""
    poll_seconds: float
    check_steps: Callable[[Iterable[Step]], None]
    """Raises InvalidInput for a workflow's steps that this engine cannot run."""


class _Overtaken(Exception):
    """Somebody steered the run since the driver last read it; nothing was written."""


class RunDrive:
    """One execution of one run by this process, which owns it."""

    def __init__(self, run_id: RunId, around: Surroundings) -> None:
        self._run_id = run_id
        self._around = around
        self._book: RunBook
        self._state: RunState
        self._group: asyncio.TaskGroup
        self._seen = 0
        """Events up to this sequence are taken into account."""
        self._fresh = True
        """The state was just read, and nothing has been started from it."""
        self._outputs: dict[StepId, JsonValue] = {}
        self._planned: list[Command] = []
        self._attempts: dict[StepId, asyncio.Task[None]] = {}
        self._timers: dict[StepId, asyncio.Task[None]] = {}
        self._inbox: list[AttemptEnd | RetryDue] = []
        self._wake = asyncio.Event()
        self._over = False

    def wake(self) -> None:
        """Somebody in this process steered the run: look at once."""
        self._wake.set()

    async def run(self) -> Run:
        """Drives until the run ends or rests, and ends every handler before it returns."""
        failure: MaestroError | None = None
        async with asyncio.TaskGroup() as self._group:
            try:
                await self._drive()
            except MaestroError as error:
                failure = error
            finally:
                for task in (*self._attempts.values(), *self._timers.values()):
                    task.cancel()
        if failure is not None:
            raise failure
        return self._book.run

    async def _drive(self) -> None:
        await self._load()
        await self._commit(self._take_over)
        while not self._over:
            if not self._inbox:
                await until(self._wake, self._around.poll_seconds)
            self._wake.clear()
            news, self._inbox = self._inbox, []
            if not news:
                if not await self._was_steered():
                    continue
                await self._load()
            await self._commit(partial(self._take_news, news))

    async def _load(self) -> None:
        """Reads the run as it is stored now."""
        seen = self._seen
        self._book, self._seen = await self._around.store.read(
            lambda tx: read_run(tx, self._run_id, seen)
        )
        self._state = state_of(self._book)
        self._fresh = True
        self._outputs = {
            step_id: row.output
            for step_id, row in self._book.rows.items()
            if row.status is StepStatus.SUCCEEDED
        }

    async def _was_steered(self) -> bool:
        seen = self._seen
        return await self._around.store.read(lambda tx: was_steered(tx, self._run_id, seen))

    async def _commit(self, plan: Callable[[datetime], list[Move]]) -> None:
        """Writes the planned moves and then does what they say; plans anew when overtaken."""
        while True:
            now = self._around.clock.now()
            self._planned = []
            moves = plan(now)
            try:
                if moves:
                    self._seen = await self._around.store.write(self._writing(moves, now))
            except _Overtaken:
                await self._load()
            else:
                break
        self._around.feed.announce()
        for command in self._planned:
            self._carry_out(command)
        if self._fresh:
            self._fresh = False
            self._arm_timers()

    def _writing(self, moves: list[Move], now: datetime) -> Callable[[Transaction], int]:
        book, seen = self._book, self._seen

        def change(tx: Transaction) -> int:
            if was_steered(tx, self._run_id, seen):
                raise _Overtaken
            return book.apply(tx, moves, now)

        return change

    # --- planning ---------------------------------------------------------------------------

    def _take_over(self, now: datetime) -> list[Move]:
        """Makes the run RUNNING; steps that a dead process was running were interrupted."""
        run = self._book.run
        if run.status in ENDED_RUNS:
            raise Conflict(
                f"run {run.id!r} has ended {run.status.value}; ask for a retry of what did not "
                "succeed, or start a new run"
            )
        self._around.check_steps(self._book.steps.values())
        self._state.paused = False
        cut = [row.step_id for row in self._book.rows.values() if row.status is StepStatus.RUNNING]
        moves = [self._book.move_run(RunStatus.RUNNING, now, {"interrupted": cut} if cut else {})]
        moves += self._plan((AttemptInterrupted(step_id) for step_id in cut), now)
        return moves + self._plan([Begin()], now)

    def _take_news(self, news: Iterable[AttemptEnd | RetryDue], now: datetime) -> list[Move]:
        if self._book.run.status in ENDED_RUNS:
            self._over = True  # cancelled by somebody else, who wrote everything down
            return []
        moves = self._plan([Begin()], now) if self._fresh else []
        return moves + self._plan(self._signals(news), now)

    def _signals(self, news: Iterable[AttemptEnd | RetryDue]) -> Iterator[Signal]:
        for item in news:
            if isinstance(item, AttemptEnd):
                yield self._signal_of(self._checked(item))
            elif self._state.steps[item.step_id].status is StepStatus.WAITING:
                yield item

    def _signal_of(self, end: AttemptEnd) -> Signal:
        self._book.ends[end.step_id] = end
        if end.error is None:
            return AttemptSucceeded(end.step_id, end.extend)
        if end.blocked:
            return AttemptBlocked(end.step_id)
        spread = spread_of(self._book.steps[end.step_id].retry, self._around.draw())
        return AttemptFailed(end.step_id, end.worth_retry, spread)

    def _checked(self, end: AttemptEnd) -> AttemptEnd:
        """The end, or a failure when it extends the run by steps that cannot run."""
        if not end.extend:
            return end
        try:
            self._around.check_steps((*self._book.steps.values(), *end.extend))
        except InvalidInput as error:
            return failed_end(self._book.steps[end.step_id], end.attempt, error)
        return end

    def _plan(self, signals: Iterable[Signal], now: datetime) -> list[Move]:
        moves: list[Move] = []
        for signal in signals:
            waiting = deque([signal])
            while waiting:
                self._state, commands = advance(self._state, waiting.popleft())
                for command in commands:
                    if isinstance(command, JudgeCondition):
                        waiting.append(self._judge(command.step_id))
                    else:
                        self._planned.append(command)
                        moves.extend(self._book.record(command, now))
        return moves

    def _judge(self, step_id: StepId) -> ConditionJudged:
        try:
            holds = condition_holds(step_id, self._book.steps, self._book.rows)
        except MaestroError as error:
            self._book.rejections[step_id] = StepError(code=error.code, message=str(error))
            return ConditionJudged(step_id, ConditionOutcome.BROKEN)
        return ConditionJudged(
            step_id, ConditionOutcome.HOLDS if holds else ConditionOutcome.DOES_NOT_HOLD
        )

    # --- carrying out -----------------------------------------------------------------------

    def _carry_out(self, command: Command) -> None:
        """Does what a committed command asks for beyond its rows."""
        if isinstance(command, StartStep):
            self._attempts[command.step_id] = self._group.create_task(self._attempt(command))
        elif isinstance(command, EndStep) and command.status is StepStatus.SUCCEEDED:
            self._outputs[command.step_id] = self._book.rows[command.step_id].output
        elif isinstance(command, ScheduleRetry):
            self._arm(command.step_id)
        elif isinstance(command, FinishRun | RestRun):
            self._over = True

    async def _attempt(self, command: StartStep) -> None:
        step = self._book.steps[command.step_id]
        context = StepContext(
            run_id=self._run_id,
            step=step,
            attempt=command.attempt,
            run_inputs=self._book.run.inputs,
            outputs=dict(self._outputs),
            emit=partial(self._emit, command),
            feedback=self._book.feedback(step.id),
        )
        end = await run_attempt(self._around.handlers[step.action], context)
        del self._attempts[step.id]
        self._tell(end)

    async def _emit(
        self, command: StartStep, kind: EventKind, data: Mapping[str, JsonValue]
    ) -> None:
        step_id, attempt = command.step_id, command.attempt
        if kind not in _TOLD_BY_STEPS:
            raise InvalidInput(
                f"step {step_id!r}: {kind.value!r} is told by the engine, not a step"
            )
        if step_id not in self._attempts or self._book.rows[step_id].attempt != attempt:
            raise Conflict(f"attempt {attempt} of step {step_id!r} is over; it can tell no more")
        told = plain_json(data, f"what step {step_id!r} tells")
        now = self._around.clock.now()

        def change(tx: Transaction) -> Event:
            if tx.runs.get(self._run_id).status is RunStatus.CANCELLED:
                raise Conflict(f"run {self._run_id!r} was cancelled; step {step_id!r} must end")
            return tx.events.append(
                self._run_id, kind, now, step_id=step_id, attempt=attempt, data=told
            )

        event = await self._around.store.write(change)
        if event.sequence == self._seen + 1:
            self._seen = event.sequence
        self._around.feed.announce()

    def _arm_timers(self) -> None:
        for row in self._book.rows.values():
            if row.status is StepStatus.WAITING and row.step_id not in self._timers:
                self._arm(row.step_id)

    def _arm(self, step_id: StepId) -> None:
        due = self._book.rows[step_id].retry_at
        now = self._around.clock.now()
        delay = 0.0 if due is None else max(0.0, (due - now).total_seconds())
        self._timers[step_id] = self._group.create_task(self._ring(step_id, delay))

    async def _ring(self, step_id: StepId, delay: float) -> None:
        await self._around.clock.sleep(delay)
        del self._timers[step_id]
        self._tell(RetryDue(step_id))

    def _tell(self, item: AttemptEnd | RetryDue) -> None:
        self._inbox.append(item)
        self._wake.set()
