"""`maestro history` and `maestro lessons` say of a real run what the API says of it."""

import json
from pathlib import Path

import pytest

from maestro.cli.main import main
from maestro.domain.history import Lesson
from maestro.server.routes.history import EndedRunShown

BREAKS = """
name: breaks
steps:
  - id: a
    action: command.run
    inputs: {argv: ["false"]}
"""


def _said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def test_a_run_that_failed_is_looked_back_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAESTRO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MAESTRO_DB", str(tmp_path / "m.db"))
    file, db = tmp_path / "breaks.yaml", ("--db", str(tmp_path / "m.db"))
    file.write_text(BREAKS)
    assert _said(capsys, "history")[1] == "no run has come to rest\n"
    assert _said(capsys, "lessons")[1] == "nothing stood in the way of an ended run\n"
    _said(capsys, "workflows", "run", str(file), "--sandbox", "off", *db)

    (run,) = json.loads(_said(capsys, "history", "--json", *db)[1])["runs"]
    assert (run["status"], run["attempts"], run["unsuccessful"]) == ("failed", 1, 1)
    assert run.keys() <= EndedRunShown.model_fields.keys()
    assert run["id"] in _said(capsys, "history", *db)[1]
    others = ("--project", "other"), ("--since", "2100-01-01"), ("--status", "succeeded")
    for narrower in others:
        assert json.loads(_said(capsys, "history", "--json", *narrower, *db)[1])["runs"] == []

    (lesson,) = json.loads(_said(capsys, "lessons", "--json", *db)[1])["lessons"]
    assert (lesson["name"], lesson["runs"], lesson["unmended"]) == ("command_failed", 1, 1)
    assert lesson.keys() == set(Lesson.__dataclass_fields__)
    assert "command_failed" in _said(capsys, "lessons", *db)[1]
    for narrower in (("--kind", "gate"), ("--persona", "tester"), ("--project", "other")):
        assert json.loads(_said(capsys, "lessons", "--json", *narrower, *db)[1])["lessons"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("history", "--limit", "0"), "--limit must be from 1 to 500, got 0"),
        (("history", "--since", "soon"), "--since 'soon' is not a moment"),
        (("history", "--status", "over"), "status 'over' is not one of"),
        (("lessons", "--last", "501"), "--last must be from 1 to 500, got 501"),
        (("lessons", "--kind", "luck"), "--kind 'luck' is not one of gate, artefact, check, error"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, said = _said(capsys, *words)
    assert code == 2
    assert told in said
