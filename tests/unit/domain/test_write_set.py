"""What a persona may write follows from what it was asked to deliver."""

import pytest

from maestro.domain.contract import Contract, ContractKind, Deliverable, SpecificationFormat
from maestro.domain.values import ContractId
from maestro.domain.write_set import ANYWHERE, checked_path, write_set
from maestro.errors import InvalidInput


def contract(*paths: str) -> Contract:
    return Contract(
        id=ContractId("c"),
        name="C",
        kind=ContractKind.DOCUMENT,
        version="1.0.0",
        provider="p",
        component="app",
        consumers=(),
        format=SpecificationFormat.JSON_SCHEMA,
        specification={},
        deliverables=(Deliverable(name="d", description="d", paths=paths),),
        acceptance=(),
    )


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("backend/app/main.py", "backend/app/**/*.py"), ("backend/app/", "contract-proposals/")),
        (
            ("frontend/js/**/*.js", "frontend/index.html"),
            ("contract-proposals/", "frontend/", "frontend/js/"),
        ),
        (("README.md",), ("README.md", "contract-proposals/")),
        (("*.md",), ("*.md", "contract-proposals/")),
        (
            ("run.py",),
            (".gitignore", "contract-proposals/", "maestro.yaml", "run.py", "run_tests.py"),
        ),
        ((), ()),
    ],
)
def test_places(paths: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert write_set([contract(*paths)]) == expected


def test_a_place_covers_what_lies_below_it_and_nothing_beside() -> None:
    allowed = ("docs/", "README.md")
    assert checked_path("docs/a/b.md", allowed).as_posix() == "docs/a/b.md"
    assert checked_path("README.md", allowed).as_posix() == "README.md"
    assert checked_path("any/thing", (ANYWHERE,)).as_posix() == "any/thing"
    assert checked_path("a.md", ("*.md",)).as_posix() == "a.md"
    for path in ("docs", "docs2/a", "README.md/a", "README.md2", "src/docs/a"):
        with pytest.raises(InvalidInput, match="outside of what was asked for"):
            checked_path(path, allowed)


@pytest.mark.parametrize(
    "path",
    ["", "/a", "../a", "a/../b", "./a", "a//b", "a/", "a\\b", "a\0", "a\nb", "C:x", 7, None,
     "a/.git/x", "a/NODE_MODULES/x", "x" * 241, "é" * 121],
)  # fmt: skip
def test_paths_that_nobody_may_write(path: object) -> None:
    with pytest.raises(InvalidInput):
        checked_path(path, (ANYWHERE,))
