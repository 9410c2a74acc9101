"""What the journal keeps of attempts, over many runs; what steps put out is not read."""

from collections.abc import Collection, Iterator, Mapping, Sequence, Sized

from maestro.domain.history import EarlierAttempt, SteeredStep, TriedStep, WorkInHand
from maestro.domain.run import StepError
from maestro.domain.values import JsonValue, RunId, StepId
from maestro.storage.database import Connection, Row
from maestro.storage.records import from_moment, from_text, json_from_text, unreadable

_AT_ONCE = 200
"""Runs asked for in one statement."""
_STEPS = (
    "SELECT s.run_id, s.step_id, s.definition, a.attempt, a.status, a.started_at, a.ended_at, "
    "a.error FROM steps s JOIN attempts a ON a.run_id = s.run_id AND a.step_id = s.step_id "
    "WHERE s.run_id IN ({}) ORDER BY s.run_id, s.position, a.attempt"
)
_CALLS = (
    "SELECT run_id, step_id, COUNT(*), SUM(tokens), SUM(cost), SUM(unknown) FROM model_calls "
    "WHERE kind = 'model' AND run_id IN ({}) GROUP BY run_id, step_id"
)
_RESETS = (
    "SELECT run_id, step_id, at, data FROM events WHERE kind = 'step.reset' AND run_id IN ({}) "
    "ORDER BY run_id, sequence"
)
_IN_HAND = (
    "SELECT s.run_id, r.project, s.step_id, s.definition, s.status, s.attempt, s.started_at "
    "FROM steps s JOIN runs r ON r.id = s.run_id WHERE r.status IN ('running', 'paused') "
    "AND s.status IN ('ready', 'running', 'waiting') AND {} = 'persona.work' {}"
    "ORDER BY r.created_at, r.id, s.position LIMIT ?"
)
_CHOSEN = (
    "SELECT run_id, step_id, attempt, data FROM events WHERE kind = 'agent.chosen' "
    "AND run_id IN ({}) ORDER BY run_id, sequence"
)


class SqlHistory:
    """The HistoryRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tried(self, run_ids: Sequence[RunId]) -> Sequence[TriedStep]:
        spent = {
            (row[0], row[1]): (int(row[2]), int(row[3]), None if row[5] else float(row[4]))
            for row in self._of(_CALLS, run_ids)
        }
        found: dict[tuple[str, str], list[Row]] = {}
        for row in self._of(_STEPS, run_ids):
            found.setdefault((row[0], row[1]), []).append(row)
        return [_tried(rows, spent.get(key, (0, 0, 0.0))) for key, rows in found.items()]

    def resets(self, run_ids: Sequence[RunId]) -> Sequence[SteeredStep]:
        return [_reset(row) for row in self._of(_RESETS, run_ids)]

    def in_hand(self, projects: Collection[str] | None, limit: int) -> Sequence[WorkInHand]:
        own = "" if projects is None else f"AND r.project IN ({_marks(projects) or 'NULL'}) "
        action = self._connection.dialect.member.format("s.definition", "action")
        rows = self._connection.execute(
            _IN_HAND.format(action, own), (*sorted(projects or ()), limit)
        ).fetchall()
        chosen: dict[tuple[str, str, int], str] = {}  # of several the last one has it
        for run_id, step_id, attempt, text in self._of(
            _CHOSEN, list(dict.fromkeys(RunId(row[0]) for row in rows))
        ):
            data = json_from_text(text, f"an event of run {run_id!r}")
            if isinstance(data, Mapping):
                chosen[run_id, step_id, attempt] = str(data.get("agent"))
        return [_in_hand(row, chosen.get((row[0], row[2], row[5]))) for row in rows]

    def _of(self, sql: str, run_ids: Sequence[RunId]) -> Iterator[Row]:
        for begin in range(0, len(run_ids), _AT_ONCE):
            some = run_ids[begin : begin + _AT_ONCE]
            yield from self._connection.execute(sql.format(_marks(some)), tuple(some)).fetchall()


def _marks(values: Sized) -> str:
    return ", ".join("?" * len(values))


def _definition(text: str, where: str) -> Mapping[str, JsonValue]:
    step = json_from_text(text, where)
    if not isinstance(step, Mapping):
        raise unreadable(where, TypeError("no definition of a step"))
    return step


def _tried(rows: Sequence[Row], spent: tuple[int, int, float | None]) -> TriedStep:
    run_id, step_id, text = rows[0][:3]
    where = f"step {step_id!r} of run {run_id!r}"
    step = _definition(text, where)
    calls, tokens, cost = spent
    return TriedStep(
        run_id=RunId(run_id),
        step_id=StepId(step_id),
        title=str(step.get("title") or step_id),
        action=str(step.get("action", "")),
        persona=str(step.get("persona", "")),
        phase=str(step.get("phase", "")),
        needs=_needs(step.get("needs")),
        attempts=tuple(_attempt(row, where) for row in rows),
        model_calls=calls,
        tokens=tokens,
        cost=cost,
    )


def _needs(given: JsonValue) -> tuple[StepId, ...]:
    return tuple(StepId(str(need)) for need in given) if isinstance(given, list) else ()


def _in_hand(row: Row, agent: str | None) -> WorkInHand:
    run_id, project, step_id, text, status, attempt, since = row
    where = f"step {step_id!r} of run {run_id!r}"
    step = _definition(text, where)
    at_work = status == "running"
    return WorkInHand(
        run_id=RunId(run_id),
        project=project,
        step_id=StepId(step_id),
        title=str(step.get("title") or step_id),
        persona=str(step.get("persona", "")),
        status=status,
        attempt=attempt,
        since=from_moment(since, where) if at_work else None,
        agent=agent if at_work else None,
    )


def _attempt(row: Row, where: str) -> EarlierAttempt:
    return EarlierAttempt(
        number=row[3],
        status=row[4],
        started_at=from_moment(row[5], where),
        ended_at=from_moment(row[6], where),
        error=None if row[7] is None else from_text(StepError, row[7], where),
    )


def _reset(row: Row) -> SteeredStep:
    where = f"a reset in run {row[0]!r}"
    at = from_moment(row[2], where)
    if at is None:
        raise unreadable(where, ValueError("it has no moment"))
    return SteeredStep(
        run_id=RunId(row[0]),
        step_id=StepId(row[1]),
        at=at,
        feedback=bool(json_from_text(row[3], where)),
    )
