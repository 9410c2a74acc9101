"""A run as its driver sees it, and what follows from the news it gets."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime

from maestro.domain.run import ENDED_RUNS, RunStatus, StepError, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import Conflict, InvalidInput, MaestroError
from maestro.ports import Entry, Task
from maestro.workflow.attempt import AttemptEnd, expired_end, failed_end
from maestro.workflow.backoff import spread_of
from maestro.workflow.book import RunBook
from maestro.workflow.conditions import condition_holds
from maestro.workflow.control import state_of
from maestro.workflow.outputs import OutputLog
from maestro.workflow.scheduler import advance
from maestro.workflow.signals import (
    AttemptBlocked,
    AttemptFailed,
    AttemptInterrupted,
    AttemptSucceeded,
    Await,
    Begin,
    Command,
    ConditionJudged,
    ConditionOutcome,
    Decided,
    Expired,
    JudgeCondition,
    RetryDue,
    Signal,
)
from maestro.workflow.undertakings import News, WorkerLost

CheckSteps = Callable[[Collection[Step]], None]
"""Raises InvalidInput for the steps of a workflow when one of them cannot run here."""


class DriverView:
    """The rows and the scheduler's state, moved on by every decision; read anew when overtaken."""

    def __init__(
        self,
        book: RunBook,
        steered: int,
        tasks: Sequence[Task],
        *,
        check_steps: CheckSteps,
        draw: Callable[[], float],
    ) -> None:
        """Args:
        steered: how often others had changed the run.
        tasks: attempts that are with workers.
        """
        self.book = book
        self.state = state_of(book)
        self.steered = steered
        self.with_workers = {task.step_id: task.attempt for task in tasks}
        self.fresh = True
        """Just read: nothing has been started from it."""
        self.planned: list[Command] = []
        """What the entries given last stand for, to be carried out once they are durable."""
        self.outputs = OutputLog()
        for row in book.rows.values():
            if row.status is StepStatus.SUCCEEDED:
                self.outputs.add(row.step_id, row.output)
        self._check_steps = check_steps
        self._draw = draw

    @property
    def ended(self) -> bool:
        return self.book.run.status in ENDED_RUNS

    def take_over(self, now: datetime) -> list[Entry]:
        """Makes the run RUNNING; steps that a dead process was running were interrupted."""
        run = self.book.run
        if run.status in ENDED_RUNS:
            raise Conflict(
                f"run {run.id!r} has ended {run.status.value}; ask for a retry of what did not "
                "succeed, or start a new run"
            )
        self._check_steps(self.book.steps.values())
        self.state.paused = False
        self.planned = []
        cut = [
            row.step_id
            for row in self.book.rows.values()
            if row.status is StepStatus.RUNNING and row.step_id not in self.with_workers
        ]
        told = {"interrupted": cut} if cut else {}
        entries = [self.book.move_run(RunStatus.RUNNING, now, told)]
        entries += self._plan((AttemptInterrupted(step_id) for step_id in cut), now)
        return entries + self._plan([Begin()], now)

    def take_news(self, now: datetime, news: Iterable[News]) -> list[Entry]:
        """What follows from the news; nothing in a run that somebody else has ended."""
        self.planned = []
        if self.ended:
            return []
        entries = self._plan([Begin()], now) if self.fresh else []
        return entries + self._plan(self._signals(news), now)

    def _signals(self, news: Iterable[News]) -> Iterator[Signal]:
        for item in news:
            status = self.state.steps[item.step_id].status
            if isinstance(item, AttemptEnd):
                yield self._signal_of(self._checked(item))
            elif isinstance(item, WorkerLost):
                if status is StepStatus.RUNNING:
                    yield AttemptInterrupted(item.step_id)
            elif self.book.rows[item.step_id].retry_at != item.due:
                continue  # decided or reset since, and perhaps waiting for another moment
            elif status is StepStatus.WAITING:
                yield RetryDue(item.step_id)
            elif status is StepStatus.AWAITING:
                self.book.ends[item.step_id] = expired_end(self.book.steps[item.step_id])
                yield Expired(item.step_id)

    def _signal_of(self, end: AttemptEnd) -> Signal:
        self.book.ends[end.step_id] = end
        if end.error is None:
            return AttemptSucceeded(end.step_id, end.extend)
        if end.blocked:
            return AttemptBlocked(end.step_id)
        spread = spread_of(self.book.steps[end.step_id].retry, self._draw())
        return AttemptFailed(end.step_id, end.worth_retry, spread)

    def _checked(self, end: AttemptEnd) -> AttemptEnd:
        """The end, or a failure when it extends the run by steps that cannot run."""
        if not end.extend:
            return end
        try:
            longer = (*self.book.steps.values(), *end.extend)
            Workflow(name="", steps=longer, concurrency=self.book.run.concurrency)
            self._check_steps(longer)
            self._check_parents(end.extend)
        except InvalidInput as error:
            return failed_end(self.book.steps[end.step_id], end.attempt, error)
        return end

    def _check_parents(self, added: Sequence[Step]) -> None:
        """Raises InvalidInput for a child whose parent no longer waits for anything."""
        for step in added:
            own = self.state.steps.get(step.parent) if step.parent is not None else None
            if own is not None and own.status is not StepStatus.PENDING:
                raise InvalidInput(
                    f"step {step.id!r}: its parent {step.parent!r} is {own.status.value} already"
                )

    def _plan(self, signals: Iterable[Signal], now: datetime) -> list[Entry]:
        entries: list[Entry] = []
        for signal in signals:
            waiting = deque([signal])
            while waiting:
                self.state, commands = advance(self.state, waiting.popleft())
                for command in commands:
                    if isinstance(command, JudgeCondition):
                        waiting.append(self._judge(command.step_id))
                        continue
                    self.planned.append(command)
                    entries.extend(self.book.record(command, now))
                    if isinstance(command, Await):
                        waiting.extend(self._came_early(command.step_id))
        return entries

    def _came_early(self, step_id: StepId) -> Iterator[Signal]:
        """The signal that was sent before its step waited for it."""
        row = self.book.rows[step_id]
        if row.output is not None:
            self.book.ends[step_id] = AttemptEnd(
                step_id=step_id, attempt=row.attempt, output=row.output
            )
            yield Decided(step_id, accepted=True)

    def _judge(self, step_id: StepId) -> ConditionJudged:
        try:
            holds = condition_holds(step_id, self.book.steps, self.book.rows)
        except MaestroError as error:
            self.book.rejections[step_id] = StepError(code=error.code, message=str(error))
            return ConditionJudged(step_id, ConditionOutcome.BROKEN)
        return ConditionJudged(
            step_id, ConditionOutcome.HOLDS if holds else ConditionOutcome.DOES_NOT_HOLD
        )
