"""A machine on which bubblewrap was not installed, whoever runs the tests; root is one of them."""

import os
from pathlib import Path

import pytest
from product import maestro

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("bare")]


def programs_without(name: str, folder: Path) -> Path:
    """A folder with all programs that PATH leads to, but for one."""
    folder.mkdir()
    for place in map(Path, os.environ["PATH"].split(os.pathsep)):
        for program in sorted(place.iterdir()) if place.is_dir() else ():
            link = folder / program.name
            if program.name != name and not link.is_symlink():
                link.symlink_to(program)
    return folder


def test_a_build_succeeds_in_a_home_that_nobody_else_may_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(programs_without("bwrap", tmp_path / "programs")))
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    built = maestro(
        "build", "Build a web app to manage notes: a note has a title", "--output", "out", "--json",
        home=home,
    )  # fmt: skip
    assert built.code == 0, built.stderr[-3000:]
    told = (home / "out" / "quality_report.json").read_text()
    assert "sandbox L1 landlock" in told
    assert "bubblewrap" not in told
    assert {path.stat().st_uid for path in (home / "out").rglob("*")} == {os.geteuid()}
