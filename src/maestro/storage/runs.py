"""Runs, their steps and the journal of attempts."""

from collections.abc import Callable, Sequence
from datetime import datetime

from maestro import failpoints
from maestro.domain.run import Run, RunStatus, StepRun, StepStatus
from maestro.domain.values import JsonValue, RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import Conflict
from maestro.ports import Entry, Guard, StoredRun
from maestro.storage.database import Connection, Row
from maestro.storage.extension import check_extension
from maestro.storage.heads import RunHead
from maestro.storage.ownership import pid_of
from maestro.storage.recording import Page
from maestro.storage.records import (
    RUN_COLUMNS,
    STEP_RUN_COLUMNS,
    executed_by,
    json_from_text,
    no_run,
    other_owner,
    run_from_row,
    step_run_from_row,
    workflow_of_run,
)
from maestro.storage.sheet import Sheet
from maestro.storage.tasks import offer_tasks

_SELECT_RUN = f"SELECT {RUN_COLUMNS} FROM runs WHERE id = ?"  # noqa: S608 -- constant column list
_SELECT_WHOLE_RUN = f"SELECT {RUN_COLUMNS}, steered FROM runs WHERE id = ?"  # noqa: S608 -- constant column list
_SELECT_RECENT = f"SELECT {RUN_COLUMNS} FROM runs ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608 -- constant column list
_SELECT_RECENT_OF = (
    f"SELECT {RUN_COLUMNS} FROM runs WHERE status = ? "  # noqa: S608 -- constant column list
    "ORDER BY created_at DESC, id DESC LIMIT ?"
)
_SELECT_STEPS = f"SELECT {STEP_RUN_COLUMNS} FROM steps WHERE run_id = ? ORDER BY position"  # noqa: S608 -- constant column list
_SELECT_WHOLE_STEPS = (
    f"SELECT {STEP_RUN_COLUMNS}, definition FROM steps WHERE run_id = ? ORDER BY position"  # noqa: S608 -- constant column list
)


