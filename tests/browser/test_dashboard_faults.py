"""What goes wrong between the page and the server is shown, and slow answers spoil nothing."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dashboard_host import OF_THE_DASHBOARD, WatchedPage, serving, watched
from dashboard_seed import Seeds
from playwright.sync_api import Browser, Route, expect

from maestro.bootstrap import connect
from maestro.delivery.workflow_runs import start_workflow
from maestro.settings import Settings
from maestro.workflow.definition import load_definition

pytestmark = OF_THE_DASHBOARD
AWAY = {"title": "The store is away", "detail": "no connection", "code": "storage_unavailable"}
ASKING = """
name: asking
version: "1"
steps:
  - {id: ask, kind: approval}
"""
MANY = 35


def test_nothing_that_could_not_be_asked_is_passed_over(page: WatchedPage, seeds: Seeds) -> None:
    page.expected.append("503")
    for place, asked in (
        ("runs", "**/api/v1/projects"),
        ("history", "**/api/v1/projects"),
        ("build", "**/api/v1/projects"),
        ("build", "**/api/v1/blueprints?*"),
        (f"build?plan={seeds.written}", f"**/api/v1/runs/{seeds.written}"),
        (f"runs/{seeds.written}/steps", f"**/api/v1/runs/{seeds.written}/outcome"),
    ):
        page.page.goto("about:blank")
        page.page.route(asked, lambda route: route.fulfill(status=503, json=AWAY))
        page.open(place)
        problem = page.page.get_by_role("alert").filter(has_text="The store is away")
        expect(problem, place).to_have_count(1)
        page.page.unroute(asked)
        problem.get_by_role("button", name="Try again").click()
        expect(problem, place).to_have_count(0)
        expect(page.page).to_have_url(re.compile(re.escape(place)))  # nothing was sent


async def _started(database: Path) -> None:
    path = database.with_name("asking.yaml")
    await asyncio.to_thread(path.write_text, ASKING)
    definition = await asyncio.to_thread(load_definition, path)
    async with connect(Settings.load({}, database=database, sandbox="off")) as m:
        for _ in range(MANY):
            await start_workflow(m, definition)


def test_many_runs_are_asked_for_once_and_shown_once(opened: Browser, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_started(tmp_path / "m.db"))).result()
    with serving(tmp_path / "m.db") as (address, _), watched(opened, address) as page:
        page.page.clock.install()
        page.open("runs")
        rows = page.page.get_by_role("region", name="Runs").get_by_role("row")
        expect(rows).to_have_count(1 + 30)
        held: list[Route] = []
        page.page.route("**/api/v1/runs?*", lambda route: held.append(route))
        with page.page.expect_request("**/api/v1/runs?*"):
            page.page.clock.run_for(30_000)
        older = page.page.get_by_role("button", name="Show older runs")
        with page.page.expect_request("**/api/v1/runs?*cursor=*"):
            older.click()
        older.click()
        page.page.evaluate("() => fetch('/health/live')")  # what was asked before is known here now
        # the next one is asked for when this one is answered
        assert [("cursor=" in route.request.url) for route in held] == [False, True]
        for route in reversed(held):
            route.continue_()
        page.page.unroute("**/api/v1/runs?*")
        expect(rows).to_have_count(1 + MANY)
        expect(older).to_have_count(0)
        page.page.clock.run_for(5_000)
        expect(rows).to_have_count(1 + MANY)


def test_what_a_question_that_was_left_comes_to_is_told(page: WatchedPage) -> None:
    page.open("agents")
    add = page.page.get_by_role("button", name="Add an agent")
    question, notice = page.page.get_by_role("dialog"), page.page.locator(".notices")
    held: list[Route] = []
    page.page.route("**/api/v1/agents", _holding_posts(held))

    def asked(name: str) -> None:
        add.click()
        question.get_by_label("Name").fill(name)
        question.get_by_label("Personas").fill("technical_writer")
        with page.page.expect_request(lambda request: request.method == "POST"):
            question.get_by_role("button", name="Add").click()
        page.page.keyboard.press("Escape")
        expect(question).to_have_count(0)

    page.expected.append("409")
    asked("offline")
    held.pop().continue_()
    expect(notice).to_contain_text("agent id 'offline' is already taken")

    asked("third-writer")
    add.click()  # another question: the answer to the one before does not close it
    held.pop().continue_()
    expect(notice).to_contain_text("third-writer was added")
    expect(question).to_be_visible()
    page.page.keyboard.press("Escape")
    card = page.page.locator(".card", has=page.page.get_by_role("heading", name="third-writer"))
    card.get_by_role("button", name="Remove").click()
    question.get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)


def _holding_posts(held: list[Route]) -> Callable[[Route], None]:
    def handle(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    return handle
