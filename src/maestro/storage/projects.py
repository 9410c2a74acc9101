"""What projects share with each other, and what they may spend."""

from collections.abc import Sequence
from datetime import datetime

from maestro.domain.models import Caps, Spent
from maestro.domain.overview import AttemptRecord
from maestro.domain.sharing import Share, SharedKind
from maestro.domain.values import RunId, StepId
from maestro.errors import Conflict, NotFound
from maestro.storage.database import Connection
from maestro.storage.records import attempt_from_row, from_text, step_from_text, to_moment, to_text
from maestro.storage.spending import OF_PROJECT, project_budget, sums

_WAIVED = '%"verdict":"WAIVED"%'
_JUDGED = frozenset({"quality.gate", "persona.work"})
"""Actions whose verdicts are the gates' own; what other steps put out may look like one."""


class SqlProjects:
    """The ProjectRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def share(self, share: Share) -> None:
        done = self._connection.execute(
            "INSERT INTO shares (id, project, kind, name, with_project, document) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (project, kind, name, with_project) DO NOTHING",
            (
                share.id,
                share.project,
                share.kind.value,
                share.name,
                share.with_project,
                to_text(share),
            ),
        )
        if done.rowcount == 0:
            raise Conflict(
                f"project {share.project!r} shares {share.kind.value} {share.name!r} with "
                f"{share.with_project!r} already"
            )

    def shares(self, project: str) -> Sequence[Share]:
        rows = self._connection.execute(
            "SELECT id, document FROM shares WHERE project = ? OR with_project = ?",
            (project, project),
        )
        found = [from_text(Share, row[1], f"share {row[0]!r}") for row in rows.fetchall()]
        return sorted(found, key=lambda share: (share.created_at, share.id))

    def unshare(self, project: str, share_id: str) -> Share:
        row = self._connection.execute(
            "DELETE FROM shares WHERE project = ? AND id = ? RETURNING document",
            (project, share_id),
        ).fetchone()
        if row is None:
            raise NotFound(f"project {project!r} gives no share {share_id!r}")
        return from_text(Share, row[0], f"share {share_id!r}")

    def owners(self, kind: SharedKind, name: str, with_project: str) -> Sequence[str]:
        rows = self._connection.execute(
            "SELECT project FROM shares WHERE kind = ? AND name = ? AND with_project = ? "
            "ORDER BY project",
            (kind.value, name, with_project),
        )
        return [row[0] for row in rows.fetchall()]

    def budget(self, project: str) -> Caps:
        return project_budget(self._connection, project)

    def set_budget(self, project: str, caps: Caps) -> None:
        self._connection.execute(
            "INSERT INTO project_budgets (project, document) VALUES (?, ?) "
            "ON CONFLICT (project) DO UPDATE SET document = excluded.document",
            (project, to_text(caps)),
        )

    def spent(self, project: str) -> Spent:
        return sums(self._connection, OF_PROJECT, (project,))[1]

    def names(self) -> Sequence[str]:
        rows = self._connection.execute(
            "SELECT project FROM runs UNION SELECT project FROM waivers ORDER BY project"
        )
        return [row[0] for row in rows.fetchall()]

    def waived(
        self, project: str | None, since: datetime | None
    ) -> Sequence[tuple[RunId, StepId, AttemptRecord]]:
        tests, values = ["(a.output LIKE ? OR a.error LIKE ?)"], list[object]([_WAIVED, _WAIVED])
        for test, value in (("r.project = ?", project), ("a.ended_at >= ?", to_moment(since))):
            if value is not None:
                tests.append(test)
                values.append(value)
        rows = self._connection.execute(
            "SELECT a.run_id, a.step_id, a.attempt, a.status, a.started_at, a.ended_at, a.output, "  # noqa: S608 -- constant text
            "a.error, s.definition FROM attempts a JOIN runs r ON r.id = a.run_id JOIN steps s "
            f"ON s.run_id = a.run_id AND s.step_id = a.step_id WHERE {' AND '.join(tests)} "
            "ORDER BY a.ended_at, a.run_id, a.step_id, a.attempt",
            tuple(values),
        )
        return [
            (RunId(row[0]), StepId(row[1]), attempt_from_row(row[2:8], f"step {row[1]!r}"))
            for row in rows.fetchall()
            if step_from_text(row[8], row[0]).action in _JUDGED
        ]
