"""The rows that a sequence of journal entries stands for, gathered before any is written."""

from collections.abc import Sequence
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

    def __init__(self, run_id: RunId, at: datetime) -> None:
        self._run_id = run_id
        self._at = to_moment(at)
        self.moves: dict[StepId, tuple[StepRun, StepMove]] = {}
        """What the store must hold of a step, and its last move."""
        self._opened: dict[tuple[StepId, int], Row] = {}
        self.closed_attempts: list[Row] = []
        self.events: list[Row] = []
        """Without run and sequence, which is not known yet."""
        self.extension: list[Step] = []
        self.offers: dict[StepId, int] = {}
        """Attempts that start and are left to workers."""
        self.settled: list[Row] = []
        """Attempts that ended, which may have been left to workers."""
        self.run: Run | None = None
        self._texts: dict[int, str] = {}

    @staticmethod
    def of(run_id: RunId, entries: Sequence[Entry], at: datetime) -> "Page":
        """Raises Conflict where a move is not legal or does not follow from the one before."""
        page = Page(run_id, at)
        for entry in entries:
            page._add(entry)
        return page

    @property
    def step_rows(self) -> list[Row]:
        return [self._step_row(before, move) for before, move in self.moves.values()]

    @property
    def opened_attempts(self) -> list[Row]:
        return list(self._opened.values())

    def event_rows(self, first: int) -> list[Row]:
        run_id = self._run_id
        return [(run_id, sequence, *row) for sequence, row in enumerate(self.events, start=first)]

    def _add(self, entry: Entry) -> None:
        move = entry.step
        data = to_text(entry.data) if entry.data else "{}"
        if move is None:
            self.events.append((str(entry.kind), self._at, None, None, data))
        else:
            check_step_move(self._run_id, entry.kind, move.before, move.after)
            self._move(move)
            after = move.after
            self.events.append(
                (str(entry.kind), self._at, after.step_id, after.attempt or None, data)
            )
        if entry.extend:
            self.extension.extend(entry.extend)
        if entry.run is not None:
            self.run = entry.run

    def _move(self, move: StepMove) -> None:
        before, after = move.before, move.after
        earlier = self.moves.get(after.step_id)
        if earlier is None:
            self.moves[after.step_id] = (before, move)
        else:
            reached = earlier[1].after
            if (reached.status, reached.attempt) != (before.status, before.attempt):
                raise Conflict(
                    f"step {after.step_id!r} of run {self._run_id!r} moves on from "
                    f"{before.status.value} at attempt {before.attempt}, but the entry before "
                    f"left it {reached.status.value} at attempt {reached.attempt}"
                )
            self.moves[after.step_id] = (earlier[0], move)
        if after.status is _RUNNING:
            self._open(move)
        elif before.status is _RUNNING:
            self._close(after)

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

    def _close(self, after: StepRun) -> None:
        succeeded = after.status is StepStatus.SUCCEEDED
        result = (
            attempt_result(after.status),
            self._text(after.output) if succeeded and after.output is not None else None,
            None if after.error is None else self._text(after.error),
            to_moment(after.ended_at),
        )
        key = (after.step_id, after.attempt)
        if key in self._opened:  # it starts and ends in the same call
            row = self._opened[key]
            self._opened[key] = (*row[:5], *result[:3], row[8], result[3])
            self.offers.pop(after.step_id, None)
        else:
            self.closed_attempts.append((*result, self._run_id, *key))
            self.settled.append((self._run_id, *key))

    def _step_row(self, before: StepRun, move: StepMove) -> Row:
        after = move.after
        return (
            str(after.status),
            after.attempt,
            after.forgiven,
            None if after.output is None else self._text(after.output),
            None if after.error is None else self._text(after.error),
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

    def _text(self, value: object) -> str:
        """Of an output or an error, which stand in the step's row and in its attempt's."""
        if id(value) not in self._texts:  # the moves keep the value alive, so its id is its own
            self._texts[id(value)] = to_text(value)
        return self._texts[id(value)]
