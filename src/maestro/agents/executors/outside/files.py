"""Files of a work tree as JSON, and back: bounded, contained, within a write-set."""

import base64
import binascii
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro.domain.values import JsonObject, JsonValue, first_duplicate
from maestro.domain.write_set import HIDING, checked_path
from maestro.errors import InvalidInput

MAX_FILES = 500
MAX_FILE_BYTES = 1_000_000
MAX_TREE_BYTES = 8_000_000
STUBS = ".maestro-mocks"
"""Folder of the stubs that mocks place in a work tree; they are never part of the work."""
_SCHEMA_KEYS = frozenset({"path", "text", "base64", "executable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeFile:
    path: str
    """Relative to the work tree."""
    content: bytes
    executable: bool = False


def as_json(files: Iterable[TreeFile]) -> list[JsonObject]:
    return [_as_json(file) for file in files]


def read_files(data: JsonValue, allowed: Sequence[str], where: str) -> tuple[TreeFile, ...]:
    """The files that untrusted JSON holds.

    Args:
        allowed: the write-set.

    Raises:
        InvalidInput: not files, too many or too large, outside of the write-set, or two at one
            place; names the place and the rule.
    """
    if not isinstance(data, list):
        raise InvalidInput(f"{where}: expected a list of files, got {_kind(data)}")
    if len(data) > MAX_FILES:
        raise InvalidInput(f"{where}: {len(data)} files; at most {MAX_FILES} are taken")
    found: list[TreeFile] = []
    total = 0
    for index, entry in enumerate(data):
        file = _file(entry, allowed, f"{where}[{index}]")
        total += len(file.content)
        if total > MAX_TREE_BYTES:
            raise InvalidInput(
                f"{where}: more than {MAX_TREE_BYTES} bytes in all, at {file.path!r}"
            )
        found.append(file)
    _refuse_clashes([file.path for file in found], where)
    return tuple(found)


def write_files(root: Path, files: Iterable[TreeFile]) -> None:
    """Writes below `root`. Blocks.

    Raises:
        InvalidInput: something in the tree would lead it elsewhere.
    """
    resolved = root.resolve()
    for file in files:
        target = resolved / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.parent.resolve() != target.parent or target.is_symlink():
            raise InvalidInput(f"path {file.path!r} goes through a link; it is not written")
        target.write_bytes(file.content)
        target.chmod(0o755 if file.executable else 0o644)


def tree_files(root: Path) -> tuple[TreeFile, ...]:
    """Every file of a tree, sorted, without caches and stubs. Blocks.

    Raises:
        InvalidInput: a link, something that is no plain file, or more than is taken.
    """
    found: list[TreeFile] = []
    total = 0
    for path in _walk(root):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or not path.is_file():
            raise InvalidInput(f"the work tree holds {name!r}, which is not a plain file")
        status = path.stat()
        total += status.st_size
        if status.st_size > MAX_FILE_BYTES or total > MAX_TREE_BYTES or len(found) >= MAX_FILES:
            raise InvalidInput(
                f"the work tree is too large at {name!r}: at most {MAX_FILES} files, "
                f"{MAX_FILE_BYTES} bytes each, {MAX_TREE_BYTES} bytes in all"
            )
        executable = bool(status.st_mode & 0o100)
        found.append(TreeFile(path=name, content=path.read_bytes(), executable=executable))
    return tuple(sorted(found, key=lambda file: file.path))


def changed(before: Iterable[TreeFile], after: Iterable[TreeFile]) -> tuple[TreeFile, ...]:
    """What is new in `after`, or other than in `before`."""
    known = set(before)
    return tuple(file for file in after if file not in known)


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        folders[:] = [name for name in folders if name not in HIDING and name != STUBS]
        for name in (*links, *names):
            yield Path(folder) / name


def _as_json(file: TreeFile) -> JsonObject:
    entry: dict[str, JsonValue] = {"path": file.path}
    try:
        entry["text"] = file.content.decode()
    except UnicodeDecodeError:
        entry["base64"] = base64.b64encode(file.content).decode("ascii")
    if file.executable:
        entry["executable"] = True
    return entry


def _file(entry: JsonValue, allowed: Sequence[str], where: str) -> TreeFile:
    if not isinstance(entry, Mapping):
        raise InvalidInput(f"{where}: expected a file as an object, got {_kind(entry)}")
    unknown = sorted(set(entry) - _SCHEMA_KEYS)
    if unknown:
        raise InvalidInput(f"{where}: unknown field {unknown[0][:80]!r}")
    path = checked_path(entry.get("path"), allowed).as_posix()
    executable = entry.get("executable", False)
    if not isinstance(executable, bool):
        raise InvalidInput(f"{where}.executable: expected true or false, got {_kind(executable)}")
    content = _content(entry, f"{where} ({path})")
    if len(content) > MAX_FILE_BYTES:
        raise InvalidInput(
            f"{where} ({path}): {len(content)} bytes; at most {MAX_FILE_BYTES} are taken"
        )
    return TreeFile(path=path, content=content, executable=executable)


def _content(entry: Mapping[str, JsonValue], where: str) -> bytes:
    given = [key for key in ("text", "base64") if key in entry]
    value = entry.get(given[0]) if len(given) == 1 else None
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: expected either 'text' or 'base64' with a text in it")
    try:
        if given == ["text"]:
            return value.encode()
        return base64.b64decode(value, validate=True)
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{where}: the text is not Unicode ({error.reason})") from error
    except binascii.Error as error:
        raise InvalidInput(f"{where}: not base64 ({error})") from error


def _refuse_clashes(paths: Sequence[str], where: str) -> None:
    twice = first_duplicate(paths)
    if twice is not None:
        raise InvalidInput(f"{where}: {twice!r} occurs twice")
    folders = {"/".join(path.split("/")[:depth]) for path in paths for depth in range(1, 40)}
    for path in paths:
        if any(other != path and other.startswith(f"{path}/") for other in folders):
            raise InvalidInput(f"{where}: {path!r} is a file and a folder")


def _kind(data: JsonValue) -> str:
    return "null" if data is None else type(data).__name__
