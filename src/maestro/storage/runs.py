"""Runs, their steps and the journal of attempts."""

import hashlib
import sqlite3
from collections.abc import Sequence

from maestro.domain.run import FINISHED_STEPS, Run, RunStatus, StepRun, StepStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step, Workflow, check_graph
from maestro.errors import Conflict, NotFound, SchemaMismatch
from maestro.storage.records import (
    RUN_COLUMNS,
    run_from_row,
    run_row,
    step_from_text,
    step_run_from_row,
    to_moment,
    to_text,
)

_NOT_STARTED = frozenset({StepStatus.PENDING, StepStatus.READY, StepStatus.WAITING})
_WITHOUT_ATTEMPT = frozenset(
    {StepStatus.PENDING, StepStatus.SKIPPED, StepStatus.FAILED, StepStatus.CANCELLED}
)
"""What a step that is not running may become without a new attempt."""

_NEEDED_OUTPUTS = """
SELECT need.value, journal.output
FROM steps AS step
JOIN json_each(step.definition, '$.needs') AS need
JOIN steps AS needed ON needed.run_id = step.run_id AND needed.step_id = need.value
JOIN attempts AS journal ON journal.run_id = needed.run_id
    AND journal.step_id = needed.step_id AND journal.attempt = needed.attempt
WHERE step.run_id = ? AND step.step_id = ? AND needed.status = 'succeeded'
ORDER BY need.key
"""

_STEP_STATES = """
SELECT step.step_id, step.status, step.attempt, step.forgiven,
    CASE step.status WHEN 'succeeded' THEN journal.output END,
    step.error, step.started_at, step.ended_at, step.retry_at
FROM steps AS step
LEFT JOIN attempts AS journal ON journal.run_id = step.run_id
    AND journal.step_id = step.step_id AND journal.attempt = step.attempt
WHERE step.run_id = ?
ORDER BY step.position
"""


