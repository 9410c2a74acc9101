"""Steering a run from outside its driver: pause, cancel, approve, re-run and the like.

Each request is one transaction on the rows and the event log, so it works whoever executes the
run, or nobody. The driver notices by the count of such changes that the store keeps.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from maestro.domain.run import FINISHED_STEPS, RunStatus, StepError, StepStatus, check_move
from maestro.domain.steering import Steering, Verb, check_step_verb, check_verb
from maestro.domain.values import JsonObject, JsonValue, RunId, StepId
from maestro.domain.workflow import Step, StepKind
from maestro.errors import Blocked, Conflict, InvalidInput, NotFound
from maestro.ports import Entry, Transaction
from maestro.workflow.attempt import AttemptEnd, plain_json
from maestro.workflow.book import RunBook
from maestro.workflow.run_state import RunState
from maestro.workflow.scheduler import advance
from maestro.workflow.signals import (
    CancelAsked,
    CancelStep,
    Command,
    Decided,
    EndStep,
    FinishRun,
    RerunAsked,
    ResetStep,
    RetryAsked,
    Signal,
)

Entries = list[Entry]

_UNEDITABLE = frozenset({StepKind.GATE, StepKind.APPROVAL, StepKind.INTERFACE})
_BY_DRIVER = (RunStatus.RUNNING, RunStatus.PAUSED)


def steer_run(tx: Transaction, run_id: RunId, request: Steering, now: datetime) -> bool:
    """Writes what the request means; False when it was already so and nothing was written.

    Raises:
        NotFound: no such run or step.
        Conflict: the request is not legal in the present state; see domain.steering.LEGAL.
        InvalidInput: a step is missing, or the payload is not JSON.
    """
    book = load_book(tx, run_id)
    entries = _VERBS[request.verb](book, request, now)
    if entries:
        tx.runs.record(run_id, entries, now, guard=None)
    return bool(entries)


def load_book(
    tx: Transaction, run_id: RunId, offered: Callable[[Step], bool] = lambda _: False
) -> RunBook:
    """The run as it is stored now. Raises NotFound."""
    return RunBook(tx.runs.get(run_id), tx.runs.workflow(run_id), tx.runs.steps(run_id), offered)


def state_of(book: RunBook) -> RunState:
    """The scheduler's view of a run's rows."""
    return RunState.restore(
        book.steps.values(),
        book.run.concurrency,
        book.rows.values(),
        max_parallel=book.run.max_parallel,
        status=book.run.status,
    )


def _pause(book: RunBook, request: Steering, now: datetime) -> Entries:
    """What runs may finish, nothing new starts."""
    check_verb(request.verb, book.run.status)
    if book.run.status is RunStatus.PAUSED:
        return []
    return [book.move_run(RunStatus.PAUSED, now, _signed(request))]


def _resume(book: RunBook, request: Steering, now: datetime) -> Entries:
    check_verb(request.verb, book.run.status)
    if book.run.status is RunStatus.RUNNING:
        return []
    return [book.move_run(RunStatus.RUNNING, now, _signed(request))]


def _cancel(book: RunBook, request: Steering, now: datetime) -> Entries:
    """Ends the run and everything unfinished in it for good."""
    check_verb(request.verb, book.run.status)
    if book.run.status is RunStatus.CANCELLED:
        return []
    return _commanded(book, CancelAsked(), now, (CancelStep, FinishRun))


def _retry(book: RunBook, request: Steering, now: datetime) -> Entries:
    """Resets what did not end well; the run is RUNNING again where it had ended."""
    check_verb(request.verb, book.run.status)
    if request.step_id is not None:
        status = book.rows[_step(book, request)].status
        if status in (StepStatus.PENDING, StepStatus.READY, StepStatus.RUNNING):
            return []  # it was asked for before
        check_step_verb(request.verb, request.step_id, status)
    return _again(book, RetryAsked(request.step_id), request, now)


def _rerun(book: RunBook, request: Steering, now: datetime) -> Entries:
    check_verb(request.verb, book.run.status)
    step_id = _step(book, request)
    if book.rows[step_id].status is StepStatus.PENDING and book.rows[step_id].forgiven:
        return []  # it was asked for before
    check_step_verb(request.verb, step_id, book.rows[step_id].status)
    return _again(book, RerunAsked(step_id), request, now)


def _approve(book: RunBook, request: Steering, now: datetime) -> Entries:
    return _decide(book, request, StepKind.APPROVAL, now)


def _signal(book: RunBook, request: Steering, now: datetime) -> Entries:
    return _decide(book, request, StepKind.SIGNAL, now)


def _decide(book: RunBook, request: Steering, kind: StepKind, now: datetime) -> Entries:
    """Ends a waiting step; a signal that comes before its step waits is kept for it."""
    step_id = _step(book, request)
    step, row = book.steps[step_id], book.rows[step_id]
    if step.kind is not kind:
        raise Conflict(
            f"step {step_id!r} is of kind {step.kind.value}; {request.verb.value!r} is for "
            f"{kind.value} steps"
        )
    decision = _decision(request)
    if _is_decided(row.output, decision):
        return []  # the same was asked before
    if row.output is not None and row.status in FINISHED_STEPS:
        raise Conflict(
            f"step {step_id!r} is {row.status.value} and has its decision: {row.output!r}; a "
            "decision is not changed afterwards, re-run the step to have it asked again"
        )
    check_verb(request.verb, book.run.status)
    check_step_verb(request.verb, step_id, row.status)
    if row.status is StepStatus.PENDING:
        if row.output is not None:
            raise Conflict(f"step {step_id!r} has its signal already: {row.output!r}")
        return [book.signalled(step_id, decision)]
    accepted = request.verb is not Verb.REJECT
    book.ends[step_id] = AttemptEnd(
        step_id=step_id,
        attempt=row.attempt,
        output=decision,
        error=None if accepted else _rejection(request),
        blocked=not accepted,
    )
    return _commanded(book, Decided(step_id, accepted), now, (EndStep,))


def _edit(book: RunBook, request: Steering, now: datetime) -> Entries:
    """A finished step gets another output; whatever had worked with the old one runs again."""
    check_verb(request.verb, book.run.status)
    step_id = _step(book, request)
    row = book.rows[step_id]
    check_step_verb(request.verb, step_id, row.status)
    if book.steps[step_id].kind in _UNEDITABLE:
        kind = book.steps[step_id].kind.value
        raise Conflict(f"step {step_id!r} is of kind {kind}, whose result nobody may edit")
    output = plain_json(request.payload, "the new output")
    if output == row.output:
        return []
    edited = book.edited(step_id, output, by=request.by, comment=request.comment)
    return [edited, *_again(book, RerunAsked(step_id, only_dependants=True), request, now)]


_VERBS: Mapping[Verb, Callable[[RunBook, Steering, datetime], Entries]] = {
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.CANCEL: _cancel,
    Verb.RETRY: _retry,
    Verb.RERUN: _rerun,
    Verb.APPROVE: _approve,
    Verb.REJECT: _approve,
    Verb.SIGNAL: _signal,
    Verb.EDIT_OUTPUT: _edit,
}


def _again(
    book: RunBook, signal: RetryAsked | RerunAsked, request: Steering, now: datetime
) -> Entries:
    entries = _commanded(book, signal, now, (ResetStep,))
    if entries and book.run.status not in _BY_DRIVER:
        check_move(book.run.status, RunStatus.RUNNING)
        reset = [entry.step.after.step_id for entry in entries if entry.step is not None]
        entries.append(
            book.move_run(RunStatus.RUNNING, now, {**_signed(request), request.verb.value: reset})
        )
    return entries


def _commanded(
    book: RunBook, signal: Signal, now: datetime, kinds: tuple[type[Command], ...]
) -> Entries:
    """The entries of those commands that the request itself stands for.

    What follows from them (starting, skipping, ending the run) is the driver's, who reads the rows.
    """
    _, commands = advance(state_of(book), signal)
    return [
        entry
        for command in commands
        if isinstance(command, kinds)
        for entry in book.record(command, now)
    ]


def _step(book: RunBook, request: Steering) -> StepId:
    if request.step_id is None:
        raise InvalidInput(f"{request.verb.value!r} concerns one step; name it")
    if request.step_id not in book.steps:
        raise NotFound(
            f"run {book.run.id!r} has no step {request.step_id!r}; show the run to see its steps"
        )
    return request.step_id


def _signed(request: Steering) -> JsonObject:
    return {"by": request.by, **({"comment": request.comment} if request.comment else {})}


def _decision(request: Steering) -> JsonObject:
    """The output of an approval (approved, by, comment) or of a signal (payload, by)."""
    if request.verb is Verb.SIGNAL:
        return {"payload": plain_json(request.payload, "the signal's payload"), "by": request.by}
    approved = request.verb is Verb.APPROVE
    return {"approved": approved, "by": request.by, "comment": request.comment}


def _is_decided(before: JsonValue, decision: JsonObject) -> bool:
    """Whether it was decided so before, whoever decides; no comment takes none back."""
    if not isinstance(before, Mapping):
        return False
    asked = {key: value for key, value in decision.items() if key != "by"}
    if not asked.get("comment"):
        asked.pop("comment", None)
    return all(before.get(key) == value for key, value in asked.items())


def _rejection(request: Steering) -> StepError:
    reason = f"rejected by {request.by}" + (f": {request.comment}" if request.comment else "")
    return StepError(code=Blocked.code, message=reason, reasons=(reason,))
