"""What the command line says to mistakes, and that it says what is true."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from maestro.cli.main import main


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> "Typed":
    monkeypatch.setenv("MAESTRO_DB", str(tmp_path / "m.db"))
    return Typed(capsys)


class Typed:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str]:
        """Exit code, and what stood on both outputs."""
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        told = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.out + told.err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["nonsense"], "try: maestro --help"),
        (["runs", "nonsense"], "try: maestro runs --help"),
        (["runs", "list", "--limit", "abc"], "try: maestro runs list --help"),
        (["build", "a", "b"], "try: maestro build --help"),
    ],
)
def test_the_help_that_fits_is_named(typed: Typed, words: list[str], hint: str) -> None:
    code, told = typed(*words)
    assert (code, hint in told.splitlines()[-1]) == (2, True)


@pytest.mark.parametrize("words", [["runs", "list"], ["contracts", "list"]])
def test_a_limit_below_one_is_refused(typed: Typed, words: list[str]) -> None:
    for limit in ("0", "-1"):
        code, told = typed(*words, "--limit", limit)
        assert (code, f"--limit must be at least 1, got {limit}" in told) == (2, True)


def test_an_empty_list_says_of_what(typed: Typed, tmp_path: Path) -> None:
    assert (
        f"no runs in {tmp_path / 'm.db'} yet; start one: maestro build" in typed("runs", "list")[1]
    )
    code, told = typed("runs", "list", "--status", "failed")
    assert (code, told) == (0, f"no run in {tmp_path / 'm.db'} is failed\n")


@pytest.mark.parametrize("kind", ["folder", "text", "something else's"])
def test_nothing_is_left_beside_what_is_no_database_of_ours(
    typed: Typed, tmp_path: Path, kind: str
) -> None:
    other = tmp_path / "other"
    if kind == "folder":
        other.mkdir()
    elif kind == "text":
        other.write_text("name: x\n")
    else:
        with closing(sqlite3.connect(other)) as photos:
            photos.execute("CREATE TABLE photos (id)")
    assert typed("runs", "list", "--db", str(other))[0] == 5
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_the_option_is_named_that_is_wrong(typed: Typed) -> None:
    code, told = typed("runs", "list", "--sandbox", "maybe")
    assert (code, "--sandbox must be 'required' or 'off', got 'maybe'" in told) == (2, True)


def test_what_is_hardly_understood_is_named_instead_of_planned(typed: Typed) -> None:
    engine = "Build an engine that computes my taxes and files them with the authorities."
    code, told = typed("plan", engine)
    assert code == 3
    assert "say it in other words and submit it again" in told
    assert "not understood: " in told


def test_a_plan_says_how_to_build_it_and_what_will_refuse_it(typed: Typed, tmp_path: Path) -> None:
    saved = str(tmp_path / "plan.yaml")
    code, told = typed("plan", "Books have a title. Books have no price.", "--save", saved)
    assert code == 0
    assert "what is not covered will not be built, and the build will end blocked" in told
    assert told.endswith(
        f"saved to {saved}; build it: maestro build --plan {saved} --allow-partial\n"
    )
