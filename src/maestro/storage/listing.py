"""Runs as lists show them, and counts over all of them."""

import json
from collections.abc import Sequence

from maestro.domain.overview import (
    AttemptRecord,
    Headline,
    RunOverview,
    RunQuery,
    StoreFigures,
)
from maestro.domain.run import ENDED_RUNS, RunStatus
from maestro.domain.values import RunId, StepId
from maestro.storage.counting import SqlCounting
from maestro.storage.database import Connection, Dialect, Row
from maestro.storage.records import (
    RUN_COLUMNS,
    attempt_from_row,
    from_text,
    no_run,
    run_from_row,
    to_moment,
    to_text,
)
from maestro.storage.sheet import Sheet

_WIDTH = RUN_COLUMNS.count(",") + 1
_OVERVIEW = (
    f"SELECT {', '.join('r.' + name for name in RUN_COLUMNS.split(', '))}, r.last_sequence, "  # noqa: S608 -- constant column list
    "h.last_sequence, h.document FROM runs r LEFT JOIN headlines h ON h.run_id = r.id "
)


class SqlListing:
    """The ListingRepository port on one connection."""

    def __init__(self, connection: Connection, sheet: Sheet) -> None:
        self._connection = connection
        self._sheet = sheet
        self._counting = SqlCounting(connection)

    @property
    def counting(self) -> SqlCounting:
        self._sheet.flush()
        return self._counting

    def page(self, query: RunQuery, limit: int) -> Sequence[RunOverview]:
        tests, values = _tests(query, self._connection.dialect)
        where = f"WHERE {' AND '.join(tests)} " if tests else ""
        self._sheet.flush()
        rows = self._connection.execute(
            f"{_OVERVIEW}{where}ORDER BY r.created_at DESC, r.id DESC LIMIT ?", (*values, limit)
        )
        return self._overviews(rows.fetchall())

    def overview(self, run_id: RunId) -> RunOverview:
        self._sheet.flush()
        rows = self._connection.execute(f"{_OVERVIEW}WHERE r.id = ?", (run_id,)).fetchall()
        if not rows:
            raise no_run(run_id)
        return self._overviews(rows)[0]

    def last_sequence(self, run_id: RunId) -> tuple[RunStatus, int]:
        self._sheet.flush()
        row = self._connection.execute(
            "SELECT status, last_sequence FROM runs WHERE id = ?", (run_id,)
        ).fetchone()
        if row is None:
            raise no_run(run_id)
        return RunStatus(row[0]), row[1]

    def put_headline(self, run_id: RunId, last_sequence: int, headline: Headline) -> None:
        self._connection.execute(
            "INSERT INTO headlines (run_id, last_sequence, document) VALUES (?, ?, ?) "
            "ON CONFLICT (run_id) DO UPDATE SET last_sequence = excluded.last_sequence, "
            "document = excluded.document",
            (run_id, last_sequence, to_text(headline)),
        )

    def attempts(self, run_id: RunId, step_id: StepId) -> Sequence[AttemptRecord]:
        self._sheet.flush()
        rows = self._connection.execute(
            "SELECT attempt, status, started_at, ended_at, output, error FROM attempts "
            "WHERE run_id = ? AND step_id = ? ORDER BY attempt",
            (run_id, step_id),
        )
        return [attempt_from_row(row, f"an attempt of step {step_id!r}") for row in rows.fetchall()]

    def unfinished(self, limit: int) -> Sequence[RunId]:
        self._sheet.flush()
        rows = self._connection.execute(
            "SELECT id FROM runs WHERE status IN ('pending', 'running') "
            "ORDER BY created_at, id LIMIT ?",
            (limit,),
        )
        return [RunId(row[0]) for row in rows.fetchall()]

    def figures(self) -> StoreFigures:
        self._sheet.flush()
        action = self._connection.dialect.member.format("s.definition", "action")
        return StoreFigures(
            runs=self._counts("SELECT workflow, status, count(*) FROM runs GROUP BY 1, 2"),
            projects=self._counts("SELECT project, status, count(*) FROM runs GROUP BY 1, 2"),
            steps=self._counts(
                "SELECT r.workflow, s.status, count(*) FROM steps s JOIN runs r ON r.id = s.run_id "
                "WHERE r.status IN ('pending', 'running', 'paused') GROUP BY 1, 2"
            ),
            work={
                row[0]: row[1]
                for row in self._connection.execute(
                    "SELECT s.status, count(*) FROM steps s JOIN runs r ON r.id = s.run_id "  # noqa: S608 -- constant text
                    "WHERE r.status IN ('pending', 'running', 'paused') "
                    f"AND {action} = 'persona.work' GROUP BY 1"
                ).fetchall()
            },
            waiting={
                row[0]: row[1]
                for row in self._connection.execute(
                    "SELECT capability, count(*) FROM tasks WHERE worker = '' GROUP BY 1"
                ).fetchall()
            },
        )

    def _counts(self, sql: str) -> dict[tuple[str, str], int]:
        return {(row[0], row[1]): row[2] for row in self._connection.execute(sql).fetchall()}

    def _overviews(self, rows: Sequence[Row]) -> list[RunOverview]:
        counts = self._step_counts([row[0] for row in rows])
        return [_overview(row, counts.get(row[0], {})) for row in rows]

    def _step_counts(self, run_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        if run_ids:
            marks = ", ".join("?" * len(run_ids))
            rows = self._connection.execute(
                f"SELECT run_id, status, count(*) FROM steps WHERE run_id IN ({marks}) "  # noqa: S608 -- only marks
                "GROUP BY 1, 2",
                tuple(run_ids),
            )
            for run_id, status, number in rows.fetchall():
                found.setdefault(run_id, {})[status] = number
        return found


def _tests(query: RunQuery, dialect: Dialect) -> tuple[list[str], list[object]]:
    tests, values = list[str](), list[object]()
    if query.projects is not None:
        tests.append(f"r.project IN ({', '.join('?' * len(query.projects)) or 'NULL'})")
        values += sorted(query.projects)
    if query.status is not None:
        tests.append("r.status = ?")
        values.append(query.status.value)
    if query.workflow is not None:
        tests.append("r.workflow = ?")
        values.append(query.workflow)
    if query.since is not None:
        tests.append("r.created_at >= ?")
        values.append(to_moment(query.since))
    if query.ended:
        tests.append(f"r.status IN ({', '.join('?' * len(ENDED_RUNS))})")
        values += sorted(status.value for status in ENDED_RUNS)
    if query.blueprint is not None:
        blueprint = dialect.member.format("h.document", "blueprint")
        tests.append(f"h.last_sequence = r.last_sequence AND {blueprint} = ?")
        values.append(query.blueprint)
    _narrow(query, tests, values)
    return tests, values


def _narrow(query: RunQuery, tests: list[str], values: list[object]) -> None:
    if query.text:
        tests.append("(r.id LIKE ? ESCAPE '!' OR lower(r.inputs) LIKE ? ESCAPE '!')")
        within = json.dumps(query.text.lower())[1:-1]  # as it stands in the JSON of the inputs
        values += [_pattern(query.text.lower()), _pattern(within)]
    if query.before is not None:
        at = to_moment(query.before[0])
        tests.append("(r.created_at < ? OR (r.created_at = ? AND r.id < ?))")
        values += [at, at, query.before[1]]


def _pattern(text: str) -> str:
    return f"%{text.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"


def _overview(row: Row, steps: dict[str, int]) -> RunOverview:
    last, of, document = row[_WIDTH:]
    return RunOverview(
        run=run_from_row(row[:_WIDTH]),
        last_sequence=last,
        steps=steps,
        headline=from_text(Headline, document, "a headline") if of == last else None,
    )
