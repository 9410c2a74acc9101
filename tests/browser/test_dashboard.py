"""The dashboard in a real browser, on a really running server."""

import asyncio
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from dashboard_host import OF_THE_DASHBOARD, WatchedPage, serving, watched
from dashboard_seed import VERIFY, WORK, Seeds, seed
from playwright.sync_api import Browser, Locator, expect

pytestmark = OF_THE_DASHBOARD
WORKFLOW = """
name: {name}
description: Asks, and tells.
version: "1"
inputs:
  product: {{type: string, description: What is released.}}
steps:
  - id: sign-off
    title: Sign off the release
    kind: approval
  - id: announce
    title: Announce
    kind: notification
    needs: [sign-off]
    inputs: {{message: "${{inputs.product}} is out"}}
"""
PLACES = (
    "runs", "build", "workflows", "history", "history/lessons", "history/work",
    "catalogue/blueprints", "catalogue/personas", "catalogue/templates", "catalogue/contracts",
    "agents", "policy/development", "policy/waivers", "audit", "settings", "settings/doctor",
    "settings/projects", "settings/webhooks",
)  # fmt: skip
CHOSEN = (f"steps?step={WORK}", "steps?view=timeline", "contracts?contract=handbook")
TABS = ("steps", "plan", "contracts", "gates", "trace", "artefacts", "log", "result")


def button(page: WatchedPage, name: str) -> Locator:
    return page.page.get_by_role("button", name=name, exact=True)


def status(page: WatchedPage, word: str) -> None:
    expect(page.page.locator(".now .status")).to_have_text(word)


def answer(page: WatchedPage, word: str, reason: str = "") -> None:
    """Answers the open question by its button."""
    question = page.page.get_by_role("dialog")
    if reason:
        question.get_by_role("textbox").last.fill(reason)
    question.get_by_role("button", name=word, exact=True).click()
    expect(question).to_have_count(0)


def start(page: WatchedPage, name: str) -> None:
    """Makes a workflow known to the server, and starts it, by the page."""
    page.open("workflows")
    page.page.get_by_role("button", name="Add a workflow").click()
    source = WORKFLOW.format(name=name)
    page.page.get_by_role("dialog").get_by_role("textbox").fill(source)
    answer(page, "Add")
    page.page.get_by_role("row", name=name).get_by_role("button", name="Start").click()
    page.page.get_by_role("dialog").get_by_label("product").fill("The atlas")
    answer(page, "Start")


def test_a_failure_is_seen_retried_approved_and_ends_well_while_it_is_watched(
    page: WatchedPage, seeds: Seeds
) -> None:
    page.open(f"runs/{seeds.broken}")
    status(page, "Failed")
    banner = page.page.locator(".attention")
    expect(banner.get_by_role("heading")).to_have_text("Fetch the sources failed")
    expect(page.page.get_by_label("Step Fetch the sources")).to_contain_text("did not answer")
    banner.get_by_role("button", name="Retry").click()
    answer(page, "Retry", "the mirror is back")
    expect(banner.get_by_role("heading")).to_have_text("Sign off the release waits for you")
    banner.get_by_role("button", name="Approve").click()
    answer(page, "Approve", "looks good")
    status(page, "Succeeded")
    page.page.get_by_role("tab", name="Log").click()
    log = page.page.get_by_role("region", name="Log")
    expect(log).to_contain_text("succeeded")
    page.page.get_by_label("Search the log").fill("did not answer")
    expect(log.get_by_role("listitem")).to_have_count(1)
    with page.page.expect_download() as saved:
        button(page, "Download these").click()
    assert "did not answer" in saved.value.path().read_text()


def test_a_rejection_needs_a_reason_and_blocks(page: WatchedPage) -> None:
    start(page, "release-rejected")
    banner = page.page.locator(".attention")
    banner.get_by_role("button", name="Reject").click()
    question = page.page.get_by_role("dialog")
    question.get_by_role("button", name="Reject").click()
    expect(question).to_have_count(1)  # without a reason nothing is sent
    answer(page, "Reject", "not on a Friday")
    status(page, "Blocked")
    expect(banner.get_by_role("heading")).to_have_text("Sign off the release was blocked")
    expect(page.page.locator(".status.tone-failed")).to_have_count(0)


