"""Workflow files that were handed in."""

from collections.abc import Collection, Sequence

from maestro.domain.overview import StoredWorkflow
from maestro.errors import Conflict, NotFound
from maestro.storage.database import Connection
from maestro.storage.records import from_text, to_text


class SqlWorkflows:
    """The WorkflowRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, workflow: StoredWorkflow) -> None:
        done = self._connection.execute(
            "INSERT INTO workflows (project, name, document) VALUES (?, ?, ?) "
            "ON CONFLICT (project, name) DO NOTHING",
            (workflow.project, workflow.name, to_text(workflow)),
        )
        if done.rowcount == 0:
            raise Conflict(
                f"project {workflow.project!r} has a workflow {workflow.name!r} already; "
                "choose another name"
            )

    def get(self, project: str, name: str) -> StoredWorkflow:
        row = self._connection.execute(
            "SELECT document FROM workflows WHERE project = ? AND name = ?", (project, name)
        ).fetchone()
        if row is None:
            raise NotFound(f"project {project!r} has no workflow {name!r}")
        return from_text(StoredWorkflow, row[0], f"workflow {name!r}")

    def find(self, projects: Collection[str] | None) -> Sequence[StoredWorkflow]:
        where, values = "", tuple[str, ...]()
        if projects is not None:
            where = f"WHERE project IN ({', '.join('?' * len(projects)) or 'NULL'}) "
            values = tuple(sorted(projects))
        rows = self._connection.execute(
            f"SELECT name, document FROM workflows {where}ORDER BY project, name",  # noqa: S608 -- only marks
            values,
        )
        return [
            from_text(StoredWorkflow, row[1], f"workflow {row[0]!r}") for row in rows.fetchall()
        ]
