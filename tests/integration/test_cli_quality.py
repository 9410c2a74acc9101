"""`maestro quality measure` and the measurable part of `maestro doctor`, as a user types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

KNOWN = Path(__file__).parents[1] / "fixtures" / "known_bad"


def maestro(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "maestro", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "COLUMNS": "160"},
    )


def test_json_holds_metrics_evidence_and_the_sandbox(tmp_path: Path) -> None:
    done = maestro(
        "quality", "measure", KNOWN / "guard.skips_added" / "bad", "--only", "guard", "--only",
        "stubs", "--against", KNOWN / "guard.skips_added" / "before", "--sbom",
        tmp_path / "sbom.json", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["type"] == "measurement"
    assert told["metrics"]["guard.skips_added"] == 1
    assert {item["collector"] for item in told["evidence"]} == {"guard", "stubs"}
    for item in told["evidence"]:
        assert item["sandbox"]
        assert item["files_examined"] == 1
        assert item["raw_digest"].startswith("sha256:")
    assert json.loads((tmp_path / "sbom.json").read_text())["bomFormat"] == "CycloneDX"


def test_the_table_shows_values_findings_and_what_was_not_measured() -> None:
    done = maestro("quality", "measure", KNOWN / "lint.errors" / "bad", "--only", "lint.errors",
                   "--only", "guard")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "lint.errors      1  ruff" in done.stdout
    assert "lint: backend/app/prices.py:1: F401" in done.stdout
    assert "NOT MEASURED guard: nobody said what the tests were before" in done.stdout


def test_a_tool_that_broke_and_a_folder_of_nothing_do_not_look_well(tmp_path: Path) -> None:
    done = maestro("quality", "measure", tmp_path, "--only", "lint", "--only", "guard")
    assert done.returncode == 3, done.stdout
    (tmp_path / "a.py").write_text("def f(:\n", encoding="utf-8")
    done = maestro("quality", "measure", tmp_path, "--only", "bandit.high")
    assert done.returncode == 4, done.stdout
    assert "ERROR bandit: bandit cannot examine a.py" in done.stdout


def test_a_mistake_is_the_callers() -> None:
    done = maestro("quality", "measure", KNOWN, "--only", "coverge.line")
    assert done.returncode == 2
    assert "'coverge.line' is neither a metric nor one of" in done.stderr


def test_doctor_says_of_every_metric_whether_it_can_be_measured(tmp_path: Path) -> None:
    from maestro.quality.metrics import built_in_metrics

    done = maestro("doctor", "--json", "--db", tmp_path / "maestro.db")
    told = {item["metric"]: item for item in json.loads(done.stdout)["metrics"]}
    assert set(told) == set(built_in_metrics().metrics)
    assert told["lint.errors"]["tool"].startswith("ruff ")
    for metric, tool in (
        ("rest.not_conforming", "schemathesis "),
        ("schema.not_conforming", "alembic "),
        ("page.not_conforming", "playwright "),
        ("documents.not_conforming", "Maestro itself"),
    ):
        assert told[metric]["tool"].startswith(tool)
    for item in told.values():
        assert item["ok"] is not bool(item["problem"])
        assert item["ok"] or item["fix"]
