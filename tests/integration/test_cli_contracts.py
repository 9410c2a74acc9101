"""`maestro contracts`, as a user types it, with real servers on both ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "contracts"
SHOP, GRAPHQL = EXAMPLES / "shop.yaml", EXAMPLES / "shop.graphql"
PROVIDER = ROOT / "tests" / "data" / "faulty_provider" / "shop_provider.py"
MAESTRO = [sys.executable, "-m", "maestro", "contracts"]
Json = dict[str, Any]


@pytest.fixture
def db(tmp_path: Path) -> list[str]:
    return ["--db", str(tmp_path / "maestro.db")]


def contracts(
    *arguments: str | Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MAESTRO, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "COLUMNS": "160", **(env or {})},
    )


def told(text: str) -> list[Json]:
    return [json.loads(line) for line in text.splitlines()]


def changed(folder: Path, name: str = "shop.yaml", *, breaks: bool) -> Path:
    document = yaml.safe_load(SHOP.read_text("utf-8"))
    if breaks:
        product = document["components"]["schemas"]["Product"]
        del product["properties"]["name"]
        product["required"].remove("name")
    else:
        colour = {"name": "colour", "in": "query", "schema": {"type": "string"}}
        document["paths"]["/products"]["get"]["parameters"].append(colour)
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


# --- lint, diff -----------------------------------------------------------------------------------


def test_lint(tmp_path: Path) -> None:
    done = contracts("lint", *sorted(EXAMPLES.iterdir()))
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("ok  ") == 5
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        "openapi: 3.1.0\ninfo: {title: x, version: '1'}\npaths: {/a: {get: {}, x: 1}}\n"
    )
    done = contracts("lint", SHOP, broken)
    assert done.returncode == 3
    assert "/paths/~1a" in done.stdout
    report = told(contracts("lint", broken, "--json").stdout)[0]
    assert report["ok"] is False
    assert {"place", "rule", "message", "severity"} <= set(report["problems"][0])


def test_diff(tmp_path: Path) -> None:
    breaking = changed(tmp_path, breaks=True)
    done = contracts("diff", SHOP, breaking)
    assert done.returncode == 3
    assert "response-required-property-removed" in done.stdout
    assert "1.0.0 -> 2.0.0 is due" in done.stdout
    report = told(contracts("diff", SHOP, breaking, "--json").stdout)[0]
    assert (report["breaking"], report["due"]) == (True, "2.0.0")
    assert {change["kind"] for change in report["changes"]} == {"breaking"}
    compatible = changed(tmp_path, "wider.yaml", breaks=False)
    done = contracts("diff", SHOP, compatible)
    assert done.returncode == 0
    assert "1.0.0 -> 1.1.0 is due" in done.stdout
    assert contracts("diff", SHOP, SHOP).stdout.startswith("no change")


# --- the shelf ------------------------------------------------------------------------------------


def test_import_list_show(tmp_path: Path, db: list[str]) -> None:
    kept = told(
        contracts("import", *sorted(EXAMPLES.iterdir(), reverse=True), "--json", *db).stdout
    )
    assert {entry["id"] for entry in kept} == {
        "inventory", "orders.asyncapi", "pricing", "shop", "shop-graphql",
    }  # fmt: skip
    found = told(contracts("list", "/orders", "get", "--json", *db).stdout)[0]["contracts"]
    assert [entry["id"] for entry in found] == ["shop"]
    shown = contracts("show", "shop", *db).stdout
    assert "agreed" in shown
    assert "get /products/{product_id}" in shown
    whole = told(contracts("show", "shop@1.0.0", "--json", *db).stdout)[0]
    assert whole["contract"]["specification"]["info"]["title"] == "Shop"
    done = contracts("show", "shop", "--version", "9.9.9", *db)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no contract 'shop' 9.9.9" in done.stderr


# --- mock -----------------------------------------------------------------------------------------


@contextmanager
def mock(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A running mock server and its addresses by contract."""
    process = subprocess.Popen(
        [*MAESTRO, "mock", *map(str, arguments)], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    addresses: dict[str, str] = {}
    try:
        assert process.stdout is not None
        for line in process.stdout:
            name, _, address = line.strip().partition(" at ")
            addresses.setdefault(name.partition(" ")[0], address)
            if name.startswith("routes"):
                break
        yield process, addresses
    finally:
        process.kill()
        process.communicate()


def test_mock_of_three_kinds_on_one_port(tmp_path: Path) -> None:
    record = tmp_path / "calls.jsonl"
    files = [SHOP, GRAPHQL, EXAMPLES / "orders.asyncapi.yaml"]
    with mock(*files, "--port", "0", "--record", record) as (process, addresses):
        assert {"shop", "shop-graphql", "orders.asyncapi", "routes,"} == set(addresses)
        product = {"sku": "SKU-1", "name": "Lamp", "category": "office", "price": 9.5}
        with httpx.Client(trust_env=False, headers={"X-Api-Key": "any"}) as http:
            wrong = http.post(f"{addresses['shop']}/products", json={"name": 3})
            assert wrong.status_code == 422
            made = http.post(f"{addresses['shop']}/products", json=product)
            assert made.status_code == 201
            listed = http.get(f"{addresses['shop']}/products", params={"category": "office"})
            assert [entry["name"] for entry in listed.json()["items"]] == ["Lamp"]
            answer = http.post(addresses["shop-graphql"], json={"query": "{__typename}"})
            assert answer.json() == {"data": {"__typename": "Query"}}
            calls = http.get(f"{addresses['routes,']}calls").json()
        assert [call["status"] for call in calls["calls"][:3]] == [422, 201, 200]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "SIGTERM: the mock server ends" in errors
    assert len(record.read_text().splitlines()) == 4


def test_a_mock_that_remembers_nothing_takes_every_creation() -> None:
    with mock(SHOP, "--port", "0", "--stateless") as (_, addresses):
        product = {"sku": "SKU-1", "name": "Lamp", "category": "office", "price": 9.5}
        with httpx.Client(trust_env=False, headers={"X-Api-Key": "any"}) as http:
            made = [http.post(f"{addresses['shop']}/products", json=product) for _ in range(3)]
            assert [reply.status_code for reply in made] == [201, 201, 201]
            assert {reply.text for reply in made} == {made[0].text}
            assert http.get(f"{addresses['shop']}/products/9999").status_code == 200


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with mock(SHOP, "--port", "0") as (process, addresses):
        port = httpx.URL(addresses["shop"]).port
        done = contracts("mock", GRAPHQL, "--port", str(port))
        assert done.returncode == 2
        assert f"port {port} of 127.0.0.1 is taken" in done.stderr
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 0


# --- verify, export -------------------------------------------------------------------------------


def test_verify_finds_the_fault_and_writes_reports(tmp_path: Path) -> None:
    output = tmp_path / "reports"
    done = contracts(
        "verify", SHOP, "--command", f"{sys.executable} {PROVIDER} {{port}}", "--output", output,
        env={"FAULT": "create_status"},
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "starting" in done.stderr  # progress is told while it goes on
    assert "trying entries" in done.stderr
    assert done.stdout.strip().startswith("differs  shop 1.0.0")
    assert "POST /products  status 200 is not documented" in done.stdout
    assert "curl -i -X POST" in done.stdout
    assert "\nnot fulfilled  score" in done.stdout
    report = json.loads((output / "validation_report.json").read_text())
    assert report["conforms"] is False
    assert {path.suffix for path in output.iterdir()} == {".json", ".xml", ".sarif"}


def test_what_is_missing_for_a_contract_to_count_as_fulfilled_is_told(db: list[str]) -> None:
    provider = ("--command", f"{sys.executable} {PROVIDER} {{port}}")
    done = contracts("verify", SHOP, *provider)
    assert done.returncode == 0, done.stderr
    assert "\nnot yet fulfilled  score 0.80, 0.90 is needed\n" in done.stdout
    hints = done.stdout.splitlines()[-2:]
    assert "unchanged; keep it as agreed (maestro contracts import FILE)" in hints[0]
    assert "consumers; record calls on the mock (--record FILE)" in hints[1]
    assert contracts("import", SHOP, *db).returncode == 0
    agreed = contracts("verify", "shop", *provider, *db)
    assert agreed.stdout.splitlines()[-1].startswith("without evidence: consumers")


def test_verify_of_a_module_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "pricing.py").write_text("class Pricing: pass\n", encoding="utf-8")
    done = contracts(
        "verify", EXAMPLES / "pricing.py", "--cwd", tmp_path, "--sandbox", "off", "--json"
    )
    assert done.returncode == 3, done.stderr
    report = told(done.stdout)[0]
    assert report["conforms"] is False
    assert {entry["operation"] for entry in report["operations"]} >= {"Pricing.quote"}


def test_a_verification_is_ended_by_a_signal(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*MAESTRO, "verify", str(SHOP), "--command", f"{sys.executable} {PROVIDER} {{port}}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        while "ready after" not in (line := process.stderr.readline()):
            assert line
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "ended by SIGINT before there was a result" in errors
    assert "Traceback" not in errors


def test_export_is_checked_before_it_counts(tmp_path: Path) -> None:
    done = contracts("export", SHOP, "--to", "python-client", "--output", tmp_path / "client")
    assert done.returncode == 0, done.stderr
    assert "checked: " in done.stdout
    assert (tmp_path / "client" / "shop_client" / "client.py").is_file()
