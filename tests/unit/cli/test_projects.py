"""The budget of a project changes in what is named, and in nothing else."""

import json
from pathlib import Path

import pytest

from maestro.cli.main import main


def typed(
    folder: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0
) -> tuple[str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["projects", "budget", "shop", *words, "--db", str(folder / "m.db")])
    told = capsys.readouterr()
    assert ended.value.code == code, told.err
    return told.out, told.err


def limits(
    folder: Path, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[float | None, int | None]:
    told = json.loads(typed(folder, capsys, *words, "--json")[0])
    return told["cost"], told["tokens"]


def test_a_limit_that_is_not_named_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert limits(tmp_path, capsys, "--max-cost", "50") == (50.0, None)
    assert limits(tmp_path, capsys, "--max-tokens", "2000") == (50.0, 2000)
    assert limits(tmp_path, capsys, "--max-cost", "none") == (None, 2000)
    assert limits(tmp_path, capsys, "--max-cost", "7.5", "--max-tokens", "none") == (7.5, None)


def test_large_limits_are_told_digit_by_digit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--max-cost", "2000000", "--max-tokens", "20000000")
    assert "(of 2000000 USD), tokens 0 (of 20000000)" in typed(tmp_path, capsys, *asked)[0]
    with pytest.raises(SystemExit):
        main(["audit", "export", "--db", str(tmp_path / "m.db")])
    assert '"shop: cost 2000000, tokens 20000000"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give --max-cost, --max-tokens or both; 'none' removes a limit"),
        (("--max-cost", "much"), "--max-cost 'much' is no number"),
        (("--max-tokens", "1.5"), "--max-tokens '1.5' is no whole number"),
        (("--max-tokens", "0"), "a limit must be a number above 0, got tokens = 0"),
        (("--max-cost", "nan"), "a limit must be a number above 0, got cost = nan"),
    ],
)
def test_what_names_no_limit_changes_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    typed(tmp_path, capsys, "--max-cost", "50", "--max-tokens", "2000")
    assert told in typed(tmp_path, capsys, *words, code=2)[1]
    assert limits(tmp_path, capsys, "--max-cost", "50") == (50.0, 2000)
