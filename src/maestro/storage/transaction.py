"""All repositories over one connection."""

from maestro.storage.audit import SqlAudit
from maestro.storage.database import Connection
from maestro.storage.events import SqlEvents
from maestro.storage.requirements import SqlRequirements
from maestro.storage.runs import SqlRuns
from maestro.storage.tasks import SqlTasks


class SqlTransaction:
    """The Transaction port. Its owner begins and ends the database transaction."""

    def __init__(self, connection: Connection) -> None:
        self._runs = SqlRuns(connection)
        self._events = SqlEvents(connection)
        self._tasks = SqlTasks(connection)
        self._requirements = SqlRequirements(connection)
        self._audit = SqlAudit(connection)

    @property
    def runs(self) -> SqlRuns:
        return self._runs

    @property
    def events(self) -> SqlEvents:
        return self._events

    @property
    def tasks(self) -> SqlTasks:
        return self._tasks

    @property
    def requirements(self) -> SqlRequirements:
        return self._requirements

    @property
    def audit(self) -> SqlAudit:
        return self._audit
