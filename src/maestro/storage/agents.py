"""The registry of agents."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from maestro.domain.agent import (
    PRIOR_SUCCESS,
    SMOOTHING,
    Agent,
    AgentRecord,
    check_agent,
)
from maestro.domain.pool import of_pool
from maestro.errors import Conflict, NotFound
from maestro.storage.database import Connection, Row
from maestro.storage.dispatchers import SqlDispatchers
from maestro.storage.pools import SqlPools
from maestro.storage.records import from_moment, from_text, to_moment, to_text, unreadable

_INSERT = (
    "INSERT INTO agents (id, home, lease_until, success, seconds, done, failed, registered_at, "
    "document) VALUES (?, ?, {lease}, ?, NULL, 0, 0, ?, ?) ON CONFLICT (id) DO "
)
_SUCCEEDED = (
    "UPDATE agents SET success = success + ? * (1 - success), "
    "seconds = coalesce(seconds + ? * (? - seconds), ?), done = done + 1 WHERE id = ?"
)
_FAILED = "UPDATE agents SET success = success - ? * success, failed = failed + 1 WHERE id = ?"


class SqlAgents:
    """The AgentRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def pools(self) -> SqlPools:
        return SqlPools(self._connection)

    @property
    def dispatchers(self) -> SqlDispatchers:
        return SqlDispatchers(self._connection)

    def insert(self, agent: Agent, at: datetime) -> bool:
        check_agent(agent)
        named = of_pool(agent.id)
        if named is not None and self.pools.known(named[0]):
            return False
        done = self._connection.execute(
            _INSERT.format(lease="NULL") + "NOTHING",
            (agent.id, agent.home, *_beginning(agent, at)),
        )
        return done.rowcount == 1

    def join(self, agent: Agent, at: datetime, lease_seconds: float) -> None:
        check_agent(agent)
        now = self._connection.dialect.now
        done = self._connection.execute(
            _INSERT.format(lease=f"{now} + ?")
            + "UPDATE SET home = excluded.home, lease_until = excluded.lease_until, "
            "document = excluded.document WHERE agents.home <> '' "
            f"AND (agents.home = excluded.home OR agents.lease_until < {now})",
            (agent.id, agent.home, float(lease_seconds), *_beginning(agent, at)),
        )
        if done.rowcount == 0:
            other = self.get(agent.id).agent.home
            raise Conflict(
                f"agent id {agent.id!r} is already taken by "
                f"{f'process {other!r}' if other else 'an agent of every process'}; choose another"
            )

    def beat(self, agent_id: str, home: str, lease_seconds: float) -> bool:
        now = self._connection.dialect.now
        done = self._connection.execute(
            f"UPDATE agents SET lease_until = {now} + ? WHERE id = ? AND home = ?",  # noqa: S608 -- constant text
            (float(lease_seconds), agent_id, home),
        )
        return done.rowcount == 1

    def get(self, agent_id: str) -> AgentRecord:
        row = self._connection.execute(
            f"{_select(self._connection)} WHERE id = ?", (agent_id,)
        ).fetchone()
        if row is None:
            raise NotFound(
                f"there is no agent {agent_id!r} in this database; see 'maestro agents list'"
            )
        return _record(row)

    def all(self) -> Sequence[AgentRecord]:
        rows = self._connection.execute(f"{_select(self._connection)} ORDER BY position")
        return [_record(row) for row in rows.fetchall()]

    def update(self, agent: Agent) -> None:
        check_agent(agent)
        done = self._connection.execute(
            "UPDATE agents SET document = ? WHERE id = ? AND home = ?",
            (to_text(agent), agent.id, agent.home),
        )
        if done.rowcount == 0:
            self.get(agent.id)
            raise Conflict(f"agent {agent.id!r} moved to another process in the meantime")

    def remove(self, agent_id: str) -> None:
        done = self._connection.execute("DELETE FROM agents WHERE id = ?", (agent_id,))
        if done.rowcount == 0:
            self.get(agent_id)

    def measure(self, agent_id: str, seconds: float | None) -> None:
        if seconds is None:
            self._connection.execute(_FAILED, (SMOOTHING, agent_id))
        else:
            took = float(seconds)
            self._connection.execute(_SUCCEEDED, (SMOOTHING, SMOOTHING, took, took, agent_id))


def _beginning(agent: Agent, at: datetime) -> Row:
    return (PRIOR_SUCCESS, to_moment(at), to_text(agent))


def _select(connection: Connection) -> str:
    alive = f"CASE WHEN home = '' OR lease_until >= {connection.dialect.now} THEN 1 ELSE 0 END"
    return (
        f"SELECT id, document, {alive}, success, seconds, done, failed, registered_at FROM agents"  # noqa: S608 -- constant text
    )


@lru_cache(maxsize=4096)
def _agent(text: str, where: str) -> Agent:
    """The whole registry is read for every assignment, and hardly ever changes."""
    return from_text(Agent, text, where)


def _record(row: Row) -> AgentRecord:
    where = f"agent {row[0]!r}"
    registered = from_moment(row[7], where)
    if registered is None:
        raise unreadable(where, ValueError("it has no moment of registration"))
    return AgentRecord(
        agent=_agent(row[1], where),
        registered_at=registered,
        alive=bool(row[2]),
        success=row[3],
        seconds=row[4],
        done=row[5],
        failed=row[6],
    )