def test_somebody_quicker_wins_and_the_page_says_so(page: WatchedPage, address: str) -> None:
    start(page, "release-contested")
    page.page.locator(".attention").get_by_role("button", name="Approve").click()
    run = re.findall(r"run-[0-9a-f]+", page.page.url)[0]
    with httpx.Client(base_url=f"{address}/api/v1/runs/{run}", trust_env=False) as http:
        etag = http.get("/steps/sign-off").headers["ETag"]
        http.post("/steps/sign-off/approve", json={}, headers={"If-Match": etag}).raise_for_status()
    status(page, "Succeeded")
    page.expected.append("412")
    page.page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    page.page.keyboard.press("Escape")


def test_a_build_is_started_watched_live_and_cancelled(page: WatchedPage) -> None:
    page.open("build")
    page.page.get_by_label("Requirement").fill("An API that keeps notes with a title")
    button(page, "Start without looking").click()
    expect(page.page.get_by_role("heading", level=1)).to_have_text(
        "An API that keeps notes with a title"
    )
    expect(
        page.page.get_by_role("button", name=re.compile("Analyse the requirement, "))
    ).to_have_count(1)
    status(page, "Running")
    button(page, "Cancel").click()
    answer(page, "Cancel", "seen enough")
    status(page, "Cancelled")


def test_a_plan_is_looked_at_before_it_is_built(page: WatchedPage) -> None:
    page.open("build")
    page.page.get_by_label("Requirement").fill("An API that keeps notes with a title")
    button(page, "Show the plan").click()
    start_it = button(page, "Start this build")
    start_it.wait_for(timeout=60_000)
    expect(page.page.get_by_role("main")).to_contain_text("Backend developer")
    assert page.axe() == []
    start_it.click()
    expect(page.page.get_by_role("button", name=re.compile("Technical writer, "))).to_have_count(1)
    button(page, "Cancel").click()
    answer(page, "Cancel", "seen enough")
    status(page, "Cancelled")


def test_what_was_delivered_is_shown_compared_and_saved(page: WatchedPage, seeds: Seeds) -> None:
    run = seeds.written
    page.open(f"runs/{run}/artefacts")
    page.page.get_by_role("button", name=re.compile("handbook.md")).click()
    expect(page.page.locator(".viewer")).to_contain_text("Edition 2 of this handbook")
    with page.page.expect_download() as saved:
        button(page, "Download").click()
    assert "Edition 2" in saved.value.path().read_text()
    button(page, "Changes").click()
    expect(page.page.locator(".diff-line.removed")).to_contain_text("Edition 1")
    expect(page.page.locator(".diff-line.added")).to_contain_text("Edition 2")
    with page.page.expect_download() as saved:
        button(page, "Download all").click()
    assert any(
        name.endswith("handbook.md") for name in zipfile.ZipFile(saved.value.path()).namelist()
    )


def test_what_agents_say_is_text_and_nothing_else(page: WatchedPage, seeds: Seeds) -> None:
    page.open(f"runs/{seeds.written}/log")
    expect(page.page.get_by_role("heading", level=1)).to_contain_text("<script>alert(1)</script>")
    expect(page.page.get_by_role("region", name="Log")).to_contain_text("<b>writing</b> edition 2")
    assert page.page.locator("main script, .log b >> text=writing").count() == 0


