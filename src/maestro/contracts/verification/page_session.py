"""Visits a page in a headless browser: `python -m ... FOLDER` with FOLDER/job.json.

Runs as a process of its own, in the sandbox. Leaves FOLDER/result.json and, when asked for, one
picture per view.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    Response,
    sync_playwright,
)

from maestro.contracts.verification.page_forms import Marks, NothingToChoose
from maestro.contracts.verification.page_view import (
    NETWORK_CHANGED,
    Disappointment,
    ShownView,
    load,
)
from maestro.contracts.verification.page_visit import ViewVisit

ARGUMENTS = (
    "--no-sandbox",  # the sandbox around this process takes its place
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
)
MAX_FINDINGS = 40
CHANGES = ("page_edits", "page_deletes")

_BAD_TEXTS = (r"\[object \w+\]", r"\bundefined\b", r"\bNaN\b")


@dataclass  # without slots: Playwright keeps notes of its own on the owner of a listener
class Watch:
    """Everything the page does that nobody should see."""

    origins: tuple[str, ...]
    own_words: str
    place: str = ""
    requests: int = 0
    found: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)

    def follow(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.note("page_error", str(error)))
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failure)
        page.on("response", self._on_response)

    def look_at(self, page: Page) -> None:
        """Texts that only a broken script shows."""
        text = page.locator("body").inner_text()
        for pattern in _BAD_TEXTS:
            found = re.search(rf".{{0,40}}{pattern}.{{0,40}}", text)
            if found and not re.search(pattern, self.own_words):
                self.note("page_text", "the page shows a text of a broken script", found[0])

    def note(self, rule: str, message: str, seen: str = "") -> None:
        key = (rule, message, seen)
        if len(self.found) < MAX_FINDINGS and key not in self.found:
            self.found[key] = {
                "rule": rule,
                "message": message,
                "operation": self.place,
                "seen": seen or message,
            }

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.note("page_console_error", message.text)

    def _on_request(self, request: Request) -> None:
        self.requests += 1
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme in ("http", "https", "ws", "wss") and origin not in self.origins:
            self.note("page_foreign_request", "the page asks another host", request.url)

    def _on_failure(self, request: Request) -> None:
        failure = request.failure or ""
        if request.is_navigation_request() and NETWORK_CHANGED in failure:
            return  # loaded again
        if failure and "ERR_ABORTED" not in failure:  # ended by leaving the page
            seen = f"{request.method} {request.url}: {failure}"
            self.note("page_request_failed", "a request of the page failed", seen)

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            seen = f"{response.request.method} {response.url} answered {response.status}"
            self.note("page_request_failed", "a request of the page was refused", seen)


@dataclass(slots=True)
class Session:
    """One visit: entries of every view first, since others refer to them; then the rest."""

    job: Mapping[str, Any]
    folder: Path
    watch: Watch
    visits: dict[str, ViewVisit] = field(default_factory=dict)
    created: dict[str, str | Disappointment] = field(default_factory=dict)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    end: float = 0.0

    def run(self, browser: Browser) -> None:
        self.end = time.monotonic() + float(self.job["seconds"])
        context = browser.new_context(
            viewport={"width": 1280, "height": 900}, locale="en-GB", reduced_motion="reduce"
        )
        page = context.new_page()
        wait = float(self.job["wait_seconds"]) * 1000
        page.set_default_timeout(wait)
        self.watch.follow(page)
        marks = Marks(str(self.job["token"]))
        for view in self.job["views"]:
            shown = ShownView(page, str(self.job["url"]), view, marks, wait)
            self.visits[shown.entity] = ViewVisit(shown)
        self._create_everywhere()
        self._judge_all(changes=False)
        if self.job["screenshots"]:
            self._take_pictures(page)
        self._judge_all(changes=True)
        context.close()

    def _create_everywhere(self) -> None:
        """Again and again, until no view can be served by what the others have made."""
        waiting = list(self.visits)
        for complete in (True, False):
            progress = True
            while waiting and progress:
                postponed = [e for e in waiting if not self._create_in(e, complete=complete)]
                progress = len(postponed) < len(waiting)
                waiting = postponed

    def _create_in(self, entity: str, *, complete: bool) -> bool:
        """False when entries of another view are needed first."""
        visit = self.visits[entity]
        self.watch.place = f"{entity}: create"
        try:
            self._check_time()
            visit.view.enter()
            for variant in (0, 1):
                visit.entries.append(visit.create(variant, complete=complete))
            self.watch.look_at(visit.view.page)
            visit.view.reopen()
            for entry in visit.entries:
                visit.stored(entry)
            self.created[entity] = f"{len(visit.entries)} entries stored"
        except NothingToChoose as reason:
            self.created[entity] = Disappointment(str(reason))
            self._leave(visit)
            return False
        except (Disappointment, Error) as error:
            self.created[entity] = Disappointment(_told(error))
            self._leave(visit)
        return True

    def _judge_all(self, *, changes: bool) -> None:
        """Changes come last: what refers to an entry shows its title."""
        for criterion in self.job["criteria"]:
            visit = self.visits.get(str(criterion["entity"]))
            if visit is not None and (criterion["check"] in CHANGES) == changes:
                self._judge(visit, criterion)

    def _take_pictures(self, page: Page) -> None:
        load(page, str(self.job["url"]))
        page.wait_for_load_state("networkidle")
        page.screenshot(path=self.folder / "start.png")
        for visit in self.visits.values():
            if not isinstance(self.created[visit.view.entity], Disappointment):
                visit.view.enter()
                page.screenshot(path=self.folder / f"view-{visit.view.plural}.png")

    def _leave(self, visit: ViewVisit) -> None:
        """Whatever is open or half done is given up."""
        visit.view.page.goto("about:blank")

    def _check_time(self) -> None:
        if time.monotonic() > self.end:
            raise Disappointment("the time of the visit was used up")

    def _judge(self, visit: ViewVisit, criterion: Mapping[str, Any]) -> None:
        check = str(criterion["check"])
        self.watch.place = f"{criterion['entity']}: {check}"
        passed, detail = False, ""
        try:
            detail = self._do(visit, check, criterion)
            self.watch.look_at(visit.view.page)
            passed = True
        except (Disappointment, NothingToChoose, Error) as error:
            detail = _told(error)
            self._leave(visit)
        made = self.created[str(criterion["entity"])]
        follows = check != "page_creates" and isinstance(made, Disappointment)
        outcome = {"id": criterion["id"], "passed": passed, "detail": detail, "follows": follows}
        self.outcomes.append(outcome)

    def _do(self, visit: ViewVisit, check: str, criterion: Mapping[str, Any]) -> str:
        self._check_time()
        made = self.created[str(criterion["entity"])]
        if isinstance(made, Disappointment):
            raise Disappointment(made if check == "page_creates" else f"no entries: {made}")
        if check == "page_creates":
            return made
        acts: dict[str, Callable[[], str]] = {
            "page_lists": visit.lists,
            "page_edits": lambda: visit.edit(visit.entries[0]),
            "page_searches": visit.search,
            "page_filters": lambda: visit.filter(str(criterion["field"])),
            "page_deletes": lambda: _delete_fresh(visit),
        }
        return acts[check]()


def _delete_fresh(visit: ViewVisit) -> str:
    """A new entry is deleted: nothing can refer to it."""
    visit.view.enter()
    return visit.delete(visit.create(0))


def _told(error: Exception) -> str:
    return " ".join(str(error).split("Call log:")[0].split())[:500]


def main(folder: Path) -> None:
    """Reads the job, visits the page, writes the result."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    watch = Watch(tuple(job["origins"]), str(job["own_words"]))
    session = Session(job=job, folder=folder, watch=watch)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=job["browser"], args=list(ARGUMENTS), chromium_sandbox=False
        )
        version = browser.version
        session.run(browser)
        browser.close()
    result = {
        "outcomes": session.outcomes,
        "findings": list(watch.found.values()),
        "requests": watch.requests,
        "visited": sorted(
            e for e, made in session.created.items() if not isinstance(made, Disappointment)
        ),
        "tool": f"Chromium {version}",
    }
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
