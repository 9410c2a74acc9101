"""All repositories over one connection."""

from collections.abc import Collection

from maestro.domain.values import RunId
from maestro.storage.agents import SqlAgents
from maestro.storage.audit import SqlAudit
from maestro.storage.baselines import SqlBaselines
from maestro.storage.contracts import SqlContracts
from maestro.storage.database import Connection
from maestro.storage.events import SqlEvents
from maestro.storage.history import SqlHistory
from maestro.storage.keys import SqlKeys
from maestro.storage.listing import SqlListing
from maestro.storage.model_calls import SqlModelCalls
from maestro.storage.projects import SqlProjects
from maestro.storage.requests import SqlRequests
from maestro.storage.requirements import SqlRequirements
from maestro.storage.runs import SqlRuns
from maestro.storage.sheet import Sheet
from maestro.storage.tasks import SqlTasks
from maestro.storage.waivers import SqlWaivers
from maestro.storage.webhooks import SqlWebhooks
from maestro.storage.workflows import SqlWorkflows


class SqlTransaction:
    """The Transaction port. Its owner begins the database transaction, flushes and ends it.

    Most transactions need few repositories; those that keep nothing are made when asked for.
    """

    def __init__(self, connection: Connection, seal_key: bytes | None = None) -> None:
        """`seal_key`: seals what is added to the audit log; None for what only reads."""
        self._sheet = Sheet(connection)
        self._runs = SqlRuns(connection, self._sheet)
        self._events = SqlEvents(connection, self._sheet)
        self._connection = connection
        self._seal_key = seal_key

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
        return SqlTasks(self._connection)

    @property
    def requirements(self) -> SqlRequirements:
        return SqlRequirements(self._connection)

    @property
    def contracts(self) -> SqlContracts:
        return SqlContracts(self._connection)

    @property
    def waivers(self) -> SqlWaivers:
        return SqlWaivers(self._connection)

    @property
    def baselines(self) -> SqlBaselines:
        return SqlBaselines(self._connection)

    @property
    def agents(self) -> SqlAgents:
        return SqlAgents(self._connection)

    @property
    def model_calls(self) -> SqlModelCalls:
        return SqlModelCalls(self._connection)

    @property
    def audit(self) -> SqlAudit:
        return SqlAudit(self._connection, self._seal_key)

    @property
    def listing(self) -> SqlListing:
        return SqlListing(self._connection, self._sheet)

    @property
    def history(self) -> SqlHistory:
        self._sheet.flush()
        return SqlHistory(self._connection)

    @property
    def keys(self) -> SqlKeys:
        return SqlKeys(self._connection)

    @property
    def workflows(self) -> SqlWorkflows:
        return SqlWorkflows(self._connection)

    @property
    def requests(self) -> SqlRequests:
        return SqlRequests(self._connection)

    @property
    def webhooks(self) -> SqlWebhooks:
        self._sheet.flush()
        return SqlWebhooks(self._connection, self._events)

    @property
    def projects(self) -> SqlProjects:
        return SqlProjects(self._connection)
