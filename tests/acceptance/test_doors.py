"""The command line as callers meet it: exit codes, JSON, and files that cannot be used."""

import io
import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from product import REQUIREMENTS, Finished, environment, maestro

from maestro.cli.main import main

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("doors")]

USERS = "Build a REST API for user management"

Door = Callable[..., Finished]


@pytest.fixture
def door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Door:
    """The command line without the seconds that a new interpreter takes; stdin is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str | Path) -> Finished:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Finished(ended.value.code, printed.out, printed.err)

    return call


def refused(finished: Finished, code: int, *parts: str) -> dict[str, str]:
    """The error document: the only line on stdout, and told on stderr as well."""
    assert finished.code == code, finished.stderr
    (document,) = finished.documents
    assert document["type"] == "error"
    for part in parts:
        assert part in document["message"]
    assert document["message"].splitlines()[0] in finished.stderr
    assert "Traceback" not in finished.stderr
    return document


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("build", "--nonsense"), ("--nonsense",)),
        (("fly",), ("fly",)),
        (("build",), ("REQUIREMENT",)),
        (("build", "missing.txt"), ("missing.txt",)),
        (("build", ""), ("empty",)),
        (("build", "-"), ("empty",)),
        (("build", "x" * 20_001), ("20001", "20000")),
        (("build", USERS, "--prefer-parallel", "--sequential"), ("--sequential",)),
        (("build", USERS, "--blueprint", "nope"), ("'nope'", "parallel-contract-first")),
        (("build", USERS, "--max-parallel", "0"), ("max_parallel", "0")),
        (("build", USERS, "--quality-threshold", "1.5"), ("quality_threshold", "1.5")),
        (("build", USERS, "--contract", "missing.json"), ("--contract", "missing.json")),
        (("build", USERS, "--sandbox", "perhaps"), ("'perhaps'",)),
        (("build", "--plan", "missing.yaml"), ("--plan", "missing.yaml")),
        (("build", USERS, "--plan", "missing.yaml"), ("not both",)),
        (("runs", "show", "run-0"), ("'run-0'",)),
        (("runs", "resume", "run-0"), ("'run-0'",)),
        (("runs", "list", "--status", "odd"), ("'odd'", "blocked")),
    ],
)
def test_a_wrong_call_is_explained_and_stores_nothing(
    door: Door, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    refused(door(*arguments, "--json"), 2, *parts)
    listed = door("runs", "list", "--json")
    assert listed.documents == [{"type": "runs", "runs": []}]


@pytest.mark.parametrize(
    ("name", "content", "option", "part"),
    [
        ("plan.yaml", "steps: [", "--plan", "not YAML"),
        ("plan.yaml", "maestro_plan: 99\n", "--plan", "format 1"),
        ("plan.yaml", "maestro_plan: 1\nrequirement: x\nplan: {team: 3}\n", "--plan", "plan"),
        ("api.yaml", "title: not an API\n", "--contract", "openapi"),
        ("api.bin", "\udcff", "--contract", "UTF-8"),
        ("api.yaml", "openapi: 3.0.3\n", "--contract", '/: "paths" is a required property'),
        ("api.yaml", "openapi: 3.1.0\npaths: {}\n", "--contract", '/: "info" is a required'),
    ],
)
def test_an_unreadable_file_is_explained(
    tmp_path: Path, door: Door, name: str, content: str, option: str, part: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8", errors="surrogateescape")
    requirement = () if option == "--plan" else (USERS,)
    finished = door("build", *requirement, option, name, "--json")
    refused(finished, 2, name, part)


def test_foreign_files_in_the_output_folder_stay(tmp_path: Path, door: Door) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    refused(door("build", USERS, "--output", "mine", "--json"), 2, "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("kind", ["folder", "corrupt", "newer", "foreign", "unwritable"])
def test_a_database_that_cannot_be_used_stops_everything(
    tmp_path: Path, door: Door, kind: str
) -> None:
    path = tmp_path / "runs.db"
    if kind == "folder":
        path.mkdir()
    elif kind == "corrupt":
        path.write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    elif kind == "unwritable":
        path = Path("/proc/maestro/runs.db")  # not even root can write there
    elif kind == "foreign":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE customers (name TEXT)")
        connection.close()
    else:
        assert door("agents", "list", "--db", path).code == 0
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.close()
    before = path.read_bytes() if path.is_file() else b""
    finished = door("agents", "list", "--db", path, "--json")
    document = refused(finished, 5, str(path.parent if kind == "unwritable" else path))
    assert document["code"] == ("schema_mismatch" if kind == "newer" else "storage_unavailable")
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_new_process_says_the_same(tmp_path: Path) -> None:
    refused(maestro("build", "--nonsense", "--json", home=tmp_path), 2, "--nonsense")


def test_a_requirement_with_nothing_to_build_is_blocked(tmp_path: Path) -> None:
    """Whatever is printed besides the result, people find on stderr."""
    finished = maestro("build", REQUIREMENTS / "sorting.txt", "--output", "out", home=tmp_path)
    assert finished.code == 3, finished.stderr
    assert finished.stdout.strip().startswith("blocked")
    assert "configure a model" in finished.stdout
    assert "started   run" not in finished.stdout
    assert "started   run" in finished.stderr
    assert not (tmp_path / "out" / "app").exists()
    result = json.loads((tmp_path / "out" / "run.json").read_text())["result"]
    assert (result["status"], result["success"], result["contracts"]) == ("blocked", False, [])


def test_plan_shows_everything_and_can_be_saved(tmp_path: Path, door: Door) -> None:
    shown = door("plan", USERS, "--save", "plan.yaml", "--json")
    assert shown.code == 0, shown.stderr
    (document,) = shown.documents
    plan = document["plan"]
    assert plan["analysis"]["domain"]["entities"][0]["name"] == "user"
    assert plan["analysis"]["confidence"] > 0.5
    assert plan["matches"][0]["reasons"]
    contracts = {contract["id"] for contract in plan["contracts"]}
    assert {"backend-api", "backend-schema"} <= contracts
    together = next(group for group in document["expected_groups"] if "work.qa_engineer" in group)
    assert "work.backend_developer" in together
    saved = yaml.safe_load((tmp_path / "plan.yaml").read_text())
    assert saved["requirement"] == USERS
    assert saved["plan"] == plan


def test_runs_are_listed_and_shown(tmp_path: Path, door: Door) -> None:
    assert door("plan", USERS, "--quality-threshold", "0.5").code == 0
    (listed,) = door("runs", "list", "--json").documents
    (run,) = listed["runs"]
    assert (run["status"], run["requirement"]) == ("succeeded", USERS)

    (shown,) = door("runs", "show", run["id"], "--json").documents
    assert [step["status"] for step in shown["steps"]] == ["succeeded"] * 4
    events = door("runs", "events", run["id"]).documents
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["kind"], events[-1]["kind"]) == ("run.created", "run.succeeded")
    later = door("runs", "events", run["id"], "--after", "5").documents
    assert later == events[5:]

    reported = door("runs", "report", run["id"], "--output", "again")
    assert reported.code == 0, reported.stderr
    assert (tmp_path / "again" / "report.html").is_file()
    again = door("runs", "resume", run["id"], "--json")
    refused(again, 2, run["id"], "nothing to resume")


def test_doctor_says_what_this_machine_has(tmp_path: Path, door: Door) -> None:
    finished = door("doctor", "--json")
    (document,) = finished.documents
    checks = {check["name"]: check for check in document["checks"]}
    assert {"python", "database", "sandbox", "node", "browser", "disk"} <= set(checks)
    assert document["ok"] is all(check["ok"] is not False for check in checks.values())
    assert finished.code == (0 if document["ok"] else 4)
    assert all(check["fix"] for check in checks.values() if check["ok"] is False)
    assert str(tmp_path / "share" / "maestro" / "maestro.db") in checks["database"]["detail"]
    assert (tmp_path / "share" / "maestro" / "maestro.db").exists()
