"""What pools and the numbers of dispatchers promise, on SQLite and on PostgreSQL."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from stores import with_two_stores
from team import NOW, an_agent

from maestro.domain.dispatching import (
    AgentLoad,
    CircuitLoad,
    DispatchRecord,
    DispatchSnapshot,
    DispatchTotals,
    QueueLoad,
)
from maestro.domain.pool import Pool, PoolEvent, PoolEventKind
from maestro.errors import InvalidInput
from maestro.ports import Store

pytestmark = pytest.mark.xdist_group("postgres")

POOL = Pool(capability="build", personas=("backend_developer",), min=1, max=3)
SNAPSHOT = DispatchSnapshot(
    agents=(AgentLoad(agent="a", in_hand=2, given=3),),
    queues=(QueueLoad(persona="qa_engineer", languages=("go",), waiting=4, oldest_seconds=1.5),),
    circuits=(CircuitLoad(name="agent:a", state="open", failures=3, open_seconds=9.0),),
    totals=DispatchTotals(given=3, succeeded=1, waited_seconds=0.5),
)


async def kept_by(store: Store, keeper: str, lease: float, pool: Pool = POOL) -> str:
    return await store.write(lambda tx: tx.agents.pools.keep(pool, keeper, lease))


def test_one_keeps_a_pool_until_it_leaves_or_is_dead(location: str | Path) -> None:
    async def scenario(one: Store, two: Store) -> None:
        both = await asyncio.gather(kept_by(one, "h:1", 60), kept_by(two, "h:2", 60))
        assert len(set(both)) == 1
        first = both[0]
        other = "h:2" if first == "h:1" else "h:1"
        assert await kept_by(two, other, 60) == first
        await one.write(lambda tx: tx.agents.pools.leave("build", other))  # it is not his
        assert await kept_by(two, other, 60) == first
        await one.write(lambda tx: tx.agents.pools.leave("build", first))
        larger = replace(POOL, max=5)
        assert await kept_by(two, other, -1, larger) == other
        (record,) = await one.read(lambda tx: tx.agents.pools.all())
        assert (record.pool, record.keeper, record.kept) == (larger, other, False)
        assert await kept_by(one, first, 60) == first
        with pytest.raises(InvalidInput, match="min must lie in"):
            await kept_by(one, first, 60, replace(POOL, min=9))

    with_two_stores(location, scenario)


def test_an_id_of_a_pool_is_given_to_nobody_by_hand(location: str | Path) -> None:
    async def scenario(one: Store, two: Store) -> None:
        named = [an_agent(name) for name in ("build-1", "build-9", "build-01", "build-x", "own-1")]
        await kept_by(one, "h:1", 60)
        registered = await two.write(lambda tx: [tx.agents.insert(one, NOW) for one in named])
        assert registered == [False, False, True, True, True]
        await one.write(lambda tx: tx.agents.join(replace(POOL.agent(1), home="h:2"), NOW, 60))

    with_two_stores(location, scenario)


def test_events_are_counted_and_agents_alive_are_those_of_the_pool(location: str | Path) -> None:
    async def scenario(one: Store, two: Store) -> None:
        await kept_by(one, "h:1", 60)
        for number in (1, 2):
            living = replace(POOL.agent(number), home=f"h:{number}")
            lease = 60.0 if number == 1 else -1.0
            await one.write(lambda tx, a=living, s=lease: tx.agents.join(a, NOW, s))  # type: ignore[misc]
        await one.write(lambda tx: tx.agents.insert(an_agent("build-x"), NOW))
        kinds = [
            PoolEventKind.AGENT_STARTED,
            PoolEventKind.AGENT_STARTED,
            PoolEventKind.AGENT_ENDED,
            PoolEventKind.START_FAILED,
            PoolEventKind.AGENT_LOST,
        ]
        for kind in kinds:
            event = PoolEvent(
                kind=kind,
                at=NOW,
                capability="build",
                keeper="h:1",
                agent="build-1",
                data={"reason": kind.value},
            )
            await one.write(lambda tx, e=event: tx.agents.pools.note(e))  # type: ignore[misc]
        (record,) = await two.read(lambda tx: tx.agents.pools.all())
        counts = (record.started, record.ended, record.start_failed, record.lost)
        assert (counts, record.agents, record.trouble) == ((2, 1, 1, 1), 1, "agent.lost")
        ready = replace(event, kind=PoolEventKind.AGENT_READY, data={})
        await one.write(lambda tx: tx.agents.pools.note(ready))
        (record,) = await two.read(lambda tx: tx.agents.pools.all())
        assert record.trouble == ""
        events = await two.read(lambda tx: tx.agents.pools.events(2))
        assert events == [ready, event]

    with_two_stores(location, scenario)


def test_dispatchers_are_seen_within_their_lease_and_counts_add_up(location: str | Path) -> None:
    async def scenario(one: Store, two: Store) -> None:
        first = DispatchRecord(process="h:1", seen_at=NOW, snapshot=SNAPSHOT)
        second = replace(first, process="h:2")
        none = DispatchTotals()
        await one.write(lambda tx: tx.agents.dispatchers.tell(first, none, 60.0))
        await two.write(lambda tx: tx.agents.dispatchers.tell(second, none, -1.0))
        more = replace(SNAPSHOT, totals=replace(SNAPSHOT.totals, given=5, failed=1))
        again = replace(first, snapshot=more)
        since = SNAPSHOT.totals
        await one.write(lambda tx: tx.agents.dispatchers.tell(again, since, 60.0))
        found = await two.read(lambda tx: tx.agents.dispatchers.overview())
        assert found.processes == (again,)
        assert found.processes[0].snapshot.suspended == ("agent:a",)
        assert found.totals == DispatchTotals(given=8, succeeded=2, failed=1, waited_seconds=1.0)

    with_two_stores(location, scenario)
