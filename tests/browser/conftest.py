"""One browser and one server, with a few runs, for all tests of the dashboard in a process."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dashboard_host import WatchedPage, browser, served, watched
from dashboard_seed import Seeds, seed
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    """Not for the whole session: Playwright's loop runs in this thread until it is closed, and no
    other test of this process could start one of its own.
    """
    with browser() as one:
        yield one


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dashboard") / "m.db"


@pytest.fixture(scope="session")
def seeds(database: Path) -> Seeds:
    # Playwright's loop runs in this thread already.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(seed(database))).result()


@pytest.fixture(scope="session")
def address(database: Path, seeds: Seeds) -> Iterator[str]:
    with served(database) as one:
        yield one


@pytest.fixture
def page(opened: Browser, address: str) -> Iterator[WatchedPage]:
    with watched(opened, address) as one:
        yield one
