"""A mistyped `--db` is no empty database: commands on what is kept want a file that is there."""

from pathlib import Path

import pytest

from maestro.cli.main import main

RUN = "run-000000000000"
LOOKING = [
    ("runs", "list"),
    ("runs", "show", RUN),
    ("runs", "events", RUN),
    ("runs", "pause", RUN),
    ("runs", "resume", RUN),
    ("runs", "report", RUN, "--output", "out"),
    ("runs", "calls", RUN),
    ("history",),
    ("lessons",),
    ("audit", "verify"),
    ("audit", "export"),
    ("audit", "report"),
    ("contracts", "list"),
    ("contracts", "show", "shop"),
    ("projects", "list"),
    ("keys", "list"),
    ("waivers", "list", "--project", "default"),
]


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_a_store_that_is_not_there_is_refused_and_not_made(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mistyped = tmp_path / "maestor.db"
    with pytest.raises(SystemExit) as ended:
        main([*words, "--db", str(mistyped)])
    assert ended.value.code == 2
    assert f"--db '{mistyped}': there is no such file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_a_name_the_store_of_this_machine_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAESTRO_DATA", str(tmp_path))
    monkeypatch.delenv("MAESTRO_DB", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["runs", "list"])
    assert (ended.value.code or 0) == 0
    assert f"no runs in {tmp_path / 'maestro.db'} yet" in capsys.readouterr().out
