"""The attempts that are left to workers."""

from collections.abc import Mapping, Sequence
from functools import cache

from maestro import failpoints
from maestro.domain.values import JsonObject, RunId, StepId
from maestro.errors import LeaseLost
from maestro.ports import Task
from maestro.storage.database import Connection, Dialect, Row
from maestro.storage.extension import select_steps
from maestro.storage.records import json_from_text, step_from_text, to_text

_COLUMNS = "run_id, step_id, attempt, token, worker"
_MINE = "run_id = ? AND step_id = ? AND attempt = ? AND token = ? AND worker = ?"
_FINISH = f"UPDATE tasks SET result = ? WHERE {_MINE} AND (result IS NULL OR result = ?)"  # noqa: S608 -- constant text
_WAITED = (
    "UPDATE attempts SET waited = ? WHERE run_id = ? AND step_id = ? AND attempt = "
    "(SELECT attempt FROM attempts WHERE run_id = ? AND step_id = ? AND attempt = ?{})"
)
"""Passes over one that its driver is just ending, which would wait for the task in turn."""


class SqlTasks:
    """The TaskRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, capabilities: Sequence[str], worker: str, lease_seconds: float) -> Task | None:
        if not capabilities:
            return None
        failpoints.reach("task.claim.before")
        statement = _claim(self._connection.dialect, len(capabilities))
        row = self._connection.execute(
            statement, (worker, float(lease_seconds), *capabilities)
        ).fetchone()
        failpoints.reach("task.claim.after")
        if row is None:
            return None
        self._connection.execute(
            _WAITED.format(self._connection.dialect.lock_free_row),
            (max(0.0, float(row[5])), *row[:2], *row[:3]),
        )
        return _task(row)

    def renew(self, task: Task, lease_seconds: float) -> bool:
        failpoints.reach("task.renew.before")
        now = self._connection.dialect.now
        done = self._connection.execute(
            f"UPDATE tasks SET lease_until = {now} + ? WHERE {_MINE}",  # noqa: S608 -- constant text
            (float(lease_seconds), *_claimed(task)),
        )
        failpoints.reach("task.renew.after")
        return done.rowcount == 1

    def finish(self, task: Task, result: JsonObject) -> None:
        failpoints.reach("task.finish.before")
        text = to_text(result)
        done = self._connection.execute(_FINISH, (text, *_claimed(task), text))
        failpoints.reach("task.finish.after")
        if done.rowcount == 0:
            raise LeaseLost(
                f"attempt {task.attempt} of step {task.step_id!r} of run {task.run_id!r} was "
                f"taken back from worker {task.worker!r}; its result is not kept"
            )

    def finished(self, run_id: RunId) -> Sequence[tuple[Task, JsonObject]]:
        rows = self._connection.execute(
            f"SELECT {_COLUMNS}, result FROM tasks "  # noqa: S608 -- constant column list
            "WHERE run_id = ? AND result IS NOT NULL ORDER BY offered_at, step_id",
            (run_id,),
        )
        return [
            (_task(row), json_from_text(row[5], f"the result of step {row[1]!r}"))
            for row in rows.fetchall()
        ]

    def expired(self, run_id: RunId) -> Sequence[Task]:
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM tasks WHERE run_id = ? AND result IS NULL "  # noqa: S608 -- constant text
            f"AND lease_until < {self._connection.dialect.now} ORDER BY offered_at, step_id",
            (run_id,),
        )
        return [_task(row) for row in rows.fetchall()]

    def of_run(self, run_id: RunId) -> Sequence[Task]:
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM tasks WHERE run_id = ? ORDER BY offered_at, step_id",  # noqa: S608 -- constant column list
            (run_id,),
        )
        return [_task(row) for row in rows.fetchall()]


def offer_tasks(connection: Connection, run_id: RunId, attempts: Mapping[StepId, int]) -> None:
    """Lets workers see attempts that have just started."""
    found = select_steps(connection, "definition", run_id, attempts)
    steps = [step_from_text(row[0], run_id) for row in found]
    connection.executemany(
        "INSERT INTO tasks (run_id, step_id, attempt, capability, priority, offered_at, "  # noqa: S608 -- constant text
        f"worker, token) VALUES (?, ?, ?, ?, ?, {connection.dialect.now}, '', 0)",
        [(run_id, step.id, attempts[step.id], step.capability, step.priority) for step in steps],
    )


@cache
def _claim(dialect: Dialect, capabilities: int) -> str:
    marks = ", ".join("?" * capabilities)
    return (
        f"UPDATE tasks SET worker = ?, token = token + 1, lease_until = {dialect.now} + ? "  # noqa: S608 -- constant text
        "WHERE (run_id, step_id) = (SELECT run_id, step_id FROM tasks WHERE worker = '' "
        f"AND capability IN ({marks}) ORDER BY priority DESC, offered_at, run_id, step_id LIMIT 1"
        f"{dialect.lock_free_row}) RETURNING {_COLUMNS}, {dialect.now} - offered_at"
    )


def _claimed(task: Task) -> Row:
    return (task.run_id, task.step_id, task.attempt, task.token, task.worker)


def _task(row: Row) -> Task:
    return Task(
        run_id=RunId(row[0]), step_id=StepId(row[1]), attempt=row[2], token=row[3], worker=row[4]
    )
