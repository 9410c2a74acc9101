"""The rows that a run costs in Maestro's journal, written with nothing around them.

The same tables, columns, keys and about the same bytes as the engine writes: when a step starts,
its row, a new attempt and an event; when it ends, its row, the attempt and an event; an event and
the run's row when the run is created, starts and ends; and the run's counters once per transaction.
What the engine alone needs, above all that a run has one owner, is left out. One thread writes what
has queued up in one commit.
"""

import asyncio
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

import psycopg

from bench.workloads import Workload

AT = "2026-11-21T10:47:00.123456+00:00"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
OUTPUT = '{"done":true}'
SUMMARY = (
    '{{"action":"nothing","id":"{id}","kind":"action","needs":[{needs}],"persona":null,'
    '"phase":"","title":"{id}"}}'
)

TABLES: Mapping[str, str] = {
    "runs": "id TEXT PRIMARY KEY NOT NULL, workflow TEXT NOT NULL, status TEXT NOT NULL, "
    "max_parallel INTEGER NOT NULL, last_sequence BIGINT NOT NULL, fence BIGINT NOT NULL, "
    "steered BIGINT NOT NULL, offers INTEGER NOT NULL, created_at TEXT NOT NULL, "
    "started_at TEXT, ended_at TEXT, concurrency TEXT NOT NULL, inputs TEXT NOT NULL",
    "steps": "run_id TEXT NOT NULL REFERENCES runs (id), step_id TEXT NOT NULL, "
    "position INTEGER NOT NULL, definition TEXT NOT NULL, definition_digest TEXT NOT NULL, "
    "status TEXT NOT NULL, attempt INTEGER NOT NULL, forgiven INTEGER NOT NULL, "
    "extended INTEGER NOT NULL, output TEXT, error TEXT, "
    "started_at TEXT, ended_at TEXT, retry_at TEXT, PRIMARY KEY (run_id, step_id), "
    "UNIQUE (run_id, position)",
    "attempts": "run_id TEXT NOT NULL, step_id TEXT NOT NULL, attempt INTEGER NOT NULL, "
    "definition_digest TEXT NOT NULL, input_digest TEXT NOT NULL, status TEXT NOT NULL, "
    "output TEXT, error TEXT, started_at TEXT, ended_at TEXT, waited DOUBLE, "
    "PRIMARY KEY (run_id, step_id, attempt), "
    "FOREIGN KEY (run_id, step_id) REFERENCES steps (run_id, step_id)",
    "events": "run_id TEXT NOT NULL REFERENCES runs (id), sequence BIGINT NOT NULL, "
    "kind TEXT NOT NULL, at TEXT NOT NULL, step_id TEXT, attempt INTEGER, data TEXT NOT NULL, "
    "PRIMARY KEY (run_id, sequence)",
}
WITHOUT_ROWID = ("events",)
"""Tables that SQLite keeps by their primary key."""

