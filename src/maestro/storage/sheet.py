"""The journal's rows of a transaction, gathered and written together just before it ends.

A batch of changes that share a commit costs a few statements with many rows each, instead of a few
statements for every change.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from maestro import failpoints
from maestro.domain.run import Run
from maestro.domain.values import RunId
from maestro.errors import Conflict, MaestroError, NotFound, SchemaMismatch
from maestro.storage.bulk import Bulk
from maestro.storage.database import Connection, Cursor, Row
from maestro.storage.extension import select_steps
from maestro.storage.heads import Heads, RunHead
from maestro.storage.outbox import fill_outbox
from maestro.storage.recording import (
    CLOSE_ATTEMPT,
    INSERT_STEP,
    MOVE_STEP,
    OPEN_ATTEMPT,
    REMOVE_TASK,
    Page,
)
from maestro.storage.records import INSERT_EVENT, INSERT_RUN, run_row


@dataclass(frozen=True, slots=True)
class _Placed:
    page: Page
    had_offers: bool


class Sheet:
    """What one transaction still has to write. Whoever reads such rows has it flushed first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.heads = Heads(connection)
        self._runs: dict[RunId, Run] = {}
        self._pages: dict[RunId, _Placed] = {}
        self._steps: list[Row] = []
        self._events: list[Row] = []

    def add_run(self, run: Run) -> None:
        """Raises Conflict, now or when it is written, for an id that is taken."""
        if run.id in self._runs:
            raise _taken(run.id)
        self._runs[run.id] = run
        self.heads.add(run)

    def add_steps(self, rows: Sequence[Row]) -> None:
        self._steps.extend(rows)

    def add_event(self, row: Row) -> None:
        self._events.append(row)

    def add_page(self, run_id: RunId, page: Page, head: RunHead) -> None:
        """Its events take the numbers after the last one."""
        if run_id in self._pages:  # the later moves of a run follow from the earlier ones
            self.flush()
        head.take_numbers(len(page.events))
        self._events.extend(page.events)
        self._pages[run_id] = _Placed(page, had_offers=bool(head.offers))

    def flush(self) -> None:
        """Writes everything.

        Raises NotFound, SchemaMismatch or Conflict where the journal holds a run or a step
        otherwise than it was said here; then the transaction has to be rolled back.
        """
        if not (self._runs or self._steps or self._pages or self._events or self.heads.changed):
            return
        self._write_runs()
        pages, self._pages = self._pages, {}
        events, self._events = self._events, []
        moves = [row for each in pages.values() for row in each.page.step_rows.values()]
        opened = [row for each in pages.values() for row in each.page.opened_attempts]
        with self._connection.batch():
            self.heads.write()
            failpoints.reach("journal.steps.before")
            moved = self._write(MOVE_STEP, moves)
            failpoints.reach("journal.steps.after")
            failpoints.reach("journal.attempts.before")
            self._close_attempts(pages.values())
            added = self._write(OPEN_ATTEMPT, opened)
            failpoints.reach("journal.attempts.after")
            failpoints.reach("events.append.before")
            self._write(INSERT_EVENT, events)
            if events:
                fill_outbox(self._connection, events)
            failpoints.reach("events.append.after")
        if (moved and moved.rowcount != len(moves)) or (added and added.rowcount != len(opened)):
            raise self._misfit({run_id: each.page for run_id, each in pages.items()})

    def _write_runs(self) -> None:
        runs, self._runs = self._runs, {}
        rows = [(*run_row(run), *self.heads.of(run.id).written()) for run in runs.values()]
        inserted = self._write(INSERT_RUN, rows)
        if inserted and inserted.rowcount != len(runs):
            raise _taken(*runs)
        steps, self._steps = self._steps, []
        self._write(INSERT_STEP, steps)

    def _close_attempts(self, pages: Collection[_Placed]) -> None:
        closed = [row for each in pages for row in each.page.closed_attempts]
        settled = [row for each in pages if each.had_offers for row in each.page.settled]
        self._write(CLOSE_ATTEMPT, closed)
        self._write(REMOVE_TASK, settled)

    def _write(self, statement: Bulk, rows: Sequence[Row]) -> Cursor | None:
        return self._connection.write_rows(statement, rows) if rows else None

    def _misfit(self, pages: Mapping[RunId, Page]) -> MaestroError:
        """Why not every step moved; those that fitted are at their new status by now."""
        found = (self._misfit_of(run_id, page) for run_id, page in pages.items())
        known = next((misfit for misfit in found if misfit is not None), None)
        moved = ", ".join(repr(str(step_id)) for page in pages.values() for step_id in page.moves)
        runs = ", ".join(repr(str(run_id)) for run_id in pages)
        return known or Conflict(f"run {runs}: these moves of {moved} are in the journal already")

    def _misfit_of(self, run_id: RunId, page: Page) -> MaestroError | None:
        found = {
            row[0]: row[1:]
            for row in select_steps(
                self._connection, "step_id, status, attempt, definition_digest", run_id, page.moves
            )
        }
        for step_id, move in page.moves.items():
            if step_id not in found:
                return NotFound(f"run {run_id!r} has no step {step_id!r}")
            status, attempt, definition = found[step_id]
            if definition != move.definition:
                return SchemaMismatch(
                    f"step {step_id!r} of run {run_id!r} is in the journal under the definition "
                    f"{definition!r}, not {move.definition!r}; resume the run with the Maestro "
                    "that began it"
                )
            if (status, attempt) != (move.after.status.value, move.after.attempt):
                return Conflict(
                    f"step {step_id!r} of run {run_id!r} is {status} at attempt {attempt}, not "
                    f"{move.before.status.value} at attempt {move.before.attempt}; somebody else "
                    "moved it"
                )
        return None


def _taken(*run_ids: RunId) -> Conflict:
    named = ", ".join(repr(str(run_id)) for run_id in run_ids)
    return Conflict(f"run id {named} is already taken; choose another")
