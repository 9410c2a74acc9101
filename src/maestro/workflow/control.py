"""Steering a run from outside its driver: pause, cancel, retry.

Each is one transaction on the rows and the event log, so it works whoever executes the run, or
nobody. The driver notices by the kind of the events.
"""

from collections.abc import Iterator
from datetime import datetime

from maestro.domain.run import Event, EventKind, RunStatus, check_move
from maestro.domain.values import RunId
from maestro.domain.workflow import Workflow
from maestro.ports import Transaction
from maestro.workflow.book import RunBook
from maestro.workflow.run_state import RunState
from maestro.workflow.scheduler import advance
from maestro.workflow.signals import (
    CancelAsked,
    CancelStep,
    FinishRun,
    ResetStep,
    RetryAsked,
)

STEERING = frozenset(
    {
        EventKind.RUN_PAUSED,
        EventKind.RUN_RESUMED,
        EventKind.RUN_CANCELLED,
        EventKind.STEP_RESET,
    }
)
"""Events after which a driver must read the run again."""

_PAGE = 1000


def pause_run(tx: Transaction, run_id: RunId, now: datetime) -> None:
    """What runs may finish, nothing new starts. Raises Conflict unless the run is RUNNING."""
    book = load_book(tx, run_id)
    check_move(book.run.status, RunStatus.PAUSED)
    book.apply(tx, [book.move_run(RunStatus.PAUSED, now, {})], now)


def cancel_run(tx: Transaction, run_id: RunId, now: datetime) -> None:
    """Ends the run and everything unfinished in it for good."""
    book = load_book(tx, run_id)
    check_move(book.run.status, RunStatus.CANCELLED)
    _, commands = advance(state_of(book), CancelAsked())
    moves = [
        move
        for command in commands
        if isinstance(command, CancelStep | FinishRun)
        for move in book.record(command, now)
    ]
    book.apply(tx, moves, now)


def retry_run(tx: Transaction, run_id: RunId, now: datetime) -> None:
    """Resets what did not end well; the run is RUNNING again where it had ended."""
    book = load_book(tx, run_id)
    if book.run.status not in (RunStatus.RUNNING, RunStatus.PAUSED):
        check_move(book.run.status, RunStatus.RUNNING)
    _, commands = advance(state_of(book), RetryAsked())
    resets = [command for command in commands if isinstance(command, ResetStep)]
    moves = [move for command in resets for move in book.record(command, now)]
    if book.run.status not in (RunStatus.RUNNING, RunStatus.PAUSED):
        data = {"retry": [command.step_id for command in resets]}
        moves.append(book.move_run(RunStatus.RUNNING, now, data))
    book.apply(tx, moves, now)


def load_book(tx: Transaction, run_id: RunId) -> RunBook:
    """The run as it is stored now. Raises NotFound."""
    return RunBook(tx.runs.get(run_id), tx.runs.workflow(run_id), tx.runs.steps(run_id))


def read_run(tx: Transaction, run_id: RunId, seen: int) -> tuple[RunBook, int]:
    """The run as it is stored now, and the sequence of its last event (after `seen`)."""
    for event in events_since(tx, run_id, seen):
        seen = event.sequence
    return load_book(tx, run_id), seen


def state_of(book: RunBook) -> RunState:
    """The scheduler's view of a run's rows."""
    return RunState.restore(
        Workflow(name=book.run.workflow, steps=tuple(book.steps.values())),
        tuple(book.rows.values()),
        max_parallel=book.run.max_parallel,
        status=book.run.status,
    )


def events_since(tx: Transaction, run_id: RunId, sequence: int) -> Iterator[Event]:
    """Every later event, read page by page."""
    while True:
        page = tx.events.after(run_id, sequence, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        sequence = page[-1].sequence


def was_steered(tx: Transaction, run_id: RunId, seen: int) -> bool:
    """Whether anything after the event `seen` asks the driver to read the run again."""
    return any(event.kind in STEERING for event in events_since(tx, run_id, seen))
