"""The rows that a sequence of journal entries stands for, gathered before any is written."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from maestro.domain.run import Run, StepRun, StepStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step
from maestro.errors import Conflict
from maestro.ports import Entry, StepMove
from maestro.storage.bulk import delete, insert, update
from maestro.storage.database import Row
from maestro.storage.moves import attempt_result, check_step_move
from maestro.storage.records import to_moment, to_text

_ATTEMPT = {"run_id": "text", "step_id": "text", "attempt": "int"}
INSERT_STEP = insert(
    "steps",
    {
        "run_id": "text",
        "step_id": "text",
        "position": "int",
        "definition": "text",
        "definition_digest": "text",
    },
    fixed={"status": "'pending'", "attempt": "0", "forgiven": "0", "extended": "0"},
)
MOVE_STEP = update(
    "steps",
    {
        "status": "text",
        "attempt": "int",
        "forgiven": "int",
        "output": "text",
        "error": "text",
        "started_at": "text",
        "ended_at": "text",
        "retry_at": "text",
        "extended": "int",
    },
    {
        "run_id": "text",
        "step_id": "text",
        "status": "text",
        "attempt": "int",
        "definition_digest": "text",
    },
)
OPEN_ATTEMPT = insert(
    "attempts",
    {
        **_ATTEMPT,
        "definition_digest": "text",
        "input_digest": "text",
        "status": "text",
        "output": "text",
        "error": "text",
        "started_at": "text",
        "ended_at": "text",
    },
    end="ON CONFLICT (run_id, step_id, attempt) DO NOTHING",
)
CLOSE_ATTEMPT = update(
    "attempts", {"status": "text", "output": "text", "error": "text", "ended_at": "text"}, _ATTEMPT
)
REMOVE_TASK = delete("tasks", _ATTEMPT)

_RUNNING = StepStatus.RUNNING


class Page:
    """The rows of one call of `record`; a step that moves several times is one row."""

    __slots__ = (
        "_at",
        "_opened",
        "_run_id",
        "closed_attempts",
        "events",
        "extension",
        "moves",
        "offers",
        "run",
        "step_rows",
    )

    def __init__(self, run_id: RunId, at: datetime) -> None:
        self._run_id = run_id
        self._at = to_moment(at)
        self.moves: dict[StepId, StepMove] = {}
        """From what the store must hold of a step to where it is in the end."""
        self.step_rows: dict[StepId, Row] = {}
        self._opened: dict[tuple[StepId, int], Row] = {}
        self.closed_attempts: list[Row] = []
        self.events: list[Row] = []
        self.extension: tuple[Step, ...] = ()
        self.offers: dict[StepId, int] = {}
        """Attempts that start and are left to workers."""
        self.run: Run | None = None

    @staticmethod
    def of(run_id: RunId, entries: Sequence[Entry], at: datetime, *, after: int) -> "Page":
        """Raises Conflict where a move is not legal or does not follow from the one before.

        `after`: the number of the event before the first one here.
        """
        page = Page(run_id, at)
        for sequence, entry in enumerate(entries, start=after + 1):
            page._add(sequence, entry)
        return page

    @property
    def opened_attempts(self) -> Iterable[Row]:
        return self._opened.values()

    @property
    def settled(self) -> list[Row]:
        """Attempts that ended, which may have been left to workers."""
        return [row[-3:] for row in self.closed_attempts]

    def _add(self, sequence: int, entry: Entry) -> None:
        move = entry.step
        data = to_text(entry.data) if entry.data else "{}"
        step_id, attempt = None, None
        if move is not None:
            check_step_move(self._run_id, entry.kind, move.before, move.after)
            self._move(move)
            step_id, attempt = move.after.step_id, move.after.attempt or None
        self.events.append(
            (self._run_id, sequence, str(entry.kind), self._at, step_id, attempt, data)
        )
        if entry.extend:
            self.extension += entry.extend
        if entry.run is not None:
            self.run = entry.run

    def _move(self, move: StepMove) -> None:
        before, after = move.before, move.after
        earlier = self.moves.get(after.step_id)
        whole = move if earlier is None else self._joined(earlier, move)
        self.moves[after.step_id] = whole
        output = None if after.output is None else to_text(after.output)
        error = None if after.error is None else to_text(after.error)
        self.step_rows[after.step_id] = self._step_row(whole, output, error)
        if after.status is _RUNNING:
            self._open(move)
        elif before.status is _RUNNING:
            self._close(after, output if after.status is StepStatus.SUCCEEDED else None, error)

    def _joined(self, earlier: StepMove, move: StepMove) -> StepMove:
        reached, before = earlier.after, move.before
        if (reached.status, reached.attempt) != (before.status, before.attempt):
            raise Conflict(
                f"step {before.step_id!r} of run {self._run_id!r} moves on from "
                f"{before.status.value} at attempt {before.attempt}, but the entry before "
                f"left it {reached.status.value} at attempt {reached.attempt}"
            )
        return replace(move, before=earlier.before)

    def _open(self, move: StepMove) -> None:
        after = move.after
        self._opened[(after.step_id, after.attempt)] = (
            self._run_id,
            after.step_id,
            after.attempt,
            move.definition,
            move.input_digest,
            "running",
            None,
            None,
            to_moment(after.started_at),
            None,
        )
        if move.offered:
            self.offers[after.step_id] = after.attempt

    def _close(self, after: StepRun, output: str | None, error: str | None) -> None:
        key = (after.step_id, after.attempt)
        status, ended = attempt_result(after.status), to_moment(after.ended_at)
        row = self._opened.get(key)
        if row is None:
            self.closed_attempts.append((status, output, error, ended, self._run_id, *key))
        else:  # it starts and ends in the same call
            self._opened[key] = (*row[:5], status, output, error, row[8], ended)
            self.offers.pop(after.step_id, None)

    def _step_row(self, move: StepMove, output: str | None, error: str | None) -> Row:
        before, after = move.before, move.after
        return (
            str(after.status),
            after.attempt,
            after.forgiven,
            output,
            error,
            to_moment(after.started_at),
            to_moment(after.ended_at),
            to_moment(after.retry_at),
            int(after.extended),
            self._run_id,
            after.step_id,
            str(before.status),
            before.attempt,
            move.definition,
        )
