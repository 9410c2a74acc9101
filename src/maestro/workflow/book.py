"""The rows and events that the scheduler's commands stand for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from maestro.domain.run import EventKind, Run, RunStatus, StepError, StepRun, StepStatus
from maestro.domain.values import JsonObject, JsonValue, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import BudgetExceeded, ModelFailed, QuestionAsked, StepTimedOut
from maestro.ports import Entry, StepMove
from maestro.workflow.attempt import AttemptEnd
from maestro.workflow.digests import InputDigests
from maestro.workflow.signals import (
    Await,
    CancelStep,
    Command,
    EndStep,
    ExtendRun,
    FinishRun,
    GiveUpStep,
    RejectStep,
    RequeueStep,
    ResetStep,
    ScheduleRetry,
    SkipStep,
    StartStep,
)

INTERRUPTED = "interrupted"
_NOT_OVER = frozenset(
    {
        INTERRUPTED,
        BudgetExceeded.code,
        ModelFailed.code,
        QuestionAsked.code,
        StepTimedOut.code,
    }
)
"""Attempts that ended so are gone on with: the next one answers the same reasons."""
_RUN_EVENTS: Mapping[RunStatus, EventKind] = {
    RunStatus.SUCCEEDED: EventKind.RUN_SUCCEEDED,
    RunStatus.FAILED: EventKind.RUN_FAILED,
    RunStatus.BLOCKED: EventKind.RUN_BLOCKED,
    RunStatus.CANCELLED: EventKind.RUN_CANCELLED,
    RunStatus.PAUSED: EventKind.RUN_PAUSED,
    RunStatus.RUNNING: EventKind.RUN_RESUMED,
}
_STEP_EVENTS: Mapping[StepStatus, EventKind] = {
    StepStatus.SUCCEEDED: EventKind.STEP_SUCCEEDED,
    StepStatus.FAILED: EventKind.STEP_FAILED,
    StepStatus.BLOCKED: EventKind.STEP_BLOCKED,
}


class RunBook:
    """A run's rows as they stand once the entries recorded so far are committed."""

    def __init__(
        self,
        run: Run,
        workflow: Workflow,
        rows: Sequence[StepRun],
        offered: Callable[[Step], bool] = lambda _: False,
    ) -> None:
        """`offered`: whether the attempts of a step are left to workers."""
        self.run = run
        self._offered = offered
        self._inputs = InputDigests(run.inputs, workflow.needs())
        self.steps: dict[StepId, Step] = {step.id: step for step in workflow.steps}
        self.rows: dict[StepId, StepRun] = {row.step_id: row for row in rows}
        self.ends: dict[StepId, AttemptEnd] = {}
        """How the attempt of a step ended that commands are being recorded for."""
        self.rejections: dict[StepId, StepError] = {}
        """Why a condition could not be judged."""
        self.demands: dict[StepId, StepError] = {}
        """What the next attempt of a finished step must do better, once it is reset."""
        self._errors: dict[StepId, StepError] = {}
        for row in rows:
            self._note_error(row)

    def move_run(self, status: RunStatus, now: datetime, data: JsonObject) -> Entry:
        kind = _RUN_EVENTS[status]
        if self.run.status is RunStatus.PENDING and status is RunStatus.RUNNING:
            kind = EventKind.RUN_STARTED
        ended = now if status not in (RunStatus.RUNNING, RunStatus.PAUSED) else None
        started = self.run.started_at or (now if status is RunStatus.RUNNING else None)
        self.run = replace(self.run, status=status, started_at=started, ended_at=ended)
        return Entry(kind=kind, run=self.run, data=data)

    def record(self, command: Command, now: datetime) -> tuple[Entry, ...]:
        """The entries a command stands for; commands that change no row give none."""
        entries = _ENTRIES.get(type(command))
        return () if entries is None else tuple(entries(self, command, now))

    def _start(self, command: StartStep, now: datetime) -> Iterable[Entry]:
        before = self.rows[command.step_id]
        step = self._move(before, _started(before, command.attempt, now))
        return (Entry(kind=EventKind.STEP_STARTED, step=step),)

    def _await(self, command: Await, now: datetime) -> Iterable[Entry]:
        asked = self.steps[command.step_id]
        expires = None
        if asked.expires_seconds is not None:
            expires = now + timedelta(seconds=asked.expires_seconds)
        step = self._change(
            command.step_id,
            status=StepStatus.AWAITING,
            started_at=now,
            ended_at=None,
            retry_at=expires,
        )
        data = {
            "kind": asked.kind.value,
            "expires_at": None if expires is None else expires.isoformat(),
        }
        yield Entry(kind=EventKind.STEP_AWAITING, step=step, data=data)

    def _end(self, command: EndStep, now: datetime) -> Iterable[Entry]:
        end = self.ends.pop(command.step_id)
        before = self.rows[command.step_id]
        step = self._move(before, _ended(before, command.status, end, now))
        self._inputs.forget(command.step_id)
        told = dict(_told(end.error))
        if self.steps[command.step_id].awaits:
            told["decision"] = end.output
        return (Entry(kind=_STEP_EVENTS[command.status], step=step, data=told),)

    def _retry_later(self, command: ScheduleRetry, now: datetime) -> Iterable[Entry]:
        end = self.ends.pop(command.step_id)
        due = now + timedelta(seconds=command.delay_seconds)
        step = self._change(
            command.step_id,
            status=StepStatus.WAITING,
            error=end.error,
            ended_at=now,
            retry_at=due,
        )
        data = {**_told(end.error), "delay_seconds": command.delay_seconds}
        yield Entry(kind=EventKind.STEP_RETRYING, step=step, data=data)

    def _requeue(self, command: RequeueStep, now: datetime) -> Iterable[Entry]:
        step = self._change(
            command.step_id,
            status=StepStatus.READY,
            error=self._interruption(command.step_id),
            ended_at=now,
        )
        yield Entry(kind=EventKind.STEP_INTERRUPTED, step=step)

    def _give_up(self, command: GiveUpStep, now: datetime) -> Iterable[Entry]:
        error = self._interruption(command.step_id)
        step = self._change(command.step_id, status=StepStatus.READY, error=error, ended_at=now)
        yield Entry(kind=EventKind.STEP_INTERRUPTED, step=step)
        step = self._change(command.step_id, status=StepStatus.FAILED)
        yield Entry(kind=EventKind.STEP_FAILED, step=step, data=_told(error))

    def _skip(self, command: SkipStep, now: datetime) -> Iterable[Entry]:
        step = self._change(command.step_id, status=StepStatus.SKIPPED, ended_at=now)
        reason = (
            self._unmet(command.unmet) or f"its condition {self._when(command.step_id)} is false"
        )
        data = {"reason": reason, "unmet": list(command.unmet)}
        yield Entry(kind=EventKind.STEP_SKIPPED, step=step, data=data)

    def _reject(self, command: RejectStep, now: datetime) -> Iterable[Entry]:
        error = (
            StepError(code="needs_unmet", message=self._unmet(command.unmet))
            if command.unmet
            else self.rejections.pop(command.step_id)
        )
        step = self._change(command.step_id, status=StepStatus.FAILED, error=error, ended_at=now)
        yield Entry(kind=EventKind.STEP_FAILED, step=step, data=_told(error))

    def _cancel(self, command: CancelStep, now: datetime) -> Iterable[Entry]:
        step = self._change(
            command.step_id, status=StepStatus.CANCELLED, ended_at=now, retry_at=None
        )
        yield Entry(kind=EventKind.STEP_CANCELLED, step=step)

    def _reset(self, command: ResetStep, now: datetime) -> Iterable[Entry]:
        attempt = self.rows[command.step_id].attempt
        demand = self.demands.pop(command.step_id, None)
        step = self._change(
            command.step_id,
            status=StepStatus.PENDING,
            forgiven=attempt,
            output=None,
            ended_at=None,
            retry_at=None,
            error=demand or self.rows[command.step_id].error,
        )
        yield Entry(kind=EventKind.STEP_RESET, step=step, data=_told(demand))

    def _extend(self, command: ExtendRun, now: datetime) -> Iterable[Entry]:
        for step in command.steps:
            self.steps[step.id] = step
            self.rows[step.id] = StepRun(step_id=step.id, status=StepStatus.PENDING)
        self._inputs.add(command.steps)
        data = {"steps": [step.summary() for step in command.steps]}
        yield Entry(kind=EventKind.RUN_EXTENDED, extend=command.steps, data=data)

    def _finish(self, command: FinishRun, now: datetime) -> Iterable[Entry]:
        data = {
            status.value: found
            for status in (StepStatus.FAILED, StepStatus.BLOCKED)
            if (found := [row.step_id for row in self.rows.values() if row.status is status])
        }
        yield self.move_run(command.status, now, data)

    def signalled(self, step_id: StepId, decision: JsonObject) -> Entry:
        """A signal for a step that does not wait for it yet; the step keeps it until then."""
        step = self._change(step_id, output=decision)
        return Entry(kind=EventKind.STEP_SIGNALLED, step=step, data=decision)

    def edited(self, step_id: StepId, output: JsonValue, *, by: str, comment: str) -> Entry:
        """A finished step gets another output."""
        before = self._inputs.output(step_id, self.rows)
        step = self._change(step_id, output=output)
        self._inputs.forget(step_id)
        after = self._inputs.output(step_id, self.rows)
        data = {"by": by, "comment": comment, "before": before, "after": after}
        return Entry(kind=EventKind.STEP_EDITED, step=step, data=data)

    def errors(self) -> Mapping[StepId, StepError]:
        """Why steps failed or were blocked."""
        return dict(self._errors)

    def feedback(self, step_id: StepId) -> tuple[str, ...]:
        """Why the last attempt was refused or failed, for the next one."""
        error = self.rows[step_id].error
        if error is None:
            return ()
        if error.code in _NOT_OVER:
            return error.reasons
        return error.reasons or (error.message,)

    def _change(self, step_id: StepId, **changes: object) -> StepMove:
        before = self.rows[step_id]
        after: StepRun = replace(before, **changes)  # type: ignore[arg-type]
        return self._move(before, after)

    def _move(self, before: StepRun, after: StepRun) -> StepMove:
        step_id = after.step_id
        self.rows[step_id] = after
        self._note_error(after)
        starts = after.status is StepStatus.RUNNING
        return StepMove(
            before=before,
            after=after,
            definition=self.steps[step_id].digest(),
            input_digest=self._inputs.of(step_id, self.rows) if starts else "",
            offered=starts and self._offered(self.steps[step_id]),
        )

    def _note_error(self, row: StepRun) -> None:
        if row.error is not None and row.status in (StepStatus.FAILED, StepStatus.BLOCKED):
            self._errors[row.step_id] = row.error
        else:
            self._errors.pop(row.step_id, None)

    def _interruption(self, step_id: StepId) -> StepError:
        """Keeps the reasons of the attempt before, which the interrupted one was answering."""
        attempt = self.rows[step_id].attempt
        return StepError(
            code=INTERRUPTED,
            message=f"the process that ran attempt {attempt} ended before the step did",
            reasons=self.feedback(step_id),
        )

    def _unmet(self, needs: Sequence[StepId]) -> str:
        return ", ".join(f"{need!r} ended {self.rows[need].status.value}" for need in needs)

    def _when(self, step_id: StepId) -> str:
        return repr(self.steps[step_id].when)


