"""Requirements as they were handed in."""

from maestro.domain.requirement import Requirement
from maestro.errors import Conflict, NotFound
from maestro.storage.database import Connection
from maestro.storage.records import requirement_from_row, to_moment, to_text


class SqlRequirements:
    """The RequirementRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, requirement: Requirement) -> None:
        done = self._connection.execute(
            "INSERT INTO requirements (id, project, submitted_at, document) "
            "VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            (
                requirement.id,
                requirement.project,
                to_moment(requirement.submitted_at),
                to_text(requirement),
            ),
        )
        if done.rowcount == 0:
            raise Conflict(f"requirement id {requirement.id!r} is already taken; choose another")

    def get(self, requirement_id: str) -> Requirement:
        row = self._connection.execute(
            "SELECT id, document FROM requirements WHERE id = ?", (requirement_id,)
        ).fetchone()
        if row is None:
            raise NotFound(f"there is no requirement {requirement_id!r} in this database")
        return requirement_from_row(row)
