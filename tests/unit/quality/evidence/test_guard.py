"""A test that is gone, weaker or skipped is found; one that moved or grew is not."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.domain.values import JsonScalar
from maestro.ports import EvidenceSubject, SandboxStrength
from maestro.quality.evidence.guard import GuardCollector, accepts, fingerprints
from maestro.quality.evidence.tooling import SourceFile

PATH = "backend/tests/test_a.py"
SCRIPT = "frontend/tests/a.test.mjs"
BEFORE = """import pytest


def check(value):
    assert value > 0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_one(n):
    check(n)
    assert n + n == 2 * n


class TestMore:
    def test_two(self):
        with pytest.raises(ValueError):
            int("x")
        assert int("3") == 3
"""
BEFORE_SCRIPT = 'test("adds", () => {\n  assert.equal(add(1, 2), 3);\n});\n'


def files(texts: Mapping[str, str]) -> list[SourceFile]:
    return [SourceFile(path, text) for path, text in texts.items()]


def guarded(root: Path, before: Mapping[str, str] | None, now: Mapping[str, str]) -> Evidence:
    for path, text in now.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    strength = SandboxStrength(mechanism="none", level="L0", capabilities=(), missing=())
    sandbox: Any = SimpleNamespace(root=root, strength=strength)
    facts = {} if before is None else {"test_fingerprints": fingerprints(files(before))}
    return asyncio.run(GuardCollector().collect(EvidenceSubject(sandbox=sandbox, facts=facts)))


def counts(found: Evidence) -> tuple[JsonScalar, ...]:
    assert found.status is EvidenceStatus.MEASURED, found
    names = ("guard.tests_deleted", "guard.assertions_weakened", "guard.skips_added")
    return tuple(found.metrics[name] for name in names)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (BEFORE, (0, 0, 0)),
        (BEFORE + "\n\ndef test_three():\n    assert check\n", (0, 0, 0)),
        (BEFORE.replace("    assert n + n == 2 * n\n", ""), (0, 1, 0)),
        (BEFORE.replace("n + n == 2 * n", "True"), (0, 1, 0)),
        (BEFORE.replace("== 3", ">= 3"), (0, 1, 0)),
        (BEFORE.replace("pytest.raises(ValueError)", "pytest.raises(Exception)"), (0, 1, 0)),
        (BEFORE.replace("value > 0", "value is not None"), (0, 1, 0)),
        (BEFORE.replace("[1, 2, 3]", "[1]"), (0, 1, 0)),
        (BEFORE.replace("def test_two", "def two"), (1, 0, 0)),
        (BEFORE.split("class TestMore")[0], (1, 0, 0)),
        (BEFORE.replace("    def test_two", "    @pytest.mark.skip\n    def test_two"), (0, 0, 1)),
        (BEFORE.replace("    check(n)", "    pytest.skip('later')\n    check(n)"), (0, 0, 1)),
        ("def test_one(:\n", (2, 1, 0)),
    ],
)
def test_python_tests_are_held_against_what_they_were(
    now: str, expected: tuple[int, ...], tmp_path: Path
) -> None:
    assert counts(guarded(tmp_path, {PATH: BEFORE}, {PATH: now})) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (BEFORE_SCRIPT, (0, 0, 0)),
        (BEFORE_SCRIPT.replace("equal(add(1, 2), 3)", "ok(true)"), (0, 1, 0)),
        (BEFORE_SCRIPT.replace('"adds"', '"sums"'), (1, 0, 0)),
        (BEFORE_SCRIPT.replace("test(", "test.skip("), (0, 0, 1)),
        ("", (1, 0, 0)),
    ],
)
def test_script_tests_are_held_against_what_they_were(
    now: str, expected: tuple[int, ...], tmp_path: Path
) -> None:
    assert counts(guarded(tmp_path, {SCRIPT: BEFORE_SCRIPT}, {SCRIPT: now})) == expected


def test_a_test_that_moved_with_all_it_asserts_is_still_there(tmp_path: Path) -> None:
    one, two = BEFORE.split("\n\nclass TestMore")
    moved = {PATH: one, "backend/tests/test_b.py": "import pytest\n\n\nclass TestMore" + two}
    assert counts(guarded(tmp_path, {PATH: BEFORE}, moved)) == (0, 0, 0)


def test_a_test_that_moved_and_lost_an_assertion_is_gone(tmp_path: Path) -> None:
    one, two = BEFORE.split("\n\nclass TestMore")
    weaker = two.replace('        assert int("3") == 3\n', "")
    moved = {PATH: one, "backend/tests/test_b.py": "import pytest\n\n\nclass TestMore" + weaker}
    assert counts(guarded(tmp_path, {PATH: BEFORE}, moved)) == (1, 0, 0)


def test_where_all_tests_are_gone_that_is_measured(tmp_path: Path) -> None:
    found = guarded(tmp_path, {PATH: BEFORE}, {"backend/app/main.py": "x = 1\n"})
    assert counts(found) == (2, 0, 0)
    assert found.files_examined == 1


def test_nothing_is_said_where_nobody_knows_what_was_there(tmp_path: Path) -> None:
    assert guarded(tmp_path, None, {PATH: BEFORE}).status is EvidenceStatus.UNAVAILABLE


def test_a_first_delivery_takes_nothing_away(tmp_path: Path) -> None:
    assert counts(guarded(tmp_path, {}, {PATH: BEFORE})) == (0, 0, 0)


def test_only_tests_are_guarded() -> None:
    paths = (PATH, SCRIPT, "backend/app/test_x.py", "backend/tests/data.json")
    assert [path for path in paths if accepts(SourceFile(path, ""))] == [PATH, SCRIPT]
