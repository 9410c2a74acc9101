"""What the registry of agents promises, on SQLite and on PostgreSQL."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from stores import with_two_stores
from team import NOW, an_agent

from maestro.domain.agent import PRIOR_SUCCESS, AgentState
from maestro.errors import Conflict, InvalidInput, NotFound
from maestro.ports import Store

pytestmark = pytest.mark.xdist_group("postgres")


def test_both_see_the_same_registry(location: str | Path) -> None:
    async def scenario(one: Store, two: Store) -> None:
        agent = an_agent("a", skills=("rest",), cost=None, executor="llm", model="x:y")
        assert await one.write(lambda tx: tx.agents.insert(agent, NOW))
        assert not await two.write(lambda tx: tx.agents.insert(an_agent("a"), NOW))
        found = await two.read(lambda tx: tx.agents.get("a"))
        assert (found.agent, found.registered_at, found.alive) == (agent, NOW, True)
        assert (found.success, found.seconds, found.done) == (PRIOR_SUCCESS, None, 0)
        await two.write(lambda tx: tx.agents.insert(an_agent("b"), NOW))
        drained = replace(agent, state=AgentState.DRAINING)
        await two.write(lambda tx: tx.agents.update(drained))
        listed = await one.read(lambda tx: tx.agents.all())
        assert [record.agent for record in listed] == [drained, an_agent("b")]
        await one.write(lambda tx: tx.agents.remove("a"))
        assert [r.agent.id for r in await two.read(lambda tx: tx.agents.all())] == ["b"]

    with_two_stores(location, scenario)


def test_one_failure_leaves_most_of_the_success(location: str | Path) -> None:
    async def scenario(one: Store, two: Store) -> None:
        await one.write(lambda tx: tx.agents.insert(an_agent("a"), NOW))
        await one.write(lambda tx: tx.agents.measure("a", None))
        record = await two.read(lambda tx: tx.agents.get("a"))
        assert (record.seconds, record.failed) == (None, 1)
        assert record.success == pytest.approx(0.64)
        for seconds in (10.0, 20.0):
            await two.write(lambda tx, s=seconds: tx.agents.measure("a", s))  # type: ignore[misc]
        record = await one.read(lambda tx: tx.agents.get("a"))
        assert record.seconds == pytest.approx(12.0)
        assert record.success == pytest.approx(0.7696)
        assert (record.done, record.failed) == (2, 1)
        await one.write(lambda tx: tx.agents.measure("who-left", None))

    with_two_stores(location, scenario)


def test_measures_of_two_processes_all_count(location: str | Path) -> None:
    async def scenario(one: Store, two: Store) -> None:
        await one.write(lambda tx: tx.agents.insert(an_agent("a"), NOW))
        await asyncio.gather(
            *(
                store.write(lambda tx: tx.agents.measure("a", 1.0))
                for store in (one, two)
                for _ in range(25)
            )
        )
        assert (await one.read(lambda tx: tx.agents.get("a"))).done == 50

    with_two_stores(location, scenario)


def test_an_agent_that_lives_in_a_process_is_alive_as_long_as_it_beats(
    location: str | Path,
) -> None:
    async def scenario(one: Store, two: Store) -> None:
        agent = an_agent("a", home="host:1")
        await one.write(lambda tx: tx.agents.join(agent, NOW, 60.0))
        assert (await two.read(lambda tx: tx.agents.get("a"))).alive
        other = replace(agent, home="host:2")
        with pytest.raises(Conflict, match="already taken by process 'host:1'"):
            await two.write(lambda tx: tx.agents.join(other, NOW, 60.0))
        assert not await two.write(lambda tx: tx.agents.beat("a", "host:2", 60.0))
        await one.write(lambda tx: tx.agents.measure("a", None))
        assert await one.write(lambda tx: tx.agents.beat("a", "host:1", -1.0))
        assert not (await two.read(lambda tx: tx.agents.get("a"))).alive
        await two.write(lambda tx: tx.agents.join(other, NOW, 60.0))
        found = await one.read(lambda tx: tx.agents.get("a"))
        assert (found.alive, found.agent.home, found.failed) == (True, "host:2", 1)
        with pytest.raises(Conflict, match="moved to another process"):
            await one.write(lambda tx: tx.agents.update(agent))

    with_two_stores(location, scenario)


def test_an_id_of_every_process_is_not_taken_over(location: str | Path) -> None:
    async def scenario(one: Store, two: Store) -> None:
        await one.write(lambda tx: tx.agents.insert(an_agent("a"), NOW))
        with pytest.raises(Conflict, match="an agent of every process"):
            await two.write(lambda tx: tx.agents.join(an_agent("a", home="host:1"), NOW, 60.0))

    with_two_stores(location, scenario)


def test_what_is_not_there_or_cannot_be_is_refused(location: str | Path) -> None:
    async def scenario(one: Store, two: Store) -> None:
        for change in (
            lambda tx: tx.agents.get("a"),
            lambda tx: tx.agents.remove("a"),
            lambda tx: tx.agents.update(an_agent("a")),
        ):
            with pytest.raises(NotFound, match="there is no agent 'a'"):
                await one.write(change)
        with pytest.raises(InvalidInput, match="capacity"):
            await one.write(lambda tx: tx.agents.insert(an_agent("a", capacity=0), NOW))

    with_two_stores(location, scenario)
