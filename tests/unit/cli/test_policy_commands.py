"""`maestro policy`, as somebody types it."""

import json
from pathlib import Path
from typing import Any

import pytest

from maestro.cli.main import main
from maestro.domain.quality import PHASES
from maestro.quality.policy import BUILT_IN

FIXTURES = Path(__file__).parents[2] / "fixtures" / "policies"
GOOD = FIXTURES / "good" / "complete.yaml"


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["policy", *map(str, words)])
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


def documents(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_the_built_in_policy_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", BUILT_IN)
    assert code == 0
    assert out.startswith(f"ok       {BUILT_IN}: policy default version ")
    assert "13 phases" in out


def test_every_bad_policy_is_refused_with_its_place_and_the_others_are_checked_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = sorted(FIXTURES.glob("*.yaml"))
    code, out, _ = run(capsys, "check", *files, GOOD)
    lines = out.splitlines()
    assert code == 2
    assert len(lines) == len(files) + 1
    for file, line in zip(files, lines, strict=False):
        title = file.read_text(encoding="utf-8").splitlines()[0]
        number, _, why = title.removeprefix("# Refused in line ").partition(": ")
        assert line.startswith(f"refused  {file}:{number}:")
        assert why in line
    assert lines[-1].startswith("ok ")


def test_a_check_in_json_says_file_line_column_and_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = FIXTURES / "threshold-as-text.yaml"
    code, out, _ = run(capsys, "check", bad, GOOD, FIXTURES / "absent.yaml", "--json")
    refused, accepted, absent = documents(out)
    assert code == 2
    assert refused == {
        "type": "policy_check",
        "file": str(bad),
        "ok": False,
        "line": 23,
        "column": 94,
        "reason": "expected a number, got '80'",
    }
    assert accepted["ok"] is True
    assert accepted["environments"]["staging"]["blocking"] == 17
    assert accepted["environments"]["production"]["gates"] == 18
    assert absent["ok"] is False
    assert "cannot be read" in absent["reason"]


def test_nothing_to_check_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "check")
    assert code == 2
    assert "name at least one FILE" in err


def test_a_policy_is_shown_by_phase(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", GOOD, "--phase", "testing")
    words = " ".join(out.split())
    assert code == 0
    assert "TST-2 BLOCKING Most lines are run: coverage.line >= 80.0" in words
    assert "at most 2 worse than the last passing run" in words
    assert "artefact BLOCKING tests/**/test_*.py: 2 or more, python" in words
    assert "alice asked, bob approved (ADR-0012)" in words
    assert "SEC-1" not in out


def test_a_policy_is_shown_as_the_environment_tightens_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(capsys, "show", GOOD, "--environment", "production", "--json")
    (document,) = documents(out)
    assert code == 0
    assert [phase["phase"] for phase in document["phases"]] == list(PHASES)
    testing = next(phase for phase in document["phases"] if phase["phase"] == "testing")
    assert {gate["id"]: gate["condition"] for gate in testing["exit"]}["TST-2"] == (
        "coverage.line >= 85.0"
    )
    assert document["environment"] == "production"
    assert document["waivers"][0]["expires"] == "2030-12-31"


def test_a_phase_nobody_knows_cannot_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "show", "--phase", "tseting")
    assert code == 2
    assert "'tseting'" in err
    assert "requirements, design" in err


def test_what_was_loosened_and_tightened_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    later = tmp_path / "later.yaml"
    text = GOOD.read_text(encoding="utf-8")
    text = text.replace("threshold: 80,", "threshold: 70,").replace("min: 2,", "min: 3,")
    later.write_text(text, encoding="utf-8")
    code, out, _ = run(capsys, "diff", GOOD, later)
    assert code == 3
    assert out.splitlines() == [
        "loosened  TST-2 condition: coverage.line >= 80.0 → coverage.line >= 70.0"
        " (development, staging)",
        "tightened testing:tests/**/test_*.py min: 2 → 3",
    ]
    code, out, _ = run(capsys, "diff", GOOD, later, "--json")
    (document,) = documents(out)
    assert code == 3
    assert document["loosened"] is True
    assert [change["effect"] for change in document["changes"]] == ["loosened", "tightened"]


def test_tightening_alone_is_no_reason_to_stop(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    later = tmp_path / "later.yaml"
    text = GOOD.read_text(encoding="utf-8").replace("min: 2,", "min: 3,")
    later.write_text(text, encoding="utf-8")
    assert run(capsys, "diff", GOOD, later)[0] == 0
    code, out, _ = run(capsys, "diff", GOOD, GOOD)
    assert (code, out) == (0, "the policies demand the same\n")


def test_a_condition_that_became_another_counts_as_loosened(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    later = tmp_path / "later.yaml"
    text = GOOD.read_text(encoding="utf-8").replace("suites.failed == 0", "suites.errors == 0")
    later.write_text(text, encoding="utf-8")
    code, out, _ = run(capsys, "diff", GOOD, later)
    assert code == 3
    assert out.startswith("changed   TST-1 condition: ")


def test_a_gate_is_explained_with_what_environments_add(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(capsys, "explain", "TST-2", "--policy", GOOD)
    assert code == 0
    assert out.splitlines()[0] == "TST-2  testing, exit gate, BLOCKING: Most lines are run"
    assert "  coverage.line (%) by suites: " in out
    assert "  coverage.line is at least 80 %" in out
    tightened = out[out.index("in production") :].splitlines()
    assert tightened[1] == "  coverage.line is at least 85 %"
    code, out, _ = run(capsys, "explain", "TST-2", "--policy", GOOD, "--json")
    (document,) = documents(out)
    assert document["measured"][0]["producer"] == "suites"
    assert document["environments"]["production"]["gate"]["comparison"]["threshold"] == 85


def test_a_gate_nobody_knows_cannot_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "explain", "TST-99")
    assert code == 2
    assert "there is no gate 'TST-99'; known: REQ-1, " in err
