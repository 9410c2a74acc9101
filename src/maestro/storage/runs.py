"""Runs, their steps and the journal of attempts."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import product

from maestro import failpoints
from maestro.domain.run import Run, RunStatus, StepRun
from maestro.domain.values import RunId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import Conflict, InvalidInput, MaestroError, NotFound, SchemaMismatch
from maestro.ports import Entry, Guard
from maestro.storage.database import Connection, Row
from maestro.storage.extension import check_extension, select_steps
from maestro.storage.recording import (
    CLOSE_ATTEMPT,
    INSERT_STEP,
    MOVE_STEP,
    OPEN_ATTEMPT,
    REMOVE_TASK,
    Page,
)
from maestro.storage.records import (
    INSERT_EVENT,
    RUN_COLUMNS,
    STEP_RUN_COLUMNS,
    no_run,
    other_owner,
    run_from_row,
    run_row,
    step_from_text,
    step_run_from_row,
    to_moment,
    unreadable,
)
from maestro.storage.tasks import offer_tasks

_INSERT_RUN = (
    f"INSERT INTO runs ({RUN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 -- constant column list
    "ON CONFLICT (id) DO NOTHING"
)
_SELECT_RUN = f"SELECT {RUN_COLUMNS} FROM runs WHERE id = ?"  # noqa: S608 -- constant column list
_SELECT_RECENT = f"SELECT {RUN_COLUMNS} FROM runs ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608 -- constant column list
_SELECT_RECENT_OF = (
    f"SELECT {RUN_COLUMNS} FROM runs WHERE status = ? "  # noqa: S608 -- constant column list
    "ORDER BY created_at DESC, id DESC LIMIT ?"
)
_SELECT_STEPS = f"SELECT {STEP_RUN_COLUMNS} FROM steps WHERE run_id = ? ORDER BY position"  # noqa: S608 -- constant column list


def _claim_sequence(*, guarded: bool, moved: bool, offered: bool) -> str:
    """The one statement that locks the run, checks the guard and hands out event numbers."""
    sets = ["last_sequence = last_sequence + ?"]
    if moved:
        sets.append("status = ?, started_at = ?, ended_at = ?")
    if offered:
        sets.append("offers = 1")
    if not guarded:
        sets.append("steered = steered + 1")
    where = "id = ? AND fence = ? AND steered = ?" if guarded else "id = ?"
    return f"UPDATE runs SET {', '.join(sets)} WHERE {where} RETURNING last_sequence, offers"  # noqa: S608 -- constant parts


_RAISE_FENCE = "UPDATE runs SET fence = fence + 1 WHERE id = ? RETURNING fence"
_CLAIMS = {
    key: _claim_sequence(guarded=key[0], moved=key[1], offered=key[2])
    for key in product((False, True), repeat=3)
}


class SqlRuns:
    """The RunRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, run: Run, workflow: Workflow) -> None:
        done = self._connection.execute(_INSERT_RUN, run_row(run))
        if done.rowcount == 0:
            raise Conflict(f"run id {run.id!r} is already taken; choose another")
        self._insert_steps(run.id, workflow.steps, first_position=0)

    def get(self, run_id: RunId) -> Run:
        """In a writing transaction nobody else changes the run until that ends."""
        row = self._connection.execute(
            _SELECT_RUN + self._connection.dialect.lock_row, (run_id,)
        ).fetchone()
        if row is None:
            raise no_run(run_id)
        return run_from_row(row)

    def recent(self, limit: int, status: RunStatus | None = None) -> Sequence[Run]:
        if status is None:
            rows = self._connection.execute(_SELECT_RECENT, (limit,))
        else:
            rows = self._connection.execute(_SELECT_RECENT_OF, (status.value, limit))
        return [run_from_row(row) for row in rows.fetchall()]

    def workflow(self, run_id: RunId) -> Workflow:
        run = self.get(run_id)
        rows = self._connection.execute(
            "SELECT definition FROM steps WHERE run_id = ? ORDER BY position", (run_id,)
        )
        steps = tuple(step_from_text(row[0], run_id) for row in rows.fetchall())
        try:
            return Workflow(name=run.workflow, steps=steps, concurrency=run.concurrency)
        except InvalidInput as error:
            raise unreadable(f"the workflow of run {run_id!r}", error) from error

    def steps(self, run_id: RunId) -> Sequence[StepRun]:
        rows = self._connection.execute(_SELECT_STEPS, (run_id,)).fetchall()
        if not rows:
            self.get(run_id)
        return [step_run_from_row(row) for row in rows]

    def steered(self, run_id: RunId) -> int:
        row = self._connection.execute(
            "SELECT steered FROM runs WHERE id = ?", (run_id,)
        ).fetchone()
        if row is None:
            raise no_run(run_id)
        steered: int = row[0]
        return steered

    def record(
        self, run_id: RunId, entries: Sequence[Entry], at: datetime, *, guard: Guard | None
    ) -> int | None:
        page = Page.of(run_id, entries, at)
        failpoints.reach("journal.run.before")
        claimed = self._claim_sequence(run_id, page, guard)
        failpoints.reach("journal.run.after")
        if claimed is None:
            return None
        last: int = claimed[0]
        if page.extension:
            self._extend(run_id, page)
        moved, opened = self._write(page, last, had_offers=bool(claimed[1]))
        if moved != len(page.moves) or opened != len(page.opened_attempts):
            raise self._misfit(run_id, page)
        if page.offers:
            offer_tasks(self._connection, run_id, page.offers)
        return last

    def raise_fence(self, run_id: RunId) -> int:
        """Shuts out whoever owned the run before; the fence of its new owner."""
        failpoints.reach("lease.take.before")
        row = self._connection.execute(_RAISE_FENCE, (run_id,)).fetchone()
        failpoints.reach("lease.take.after")
        if row is None:
            raise no_run(run_id)
        fence: int = row[0]
        return fence

    def take_lease(self, run_id: RunId, owner: str, lease_seconds: float) -> int:
        """As `raise_fence`, where no live process has the lease. Raises Conflict, NotFound."""
        now = self._connection.dialect.now
        failpoints.reach("lease.take.before")
        row = self._connection.execute(
            f"UPDATE runs SET fence = fence + 1, owner = ?, lease_until = {now} + ? "  # noqa: S608 -- constant text
            f"WHERE id = ? AND (owner IS NULL OR lease_until < {now}) RETURNING fence",
            (owner, float(lease_seconds), run_id),
        ).fetchone()
        failpoints.reach("lease.take.after")
        if row is None:
            raise self._owned(run_id)
        fence: int = row[0]
        return fence

    def _owned(self, run_id: RunId) -> Conflict:
        """Who has it. Raises NotFound."""
        row = self._connection.execute(
            f"SELECT owner, lease_until - {self._connection.dialect.now} FROM runs WHERE id = ?",  # noqa: S608 -- constant text
            (run_id,),
        ).fetchone()
        if row is None:
            raise no_run(run_id)
        return Conflict(
            f"run {run_id!r} is being executed by {row[0]}, whose lease ends in {row[1] or 0:.1f} "
            "s unless it is renewed; wait for it, pause or cancel the run, or end that process"
        )

    def abandoned(self, limit: int) -> Sequence[RunId]:
        dialect = self._connection.dialect
        if not dialect.leases:
            return ()
        rows = self._connection.execute(
            f"SELECT id FROM runs WHERE status = 'running' AND (owner IS NULL "  # noqa: S608 -- constant text
            f"OR lease_until < {dialect.now}) ORDER BY created_at, id LIMIT ?",
            (limit,),
        )
        return [RunId(row[0]) for row in rows.fetchall()]

    def _claim_sequence(self, run_id: RunId, page: Page, guard: Guard | None) -> Row | None:
        """The last event's number and whether the run ever had tasks; None if it was steered."""
        run = page.run
        moved: Row = ()
        if run is not None:
            moved = (run.status.value, to_moment(run.started_at), to_moment(run.ended_at))
        guarded = () if guard is None else (guard.fence, guard.steered)
        statement = _CLAIMS[(guard is not None, run is not None, bool(page.offers))]
        row: Row | None = self._connection.execute(
            statement, (len(page.events), *moved, run_id, *guarded)
        ).fetchone()
        if row is None:
            self._check_owner(run_id, guard)
        return row

    def _check_owner(self, run_id: RunId, guard: Guard | None) -> None:
        """Raises for a run that is not there or has another owner; else it was steered."""
        row = self._connection.execute("SELECT fence FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise no_run(run_id)
        if guard is not None and row[0] != guard.fence:
            raise other_owner(run_id)

    def _write(self, page: Page, last: int, *, had_offers: bool) -> tuple[int, int]:
        """How many steps moved and how many attempts opened, as the database counts them."""
        connection, moved, opened = self._connection, None, None
        with connection.batch():
            failpoints.reach("journal.steps.before")
            if page.moves:
                moved = connection.executemany(MOVE_STEP, page.step_rows)
            failpoints.reach("journal.steps.after")
            failpoints.reach("journal.attempts.before")
            if page.closed_attempts:
                connection.executemany(CLOSE_ATTEMPT, page.closed_attempts)
                if had_offers:
                    connection.executemany(REMOVE_TASK, page.settled)
            if page.opened_attempts:
                opened = connection.executemany(OPEN_ATTEMPT, page.opened_attempts)
            failpoints.reach("journal.attempts.after")
            failpoints.reach("events.append.before")
            if page.events:
                first = last - len(page.events) + 1
                connection.executemany(INSERT_EVENT, page.event_rows(first))
            failpoints.reach("events.append.after")
        return (moved.rowcount if moved else 0), (opened.rowcount if opened else 0)

    def _misfit(self, run_id: RunId, page: Page) -> MaestroError:
        """Why not every step moved; those that fitted are at their new status by now."""
        found = {
            row[0]: row[1:]
            for row in select_steps(
                self._connection, "step_id, status, attempt, definition_digest", run_id, page.moves
            )
        }
        for step_id, (before, move) in page.moves.items():
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
                    f"{before.status.value} at attempt {before.attempt}; somebody else moved it"
                )
        moved = ", ".join(repr(str(step_id)) for step_id in page.moves)
        return Conflict(f"run {run_id!r}: these moves of {moved} are in the journal already")

    def _extend(self, run_id: RunId, page: Page) -> None:
        moving = {step_id: move.after.status for step_id, (_, move) in page.moves.items()}
        check_extension(self._connection, run_id, page.extension, moving)
        row = self._connection.execute(
            "SELECT max(position) FROM steps WHERE run_id = ?", (run_id,)
        ).fetchone()
        first = 0 if row[0] is None else row[0] + 1
        self._insert_steps(run_id, page.extension, first_position=first)

    def _insert_steps(self, run_id: RunId, steps: Sequence[Step], first_position: int) -> None:
        if not steps:
            return
        rows = []
        for position, step in enumerate(steps, start=first_position):
            definition = step.definition()
            digest = hashlib.sha256(definition.encode()).hexdigest()
            rows.append((run_id, step.id, position, definition, digest))
        self._connection.executemany(INSERT_STEP, rows)
