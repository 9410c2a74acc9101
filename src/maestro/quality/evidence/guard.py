"""Whether tests still demand what they demanded before: no test is gone, no assertion, none skips.

What was there before comes as fingerprints in `facts["test_fingerprints"]`; who made the tree
cannot change them. An assertion that is there no longer counts, whatever stands in its place: that
the new one asks as much is for people to say, who can waive the gate.
"""

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from maestro.domain.quality import Evidence
from maestro.domain.syntax import parse_python
from maestro.ports import EvidenceSubject
from maestro.quality.evidence import stubs
from maestro.quality.evidence.suppressions import SCRIPTS
from maestro.quality.evidence.tooling import Measurement, Scan, ScanCollector, SourceFile

_SCRIPT_TEST = re.compile(
    r"^[ \t]*(?:test|it)(?:\.\w+)?\s*\(\s*(?P<quote>[\"'`])(?P<name>.*?)(?P=quote)", re.MULTILINE
)
_SCRIPT_ASSERTION = re.compile(r"(?:\bassert\b|\bexpect\s*\().*")
"""To the end of its line."""


def accepts(file: SourceFile) -> bool:
    return file.is_test and (file.suffix == ".py" or file.suffix in SCRIPTS)


def fingerprints(files: Sequence[SourceFile]) -> dict[str, Any]:
    """What the tests demand, as JSON: by file `skips` and `functions`, each of them with `test`,
    `cases` (how many sets of parameters) and `asserts` (digests).
    """
    return {file.path: _fingerprint(file) for file in files if accepts(file)}


def scan(files: Sequence[SourceFile], subject: EvidenceSubject) -> Scan:
    """Raises KeyError when nobody said what was there before."""
    before: Mapping[str, Any] = subject.facts["test_fingerprints"]
    now = fingerprints(files)
    gone = list(_deleted(before, now))
    weaker = list(_weakened(before, now))
    skips = list(_skips_added(before, now))
    return Scan(
        metrics={
            "guard.tests_deleted": len(gone),
            "guard.assertions_weakened": len(weaker),
            "guard.skips_added": len(skips),
        },
        detail=[*gone, *weaker, *skips],
    )


class GuardCollector:
    """Implements ports.EvidenceCollector; where all tests are gone it still measures that."""

    name = "guard"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        before = subject.facts.get("test_fingerprints")
        measurement = Measurement(self.name, "maestro-guard", "1", subject)
        if before is None:
            return measurement.unavailable("nobody said what the tests were before")
        found = await ScanCollector(self.name, "maestro-guard", accepts, scan).collect(subject)
        if found.files_examined or found.tool_errors or not before:
            return found
        measurement.files_examined = len(before)
        gone = scan((), subject)
        measurement.detail += gone.detail
        return measurement.measured(gone.metrics)


def _fingerprint(file: SourceFile) -> dict[str, Any]:
    if file.suffix != ".py":
        skips = list(stubs.skip_marks(file, None))
        return {"skips": len(skips), "functions": dict(_script_functions(file.text))}
    try:
        tree = parse_python(file.text)
    except (SyntaxError, ValueError):
        return {"skips": 0, "functions": {}}  # no test in it can run
    tests = {id(node) for node in stubs.test_functions(tree)}
    functions = {
        name: {
            "test": id(node) in tests,
            "cases": _cases(node),
            "asserts": sorted(_digest(found) for found in _assertions(node)),
        }
        for name, node in _python_functions(tree, "")
    }
    return {"skips": len(list(stubs.skip_marks(file, tree))), "functions": functions}


def _python_functions(
    tree: ast.AST, prefix: str
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in getattr(tree, "body", []):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _python_functions(node, f"{prefix}{node.name}.")


def _assertions(node: ast.AST) -> Iterator[str]:
    """Each assert, `with pytest.raises` and call of an assert method, as its own text."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert):
            yield ast.unparse(inner.test)
        elif isinstance(inner, ast.Call) and stubs.is_assertion(inner):
            yield ast.unparse(inner)


def _cases(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Sets of parameters that are written down; those computed count as one."""
    cases = 1
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("parametrize"):
            for argument in decorator.args[1:2]:
                if isinstance(argument, ast.List | ast.Tuple):
                    cases *= len(argument.elts)
    return cases


def _script_functions(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    found = list(_SCRIPT_TEST.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=bool(found)):
        asserts = [m.group().strip() for m in _SCRIPT_ASSERTION.finditer(text, match.end(), end)]
        yield (
            match.group("name"),
            {"test": True, "cases": 1, "asserts": sorted(_digest(item) for item in asserts)},
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _deleted(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Tests that stand nowhere any more; one that moved to another file with all it asserts is
    still there.
    """
    moved = [
        (name, tuple(function["asserts"]))
        for path, file in now.items()
        for name, function in file["functions"].items()
        if path not in before or name not in before[path]["functions"]
    ]
    for path, file in before.items():
        left = now.get(path, {"functions": {}})["functions"]
        for name, function in file["functions"].items():
            if not function["test"] or name in left:
                continue
            if (name, tuple(function["asserts"])) not in moved:
                yield f"{path}: test {name!r} is gone"


def _weakened(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for path, file in before.items():
        left = now.get(path, {"functions": {}})["functions"]
        for name, function in file["functions"].items():
            if name not in left:
                if not function["test"] and function["asserts"] and path in now:
                    yield f"{path}: {name!r}, which asserted something, is gone"
                continue
            lost = Counter(function["asserts"]) - Counter(left[name]["asserts"])
            for _ in range(lost.total()):
                yield f"{path}: {name!r} no longer asserts what it asserted"
            if left[name]["cases"] < function["cases"]:
                yield f"{path}: {name!r} runs with fewer parameters than before"


def _skips_added(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for path, file in now.items():
        new = file["skips"] - before.get(path, {"skips": 0})["skips"]
        yield from (f"{path}: a mark that keeps a test from counting" for _ in range(new))
