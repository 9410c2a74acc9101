"""Figures over all runs: what is not counted yet, and what was."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from maestro.domain.figures import FigureKey, ReadingPurpose, RunNews, TimedCall
from maestro.domain.models import CallEntry
from maestro.domain.overview import AttemptRecord
from maestro.domain.run import Event, EventKind
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step
from maestro.errors import Conflict
from maestro.storage.database import Connection, Row
from maestro.storage.extension import select_steps
from maestro.storage.records import (
    EVENT_COLUMNS,
    attempt_from_row,
    event_from_row,
    from_moment,
    from_text,
    json_from_text,
    no_run,
    step_from_text,
    to_text,
)

_ENDS = frozenset(
    {
        EventKind.STEP_SUCCEEDED,
        EventKind.STEP_FAILED,
        EventKind.STEP_BLOCKED,
        EventKind.STEP_RETRYING,
        EventKind.STEP_INTERRUPTED,
        EventKind.STEP_CANCELLED,
    }
)
_READ_WHOLE = frozenset({"quality.gate", "contract.verify", "persona.work"})
"""Actions whose attempts put out what is counted; what others put out is not read."""
_UNREAD = (
    "FROM runs r LEFT JOIN counted c ON c.run_id = r.id AND c.purpose = ? "
    "WHERE r.last_sequence > coalesce(c.sequence, 0)"
)
_PLAN_STEP = "plan.assemble"


class SqlCounting:
    """The CountingRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def unread(self, purpose: ReadingPurpose, limit: int) -> Sequence[tuple[RunId, int]]:
        rows = self._connection.execute(
            f"SELECT r.id, coalesce(c.sequence, 0) {_UNREAD} LIMIT ?",
            (purpose.value, limit),
        )
        return [(RunId(row[0]), row[1]) for row in rows.fetchall()]

    def backlog(self, purpose: ReadingPurpose) -> int:
        row = self._connection.execute(f"SELECT count(*) {_UNREAD}", (purpose.value,)).fetchone()
        return int(row[0])

    def news(self, run_id: RunId, before: int, limit: int) -> RunNews:
        row = self._connection.execute(
            "SELECT workflow, created_at, project FROM runs WHERE id = ?", (run_id,)
        ).fetchone()
        created = None if row is None else from_moment(row[1], f"run {run_id!r}")
        if row is None or created is None:
            raise no_run(run_id)
        found = self._connection.execute(
            f"SELECT {EVENT_COLUMNS} FROM events WHERE run_id = ? AND sequence > ? "  # noqa: S608 -- constant column list
            "ORDER BY sequence LIMIT ?",
            (run_id, before, limit),
        )
        events = [event_from_row(row) for row in found.fetchall()]
        steps = self._steps(run_id, events)
        attempts, waited = self._attempts(run_id, events, steps)
        resets, agents = self._earlier(run_id, steps)
        return RunNews(
            run_id=run_id,
            project=row[2],
            workflow=row[0],
            created_at=created,
            before=before,
            events=events,
            steps=steps,
            attempts=attempts,
            waited=waited,
            ended=self._ended(run_id, steps),
            resets=resets,
            agents=agents,
            calls=self._calls(run_id, events, steps),
            kinds=self._kinds(run_id, steps),
            blueprint=self._blueprint(run_id, events),
        )

    def advance(self, purpose: ReadingPurpose, cursors: Mapping[RunId, tuple[int, int]]) -> None:
        for run_id in sorted(cursors):  # in one order: others may be reading, too
            before, last = cursors[run_id]
            done = self._connection.execute(
                "INSERT INTO counted (purpose, run_id, sequence) VALUES (?, ?, ?) "
                "ON CONFLICT (purpose, run_id) DO UPDATE SET sequence = excluded.sequence "
                "WHERE counted.sequence = ?",
                (purpose.value, run_id, last, before),
            )
            if done.rowcount != 1:
                raise Conflict(f"run {run_id!r} was read by another process meanwhile")

    def add(self, figures: Mapping[FigureKey, float]) -> None:
        for key in sorted(figures):
            self._connection.execute(
                "INSERT INTO figures (key, value) VALUES (?, ?) ON CONFLICT (key) "
                "DO UPDATE SET value = figures.value + excluded.value",
                (to_text(key), float(figures[key])),
            )

    def totals(self) -> Mapping[FigureKey, float]:
        rows = self._connection.execute("SELECT key, value FROM figures").fetchall()
        return {tuple(json_from_text(row[0], "a figure")): row[1] for row in rows}

    def oldest_waiting(self) -> Mapping[str, float]:
        now = self._connection.dialect.now
        rows = self._connection.execute(
            f"SELECT capability, {now} - min(offered_at) FROM tasks WHERE worker = '' GROUP BY 1"  # noqa: S608 -- constant text
        )
        return {row[0]: max(0.0, float(row[1])) for row in rows.fetchall()}

    def _steps(self, run_id: RunId, events: Sequence[Event]) -> dict[StepId, Step]:
        wanted = {event.step_id for event in events if event.step_id is not None}
        rows = select_steps(self._connection, "definition", run_id, sorted(wanted))
        found = [step_from_text(row[0], run_id) for row in rows]
        return {step.id: step for step in found}

    def _ended(self, run_id: RunId, steps: Mapping[StepId, Step]) -> dict[StepId, datetime]:
        needs = sorted({need for step in steps.values() for need in step.needs})
        rows = select_steps(self._connection, "step_id, ended_at", run_id, needs)
        moments = {StepId(row[0]): from_moment(row[1], f"step {row[0]!r}") for row in rows}
        return {step_id: at for step_id, at in moments.items() if at is not None}

    def _attempts(
        self, run_id: RunId, events: Sequence[Event], steps: Mapping[StepId, Step]
    ) -> tuple[dict[tuple[StepId, int], AttemptRecord], dict[tuple[StepId, int], float]]:
        wanted = {event.step_id for event in events if event.step_id is not None}
        attempts: dict[tuple[StepId, int], AttemptRecord] = {}
        waited: dict[tuple[StepId, int], float] = {}
        whole = {name for name, step in steps.items() if step.action in _READ_WHOLE}
        for ids, columns in (
            (wanted - whole, "NULL, error"),
            (whole, "output, error"),
        ):
            for row in self._attempt_rows(run_id, ids, columns):
                key = (StepId(row[0]), row[1])
                attempts[key] = attempt_from_row(row[1:7], f"an attempt of step {row[0]!r}")
                if row[7] is not None:
                    waited[key] = row[7]
        return attempts, waited

    def _attempt_rows(self, run_id: RunId, ids: Collection[StepId], columns: str) -> list[Row]:
        rows: list[Row] = []
        named = sorted(ids)
        for start in range(0, len(named), 500):
            part = named[start : start + 500]
            rows += self._connection.execute(
                f"SELECT step_id, attempt, status, started_at, ended_at, {columns}, waited "  # noqa: S608 -- constant columns and marks
                f"FROM attempts WHERE run_id = ? AND step_id IN ({', '.join('?' * len(part))})",
                (run_id, *part),
            ).fetchall()
        return rows

    def _calls(
        self, run_id: RunId, events: Sequence[Event], steps: Mapping[StepId, Step]
    ) -> list[TimedCall]:
        ended = {(event.step_id, event.attempt) for event in events if event.kind in _ENDS}
        found: list[TimedCall] = []
        for step_id in sorted({name for name, _ in ended if name is not None}):
            if steps[step_id].action != "persona.work":
                continue
            rows = self._connection.execute(
                "SELECT document, at FROM model_calls WHERE run_id = ? AND step_id = ? "
                "AND kind IN ('model', 'tool') AND state = 'answered' ORDER BY position",
                (run_id, step_id),
            )
            found += [
                TimedCall(entry=from_text(CallEntry, row[0], "a call"), at=row[1])
                for row in rows.fetchall()
            ]
        return [call for call in found if (call.entry.step_id, call.entry.attempt) in ended]

    def _earlier(
        self, run_id: RunId, steps: Mapping[StepId, Step]
    ) -> tuple[list[tuple[StepId, datetime]], dict[tuple[StepId, int], str]]:
        """Resets, and agents that were chosen: told long before what they are asked for at."""
        resets: list[tuple[StepId, datetime]] = []
        agents: dict[tuple[StepId, int], str] = {}
        rows = self._connection.execute(
            "SELECT kind, step_id, attempt, at, data FROM events WHERE run_id = ? "
            "AND kind IN ('step.reset', 'agent.chosen') ORDER BY sequence",
            (run_id,),
        )
        for kind, name, attempt, at, data in rows.fetchall():
            moment = from_moment(at, "an event")
            if name not in steps or moment is None:
                continue
            if kind == EventKind.STEP_RESET:
                resets.append((StepId(name), moment))
            else:
                told = json_from_text(data, "an event")
                agents[StepId(name), attempt] = str(told.get("agent", ""))
        return resets, agents

    def _kinds(self, run_id: RunId, steps: Mapping[StepId, Step]) -> dict[str, str]:
        if not any(step.action == "contract.verify" for step in steps.values()):
            return {}
        rows = self._connection.execute(
            "SELECT id, kind FROM contracts WHERE run_id = ?", (run_id,)
        )
        return {row[0]: row[1] for row in rows.fetchall()}

    def _blueprint(self, run_id: RunId, events: Sequence[Event]) -> str:
        if not any(event.step_id is None for event in events):
            return ""
        row = self._connection.execute(
            "SELECT output FROM steps WHERE run_id = ? AND step_id = ?", (run_id, _PLAN_STEP)
        ).fetchone()
        if row is None or row[0] is None:
            return ""
        plan = json_from_text(row[0], f"the plan of run {run_id!r}")
        # Steps of people's own workflows may be called so, too.
        team = plan.get("team") if isinstance(plan, dict) else None
        return str(team.get("blueprint", "")) if isinstance(team, dict) else ""
