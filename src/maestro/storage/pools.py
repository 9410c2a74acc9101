"""Pools of agents: who keeps them, what waits for them, what happened."""

from collections.abc import Mapping, Sequence

from maestro.domain.pool import Demand, Pool, PoolEvent, PoolEventKind, PoolRecord, check_pool
from maestro.storage.database import Connection, Row
from maestro.storage.records import from_text, to_text

EVENTS_KEPT = 10_000
_COUNTED = {
    PoolEventKind.AGENT_STARTED: "started",
    PoolEventKind.AGENT_ENDED: "ended",
    PoolEventKind.AGENT_LOST: "lost",
    PoolEventKind.START_FAILED: "start_failed",
}
_TROUBLES = (PoolEventKind.AGENT_LOST, PoolEventKind.START_FAILED)


class SqlPools:
    """The PoolRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, pool: Pool, keeper: str, lease_seconds: float) -> str:
        check_pool(pool)
        now = self._connection.dialect.now
        self._connection.execute(
            "INSERT INTO pools (capability, keeper, lease_until, document) "  # noqa: S608 -- constant text
            f"VALUES (?, ?, {now} + ?, ?) ON CONFLICT (capability) DO UPDATE SET "
            "keeper = excluded.keeper, lease_until = excluded.lease_until, "
            "document = excluded.document WHERE pools.keeper = excluded.keeper "
            f"OR pools.lease_until < {now}",
            (pool.capability, keeper, float(lease_seconds), to_text(pool)),
        )
        row = self._connection.execute(
            "SELECT keeper FROM pools WHERE capability = ?", (pool.capability,)
        ).fetchone()
        return str(row[0])

    def known(self, capability: str) -> bool:
        row = self._connection.execute(
            "SELECT 1 FROM pools WHERE capability = ?", (capability,)
        ).fetchone()
        return row is not None

    def leave(self, capability: str, keeper: str) -> None:
        self._connection.execute(
            "UPDATE pools SET lease_until = 0 WHERE capability = ? AND keeper = ?",
            (capability, keeper),
        )

    def demands(self) -> Sequence[Demand]:
        now = self._connection.dialect.now
        rows = self._connection.execute(
            "SELECT capability, SUM(CASE WHEN worker = '' THEN 1 ELSE 0 END), "  # noqa: S608 -- constant text
            f"{now} - MIN(CASE WHEN worker = '' THEN offered_at END), "
            "SUM(CASE WHEN worker <> '' AND result IS NULL THEN 1 ELSE 0 END) "
            "FROM tasks WHERE capability <> '' GROUP BY capability ORDER BY capability"
        )
        return [
            Demand(
                capability=row[0],
                waiting=int(row[1]),
                oldest_seconds=max(0.0, row[2] or 0.0),
                in_hand=int(row[3]),
            )
            for row in rows.fetchall()
        ]

    def in_hand(self, capability: str) -> Mapping[str, int]:
        rows = self._connection.execute(
            "SELECT worker, COUNT(*) FROM tasks WHERE capability = ? AND worker <> '' "
            "AND result IS NULL GROUP BY worker",
            (capability,),
        )
        return {row[0]: int(row[1]) for row in rows.fetchall()}

    def note(self, event: PoolEvent) -> None:
        self._connection.execute("INSERT INTO pool_events (document) VALUES (?)", (to_text(event),))
        self._connection.execute(
            "DELETE FROM pool_events WHERE position <= (SELECT MAX(position) FROM pool_events) - ?",
            (EVENTS_KEPT,),
        )
        column = _COUNTED.get(event.kind)
        if column is not None:
            self._connection.execute(
                f"UPDATE pools SET {column} = {column} + 1 WHERE capability = ?",  # noqa: S608 -- constant names
                (event.capability,),
            )
        if event.kind in (*_TROUBLES, PoolEventKind.AGENT_READY):
            trouble = str(event.data.get("reason", "")) if event.kind in _TROUBLES else ""
            self._connection.execute(
                "UPDATE pools SET trouble = ? WHERE capability = ?", (trouble, event.capability)
            )

    def events(self, limit: int) -> Sequence[PoolEvent]:
        rows = self._connection.execute(
            "SELECT document FROM pool_events ORDER BY position DESC LIMIT ?", (limit,)
        )
        return [from_text(PoolEvent, row[0], "an event of a pool") for row in rows.fetchall()]

    def all(self) -> Sequence[PoolRecord]:
        now = self._connection.dialect.now
        rows = self._connection.execute(
            f"SELECT document, keeper, CASE WHEN lease_until >= {now} THEN 1 ELSE 0 END, "  # noqa: S608 -- constant text
            "started, ended, lost, start_failed, trouble FROM pools ORDER BY capability"
        ).fetchall()
        if not rows:
            return []
        demands = {one.capability: one for one in self.demands()}
        alive = [
            row[0]
            for row in self._connection.execute(
                f"SELECT id FROM agents WHERE home <> '' AND lease_until >= {now}"  # noqa: S608 -- constant text
            ).fetchall()
        ]
        return [_record(row, demands, alive) for row in rows]


def _record(row: Row, demands: Mapping[str, Demand], alive: Sequence[str]) -> PoolRecord:
    pool = from_text(Pool, row[0], "a pool")
    return PoolRecord(
        pool=pool,
        keeper=row[1],
        kept=bool(row[2]),
        demand=demands.get(pool.capability, Demand(capability=pool.capability)),
        agents=sum(pool.number(agent) is not None for agent in alive),
        started=row[3],
        ended=row[4],
        lost=row[5],
        start_failed=row[6],
        trouble=row[7],
    )