class SqlRuns:
    """The RunRepository port on one connection."""

    def __init__(self, connection: Connection, sheet: Sheet) -> None:
        self._connection = connection
        self._sheet = sheet

    def insert(self, run: Run, workflow: Workflow) -> None:
        self._sheet.add_run(run)
        self._insert_steps(run.id, workflow.steps, first_position=0)

    def get(self, run_id: RunId) -> Run:
        """In a writing transaction nobody else changes the run until that ends."""
        return run_from_row(self._row(_SELECT_RUN, run_id))

    def whole(self, run_id: RunId) -> StoredRun:
        row = self._row(_SELECT_WHOLE_RUN, run_id)
        run = run_from_row(row)
        rows = self._connection.execute(_SELECT_WHOLE_STEPS, (run_id,)).fetchall()
        return StoredRun(
            run=run,
            workflow=workflow_of_run(run, [row[-1] for row in rows]),
            steps=[step_run_from_row(row) for row in rows],
            steered=row[-1],
        )

    def recent(self, limit: int, status: RunStatus | None = None) -> Sequence[Run]:
        self._sheet.flush()
        if status is None:
            rows = self._connection.execute(_SELECT_RECENT, (limit,))
        else:
            rows = self._connection.execute(_SELECT_RECENT_OF, (status.value, limit))
        return [run_from_row(row) for row in rows.fetchall()]

    def workflow(self, run_id: RunId) -> Workflow:
        self._sheet.flush()
        row = self._connection.execute(_SELECT_RUN, (run_id,)).fetchone()
        if row is None:
            raise no_run(run_id)
        rows = self._connection.execute(
            "SELECT definition FROM steps WHERE run_id = ? ORDER BY position", (run_id,)
        )
        return workflow_of_run(run_from_row(row), [row[0] for row in rows.fetchall()])

    def steps(self, run_id: RunId) -> Sequence[StepRun]:
        self._sheet.flush()
        rows = self._connection.execute(_SELECT_STEPS, (run_id,)).fetchall()
        if not rows:
            self.get(run_id)
        return [step_run_from_row(row) for row in rows]

    def delivered(self, run_id: RunId, step_id: StepId) -> Sequence[JsonValue]:
        self._sheet.flush()
        rows = self._connection.execute(
            "SELECT output FROM attempts WHERE run_id = ? AND step_id = ? AND status = ? "
            "AND output IS NOT NULL ORDER BY attempt",
            (run_id, step_id, StepStatus.SUCCEEDED.value),
        )
        where = f"an attempt of step {step_id!r}"
        return [json_from_text(row[0], where) for row in rows.fetchall()]

    def steered(self, run_id: RunId) -> int:
        self._sheet.flush()
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
        head = self._sheet.heads.of(run_id)
        if guard is not None and not _holds(guard, run_id, head):
            return None
        page = Page.of(run_id, entries, at, after=head.last_sequence)
        if guard is None:
            head.steered += 1
        elif guard.leaves:
            self.release(run_id, guard.fence)
        if page.run is not None:
            head.move(page.run)
        if page.extension:
            self._extend(run_id, page)
        if page.offers:
            head.offers = 1
        self._sheet.add_page(run_id, page, head)
        if page.offers:
            self._sheet.flush()
            offer_tasks(self._connection, run_id, page.offers)
        return head.last_sequence

    def take(self, run_id: RunId, owner: str, is_alive: Callable[[str], bool]) -> int:
        """Makes `owner` the run's one owner and shuts out whoever was before; its fence.

        Raises Conflict when another owner has it who `is_alive`, NotFound.
        """
        failpoints.reach("lease.take.before")
        head = self._sheet.heads.of(run_id)
        if head.owner is not None and is_alive(head.owner):
            raise executed_by(run_id, f"process {pid_of(head.owner)}")
        head.give_to(owner)
        head.fence += 1
        head.counted = True
        failpoints.reach("lease.take.after")
        return head.fence

    def release(self, run_id: RunId, fence: int) -> None:
        """Leaves the run to the next owner, unless there is one already."""
        failpoints.reach("lease.release.before")
        head = self._sheet.heads.of(run_id)
        if head.fence == fence:
            head.give_to(None)
        failpoints.reach("lease.release.after")

    def take_lease(self, run_id: RunId, owner: str, lease_seconds: float) -> int:
        """As `take`, where an owner lives for as long as its lease; by the database's clock."""
        self._sheet.flush()
        self._sheet.heads.forget()
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
        lease = f"whose lease ends in {row[1] or 0:.1f} s unless it is renewed"
        return executed_by(run_id, f"{row[0]}, {lease}")

    def owner(self, run_id: RunId) -> str | None:
        """Who took the run and has not left it, nor let a lease end. Raises NotFound."""
        self._sheet.flush()
        row = self._connection.execute(
            f"SELECT CASE WHEN lease_until < {self._connection.dialect.now} THEN NULL "  # noqa: S608 -- constant text
            "ELSE owner END FROM runs WHERE id = ?",
            (run_id,),
        ).fetchone()
        if row is None:
            raise no_run(run_id)
        owner: str | None = row[0]
        return owner

    def abandoned(self, limit: int) -> Sequence[RunId]:
        dialect = self._connection.dialect
        if not dialect.leases:
            return ()
        self._sheet.flush()
        rows = self._connection.execute(
            f"SELECT id FROM runs WHERE status = 'running' AND (owner IS NULL "  # noqa: S608 -- constant text
            f"OR lease_until < {dialect.now}) ORDER BY created_at, id LIMIT ?",
            (limit,),
        )
        return [RunId(row[0]) for row in rows.fetchall()]

    def _row(self, select: str, run_id: RunId) -> Row:
        self._sheet.flush()
        lock = self._connection.dialect.lock_row
        row: Row | None = self._connection.execute(select + lock, (run_id,)).fetchone()
        if row is None:
            raise no_run(run_id)
        return row

    def _extend(self, run_id: RunId, page: Page) -> None:
        self._sheet.flush()
        moving = {step_id: move.after.status for step_id, move in page.moves.items()}
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
            rows.append((run_id, step.id, position, step.definition(), step.digest()))
        self._sheet.add_steps(rows)


def _holds(guard: Guard, run_id: RunId, head: RunHead) -> bool:
    """False when the run was steered; raises LeaseLost when it has a later owner."""
    if head.fence != guard.fence:
        raise other_owner(run_id)
    return head.steered == guard.steered