_ENTRIES: Mapping[type[Command], Callable[[RunBook, Any, datetime], Iterable[Entry]]] = {
    StartStep: RunBook._start,
    Await: RunBook._await,
    EndStep: RunBook._end,
    ScheduleRetry: RunBook._retry_later,
    RequeueStep: RunBook._requeue,
    GiveUpStep: RunBook._give_up,
    SkipStep: RunBook._skip,
    RejectStep: RunBook._reject,
    CancelStep: RunBook._cancel,
    ResetStep: RunBook._reset,
    ExtendRun: RunBook._extend,
    FinishRun: RunBook._finish,
}
"""Of the commands that change a row."""


def _started(before: StepRun, attempt: int, now: datetime) -> StepRun:
    """Spelled out, as in `_ended`: every step comes here, and `replace` takes twice as long."""
    return StepRun(
        step_id=before.step_id,
        status=StepStatus.RUNNING,
        attempt=attempt,
        output=before.output,
        error=before.error,
        forgiven=before.forgiven,
        started_at=now,
        extended=before.extended,
    )


def _ended(before: StepRun, status: StepStatus, end: AttemptEnd, now: datetime) -> StepRun:
    return StepRun(
        step_id=before.step_id,
        status=status,
        attempt=before.attempt,
        output=end.output,
        error=end.error,
        forgiven=before.forgiven,
        started_at=before.started_at,
        ended_at=now,
        extended=bool(end.extend),
    )


def _told(error: StepError | None) -> JsonObject:
    """What an event says of an error; its detail stays in the step's row."""
    if error is None:
        return {}
    return {"code": error.code, "message": error.message, "reasons": list(error.reasons)}
