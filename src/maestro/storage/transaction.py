"""All repositories over one connection."""

import sqlite3

from maestro.storage.audit import SqliteAudit
from maestro.storage.events import SqliteEvents
from maestro.storage.requirements import SqliteRequirements
from maestro.storage.runs import SqliteRuns


class SqliteTransaction:
    """The Transaction port. Its owner begins and ends the database transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._runs = SqliteRuns(connection)
        self._events = SqliteEvents(connection)
        self._requirements = SqliteRequirements(connection)
        self._audit = SqliteAudit(connection)

    @property
    def runs(self) -> SqliteRuns:
        return self._runs

    @property
    def events(self) -> SqliteEvents:
        return self._events

    @property
    def requirements(self) -> SqliteRequirements:
        return self._requirements

    @property
    def audit(self) -> SqliteAudit:
        return self._audit
