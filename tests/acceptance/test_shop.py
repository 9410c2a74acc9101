"""One whole build of a web shop, from the command line to the running application."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from product import REQUIREMENTS, Build, assert_truthful, build, unverified

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("shop")]

BUILDERS = {
    "requirement_analyst",
    "solution_architect",
    "database_designer",
    "backend_developer",
    "frontend_developer",
    "ui_designer",
    "qa_engineer",
    "security_specialist",
    "devops_engineer",
    "technical_writer",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return build(tmp_path_factory.mktemp("shop"), REQUIREMENTS / "ecommerce.txt")


def test_it_succeeds_and_every_contract_was_held_against_the_real_thing(shop: Build) -> None:
    assert shop.finished.code == 0, shop.result["reasons"]
    assert shop.result["success"] is True
    assert shop.result["partial"] is False
    assert shop.result["not_built"] == []
    assert set(unverified(shop)) <= {"web-page"}, "only a page may go unchecked: no browser here"
    assert_truthful(shop)
    assert shop.result["quality"]["overall_quality_score"] >= 0.8
    assert set(shop.result["deliverables"]) == BUILDERS
    tables = _specification(shop, "backend-schema")["tables"]
    assert {"products", "categories", "carts", "orders", "reviews"} <= {t["name"] for t in tables}


def test_the_result_folder_holds_everything(shop: Build) -> None:
    names = {path.name for path in shop.output.iterdir()}
    documents = {"contracts", "app", "quality_report.json", "report.html", "run.json"}
    assert names == BUILDERS | documents
    for contract in shop.result["contracts"]:
        assert (shop.output / "contracts" / f"{contract['id']}_spec.yaml").stat().st_size > 0
        assert (shop.output / "contracts" / f"{contract['id']}_README.md").stat().st_size > 0
    for persona, paths in shop.result["deliverables"].items():
        for path in paths:
            assert (shop.output / persona / path).is_file()
            assert (shop.output / "app" / path).read_bytes() == (
                shop.output / persona / path
            ).read_bytes()
    texts = [path for path in (shop.output / "app").rglob("*") if path.is_file()]
    assert not [path for path in texts if b"/tmp/" in path.read_bytes()]


def test_consumers_worked_while_the_providers_were_not_there_yet(shop: Build) -> None:
    spans, steps = shop.spans, shop.steps
    backend, frontend = spans["work.backend_developer"], spans["work.frontend_developer"]
    assert frontend.overlaps(backend)
    assert frontend.start < backend.end <= spans["verify.backend-api"].start
    for name, step in steps.items():
        if name.startswith("work.") and step["persona"] != "security_specialist":
            assert not [need for need in step["needs"] if need.startswith("work.")], name
    for consumer in ("work.frontend_developer", "work.qa_engineer"):
        assert "work.backend_developer" not in _ancestors(steps, consumer)
        assert "recheck." + consumer.removeprefix("work.") in spans


def test_every_mock_lived_exactly_as_long_as_its_consumer_worked(shop: Build) -> None:
    mocks = [event for event in shop.events if event["kind"].startswith("mock.")]
    started = {event["step_id"] for event in mocks if event["kind"] == "mock.started"}
    assert started == {"work.frontend_developer", "work.qa_engineer"}
    for event in mocks:
        span = shop.spans[event["step_id"]]
        assert span.start <= datetime.fromisoformat(event["at"]) <= span.end
        if event["kind"] == "mock.stopped":
            assert event["data"]["calls"] > 10
    assert len(mocks) == 2 * len(started)


def test_the_reports_say_what_the_events_say(shop: Build) -> None:
    run, quality = shop.document("run.json"), shop.document("quality_report.json")
    validation = shop.document("contracts/validation_report.json")
    assert run["events"] == [
        {key: value for key, value in event.items() if key != "type"} for event in shop.events
    ]
    succeeded = [e["step_id"] for e in shop.events if e["kind"] == "step.succeeded"]
    assert len(succeeded) == len(set(succeeded))
    assert {s["id"] for s in run["steps"] if s["status"] == "succeeded"} == set(succeeded)
    for step in run["steps"]:
        span = shop.spans[step["id"]]
        assert datetime.fromisoformat(step["started_at"]) == span.start
        assert datetime.fromisoformat(step["ended_at"]) == span.end
    assert run["result"] == {k: v for k, v in shop.result.items() if k != "type"}

    entries = {entry["contract"]: entry for entry in validation["contracts"]}
    for contract in shop.result["contracts"]:
        assert entries[contract["id"]]["fulfilled"] is contract["verified"]
    api = entries["backend-api"]["verification"]
    assert api["operations_tested"] == api["operations_total"] == _operations(shop)
    assert api["requests"] > api["operations_total"]
    assert validation["fulfilled"] == sum(e["fulfilled"] for e in validation["contracts"])
    assert all(c["passed"] for item in validation["consumers"].values() for c in item["checks"])
    assert len(quality["gates"]) == shop.result["quality"]["gates_total"]
    assert quality["score"]["overall"] == shop.result["quality"]["overall_quality_score"]
    assert all(part["checks"] for part in quality["traceability"])
    assert quality["phases_not_gone_through"] == ["performance", "monitoring"]


def test_measured_times_add_up(shop: Build) -> None:
    execution, spans = shop.result["execution"], shop.spans
    spent = sum((span.end - span.start).total_seconds() for span in spans.values())
    assert execution["sequential_seconds"] == pytest.approx(spent, abs=0.01)
    first, last = (datetime.fromisoformat(shop.events[place]["at"]) for place in (1, -1))
    assert execution["wall_seconds"] == pytest.approx((last - first).total_seconds(), abs=0.01)
    assert execution["critical_path_seconds"] <= execution["wall_seconds"] + 0.01
    saved = 100 * (1 - execution["wall_seconds"] / execution["sequential_seconds"])
    assert execution["time_savings_percent"] == pytest.approx(saved, abs=0.1)


def test_the_report_needs_nothing_but_itself(shop: Build) -> None:
    page = (shop.output / "report.html").read_text(encoding="utf-8")
    resources = re.findall(
        r"""(?:src|href|xlink:href|action|data)\s*=\s*["']([^"'#][^"']*)""", page
    )
    resources += re.findall(r"url\(([^)]*)\)|@import\s+(\S+)", page)
    assert [item for item in resources if "http" in str(item) or "//" in str(item)] == []
    assert not re.search(r"<(script|link|iframe|img|object)[^>]*\b(src|href|data)\s*=", page)
    assert '<svg class="graph"' in page
    assert '<svg class="gantt"' in page
    assert "Not gone through: performance, monitoring." in page
    for step in shop.document("run.json")["steps"]:
        assert step["title"].replace("&", "&amp;").replace("'", "&#39;") in page


def test_the_tests_of_the_built_application_pass(shop: Build) -> None:
    done = subprocess.run(
        ["make", "-C", str(shop.output / "app"), "test", f"PYTHON={sys.executable}"],
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout


def test_the_built_application_keeps_its_data(shop: Build, tmp_path: Path) -> None:
    app = tmp_path / "app"
    shutil.copytree(shop.output / "app", app)
    with running(app) as url, httpx.Client(base_url=url, timeout=20.0) as client:
        assert "<html" in client.get("/").text
        body = _specification(shop, "backend-api")["components"]["schemas"]["ProductCreate"]
        given = _minimal(body)
        created = client.post("/api/products", json=given)
        assert created.status_code == 201, created.text
        assert client.post("/api/products", json={**given, "surprise": 1}).status_code == 422
    with running(app) as url, httpx.Client(base_url=url, timeout=20.0) as client:
        kept = client.get(f"/api/products/{created.json()['id']}")
        assert kept.json() == created.json()
    assert [path for path in app.rglob("*.db") if path.read_bytes().startswith(b"SQLite format 3")]


@contextmanager
def running(app: Path) -> Iterator[str]:
    """The application started as its README says, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "run.py", "--port", str(port)],
        cwd=app,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(timeout=5.0) as client:
            while True:
                assert process.poll() is None, process.stdout and process.stdout.read()
                try:
                    if client.get(url + "/api/health").status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)  # it is not listening yet
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _specification(shop: Build, contract: str) -> Any:
    text = (shop.output / "contracts" / f"{contract}_spec.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def _operations(shop: Build) -> int:
    paths = _specification(shop, "backend-api")["paths"].values()
    methods = {"get", "put", "post", "patch", "delete"}
    return sum(len(methods & set(path)) for path in paths)


def _minimal(schema: dict[str, Any]) -> dict[str, Any]:
    """The required properties without references, by their own examples."""
    properties = schema["properties"]
    text = json.dumps(schema)
    values = {}
    for name in schema.get("required", ()):
        entry = properties[name]
        assert "x-references" not in entry, text
        values[name] = entry.get("example", (entry.get("examples") or [None])[0])
        assert values[name] is not None, text
    return values


def _ancestors(steps: Any, step: str) -> set[str]:
    found: set[str] = set()
    waiting = [step]
    while waiting:
        for need in steps[waiting.pop()]["needs"]:
            if need not in found:
                found.add(need)
                waiting.append(need)
    return found
