"""A fresh database on SQLite and on PostgreSQL, and scenarios that are played on it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from maestro.ports import Store
from maestro.storage.opening import open_store

Scenario = Callable[[Store], Awaitable[None]]
Using = Callable[[Scenario], None]


@pytest.fixture(params=["postgres", "sqlite"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """Where an empty database is; the test runs once on each kind."""
    if request.param == "sqlite":
        return tmp_path / "maestro.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def using(location: str | Path) -> Using:
    """Plays a scenario on a store of each kind."""
    return partial(with_store, location)


def with_store(location: str | Path, scenario: Scenario) -> None:
    async def play() -> None:
        store = await open_store(location, seal_key=b"seal")
        try:
            await scenario(store)
        finally:
            await store.close()

    asyncio.run(play())


def with_two_stores(
    location: str | Path, scenario: Callable[[Store, Store], Awaitable[None]]
) -> None:
    """Two stores on one database, as two processes have."""

    async def play() -> None:
        one, two = (
            await open_store(location, seal_key=b"seal"),
            await open_store(location, seal_key=b"seal"),
        )
        try:
            await scenario(one, two)
        finally:
            await one.close()
            await two.close()

    asyncio.run(play())
