"""The work tree as a model may see and change it: contained, and only what it has to deliver."""

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from maestro.domain.write_set import HIDING, matches
from maestro.errors import InvalidInput

MAX_FILE_CHARACTERS = 200_000
MAX_SHOWN_CHARACTERS = 12_000
MAX_LISTED = 400
MAX_TREE_BYTES = 50_000_000
MAX_TREE_FILES = 5_000
"""Most of a tree that is read at once: what a program left may be of any size."""
_MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class WorkTree:
    root: Path
    writable: tuple[str, ...]
    """Globs of what may be written: the deliverables of the assignment."""

    def write(self, path: str, text: str) -> None:
        """Raises InvalidInput for a path that leads out, is not to be delivered, or a text too
        long.
        """
        target = self._inside(path)
        if not self.may_write(path):
            raise InvalidInput(
                f"{path!r} is not yours to write; yours are: {', '.join(self.writable[:12])}"
            )
        if len(text) > MAX_FILE_CHARACTERS:
            raise InvalidInput(
                f"{path!r}: {len(text)} characters are too many; at most {MAX_FILE_CHARACTERS}"
            )
        self._no_link(path, target)
        if target.exists() and not target.is_file():
            raise InvalidInput(f"{path!r} is there already and is no file; choose another path")
        try:
            _put(target, text.encode("utf-8", "replace"))
        except OSError as error:
            raise InvalidInput(f"{path!r} cannot be written: {error.strerror}") from error

    def may_write(self, path: str) -> bool:
        return any(matches(path, glob) for glob in self.writable)

    def read(self, path: str) -> str:
        target = self._inside(path)
        self._no_link(path, target)
        if not target.is_file():
            raise InvalidInput(f"there is no file {path!r}; list the files to see what is there")
        with target.open("rb") as file:
            return file.read(MAX_FILE_CHARACTERS * 4).decode("utf-8", "replace")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replaces the one place where `old` stands."""
        text = self.read(path)
        count = text.count(old) if old else 0
        if count != 1:
            raise InvalidInput(f"{path!r}: the text to replace occurs {count} times, not once")
        self.write(path, text.replace(old, new))

    def files(self) -> tuple[str, ...]:
        return tuple(sorted(self._walk()))

    def search(self, text: str) -> tuple[str, ...]:
        """`path:line: text` of every line that holds `text`."""
        found: list[str] = []
        for path in self.files():
            for number, line in enumerate(self.read(path).splitlines(), 1):
                if text in line:
                    found.append(f"{path}:{number}: {line.strip()[:200]}")
                if len(found) >= MAX_LISTED:
                    return tuple(found)
        return tuple(found)

    def snapshot(self) -> dict[str, bytes]:
        """Raises InvalidInput, before anything is read, for more than may be read at once."""
        paths = self.files()
        size = sum((self.root / path).stat().st_size for path in paths)
        if len(paths) > MAX_TREE_FILES or size > MAX_TREE_BYTES:
            raise InvalidInput(
                f"the work tree holds {len(paths)} files of {size} bytes; at most "
                f"{MAX_TREE_FILES} files of {MAX_TREE_BYTES} bytes may be left in it"
            )
        return {path: (self.root / path).read_bytes() for path in paths}

    def restore(self, files: Mapping[str, bytes]) -> None:
        """The files of the tree are these afterwards, and no others; no link is left."""
        for entry in tuple(self._entries()):
            if entry.is_symlink() or not entry.is_file() or self._path(entry) not in files:
                entry.unlink()
        for path, content in files.items():
            target = self._inside(path)
            self._no_link(path, target)
            if target.is_dir():
                shutil.rmtree(target)
            _put(target, content)

    def missing(self, globs: Iterable[str]) -> tuple[str, ...]:
        """Those of the globs that no non-empty file matches."""
        present = [path for path in self.files() if (self.root / path).stat().st_size]
        return tuple(g for g in globs if not any(matches(path, g) for path in present))

    def _walk(self) -> Iterator[str]:
        for entry in self._entries():
            if entry.is_file() and not entry.is_symlink():
                yield self._path(entry)

    def _entries(self) -> Iterator[Path]:
        """Whatever is no folder; links are followed nowhere."""
        folders = [self.root]
        while folders:
            for entry in sorted(folders.pop().iterdir()):
                if entry.is_symlink() or not entry.is_dir():
                    yield entry
                elif entry.name not in HIDING:
                    folders.append(entry)

    def _path(self, entry: Path) -> str:
        return entry.relative_to(self.root).as_posix()

    def _inside(self, path: str) -> Path:
        pure = PurePosixPath(path)
        bad = not pure.parts or pure.is_absolute() or ".." in pure.parts or str(pure) != path
        bad = bad or any(len(p.encode("utf-8", "replace")) > _MAX_NAME_BYTES for p in pure.parts)
        if bad or re.search(r"[\\\x00-\x1f]", path) or len(path) > 300:
            raise InvalidInput(
                f"path {path[:120]!r} is not a plain path inside the work tree, like 'app/main.py'"
            )
        return self.root / pure

    def _no_link(self, path: str, target: Path) -> None:
        """What a program in the sandbox put there must not lead a writer out of the tree."""
        if target.is_symlink() or not target.parent.resolve().is_relative_to(self.root.resolve()):
            raise InvalidInput(f"{path!r} leads out of the work tree through a link")


def _put(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    target.chmod(0o755 if content.startswith(b"#!") else 0o644)


def shortened(text: str, limit: int = MAX_SHOWN_CHARACTERS) -> str:
    """Beginning and end of a long text, with a note of what is left out."""
    if len(text) <= limit:
        return text
    head, tail = limit // 3, limit - limit // 3
    return f"{text[:head]}\n… {len(text) - limit} characters left out …\n{text[-tail:]}"


def joined(lines: Sequence[str]) -> str:
    return shortened("\n".join(lines[:MAX_LISTED]))
