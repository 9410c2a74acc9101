"""The door of the dashboard on a server that wants a key."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from dashboard_host import OF_THE_DASHBOARD, WatchedPage, served, watched
from dashboard_seed import ScriptedWriter, refused_run
from playwright.sync_api import Browser, expect

from maestro.bootstrap import connect
from maestro.delivery.key_desk import KeyDesk
from maestro.domain.access import AccessRole, ApiKey
from maestro.settings import Settings

pytestmark = OF_THE_DASHBOARD
T = TypeVar("T")
WORKFLOW = """
name: asking
version: "1"
steps:
  - id: sign-off
    title: Sign off
    kind: approval
"""


@dataclass(frozen=True)
class Keyed:
    """A server that wants a key."""

    address: str
    database: Path
    refused: str
    """A run that a gate has blocked."""
    ada: str
    """Key of an administrator, as is the next one."""
    bob: str
    vic: str
    """Of one who may only look, in the default project."""
    vics: ApiKey


def at_the_keys(database: Path, act: Callable[[KeyDesk], Awaitable[T]]) -> T:
    """Playwright's loop runs in this thread already."""

    async def done() -> T:
        settings = Settings.load({}, database=database, sandbox="off")
        async with connect(settings, executor=ScriptedWriter()) as maestro:
            return await act(KeyDesk(maestro=maestro))

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(done())).result()


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    database = tmp_path_factory.mktemp("keyed") / "m.db"

    async def make(desk: KeyDesk) -> Callable[[str], Keyed]:
        refused = await refused_run(desk.maestro, "handbook")
        _, ada = await desk.create("ada", {"*": AccessRole.ADMIN})
        _, bob = await desk.create("bob", {"*": AccessRole.ADMIN})
        vics, vic = await desk.create("vic", {"default": AccessRole.VIEWER})
        return lambda address: Keyed(address, database, refused, ada, bob, vic, vics)

    made = at_the_keys(database, make)
    with served(database) as address:
        yield made(address)


def enter(page: WatchedPage, key: str) -> None:
    page.page.get_by_label("API key").fill(key)
    page.page.get_by_role("button", name="Open the dashboard").click()


def test_a_visitor_needs_a_key_and_sees_what_it_allows(opened: Browser, keyed: Keyed) -> None:
    with watched(opened, keyed.address) as page:
        page.expected.append("401")
        page.open("workflows")
        expect(page.page).to_have_title(re.compile("Sign in"))
        assert page.axe() == []
        enter(page, "maestro_no-key-of-this-server")
        expect(page.page.get_by_role("alert")).to_contain_text("does not accept the key")
        enter(page, keyed.ada)
        expect(page.page.get_by_role("heading", level=1)).to_have_text("Workflows")
        expect(page.page.get_by_text("Signed in as ada")).to_be_visible()

        page.page.get_by_role("button", name="Add a workflow").click()
        page.page.get_by_role("dialog").get_by_role("textbox").fill(WORKFLOW)
        page.page.get_by_role("dialog").get_by_role("button", name="Add").click()
        page.page.get_by_role("row", name="asking").get_by_role("button", name="Start").click()
        page.page.get_by_role("dialog").get_by_role("button", name="Start").click()
        banner = page.page.locator(".attention")
        expect(banner).to_contain_text("waits for you")  # told by the stream, with the key
        expect(page.page.locator(".link-state")).to_have_text("Live")
        run = re.findall(r"run-[0-9a-f]+", page.page.url)[0]

        page.page.get_by_role("button", name="Sign out").click()
        expect(page.page).to_have_title(re.compile("Sign in"))
        assert page.page.evaluate("() => sessionStorage.length") == 0
        enter(page, keyed.vic)
        expect(page.page.get_by_text("Signed in as vic")).to_be_visible()
        expect(banner).to_contain_text("waits for you")
        expect(page.page.get_by_role("button", name="Approve")).to_have_count(0)
        page.open("build")
        expect(page.page.get_by_role("main")).to_contain_text("not start them")
        page.open("audit")
        expect(page.page.get_by_role("main")).to_contain_text("may not read the audit log")
        page.open("settings/webhooks")
        expect(page.page.get_by_role("tab", name="Webhooks")).to_have_count(0)
        expect(page.page.locator(".checks.health")).to_contain_text("reads and writes")

        at_the_keys(keyed.database, lambda desk: desk.rotate(keyed.vics.id, grace_hours=0))
        page.page.goto(f"{keyed.address}/dashboard/#/runs/{run}")
        expect(page.page.get_by_role("alert")).to_contain_text("may have expired")
        enter(page, keyed.ada)
        banner.get_by_role("button", name="Approve").click()
        page.page.get_by_role("dialog").get_by_role("button", name="Approve").click()
        expect(page.page.locator(".now .status")).to_have_text("Succeeded")


def test_one_asks_for_a_waiver_and_another_lets_the_run_pass(opened: Browser, keyed: Keyed) -> None:
    run = keyed.refused
    with watched(opened, keyed.address) as page:
        page.expected += ["401", "403"]
        page.open(f"runs/{run}/gates")
        enter(page, keyed.ada)
        gate = page.page.get_by_role("row", name=re.compile("DOC-1"))
        gate.get_by_role("button", name="Ask for a waiver").click()
        question = page.page.get_by_role("dialog")
        question.get_by_label("Up to where").fill("<= 2")
        question.get_by_label("Reason").fill("the reference follows")
        question.get_by_label("Decision record").fill("ADR-0007")
        question.get_by_role("button", name="Ask", exact=True).click()
        expect(question).to_have_count(0)
        page.open("policy/waivers")
        row = page.page.get_by_role("row", name=re.compile("the reference follows"))
        row.get_by_role("button", name="Approve").click()
        question.get_by_role("button", name="Approve").click()
        expect(question.get_by_role("alert")).to_contain_text("ada")  # nobody decides his own
        page.page.keyboard.press("Escape")

        page.page.get_by_role("button", name="Sign out").click()
        enter(page, keyed.bob)
        row.get_by_role("button", name="Approve").click()
        question.get_by_role("button", name="Approve").click()
        expect(row).to_contain_text("decided by bob")
        page.open(f"runs/{run}/gates")
        page.page.get_by_role("button", name="Resume").click()
        question.get_by_role("button", name="Resume").click()
        expect(page.page.locator(".now .status")).to_have_text("Succeeded")
        page.page.get_by_text("documentation", exact=False).last.wait_for()
        expect(page.page.get_by_role("main")).to_contain_text("Passed with a waiver")
        page.open("history/lessons")
        expect(page.page.get_by_role("article")).to_contain_text("1 after a waiver")
