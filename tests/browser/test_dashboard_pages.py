"""The pages of the dashboard beside that of a run: looking back, agents, settings, audit."""

import re

import httpx
from dashboard_host import OF_THE_DASHBOARD, WatchedPage
from dashboard_seed import Seeds
from playwright.sync_api import expect

pytestmark = OF_THE_DASHBOARD


def test_a_lesson_leads_to_the_step_it_was_counted_in(page: WatchedPage, seeds: Seeds) -> None:
    page.open("history/lessons")
    page.page.get_by_label("Kind").select_option("gate")
    lesson = page.page.get_by_role("article", name="Gate DOC-1")
    expect(lesson).to_contain_text("It refused the phase documentation in 1 of")
    expect(lesson).to_contain_text("has not succeeded since")
    lesson.get_by_text("1 case").click()
    assert page.axe() == []
    lesson.get_by_role("link", name="Gate: documentation").click()
    expect(page.page).to_have_url(re.compile(f"{seeds.refused}/steps"))
    expect(page.page.get_by_label("Step Gate: documentation")).to_be_visible()


def test_ended_runs_are_found_by_how_they_ended_and_what_they_took(
    page: WatchedPage, seeds: Seeds
) -> None:
    page.open("history")
    page.page.get_by_label("Search ended runs").fill("that is judged")
    ended = page.page.get_by_role("region", name="Ended runs").get_by_role("row")
    expect(ended).to_have_count(2)
    expect(ended.last).to_contain_text("1 not successful")
    page.page.get_by_label("End", exact=True).select_option("succeeded")
    expect(page.page.get_by_role("main")).to_contain_text("No ended run matches")
    page.page.get_by_role("button", name="Clear filters").click()
    page.page.get_by_role("region", name="By blueprint").get_by_role("button").first.click()
    expect(page.page.get_by_label("Blueprint", exact=True)).to_have_value("full-stack")
    ended.get_by_role("link", name="Write a handbook that is judged").click()
    expect(page.page).to_have_url(re.compile(seeds.refused))


def test_a_plan_says_what_earlier_runs_say_of_its_time_and_cost(
    page: WatchedPage, seeds: Seeds
) -> None:
    page.open(f"build?plan={seeds.written}")
    expected = page.page.locator(".card", has_text="Time, side by side")
    expect(expected).to_contain_text(re.compile(r"about [\d.]+ m?s"))
    expect(expected).to_contain_text("none, no model is called")
    expect(page.page.get_by_label("Requirement")).to_have_value(re.compile("Write a handbook"))
    page.open(f"build?plan={seeds.refused}")
    expect(expected).to_contain_text("unknown")
    expect(expected).to_contain_text("gate.documentation")


def test_an_agent_is_added_drained_and_removed(page: WatchedPage) -> None:
    page.open("agents")
    page.page.get_by_role("button", name="Add an agent").click()
    question = page.page.get_by_role("dialog")
    question.get_by_label("Name").fill("second-writer")
    question.get_by_label("Personas").fill("technical_writer")
    question.get_by_role("button", name="Add").click()
    card = page.page.locator(".card", has=page.page.get_by_role("heading", name="second-writer"))
    expect(card).to_contain_text("0 of 1, idle")
    for word, state in (("Drain", "Draining"), ("Give work again", "Ready")):
        card.get_by_role("button", name=word).click()
        page.page.get_by_role("dialog").get_by_role("button", name=word).click()
        expect(card).to_contain_text(state)
    card.get_by_role("button", name="Remove").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)


def test_the_doctor_says_what_can_be_measured_here(page: WatchedPage) -> None:
    page.open("settings/doctor")
    main = page.page.get_by_role("main")
    expect(main).to_contain_text("Python")
    expect(
        page.page.get_by_role("region", name="Metrics").get_by_role("row").nth(1)
    ).to_be_visible()
    page.page.get_by_role("tab", name="Server").click()
    expect(main).to_contain_text("Signed in by")


def test_a_webhook_is_added_and_its_secret_told_once(page: WatchedPage) -> None:
    page.open("settings/webhooks")
    page.page.get_by_role("button", name="Add a webhook").click()
    question = page.page.get_by_role("dialog")
    question.get_by_label("Address").fill("https://hooks.example.com/maestro")
    question.get_by_label("Events").fill("run.succeeded, run.failed")
    question.get_by_role("button", name="Add").click()
    secret = page.page.get_by_role("region", name="Secret")
    expect(secret).to_contain_text("whsec_")
    assert page.axe() == []
    secret.get_by_role("button", name="I have kept it").click()
    expect(secret).to_have_count(0)
    card = page.page.locator(".webhook")
    expect(card).to_contain_text("run.failed")
    card.get_by_text("Deliveries").click()
    expect(card).to_contain_text("None.")
    card.get_by_role("button", name="Remove").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)


def test_a_budget_is_set_for_a_project(page: WatchedPage) -> None:
    page.open("settings/projects")
    card = page.page.locator(".card", has=page.page.get_by_role("heading", name="default"))
    card.get_by_role("button", name="Set the budget").click()
    page.page.get_by_role("dialog").get_by_label("Tokens").fill("5000")
    page.page.get_by_role("dialog").get_by_role("button", name="Set").click()
    expect(card).to_contain_text("of 5000")
    card.get_by_role("button", name="Set the budget").click()
    page.page.get_by_role("dialog").get_by_label("Tokens").fill("")
    page.page.get_by_role("dialog").get_by_role("button", name="Set").click()
    expect(card).not_to_contain_text("of 5000")


def test_the_audit_log_shows_whose_act_it_was(page: WatchedPage, address: str) -> None:
    with httpx.Client(base_url=f"{address}/api/v1", trust_env=False) as http:
        told = http.get("/audit/verification").json()
    assert told["intact"]
    page.open("audit")
    expect(page.page.get_by_role("region", name="Chain")).to_contain_text("The chain is whole")
    expect(page.page.get_by_role("region", name="Audit log")).to_contain_text("local")
    page.page.get_by_role("button", name="Compliance report").click()
    with page.page.expect_download() as saved:
        page.page.get_by_role("dialog").get_by_role("button", name="Download").click()
    assert "audit" in saved.value.path().read_text().lower()