_STEP = (
    "UPDATE steps SET status = ?, attempt = ?, forgiven = ?, output = ?, error = ?, "
    "started_at = ?, ended_at = ?, retry_at = ?, extended = ? WHERE run_id = ? AND step_id = ?"
)
_OPENED = (
    "INSERT INTO attempts (run_id, step_id, attempt, definition_digest, input_digest, status, "
    "started_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_CLOSED = (
    "UPDATE attempts SET status = ?, output = ?, error = ?, ended_at = ? "
    "WHERE run_id = ? AND step_id = ? AND attempt = ?"
)
_EVENT = (
    "INSERT INTO events (run_id, sequence, kind, at, step_id, attempt, data) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_RUN = "UPDATE runs SET last_sequence = ? WHERE id = ? AND fence = ? AND steered = ?"
_MOVED_RUN = "UPDATE runs SET status = ?, started_at = ?, ended_at = ? WHERE id = ?"
_NEW_RUN = (
    "INSERT INTO runs (id, workflow, status, max_parallel, last_sequence, fence, steered, offers, "
    "created_at, concurrency, inputs) VALUES (?, ?, ?, ?, 0, 1, 0, 0, ?, '{}', '{}')"
)
_NEW_STEP = (
    "INSERT INTO steps (run_id, step_id, position, definition, definition_digest, status, attempt, "
    "forgiven, extended) VALUES (?, ?, ?, ?, ?, 'pending', 0, 0, 0)"
)
Row = tuple[object, ...]
Rows = dict[str, list[Row]]
"""Parameters by the statement they go to."""


class Book:
    """Makes the rows of one run; its events are numbered without a gap."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self._sequence = 0
        self._open = 0

    def created(self, workload: Workload) -> Rows:
        run = (self.run_id, "bench", "pending", workload.parallel, AT)
        steps: list[Row] = []
        told: list[str] = []
        for position, node in enumerate(workload.graph):
            needs = ",".join(f'"{need}"' for need in node.needs)
            defined = f',"needs":[{needs}]' if needs else ""
            definition = f'{{"action":"nothing","id":"{node.id}"{defined}}}'
            steps.append((self.run_id, node.id, position, definition, DIGEST))
            told.append(SUMMARY.format(id=node.id, needs=needs))
        self._open = len(steps)
        data = f'{{"steps":[{",".join(told)}],"workflow":"bench"}}'
        created = self._event("run.created", data=data)
        return {_NEW_RUN: [run], _NEW_STEP: steps, _EVENT: [created], _RUN: [self._counters()]}

    def moved(self, ended: Sequence[str], started: Sequence[str]) -> Rows:
        """The rows of steps that ended and of steps that start, for one transaction."""
        run, rows = self.run_id, defaultdict[str, list[Row]](list)
        if self._sequence == 1:
            rows[_MOVED_RUN].append(("running", AT, None, run))
            rows[_EVENT].append(self._event("run.started"))
        for step in ended:
            rows[_STEP].append(("succeeded", 1, 0, OUTPUT, None, AT, AT, None, 0, run, step))
            rows[_CLOSED].append(("succeeded", OUTPUT, None, AT, run, step, 1))
            rows[_EVENT].append(self._event("step.succeeded", step))
        for step in started:
            rows[_STEP].append(("running", 1, 0, None, None, AT, None, None, 0, run, step))
            rows[_OPENED].append((run, step, 1, DIGEST, DIGEST, "running", AT))
            rows[_EVENT].append(self._event("step.started", step))
        self._open -= len(ended)
        if not self._open:
            rows[_MOVED_RUN].append(("succeeded", AT, AT, run))
            rows[_EVENT].append(self._event("run.succeeded"))
        rows[_RUN].append(self._counters())
        return rows

    def _event(self, kind: str, step: str | None = None, data: str = "{}") -> Row:
        self._sequence += 1
        return (self.run_id, self._sequence, kind, AT, step, None if step is None else 1, data)

    def _counters(self) -> Row:
        return (self._sequence, self.run_id, 1, 0)


class Database(Protocol):
    """A connection that one thread uses."""

    def commit(self, rows: Rows) -> None:
        """Returns when the rows are on the disk."""
        ...

    def counts(self) -> tuple[int, int]:
        """Attempts that succeeded, and events."""
        ...

    def close(self) -> None: ...


_COUNTS = (
    "SELECT count(*) FROM attempts WHERE status = 'succeeded' AND ended_at IS NOT NULL",
    "SELECT count(*) FROM events",
)


class SqliteDatabase:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        for name, columns in TABLES.items():
            kept = " WITHOUT ROWID" if name in WITHOUT_ROWID else ""
            self._connection.execute(f"CREATE TABLE {name} ({columns}){kept}")

    def commit(self, rows: Rows) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for statement, parameters in rows.items():
            self._connection.executemany(statement, parameters)
        self._connection.execute("COMMIT")

    def counts(self) -> tuple[int, int]:
        succeeded, events = (self._connection.execute(text).fetchone()[0] for text in _COUNTS)
        return succeeded, events

    def close(self) -> None:
        self._connection.close()


class PostgresDatabase:
    """All statements of a commit in one pipeline: one round trip."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        for name, columns in TABLES.items():
            typed = columns.replace(" DOUBLE", " DOUBLE PRECISION")
            self._connection.execute(f"CREATE TABLE {name} ({typed})".encode())

    def commit(self, rows: Rows) -> None:
        with self._connection.pipeline(), self._connection.transaction():
            with self._connection.cursor() as cursor:
                for statement, parameters in rows.items():
                    cursor.executemany(statement.replace("?", "%s").encode(), parameters)

    def counts(self) -> tuple[int, int]:
        found = [self._connection.execute(text.encode()).fetchone() for text in _COUNTS]
        succeeded, events = (row[0] if row else 0 for row in found)
        return succeeded, events

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True)
class _Change:
    rows: Rows
    future: "asyncio.Future[None]"


class GroupCommit:
    """One thread that writes everything that is queued in one commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Change | None] = SimpleQueue()
        self.commits = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    async def write(self, rows: Rows) -> None:
        """Returns when the rows are on the disk."""
        change = _Change(rows, self._loop.create_future())
        self._queue.put(change)
        await change.future

    async def close(self) -> None:
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        serving = True
        while serving:
            taken = [self._queue.get()]
            while not self._queue.empty():  # nobody else takes from it
                taken.append(self._queue.get())
            serving = None not in taken
            if batch := [change for change in taken if change is not None]:
                self._commit(batch)

    def _commit(self, batch: Sequence[_Change]) -> None:
        failure: Exception | None = None
        try:
            self._database.commit(_joined(batch))
            self.commits += 1
        except (sqlite3.Error, psycopg.Error) as error:
            failure = error
        self._loop.call_soon_threadsafe(_settle, batch, failure)


def _joined(batch: Sequence[_Change]) -> Rows:
    """The rows of all changes, statement by statement; a run's row once, as it is last."""
    rows: dict[str, list[Any]] = {}
    for change in batch:
        for statement, parameters in change.rows.items():
            rows.setdefault(statement, []).extend(parameters)
    if _RUN in rows:
        rows[_RUN] = list({row[1]: row for row in rows[_RUN]}.values())
    return rows


def _settle(batch: Sequence[_Change], failure: Exception | None) -> None:
    for change in batch:
        if failure is None:
            change.future.set_result(None)
        else:
            change.future.set_exception(failure)