def test_a_blocked_run_opens_on_what_was_refused_and_on_its_evidence(
    page: WatchedPage, seeds: Seeds
) -> None:
    run = seeds.refused
    page.open(f"runs/{run}")
    expect(page.page.locator(".attention")).to_contain_text("documents.missing")
    expect(page.page.get_by_label("Step Gate: documentation")).to_be_visible()
    page.page.get_by_role("tab", name="Gates").click()
    expect(page.page.get_by_role("row", name=re.compile("DOC-1"))).to_contain_text("Refused")
    page.page.get_by_text("Evidence", exact=False).last.click()
    page.page.get_by_role("tab", name="Contracts").click()
    page.page.get_by_role("button", name="Handbook").click()
    expect(page.page.locator(".contract-detail")).to_contain_text("passed")


def test_attempts_are_told_apart(page: WatchedPage, seeds: Seeds) -> None:
    page.open(f"runs/{seeds.written}/steps?step={WORK}&view=timeline")
    expect(page.page.locator(f'.time-row[data-step="{WORK}"] .time-bar')).to_have_count(2)
    button(page, "What changed since the attempt before").click()
    expect(page.page.locator(".diff-line.added")).to_contain_text("Edition 2")
    page.page.locator(f'.time-row[data-step="{VERIFY}"]').click()
    expect(page.page.get_by_label("Step Verify Handbook")).to_be_visible()


def test_everything_can_be_done_with_the_keyboard(page: WatchedPage) -> None:
    start(page, "release-by-keyboard")
    expect(page.page.locator(".attention")).to_be_visible()
    tab_to(page, "Skip to the page")
    page.page.keyboard.press("Enter")
    expect(page.page.locator("main")).to_be_focused()
    tab_to(page, "Approve")
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_role("dialog")).to_be_visible()
    page.page.keyboard.type("by hand")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    status(page, "Succeeded")
    tab_to(page, "Steps 3")
    page.page.keyboard.press("ArrowRight")
    expect(page.page.get_by_role("tab", name="Log")).to_be_focused()
    page.page.keyboard.press("ArrowLeft")
    expect(page.page.get_by_role("tab", name="Steps")).to_be_focused()
    tab_to(page, "Announce, Succeeded")
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_label("Step Announce")).to_be_visible()
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_label("Step Announce")).to_have_count(0)


def test_keys_that_come_faster_than_tabs_are_drawn_move_on(page: WatchedPage) -> None:
    start(page, "release-in-a-hurry")
    expect(page.page.locator(".attention")).to_be_visible()
    tab_to(page, "Steps 3")
    page.page.evaluate(
        """() => {
          for (const key of ['ArrowRight', 'ArrowLeft']) {
            const press = new KeyboardEvent('keydown', { key, bubbles: true });
            document.activeElement.dispatchEvent(press);
          }
        }"""
    )
    expect(page.page.get_by_role("tab", name="Steps", selected=True)).to_be_focused()


def tab_to(page: WatchedPage, name: str) -> None:
    """Moves the focus on until it is on what has this name."""
    for _ in range(60):
        page.page.keyboard.press("Tab")
        told = page.page.evaluate(
            """() => {
              const { activeElement: at } = document;
              return (at.getAttribute('aria-label') ?? at.innerText).replace(/\\s+/g, ' ').trim();
            }"""
        )
        if told == name:
            return
    raise AssertionError(f"{name!r} cannot be reached with the Tab key")


@pytest.mark.parametrize("which", ["pages", "written", "refused"])
def test_nobody_is_shut_out(opened: Browser, address: str, seeds: Seeds, which: str) -> None:
    places = {
        "pages": PLACES,
        "written": [f"runs/{seeds.written}/{place}" for place in CHOSEN],
        "refused": [f"runs/{seeds.refused}/{tab}" for tab in TABS],
    }[which]
    faults: list[str] = []
    with watched(opened, address) as page:
        for place in places:
            page.open(place)
            faults += [f"{place}: {fault}" for fault in page.axe()]
            page.page.evaluate("() => { document.documentElement.dataset.theme = 'dark' }")
            faults += [f"{place} dark: {fault}" for fault in page.axe(["color-contrast"])]
            page.page.evaluate("() => { document.documentElement.dataset.theme = 'light' }")
    assert faults == []


