"""An agent that lives in a process: beats while it does, hears that it is drained, goes away."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from team import NO_SANDBOX, FixedTimeExecutor, an_agent, an_assignment, no_report, team

from maestro.delivery.resident import resident
from maestro.domain.agent import AgentState
from maestro.errors import Conflict
from maestro.ports import Store
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock

LEASE = 0.3
LIVING = an_agent("a", home="host:1")


def using(path: Path, scenario: Callable[[Store], Awaitable[None]]) -> None:
    async def play() -> None:
        store = await open_store(path / "team.db", seal_key=b"seal")
        try:
            await asyncio.wait_for(scenario(store), 60)
        finally:
            await store.close()

    asyncio.run(play())


async def alive(store: Store) -> bool:
    return (await store.read(lambda tx: tx.agents.get("a"))).alive


def test_it_is_alive_while_it_is_there_and_away_at_once_afterwards(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        async with resident(store, SystemClock(), LIVING, 60.0) as residence:
            assert await alive(store)
            assert residence.welcome
            other = replace(LIVING, home="host:2")
            with pytest.raises(Conflict, match="already taken by process 'host:1'"):
                async with resident(store, SystemClock(), other, 60.0):
                    raise AssertionError("two live under one id")
        assert not await alive(store)

    using(tmp_path, scenario)


def test_it_hears_that_it_is_drained(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        async with resident(store, SystemClock(), LIVING, LEASE) as residence:
            drained = replace(LIVING, state=AgentState.DRAINING)
            await store.write(lambda tx: tx.agents.update(drained))
            while residence.welcome:
                await asyncio.sleep(0.01)
            await store.write(lambda tx: tx.agents.update(LIVING))
            while not residence.welcome:
                await asyncio.sleep(0.01)

    using(tmp_path, scenario)


def test_what_was_taken_before_it_was_drained_is_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        executors = {"fixed": FixedTimeExecutor(0)}
        async with team(tmp_path, executors, [], process="host:1") as (road, told, store):
            drained = replace(LIVING, state=AgentState.DRAINING)
            await store.write(lambda tx: tx.agents.join(drained, SystemClock().now(), 60.0))
            await road.execute(an_assignment(), NO_SANDBOX, no_report)
            assert told.chosen() == ["a"]

    asyncio.run(scenario())
