"""Whether delivered source really does something: stubs, pretences, tests that cannot fail.

All of it is found by reading; no delivered code is run.
"""

import ast
import re
import tokenize
from collections.abc import Collection, Iterator, Sequence

from maestro.domain.placeholders import MAY_BE_EMPTY, placeholder_words, pretences
from maestro.domain.syntax import parse_python
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.suppressions import added
from maestro.quality.evidence.tooling import Scan, SourceFile

SOURCE = frozenset({".py", ".js", ".mjs", ".cjs", ".ts", ".css", ".html"})
_SCRIPTS = (".js", ".mjs", ".cjs", ".ts")
_SCRIPT_TEST = re.compile(r"^[ \t]*(?:test|it)(?:\.\w+)?\s*\(", re.MULTILINE)
_SCRIPT_ASSERTION = re.compile(r"\bassert\b(?!\w)|\bexpect\s*\(|\brejects\s*\(|\bthrows\s*\(")
_SCRIPT_SKIP = re.compile(
    r"\b(?:test|it|describe|suite)\.(?:skip|todo|only)\s*\(|\b(?:skip|todo|only)\s*:\s*(?:true|[\"'`])"
)
_SCRIPT_UNDONE = re.compile(
    r"throw\s+(?:new\s+)?\w*Error\s*\(\s*[\"'`][^\"'`]*\b(?:not (?:yet )?implemented|TODO)\b", re.I
)
_SKIPS = ("pytest.skip", "pytest.xfail", "pytest.mark.skip", "pytest.mark.skipif",
          "pytest.mark.xfail", "unittest.skip", "unittest.skipIf", "unittest.skipUnless",
          "unittest.expectedFailure", "pytest.importorskip")  # fmt: skip
_RAISES = frozenset({"pytest.raises", "pytest.fail", "pytest.warns", "pytest.deprecated_call"})


def accepts(file: SourceFile) -> bool:
    return file.suffix in SOURCE


def scan(files: Sequence[SourceFile], subject: EvidenceSubject) -> Scan:
    """Counts what only pretends to be there.

    Suppressions that `facts["suppressions"]` (count by file) does not know are new.
    """
    found = Scan()
    trees: dict[str, ast.Module] = {}
    stubs: list[str] = []
    for file in files:
        if file.suffix == ".py" and file.text.strip():
            try:
                trees[file.path] = parse_python(file.text)
            except (SyntaxError, ValueError) as error:
                stubs.append(f"{file.path}: does not parse: {error}")
                continue
        stubs += [f"{file.path}: {sign}" for sign in _stubs(file, trees.get(file.path))]
    tests = [file for file in files if file.is_test]
    asserting = _asserting({f.path: trees[f.path] for f in tests if f.path in trees})
    toothless = [line for f in tests for line in _toothless(f, trees.get(f.path), asserting)]
    skips = [line for f in tests for line in skip_marks(f, trees.get(f.path))]
    words = [line for file in files for line in _placeholders(file)]
    silenced = list(added(files, subject.facts.get("suppressions", {})))
    found.detail += [*stubs, *toothless, *skips, *silenced]
    found.metrics = {
        "stubs.found": len(stubs),
        "stubs.assertion_free": len(toothless),
        "stubs.skip_markers": len(skips),
        "stubs.placeholders": len(words),
        "suppressions.added": len(silenced),
    }
    return found


def test_functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """What pytest takes for tests: functions of the module and of classes named Test..."""
    body = getattr(tree, "body", [])
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
            "test"
        ):
            yield node
        elif isinstance(node, ast.ClassDef) and _is_test_class(node):
            yield from test_functions(node)


def _is_test_class(node: ast.ClassDef) -> bool:
    return node.name.startswith("Test") or any(
        ast.unparse(parent).endswith("TestCase") for parent in node.bases
    )


def _stubs(file: SourceFile, tree: ast.Module | None) -> Iterator[str]:
    if not file.text.strip():
        if file.name not in MAY_BE_EMPTY:
            yield "the file is empty"
        return
    if tree is not None and file.name not in MAY_BE_EMPTY and _says_nothing(tree):
        yield "the module holds no statement"
    try:
        yield from pretences(file.path, file.text)
    except (tokenize.TokenError, SyntaxError) as error:
        yield f"does not parse: {error}"
    if file.suffix in _SCRIPTS:
        for match in _SCRIPT_UNDONE.finditer(file.text):
            yield f"line {_line(file.text, match.start())}: {match.group()[:100]!r}"


def _placeholders(file: SourceFile) -> list[str]:
    """None in a file that does not parse, which counts as a stub."""
    try:
        return [f"{file.path}: {place}" for place in placeholder_words(file.path, file.text)]
    except (tokenize.TokenError, SyntaxError):
        return []


def _says_nothing(tree: ast.Module) -> bool:
    """Only a docstring, `pass` and the like."""
    return all(
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in tree.body
    )


def _toothless(file: SourceFile, tree: ast.Module | None, asserting: set[str]) -> Iterator[str]:
    """Tests without an assertion: they pass whatever the code does."""
    if tree is not None:
        for node in test_functions(tree):
            if not _asserts(node, asserting):
                yield f"{file.path}: line {node.lineno}: {node.name} asserts nothing"
    elif file.suffix in _SCRIPTS:
        starts = [match.start() for match in _SCRIPT_TEST.finditer(file.text)]
        ends = [*starts[1:], len(file.text)] if starts else []
        for begin, end in zip(starts, ends, strict=True):
            if not _SCRIPT_ASSERTION.search(file.text, begin, end):
                yield f"{file.path}: line {_line(file.text, begin)}: a test asserts nothing"


def _asserting(trees: dict[str, ast.Module]) -> set[str]:
    """Names of functions below the tests that assert, directly or through one another."""
    functions = [
        node
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    known: set[str] = set()
    while True:
        found = {node.name for node in functions if _asserts(node, known)}
        found = {name for name in found if not name.startswith("test")}
        if found <= known:
            return known
        known |= found


def _asserts(node: ast.AST, asserting: set[str]) -> bool:
    """An assert that could fail, pytest.raises and the like, or a call of what asserts."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert) and not isinstance(inner.test, ast.Constant):
            return True
        if isinstance(inner, ast.Call) and is_assertion(inner, asserting):
            return True
    return False


def is_assertion(call: ast.Call, asserting: Collection[str] = ()) -> bool:
    """Whether it fails a test by itself, or is one of the functions that do."""
    called = ast.unparse(call.func)
    last = called.rsplit(".", 1)[-1]
    return called in _RAISES or last in asserting or (last.startswith("assert") and "." in called)


def skip_marks(file: SourceFile, tree: ast.Module | None) -> Iterator[str]:
    """Places that keep a test from running or from counting. `tree`: of a Python file."""
    if tree is None:
        if file.suffix in _SCRIPTS:
            for match in _SCRIPT_SKIP.finditer(file.text):
                yield f"{file.path}: line {_line(file.text, match.start())}: {match.group()}"
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in _SKIPS:
            yield f"{file.path}: line {node.lineno}: {ast.unparse(node)}"


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