def test_nothing_is_cut_off_on_a_phone(opened: Browser, address: str, seeds: Seeds) -> None:
    wide: list[str] = []
    with watched(opened, address, width=390, theme="dark") as page:
        for place in (*PLACES, *(f"runs/{seeds.refused}/{tab}" for tab in TABS)):
            page.open(place)
            width = page.page.evaluate("() => document.documentElement.scrollWidth")
            wide += [f"{place}: {width}"] if width > 390 else []
        button(page, "Menu").click()
        page.page.get_by_role("link", name="Audit").click()
        expect(page.page.get_by_role("heading", level=1)).to_have_text("Audit")
    assert wide == []


def test_a_page_goes_on_when_a_killed_server_is_back(opened: Browser, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as thread:
        run = thread.submit(lambda: asyncio.run(seed(tmp_path / "m.db"))).result().broken
    with serving(tmp_path / "m.db") as (address, process), watched(opened, address) as page:
        page.open(f"runs/{run}/log")
        page.page.locator(".attention").get_by_role("button", name="Retry").click()
        answer(page, "Retry")
        expect(page.page.locator(".attention").get_by_role("heading")).to_contain_text("waits")
        page.expected += ["WebSocket", "ERR_CONNECTION_REFUSED"]
        process.kill()
        expect(page.page.get_by_text("The connection to the server was lost")).to_be_visible()
        with serving(tmp_path / "m.db", int(address.rpartition(":")[2])):
            page.page.locator(".attention").get_by_role("button", name="Approve").click(
                timeout=20_000
            )
            answer(page, "Approve")
            expect(page.page.locator(".now .status")).to_have_text("Succeeded", timeout=20_000)
            events = httpx.get(f"{address}/api/v1/runs/{run}/events", trust_env=False).json()
            expect(page.page.locator(".log-lines li")).to_have_count(len(events["items"]))


def test_a_place_that_is_not_there_says_so(page: WatchedPage) -> None:
    page.expected.append("404")
    page.page.goto(f"{page.address}/dashboard/#/runs/run-000000000000")
    expect(page.page.get_by_role("alert")).to_contain_text("run-000000000000")
    for place in ("nowhere", "runs/%", "constructor"):
        page.open(place)
        expect(page.page.get_by_role("main")).to_contain_text("There is no such page")


def test_a_crafted_link_shows_no_file_as_a_run(page: WatchedPage, seeds: Seeds) -> None:
    run = seeds.written
    with httpx.Client(base_url=f"{page.address}/api/v1", trust_env=False) as http:
        [made, *_] = http.get(f"/runs/{run}/artefacts").json()["items"]
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.open(f"runs/{run}%2Fartefacts%2F{made['digest']}")
    expect(page.page.get_by_role("main")).to_contain_text("There is no such page")
    page.open(f"build?plan={run}%2Fplan")
    expect(page.page.get_by_label("Requirement")).to_be_visible()
    assert not [url for url in asked if run in url.partition("#")[0]]


def test_waivers_of_every_project_are_shown(page: WatchedPage) -> None:
    waiver = {
        "project": "shop",
        "gate": "DOC-1",
        "ceiling": "<= 1",
        "reason": "The handbook follows",
        "adr": "ADR-0001",
        "expires": (datetime.now(UTC) + timedelta(days=7)).date().isoformat(),
    }
    with httpx.Client(base_url=f"{page.address}/api/v1", trust_env=False) as http:
        asked = {"requirement": "An API that keeps notes with a title", "project": "shop"}
        run = http.post("/runs", json=asked).raise_for_status().json()["id"]
        http.post(f"/runs/{run}/cancel", json={}).raise_for_status()
        http.post("/waivers", json=waiver).raise_for_status()
    page.open("policy/waivers")
    expect(page.page.get_by_role("row", name=re.compile("DOC-1"))).to_contain_text("shop")
    page.open("build")
    choice = page.page.get_by_label("Project")
    expect(choice).to_have_value("default")
    choice.select_option("shop")
