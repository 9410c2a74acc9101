"""Which files a persona may write: what it was asked to deliver, and for agents outside its places.

The patterns themselves (`promised`, `matches`) bind models that we run; agents outside, which bring
files of their own beside those, are bound to their places (`write_set`, `checked_path`).
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePosixPath

from maestro.domain.contract import Contract
from maestro.errors import InvalidInput

MAX_PATH = 240
HIDING = frozenset(
    {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".venv", "node_modules", ".git"}
)
"""Folders whose files nobody looks at: nothing that is delivered may lie in one."""
ANYWHERE = "/"
"""The write-set that is the whole work tree."""
PROPOSALS_FOLDER = "contract-proposals/"
"""Where a persona that wants a contract to change leaves the specification it proposes."""
COMPANIONS = {
    "Dockerfile": (".dockerignore",),
    "run.py": (".gitignore", "maestro.yaml", "run_tests.py"),
}
"""Files at the root of the tree that belong to one that was asked for."""
_SEGMENT = re.compile(r"[^\x00-\x1f\x7f\\:*?\"<>|]+")


def promised(provides: Iterable[Contract]) -> tuple[str, ...]:
    """The patterns of all deliverables, in their order."""
    patterns = (
        pattern
        for contract in provides
        for deliverable in contract.deliverables
        for pattern in deliverable.paths
    )
    return tuple(dict.fromkeys(patterns))


def matches(path: str, pattern: str) -> bool:
    """`**` stands for any folders, `*` for anything within one name."""
    return _expression(pattern).fullmatch(path) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    meanings = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    return re.compile("".join(meanings.get(piece, re.escape(piece)) for piece in pieces))


def write_set(provides: Iterable[Contract]) -> tuple[str, ...]:
    """Folders (`frontend/`) and single files (`run.py`), relative to the work tree, sorted.

    Whoever delivers a file in a folder may write beside it and below; at the root of the tree only
    the files that are named. Whoever delivers anything may propose changes of contracts.
    """
    found = {_place(pattern) for pattern in promised(provides)}
    found.update({PROPOSALS_FOLDER} if found else ())
    found.update(file for name in found & set(COMPANIONS) for file in COMPANIONS[name])
    return tuple(sorted(found))


def checked_path(path: object, allowed: Iterable[str]) -> PurePosixPath:
    """`path` as one that stays in the work tree and in the write-set.

    Raises:
        InvalidInput: it leaves one of them, or hides what it holds; says which.
    """
    if not isinstance(path, str) or not path or len(path.encode(errors="replace")) > MAX_PATH:
        raise InvalidInput(f"path {str(path)[:MAX_PATH]!r} must be a text of 1 to {MAX_PATH} bytes")
    segments = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in segments):
        raise InvalidInput(f"path {path!r} leaves the work tree; write it relative, without '..'")
    if not all(_SEGMENT.fullmatch(part) for part in segments):
        raise InvalidInput(f"path {path!r} holds a character that not every file system takes")
    hiding = next((part for part in segments if part.lower() in HIDING), None)
    if hiding is not None:
        raise InvalidInput(f"path {path!r} lies in {hiding!r}, where nobody looks at files")
    places = tuple(allowed)
    if not any(_covers(place, path) for place in places):
        raise InvalidInput(
            f"path {path!r} is outside of what was asked for: {', '.join(places) or 'nothing'}"
        )
    return PurePosixPath(path)


def _covers(place: str, path: str) -> bool:
    if place.endswith("/"):
        return place == ANYWHERE or path.startswith(place)
    return "/" not in path and fnmatchcase(path, place)


def _place(pattern: str) -> str:
    """The folder that the fixed beginning of a pattern names, or the file at the root."""
    parts = PurePosixPath(pattern).parts
    fixed: list[str] = []
    for part in parts[:-1]:
        if any(sign in part for sign in "*?["):
            break
        fixed.append(part)
    return f"{'/'.join(fixed)}/" if fixed else pattern
