"""Comments that silence tools are found, and taken away where a tool would obey them."""

import pytest

from maestro.quality.evidence.suppressions import (
    added,
    counted,
    suppressions,
    without_type_ignores,
)
from maestro.quality.evidence.tooling import SourceFile


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "import os  # noqa\n"),
        ("a.py", "import os  # NOQA: F401\n"),
        ("a.py", "# ruff: noqa\n"),
        ("a.py", "x = f()  # type: ignore[arg-type]\n"),
        ("a.py", "# mypy: ignore-errors\n"),
        ("a.py", "x = 1  # pyright: ignore\n"),
        ("a.py", "# pylint: disable=all\n"),
        ("a.py", "call(x, shell=True)  # nosec B602\n"),
        ("a.py", "if x:  # pragma: no cover\n    pass\n"),
        ("a.py", "x = 1  # pragma: no mutate\n"),
        ("a.py", "key = 'x'  # pragma: allowlist secret\n"),
        ("a.py", "def f():  # #lizard forgives\n    return 1\n"),
        ("a.js", "// eslint-disable-next-line\n"),
        ("a.mjs", "/* eslint-disable no-undef */\n"),
        ("a.ts", "// @ts-ignore\n"),
        ("a.ts", "/* istanbul ignore next */\n"),
        ("a.js", "// c8 ignore next\n"),
        ("a.html", "<!-- [html-validate-disable-next no-inline-style] -->\n"),
    ],
)
def test_a_comment_that_silences_a_tool_is_found(path: str, text: str) -> None:
    assert next(suppressions(SourceFile(path, text))).startswith("line 1: ")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", 'text = "# noqa"\n'),
        ("a.py", "# the type: ignoring it would be wrong\n"),
        ("a.py", '"""Explains what `# type: ignore` does."""\n'),
        ("a.js", "const note = 'eslint-disable';\n"),
        ("a.md", "Write `# noqa` there.\n"),
    ],
)
def test_words_about_them_are_none(path: str, text: str) -> None:
    assert counted([SourceFile(path, text)]) == {}


def test_only_those_beyond_what_was_there_are_new() -> None:
    files = [SourceFile("a.py", "x = 1  # noqa\ny = 2  # noqa\n"), SourceFile("b.py", "z = 3\n")]
    assert counted(files) == {"a.py": 2}
    assert len(list(added(files, {}))) == 2
    assert len(list(added(files, {"a.py": 1}))) == 1
    assert list(added(files, {"a.py": 2})) == []


def test_type_ignores_go_and_lines_and_strings_stay() -> None:
    text = 'a = f()  # type: ignore\r\nb = "# type: ignore"\n# mypy: strict\nc = 1  # why\n'
    assert without_type_ignores(text) == 'a = f()\r\nb = "# type: ignore"\n\nc = 1  # why\n'
