"""Small documents that are known to be good, or bad for a known reason."""

from pathlib import Path

import pytest

from maestro.contracts.openapi.files import load_file
from maestro.contracts.openapi.lint import errors_of

FOLDER = Path(__file__).parents[3] / "data" / "openapi_labelled"
BAD = sorted((FOLDER / "bad").glob("*.yaml"))
GOOD = sorted((FOLDER / "good").glob("*.yaml"))


def test_there_are_enough_of_them() -> None:
    assert len(BAD) >= 40
    assert len(GOOD) >= 20


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_the_fault_is_found(path: Path) -> None:
    rule = path.read_text().partition("\n")[0].removeprefix("# rule: ")
    found = errors_of(load_file(path))
    assert rule in {finding.rule for finding in found}, found


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_nothing_is_wrong(path: Path) -> None:
    assert errors_of(load_file(path)) == ()
