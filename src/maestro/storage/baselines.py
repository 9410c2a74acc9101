"""What the last passing run of each product measured."""

from maestro.domain.baseline import Baseline
from maestro.storage.database import Connection
from maestro.storage.records import from_text, to_moment, to_text


class SqlBaselines:
    """The BaselineRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, baseline: Baseline) -> None:
        self._connection.execute(
            "INSERT INTO baselines (project, subject, phase, at, document) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (project, subject, phase) DO UPDATE SET at = excluded.at, "
            "document = excluded.document WHERE baselines.at <= excluded.at",
            (
                baseline.project,
                baseline.subject,
                baseline.phase,
                to_moment(baseline.at),
                to_text(baseline),
            ),
        )

    def get(self, project: str, subject: str, phase: str) -> Baseline | None:
        row = self._connection.execute(
            "SELECT document FROM baselines WHERE project = ? AND subject = ? AND phase = ?",
            (project, subject, phase),
        ).fetchone()
        return None if row is None else from_text(Baseline, row[0], "a baseline")