class SqliteRuns:
    """The RunRepository port on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def insert(self, run: Run, workflow: Workflow) -> None:
        try:
            self._connection.execute(
                f"INSERT INTO runs ({RUN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 -- constant column list
                run_row(run),
            )
        except sqlite3.IntegrityError as error:
            raise Conflict(f"run id {run.id!r} is already taken; choose another") from error
        self._insert_steps(run.id, workflow.steps, first_position=0)

    def get(self, run_id: RunId) -> Run:
        row = self._connection.execute(
            f"SELECT {RUN_COLUMNS} FROM runs WHERE id = ?",  # noqa: S608 -- constant column list
            (run_id,),
        ).fetchone()
        if row is None:
            raise _no_run(run_id)
        return run_from_row(row)

    def recent(self, limit: int, status: RunStatus | None = None) -> Sequence[Run]:
        rows = self._connection.execute(
            f"SELECT {RUN_COLUMNS} FROM runs WHERE ? IS NULL OR status = ? "  # noqa: S608 -- constant column list
            "ORDER BY created_at DESC, rowid DESC LIMIT ?",
            (status, status, limit),
        )
        return [run_from_row(row) for row in rows]

    def update(self, run: Run) -> None:
        cursor = self._connection.execute(
            "UPDATE runs SET status = ?, started_at = ?, ended_at = ? WHERE id = ?",
            (run.status.value, to_moment(run.started_at), to_moment(run.ended_at), run.id),
        )
        if cursor.rowcount == 0:
            raise _no_run(run.id)

    def workflow(self, run_id: RunId) -> Workflow:
        return Workflow(name=self.get(run_id).workflow, steps=self._definitions(run_id))

    def extend(self, run_id: RunId, steps: Sequence[Step]) -> None:
        existing = self.workflow(run_id).steps
        check_graph((*existing, *steps))
        self._insert_steps(run_id, steps, first_position=len(existing))

    def steps(self, run_id: RunId) -> Sequence[StepRun]:
        self.get(run_id)
        rows = self._connection.execute(_STEP_STATES, (run_id,))
        return [step_run_from_row(row) for row in rows]

    def save_step(self, run_id: RunId, step: StepRun, *, definition: str) -> None:
        before = self._connection.execute(
            "SELECT status, attempt, definition_digest FROM steps WHERE run_id = ? AND step_id = ?",
            (run_id, step.step_id),
        ).fetchone()
        if before is None:
            raise NotFound(f"run {run_id!r} has no step {step.step_id!r}")
        if before[2] != definition:
            raise SchemaMismatch(
                f"step {step.step_id!r} of run {run_id!r} is in the journal under the definition "
                f"{before[2]!r}, not {definition!r}; resume the run with the Maestro that began it"
            )
        _check_step_move(run_id, step, StepStatus(before[0]), before[1])
        self._journal(run_id, step, StepStatus(before[0]), definition)
        self._connection.execute(
            "UPDATE steps SET status = ?, attempt = ?, forgiven = ?, error = ?, started_at = ?, "
            "ended_at = ?, retry_at = ? WHERE run_id = ? AND step_id = ?",
            (
                step.status.value,
                step.attempt,
                step.forgiven,
                None if step.error is None else to_text(step.error),
                to_moment(step.started_at),
                to_moment(step.ended_at),
                to_moment(step.retry_at),
                run_id,
                step.step_id,
            ),
        )

    def _journal(self, run_id: RunId, step: StepRun, before: StepStatus, definition: str) -> None:
        """Opens the attempt's row when it starts, closes it when it has a result."""
        if step.status is StepStatus.RUNNING:
            self._connection.execute(
                "INSERT INTO attempts (run_id, step_id, attempt, definition_digest, input_digest, "
                "status, started_at) VALUES (?, ?, ?, ?, ?, 'running', ?)",
                (
                    run_id,
                    step.step_id,
                    step.attempt,
                    definition,
                    self._input_digest(run_id, step.step_id),
                    to_moment(step.started_at),
                ),
            )
        elif before is StepStatus.RUNNING:
            self._connection.execute(
                "UPDATE attempts SET status = ?, output = ?, error = ?, ended_at = ? "
                "WHERE run_id = ? AND step_id = ? AND attempt = ?",
                (
                    _attempt_result(step.status),
                    to_text(step.output),
                    None if step.error is None else to_text(step.error),
                    to_moment(step.ended_at),
                    run_id,
                    step.step_id,
                    step.attempt,
                ),
            )

    def _input_digest(self, run_id: RunId, step_id: StepId) -> str:
        """sha256 over what the attempt works from: the run's inputs and its needs' outputs."""
        row = self._connection.execute("SELECT inputs FROM runs WHERE id = ?", (run_id,)).fetchone()
        digest = hashlib.sha256(row[0].encode())
        for need, output in self._connection.execute(_NEEDED_OUTPUTS, (run_id, step_id)):
            digest.update(f"\n{need}\n{output}".encode())
        return digest.hexdigest()

    def _definitions(self, run_id: RunId) -> tuple[Step, ...]:
        rows = self._connection.execute(
            "SELECT definition FROM steps WHERE run_id = ? ORDER BY position", (run_id,)
        )
        return tuple(step_from_text(row[0], run_id) for row in rows)

    def _insert_steps(self, run_id: RunId, steps: Sequence[Step], first_position: int) -> None:
        self._connection.executemany(
            "INSERT INTO steps (run_id, step_id, position, definition, definition_digest, status, "
            "attempt, forgiven) VALUES (?, ?, ?, ?, ?, 'pending', 0, 0)",
            [
                (run_id, step.id, position, to_text(step), step.digest())
                for position, step in enumerate(steps, start=first_position)
            ],
        )


def _check_step_move(run_id: RunId, step: StepRun, before: StepStatus, attempt: int) -> None:
    """Raises Conflict for a move that would commit a second result or start out of turn."""
    if before is StepStatus.RUNNING:
        legal = step.attempt == attempt and step.status is not StepStatus.RUNNING
    elif step.status is StepStatus.RUNNING:
        legal = step.attempt == attempt + 1 and before in _NOT_STARTED
    elif before in FINISHED_STEPS:
        legal = step.attempt == attempt and step.status is StepStatus.PENDING
    else:
        legal = step.attempt == attempt and step.status in _WITHOUT_ATTEMPT
    if not legal:
        raise Conflict(
            f"step {step.step_id!r} of run {run_id!r} is {before.value} at attempt {attempt}; it "
            f"cannot become {step.status.value} at attempt {step.attempt}: that attempt already "
            "has its result or another one is due"
        )


def _attempt_result(status: StepStatus) -> str:
    """How an attempt ended, from what its step became."""
    if status in (StepStatus.READY, StepStatus.PENDING):
        return "interrupted"
    return StepStatus.FAILED.value if status is StepStatus.WAITING else status.value


def _no_run(run_id: RunId) -> NotFound:
    return NotFound(f"there is no run {run_id!r} in this database; list the runs to see their ids")
