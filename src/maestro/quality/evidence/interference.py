"""How a service could speak in place of the tools that measure its tests."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from maestro.domain.syntax import parse_python
from maestro.quality.evidence.tooling import SourceFile

_TOOLS = frozenset({"_pytest", "anyio", "coverage", "mutmut", "pluggy", "pytest"})
_INNER = frozenset({"_pytest", "coverage", "mutmut", "pluggy"})
"""Of which tests need nothing, and through which they could rewrite what is reported."""
_ROOTS = (".", "src", "tests")
"""Folders of a service from which its tests import."""


def interference(service: str, files: Sequence[SourceFile]) -> str:
    """The first thing in the service that could change what its tests come to; empty where there
    is none.
    """
    for file in files:
        path = PurePosixPath(file.path)
        if file.suffix == ".py" and path.is_relative_to(service):
            for problem in _problems(path.relative_to(service), file.text):
                return f"{file.path}{problem}"
    return ""


def _problems(path: PurePosixPath, text: str) -> Iterator[str]:
    for root in _ROOTS:
        if path.is_relative_to(root):
            name = path.relative_to(root).parts[0].removesuffix(".py")
            if name in _TOOLS:
                yield f" could stand in for {name}, by which tests are measured; name it otherwise"
    try:
        nodes = ast.walk(parse_python(text))
    except (SyntaxError, ValueError):
        return  # pytest reports it as an error
    for node in nodes:
        yield from (f":{getattr(node, 'lineno', 1)}: {problem}" for problem in _said(node))


def _said(node: ast.AST) -> Iterator[str]:
    for name in _bound(node):
        if name.startswith("pytest_"):
            yield (
                f"{name} could change what pytest runs and reports; tests do without hooks and "
                "plugins of their own"
            )
    for name in _imported(node):
        if name in _INNER:
            yield f"it imports {name}, by which tests are measured; tests do without"


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that the node gives something to."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield node.attr
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)


def _imported(node: ast.AST) -> Iterator[str]:
    """Top-level packages."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]
