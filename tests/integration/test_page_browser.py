"""Built pages in a real browser, over really built services and over broken ones."""

import asyncio
import importlib.util
import json
import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.sandboxes.provider import HostSandboxProvider
from maestro.contracts.verification.page import SCRATCH, PageVerifier, find_browser
from maestro.domain.contract import Contract, ContractKind, Verification
from maestro.domain.entities import DomainModel, Entity
from maestro.ports import VerificationTarget

DATA = Path(__file__).parents[1] / "data"
BROWSER = find_browser()
WAIT_SECONDS = 6.0

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not PageVerifier(BROWSER).available, reason="no Chromium or no Playwright"),
    pytest.mark.timeout(300),
]


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(DATA / "support" / "builds.py", "support_builds")

NOTE = Entity(
    name="note",
    plural="notes",
    source="notes",
    fields=(*builds.PROJECT.fields[:1], replace(builds.TASK.fields[2], default=None)),
)
NOTES = DomainModel(title="Notes", entities=(NOTE,))
"""Small enough to be built and broken many times: a name and a status."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def page_contract(domain: DomainModel) -> Contract:
    found = [c for c in builds.contracts_of(domain) if c.kind is ContractKind.PAGE]
    contract: Contract = found[0]
    return contract


async def silent(message: str) -> None:
    return None


def visit(contract: Contract, folder: Path, url: str, pictures: Path | None = None) -> Verification:
    async def run() -> Verification:
        async with HostSandboxProvider().open(folder) as sandbox:
            target = VerificationTarget(description="page", sandbox=sandbox, url=url)
            verifier = PageVerifier(BROWSER, screenshots=pictures, wait_seconds=WAIT_SECONDS)
            return await verifier.verify(contract, target, silent)

    return asyncio.run(run())


def failed(verification: Verification) -> set[str]:
    return {check.id.removeprefix("web-page.") for check in verification.checks if not check.passed}


@contextmanager
def running_app(folder: Path) -> Iterator[str]:
    """The integrated application, started by its own command."""
    port = free_port()
    command = [sys.executable, "run.py", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Press"):
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


@contextmanager
def running_memory(folder: Path, domain: DomainModel, defect: str = "") -> Iterator[str]:
    """The page over a small API that can be broken on purpose."""
    documents = {}
    for contract in builds.contracts_of(domain):
        if contract.kind is ContractKind.REST:
            path = folder / f"{contract.component}.json"
            path.write_text(json.dumps(contract.specification))
            documents[contract.component] = str(path)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "memory_backend:app", "--port", str(port)],
        cwd=DATA / "pages",
        env={
            **os.environ,
            "PAGES_DOCUMENTS": json.dumps(documents),
            "PAGES_FRONTEND": str(folder / "frontend"),
            "PAGES_DEFECT": defect,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until_it_answers(f"{url}/config.json", process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


class HangsUp(socketserver.BaseRequestHandler):
    """A server that takes a request and says nothing."""

    def handle(self) -> None:
        self.request.recv(65536)


def until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        assert process.poll() is None, "the server ended by itself"
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.URLError:
            continue
        return
    raise AssertionError(f"{url} did not answer within 30 s")


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = builds.build(
        NOTES, tmp_path_factory.mktemp("notes"), ("frontend_developer", "ui_designer")
    )
    return folder


@pytest.mark.parametrize("name", ["tasks", "shop", "awkward"])
def test_the_page_does_everything_over_the_really_built_services(name: str, tmp_path: Path) -> None:
    domain = builds.DOMAINS[name]
    contract = page_contract(domain)
    app, pictures = tmp_path / "app", tmp_path / "pictures"
    app.mkdir()
    builds.build(domain, app)
    with running_app(app) as url:
        verification = visit(contract, app, url, pictures)
    assert failed(verification) == set()
    assert verification.findings == ()
    assert verification.conforms
    assert verification.tool.startswith("Chromium ")
    told = {check.id for check in verification.checks}
    assert {criterion.id for criterion in contract.acceptance} <= told
    assert len(list(pictures.glob("view-*.png"))) == len(domain.entities)
    assert not (app / SCRATCH).exists()


def test_what_a_broken_service_does_not_keep_is_seen_on_the_page(notes: Path) -> None:
    with running_memory(notes, NOTES, "filter,search,edit,delete") as url:
        verification = visit(page_contract(NOTES), notes, url)
    expected = ["page-deletes.note", "page-edits.note", "page-filters.note.status"]
    assert sorted(failed(verification)) == [*expected, "page-searches.note"]
    assert not verification.conforms
    rules = sorted(finding.rule for finding in verification.findings)
    assert rules == ["page_deletes", "page_edits", "page_filters", "page_searches"]


def test_entries_that_are_not_stored_fail_everything_but_are_reported_once(notes: Path) -> None:
    with running_memory(notes, NOTES, "create") as url:
        verification = visit(page_contract(NOTES), notes, url)
    assert {"page-creates.note", "page-lists.note", "page-edits.note"} <= failed(verification)
    assert [finding.rule for finding in verification.findings] == ["page_creates"]


def test_a_page_that_cannot_be_loaded_is_a_finding_and_not_the_end_of_the_visit(
    notes: Path,
) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), HangsUp) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        verification = visit(page_contract(NOTES), notes, f"http://127.0.0.1:{port}")
        server.shutdown()
    assert {"page-creates.note", "page-lists.note", "page_quiet"} <= failed(verification)
    assert "page_request_failed" in {finding.rule for finding in verification.findings}
    assert "ERR_EMPTY_RESPONSE" in str(verification.checks)


BREAKS = {
    "page_error": (
        "frontend/js/views/list.js",
        "  async create() {",
        '  async create() {\n    setTimeout(() => { throw new Error("broken on purpose"); });',
    ),
    "page_console_error": (
        "frontend/js/views/list.js",
        "  async show() {",
        '  async show() {\n    console.error("broken on purpose");',
    ),
    "page_text": (
        "frontend/js/values.js",
        "  return `${new Intl",
        "  return `${undefined} ${new Intl",
    ),
    "page_foreign_request": (
        "frontend/js/views/home.js",
        "  async show() {",
        '  async show() {\n    fetch("http://127.0.0.2:9/x").catch(() => {});',  # nobody answers
    ),
    "page_request_failed": (
        "frontend/index.html",
        '<link rel="stylesheet" href="css/app.css">',
        '<link rel="stylesheet" href="css/app.css"><link rel="stylesheet" href="css/gone.css">',
    ),
}


def test_what_nobody_should_see_is_a_finding(tmp_path: Path) -> None:
    folder = builds.build(NOTES, tmp_path, ("frontend_developer", "ui_designer"))
    for path, old, new in BREAKS.values():
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new))
    index = folder / "frontend/index.html"
    index.write_text(re.sub(r"<meta http-equiv=[^>]+>", "", index.read_text()))
    with running_memory(folder, NOTES) as url:
        verification = visit(page_contract(NOTES), folder, url)
    assert {finding.rule for finding in verification.findings} == set(BREAKS)
    assert failed(verification) == {"page_quiet"}
    assert not verification.conforms


def test_a_page_that_is_not_there_fails_with_what_was_missing(tmp_path: Path) -> None:
    (tmp_path / "frontend").mkdir()
    (tmp_path / "frontend/index.html").write_text("<!doctype html><title>x</title><h1>Soon</h1>")
    contract = page_contract(NOTES)
    with running_memory(tmp_path, NOTES) as url:
        verification = visit(contract, tmp_path, url)
    assert not verification.conforms
    creates = next(c for c in verification.checks if c.id == "web-page.page-creates.note")
    assert "[data-nav=notes]" in creates.detail
    assert verification.operations_tested == 0
