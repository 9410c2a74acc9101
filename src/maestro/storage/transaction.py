"""All repositories over one connection."""

from collections.abc import Collection

from maestro.domain.values import RunId
from maestro.storage.audit import SqlAudit
from maestro.storage.contracts import SqlContracts
from maestro.storage.database import Connection
from maestro.storage.events import SqlEvents
from maestro.storage.requirements import SqlRequirements
from maestro.storage.runs import SqlRuns
from maestro.storage.sheet import Sheet
from maestro.storage.tasks import SqlTasks


class SqlTransaction:
    """The Transaction port. Its owner begins the database transaction, flushes and ends it."""

    def __init__(self, connection: Connection) -> None:
        self._sheet = Sheet(connection)
        self._runs = SqlRuns(connection, self._sheet)
        self._events = SqlEvents(connection, self._sheet)
        self._tasks = SqlTasks(connection)
        self._requirements = SqlRequirements(connection)
        self._contracts = SqlContracts(connection)
        self._audit = SqlAudit(connection)

    def prepare(self, run_ids: Collection[RunId]) -> None:
        """Locks these runs at once; changes that concern them need not do so one by one."""
        self._sheet.heads.read(run_ids)

    def flush(self) -> None:
        """Writes what the repositories have gathered; see Sheet.flush."""
        self._sheet.flush()

    @property
    def runs(self) -> SqlRuns:
        return self._runs

    @property
    def events(self) -> SqlEvents:
        return self._events

    @property
    def tasks(self) -> SqlTasks:
        self._sheet.flush()  # attempts that ended take their tasks with them
        return self._tasks

    @property
    def requirements(self) -> SqlRequirements:
        return self._requirements

    @property
    def contracts(self) -> SqlContracts:
        return self._contracts

    @property
    def audit(self) -> SqlAudit:
        return self._audit
