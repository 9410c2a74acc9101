"""Whether delivered source really does something: stubs, pretences, tests that cannot fail."""

import ast
import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from maestro.domain.placeholders import MAY_BE_EMPTY, pretences
from maestro.domain.quality import Evidence
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.tooling import Measurement, SourceFile, read_files

SUFFIXES = (".py", ".js", ".mjs", ".css", ".html")
_JS_TEST = re.compile(r"^\s*(?:test|it)(?:\.\w+)?\(", re.MULTILINE)
_JS_ASSERTION = re.compile(r"\bassert\b|\bexpect\(|\brejects\(|\bthrows\(")


@dataclass(frozen=True, slots=True)
class SourceCollector:
    name: str = "source"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        measurement = Measurement(self.name, "maestro-source-scan", "1", subject)
        files = await asyncio.to_thread(read_files, subject.sandbox.root, SUFFIXES)
        measurement.files_examined = len(files)
        if not files:
            return measurement.unavailable("the tree holds no source file")
        stubs = [sign for file in files for sign in _stubs(file)]
        toothless = [test for file in files if file.is_test for test in _toothless(file)]
        measurement.detail += [*stubs, *toothless]
        measurement.raw = "\n".join(measurement.detail)
        return measurement.measured(
            {
                "source.files": len(files),
                "source.stubs": len(stubs),
                "source.assertion_free_tests": len(toothless),
            }
        )


def _stubs(file: SourceFile) -> Iterator[str]:
    if not file.text.strip():
        if PurePosixPath(file.path).name not in MAY_BE_EMPTY:
            yield f"{file.path}: the file is empty"
        return
    try:
        for sign in pretences(file.path, file.text):
            yield f"{file.path}: {sign}"
    except SyntaxError as error:
        yield f"{file.path}: does not parse: {error.msg} (line {error.lineno})"


def _toothless(file: SourceFile) -> Iterator[str]:
    """Tests without an assertion: they pass whatever the code does."""
    if file.path.endswith(".py"):
        yield from _toothless_python(file)
    elif file.path.endswith((".js", ".mjs")):
        starts = [match.start() for match in _JS_TEST.finditer(file.text)]
        for begin, end in zip(starts, [*starts[1:], len(file.text)], strict=True):
            if not _JS_ASSERTION.search(file.text, begin, end):
                line = file.text.count("\n", 0, begin) + 1
                yield f"{file.path}: line {line}: test without an assertion"


def _toothless_python(file: SourceFile) -> Iterator[str]:
    try:
        tree = ast.parse(file.text)
    except SyntaxError:
        return  # counted as a stub already
    asserting = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _asserts(node, set())
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name.startswith("test_") and not _asserts(node, asserting):
                yield f"{file.path}: line {node.lineno}: {node.name} has no assertion"


def _asserts(node: ast.AST, asserting: set[str]) -> bool:
    """An assert statement, pytest.raises and the like, or a call of a function that asserts."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert):
            return True
        if isinstance(inner, ast.Call):
            called = ast.unparse(inner.func)
            last = called.rsplit(".", 1)[-1]
            if called in {"pytest.raises", "pytest.fail"} or last in asserting:
                return True
            if last.startswith(("assert_", "assert")) and last != "assert":
                return True
    return False
