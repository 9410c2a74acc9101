"""Steering a run from outside its driver: pause, cancel, approve, re-run and the like.

Each request is one transaction on the rows and the event log, so it works whoever executes the
run, or nobody. The driver notices by the count of such changes that the store keeps.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from maestro.domain.run import (
    FINISHED_STEPS,
    RunStatus,
    StepError,
    StepRun,
    StepStatus,
    check_move,
)
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
    Await,
    CancelAsked,
    CancelStep,
    Command,
    Decided,
    EndStep,
    ExtendRun,
    FinishRun,
    RerunAsked,
    ResetStep,
    RetryAsked,
    Signal,
)

Entries = list[Entry]
RESUMES = "resumes"
"""Input of an approval: the step that starts again once it is given, unless it succeeded since."""
REWORK = "rework"
"""Code of the error that tells a step why its work was given back."""

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
    stored = tx.runs.whole(run_id)
    return RunBook(stored.run, stored.workflow, stored.steps, offered)


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
    entries = _commanded(book, Decided(step_id, accepted), now, (EndStep,))
    asking = _asking(book, step)
    if accepted and asking is not None:
        entries += _commanded(book, RetryAsked(asking), now, (ResetStep,))
    return entries


def _asking(book: RunBook, question: Step) -> StepId | None:
    """The step that the answer lets go on; None where it was done without one."""
    name = question.inputs.get(RESUMES)
    row = book.rows.get(StepId(name)) if isinstance(name, str) else None
    return None if row is None or row.status is StepStatus.SUCCEEDED else row.step_id


def ask(tx: Transaction, run_id: RunId, question: Step, now: datetime) -> None:
    """Adds an approval that is waited for at once, unless the run has it. Approving it starts the
    step again that is named in its inputs as RESUMES.

    Raises:
        Blocked: it was rejected.
        Conflict: the run has ended.
    """
    book = load_book(tx, run_id)
    if question.id in book.rows:
        error = book.rows[question.id].error
        if error is not None:
            raise Blocked(error.message, reasons=error.reasons)
        return
    if book.run.status not in _BY_DRIVER:
        raise Conflict(f"run {run_id!r} is {book.run.status.value}; nothing is asked in it")
    commands: tuple[Command, ...] = (ExtendRun((question,)), Await(question.id))
    entries = [entry for command in commands for entry in book.record(command, now)]
    tx.runs.record(run_id, entries, now, guard=None)


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


def _rework(book: RunBook, request: Steering, now: datetime) -> Entries:
    """Finished steps start again, knowing why, and everything that depends on them with them.

    All in one: a run is never left with one of two steps given back.
    """
    check_verb(request.verb, book.run.status)
    demands = _demands(book, request)
    if all(_is_given_back(book.rows[step_id], reasons) for step_id, reasons in demands.items()):
        return []  # the same was asked before
    book.demands = {
        step_id: StepError(code=REWORK, message=_given_back(request), reasons=reasons)
        for step_id, reasons in demands.items()
    }
    entries: Entries = []
    for step_id in demands:
        status = book.rows[step_id].status
        if status is StepStatus.PENDING and step_id not in book.demands:
            continue  # it depends on one that was given back before it
        check_step_verb(request.verb, step_id, status)
        entries += _commanded(book, RerunAsked(step_id), now, (ResetStep,))
    return [*entries, *_set_going(book, request, entries, now)]


def _demands(book: RunBook, request: Steering) -> Mapping[StepId, tuple[str, ...]]:
    """The reasons by step. Raises InvalidInput, NotFound."""
    given = request.payload
    if not isinstance(given, Mapping) or not given:
        raise InvalidInput(f"a rework needs reasons by step, got {given!r:.80}")
    found: dict[StepId, tuple[str, ...]] = {}
    for name, reasons in given.items():
        step_id = _step(book, replace(request, step_id=StepId(name)))
        if not isinstance(reasons, list) or not reasons or not all(map(_is_text, reasons)):
            raise InvalidInput(f"a rework of step {name!r} needs a list of reasons")
        found[step_id] = tuple(reasons)
    return found


def _is_given_back(row: StepRun, reasons: tuple[str, ...]) -> bool:
    if row.status is not StepStatus.PENDING or row.error is None:
        return False
    return row.error.code == REWORK and row.error.reasons == reasons


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and bool(value)


def _given_back(request: Steering) -> str:
    return f"given back by {request.by}" + (f": {request.comment}" if request.comment else "")


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
    Verb.REWORK: _rework,
}


def _again(
    book: RunBook, signal: RetryAsked | RerunAsked, request: Steering, now: datetime
) -> Entries:
    entries = _commanded(book, signal, now, (ResetStep,))
    return [*entries, *_set_going(book, request, entries, now)]


def _set_going(book: RunBook, request: Steering, entries: Entries, now: datetime) -> Entries:
    """An ended run whose steps were reset is RUNNING again."""
    if not entries or book.run.status in _BY_DRIVER:
        return []
    check_move(book.run.status, RunStatus.RUNNING)
    reset = [entry.step.after.step_id for entry in entries if entry.step is not None]
    return [book.move_run(RunStatus.RUNNING, now, {**_signed(request), request.verb.value: reset})]


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
