"""A really served dashboard, and a browser that objects to whatever nobody should see."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from maestro.contracts.verification.page import PageVerifier, find_browser

AXE = Path(__file__).parents[2] / "src/maestro/quality/data/axe/axe.min.js"
NOBODY_SHOULD_SEE = ("[object Object]", "undefined", "NaN")
PATIENCE_MS = 20_000
STOP_SECONDS = 30
FIXES = ("serious", "critical")
OF_THE_DASHBOARD = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not PageVerifier(find_browser()).available, reason="no Chromium or no Playwright"
    ),
    pytest.mark.timeout(180),
    pytest.mark.xdist_group("dashboard"),
]
"""Marks of every test that uses its one server and its browser."""
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def served(database: Path) -> Iterator[str]:
    """`maestro serve` on a free port; its address."""
    with serving(database) as (address, _):
        yield address


@contextmanager
def serving(database: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server, and its process, which may be killed."""
    command = (sys.executable, "-m", "maestro", "serve", "--port", str(port), "--db", str(database))
    process = subprocess.Popen(
        (*command, "--sandbox", "off"),
        cwd=database.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("dashboard"), line
        yield line.split()[1].removesuffix("/dashboard/"), process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        finally:
            process.kill()  # where it did not end by itself in time, which fails


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=str(find_browser()), args=["--no-sandbox", "--force-color-profile=srgb"]
        )
        yield opened
        opened.close()


class WatchedPage:
    """A page of the dashboard, and everything about it that is wrong."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.wrong: list[str] = []
        self.expected: list[str] = []
        """Parts of console messages that the test itself provokes."""
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", self._asked)

    def _said(self, kind: str, text: str) -> None:
        known = any(part in text for part in self.expected)
        if kind in ("error", "warning") and not known:
            self.wrong.append(f"console: {text}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("blob", "data") and parts.netloc != urlsplit(self.address).netloc:
            self.wrong.append(f"request to another host: {request.url}")

    def open(self, place: str) -> None:
        """Opens a place of the dashboard, `runs/run-1/gates`, and waits until it is loaded."""
        self.page.goto(f"{self.address}/dashboard/#/{place}")
        self.page.wait_for_selector("main h1")
        self.settled()

    def settled(self) -> None:
        """Waits until nothing is being loaded, and looks at the texts."""
        self.page.wait_for_function("() => !document.querySelector('.loading')")
        text = self.page.inner_text("body")
        self.wrong += [f"text: {part}" for part in NOBODY_SHOULD_SEE if part in text]

    def axe(self, rules: Sequence[str] = ()) -> list[str]:
        """Serious faults of the page as it is, as `rule: first place`."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        options: dict[str, object] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = {"type": "rule", "values": list(rules)}
        found = self.page.evaluate("(options) => axe.run(document, options)", options)
        return [
            f"{fault['id']}: {fault['nodes'][0]['html'][:160]}"
            for fault in found["violations"]
            if fault["impact"] in FIXES
        ]


@contextmanager
def watched(
    opened: Browser,
    address: str,
    *,
    theme: Literal["light", "dark"] = "light",
    width: int = 1280,
) -> Iterator[WatchedPage]:
    """A fresh visitor; the test fails on leaving when anything was wrong."""
    context = opened.new_context(
        viewport={"width": width, "height": 860}, color_scheme=theme, accept_downloads=True
    )
    page = WatchedPage(context.new_page(), address)
    try:
        yield page
        page.settled()
        assert page.wrong == [], page.wrong
    finally:
        context.close()
