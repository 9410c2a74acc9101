"""Whoever joins, leaves, drains or fails: the router knows those whom the registry has, no others.

The histories are played on the real table and repositories; only the threads and commits of the
store around them are left out, which would make 10,000 histories last an hour.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from team import NO_SANDBOX, NOW, Announcements, FakeExecutor, an_agent, an_assignment, no_report

from maestro.agents.dispatch import Dispatcher
from maestro.domain.agent import AgentState
from maestro.errors import NoAgentAvailable, StepFailed
from maestro.ports import Store
from maestro.storage.sqlite_link import SqliteConnection, connect_writer
from maestro.storage.sqlite_schema import prepare
from maestro.storage.transaction import SqlTransaction

T = TypeVar("T")
NAMES = ("a", "b", "c", "d")
"""No more than a choice and its fallbacks can name."""
MOVES = ("join", "join", "leave", "drain", "work", "fail")
HISTORIES = 20
"""Played per example: 500 examples make 10,000."""


class FakeUncommittedStore:
    """Test double of a store: everything in one transaction that is never committed."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._transaction = SqlTransaction(connection)

    async def read(self, query: Callable[[Any], T]) -> T:
        return query(self._transaction)

    write = read


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteConnection]:
    path: Path = tmp_path_factory.mktemp("registry") / "team.db"
    prepare(path)
    opened = connect_writer(path)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@settings(
    max_examples=500,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(min_value=0))
def test_the_router_knows_whom_the_registry_has(
    connection: SqliteConnection, loop: asyncio.Runner, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(HISTORIES):
        moves = chance.choices(MOVES, k=chance.randint(1, 6))
        history = [(move, chance.choice(NAMES)) for move in moves]
        connection.execute("BEGIN")
        try:
            loop.run(play(cast(Store, FakeUncommittedStore(connection)), history))
        finally:
            connection.execute("ROLLBACK")


async def play(store: Store, history: list[tuple[str, str]]) -> None:
    executor, told = FakeExecutor(), Announcements()
    executor.let_go.set()
    road = Dispatcher(store, {"fixed": executor}, announce=told)
    present: dict[str, AgentState] = {}
    for move, name in history:
        if move == "join":
            agent = an_agent(name)
            assert await store.write(lambda tx, a=agent: tx.agents.insert(a, NOW)) == (  # type: ignore[misc]
                name not in present
            )
            present.setdefault(name, AgentState.ACTIVE)
        elif move == "leave" and name in present:
            await store.write(lambda tx, n=name: tx.agents.remove(n))  # type: ignore[misc]
            del present[name]
        elif move == "drain" and name in present:
            gone = an_agent(name, state=AgentState.DRAINING)
            await store.write(lambda tx, a=gone: tx.agents.update(a))  # type: ignore[misc]
            present[name] = AgentState.DRAINING
        elif move in ("work", "fail"):
            executor.error = StepFailed("broke") if move == "fail" else None
            await check(road, told, store, present)
    await check(road, told, store, present)


async def check(
    road: Dispatcher, told: Announcements, store: Store, present: dict[str, AgentState]
) -> None:
    registered = {record.agent.id for record in await store.read(lambda tx: tx.agents.all())}
    assert registered == set(present)
    active = {name for name, state in present.items() if state is AgentState.ACTIVE}
    try:
        await road.execute(an_assignment(), NO_SANDBOX, no_report)
    except NoAgentAvailable:
        assert not active
        return
    except StepFailed:
        pass
    _, _, data = told.told[-1]
    assert {data["agent"], *(one["agent"] for one in data["fallbacks"])} == active
