"""Whether promised files are really there and really say something; the same for every contract."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from maestro.domain.contract import CheckResult, Contract, Deliverable, Finding
from maestro.domain.placeholders import MAY_BE_EMPTY, pretences, unreadable
from maestro.errors import InvalidInput

MAX_BYTES = 5_000_000
MAX_SIGNS = 3
"""Signs of missing work reported per file."""

IGNORED_FOLDERS = frozenset({"__pycache__", "node_modules", ".git", ".venv"})


@dataclass(frozen=True, slots=True)
class Examination:
    """What a look at the delivered files came to; one check per deliverable."""

    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    globs: int


def examine_deliverables(contract: Contract, root: Path) -> Examination:
    """Reads every promised file below `root`; blocks, so call it in a thread.

    Raises InvalidInput for a glob that leaves the work tree.
    """
    checks: list[CheckResult] = []
    findings: list[Finding] = []
    for deliverable in contract.deliverables:
        found = [f for glob in deliverable.paths for f in _of_glob(root, glob)]
        findings += found
        first = found[0] if found else None
        checks.append(
            CheckResult(
                id=f"deliverable.{_slug(deliverable.name)}",
                statement=_statement(deliverable),
                passed=first is None,
                detail=f"{first.operation}: {first.message}" if first else "",
            )
        )
    globs = sum(len(deliverable.paths) for deliverable in contract.deliverables)
    return Examination(tuple(checks), tuple(dict.fromkeys(findings)), globs)


def matched_files(root: Path, glob: str) -> list[Path]:
    """Files below `root` that a glob names, links out of the tree left aside."""
    pattern = PurePosixPath(glob)
    if pattern.is_absolute() or ".." in pattern.parts or not pattern.parts:
        raise InvalidInput(f"deliverable {glob!r}: use a path below the work tree")
    inside = root.resolve()
    return sorted(
        path
        for path in root.glob(glob)
        if path.is_file()
        and path.resolve().is_relative_to(inside)
        and not IGNORED_FOLDERS & set(path.relative_to(root).parts)
    )


def read_text(path: Path) -> str | None:
    """The file's text, or None for a file that is too large or not text."""
    if path.stat().st_size > MAX_BYTES:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def _of_glob(root: Path, glob: str) -> Iterator[Finding]:
    files = matched_files(root, glob)
    full = [path for path in files if _has_content(path)]
    if not full:
        seen = "only empty files" if files else "no file"
        yield Finding(
            rule="deliverable_missing",
            message="a promised file was not delivered",
            operation=glob,
            expected="at least one file that is not empty",
            seen=seen,
            reproduce=f"ls -l {glob}",
        )
    for path in files:
        name = path.relative_to(root).as_posix()
        if path in full:
            yield from _of_file(path, name)
        elif path.name not in MAY_BE_EMPTY:
            yield Finding(
                rule="deliverable_empty",
                message="a delivered file is empty",
                operation=name,
                expected="content",
                seen=f"{path.stat().st_size} bytes",
                reproduce=f"cat {name}",
            )


def _of_file(path: Path, name: str) -> Iterator[Finding]:
    text = read_text(path)
    if text is None:
        return
    problem = unreadable(name, text)
    if problem is not None:
        yield Finding(
            rule="deliverable_unreadable",
            message=f"the file is not what its name promises: {problem}",
            operation=name,
            expected=f"a {path.suffix or path.name} file that parses and says something",
            seen=problem,
            reproduce=f"cat {name}",
        )
        return
    for _, sign in zip(range(MAX_SIGNS), pretences(name, text), strict=False):
        yield Finding(
            rule="placeholder",
            message=f"the file stands for work that was not done: {sign}",
            operation=name,
            expected="finished work",
            seen=sign,
            reproduce=f"cat {name}",
        )


def _has_content(path: Path) -> bool:
    if path.stat().st_size > MAX_BYTES:
        return True
    return bool(path.read_bytes().strip())


def _statement(deliverable: Deliverable) -> str:
    return f"Delivered and not empty: {', '.join(deliverable.paths)}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "files"
