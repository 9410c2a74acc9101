"""What every collector needs: the files that were delivered, and evidence that is honest."""

import asyncio
import hashlib
import io
import os
import re
import stat
import time
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.domain.values import JsonScalar
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.reached import reached

IGNORED_FOLDERS = frozenset({"__pycache__", "node_modules", ".git", ".venv"})
"""Never among what a persona delivers (delivery refuses to store them)."""
MAX_SHOWN = 50
_UNREADABLE_CODE = frozenset({".pyc", ".pyd", ".pyo", ".pth", ".so", ".dll", ".dylib", ".wasm"})
"""What an interpreter loads, and nobody who reads source sees."""
_BINARY = frozenset(
    {
        ".avif", ".bmp", ".db", ".eot", ".gif", ".ico", ".jpeg", ".jpg", ".mp3", ".mp4", ".ogg",
        ".otf", ".pdf", ".png", ".sqlite", ".sqlite3", ".ttf", ".wav", ".webm", ".webp", ".woff",
        ".woff2",
    }
)  # fmt: skip
"""Files that are no text, and no code either."""
_TESTS = re.compile(r"(?:tests|backend/tests|frontend/tests|services/[^/]+/tests)/")
_SERVICE = re.compile(r"(backend|services/[^/]+)/")


class UnusableFile(Exception):
    """A file in the tree cannot be examined, so nothing can be said about the tree."""


@dataclass(slots=True)
class Measurement:
    """Collects what a collector saw, and turns it into evidence.

    `files_examined` is what makes a measurement count: a tool that looked at nothing has not
    measured, whatever its exit status says.
    """

    collector: str
    tool: str
    version: str
    subject: EvidenceSubject
    argv: tuple[str, ...] = ()
    exit_code: int | None = None
    files_examined: int = 0
    raw: str = ""
    detail: list[str] = field(default_factory=list)
    tool_errors: list[str] = field(default_factory=list)
    begin: float = field(default_factory=time.monotonic)

    def measured(self, metrics: Mapping[str, JsonScalar]) -> Evidence:
        return self._evidence(EvidenceStatus.MEASURED, metrics)

    def failed(self, problem: str) -> Evidence:
        """The tool broke: nothing it said counts."""
        self.tool_errors.insert(0, problem)
        return self._evidence(EvidenceStatus.FAILED, {})

    def unavailable(self, problem: str) -> Evidence:
        """The tool, or what it should look at, is not here."""
        self.detail.insert(0, problem)
        return self._evidence(EvidenceStatus.UNAVAILABLE, {})

    def _evidence(self, status: EvidenceStatus, metrics: Mapping[str, JsonScalar]) -> Evidence:
        strength = self.subject.sandbox.strength
        raw = self.raw or "\n".join(self.detail)
        return Evidence(
            collector=self.collector,
            status=status,
            tool=self.tool,
            version=self.version,
            argv=self.argv,
            exit_code=self.exit_code,
            duration_seconds=time.monotonic() - self.begin,
            files_examined=self.files_examined,
            metrics=dict(metrics),
            tool_errors=tuple(self.tool_errors),
            raw_digest="sha256:" + hashlib.sha256(raw.encode(errors="replace")).hexdigest(),
            sandbox=f"{strength.level} {strength.mechanism}",
            detail=tuple(self.detail[:MAX_SHOWN]),
        )


@dataclass(frozen=True, slots=True)
class SourceFile:
    path: str
    """Relative to the tree."""
    text: str
    used: bool = False
    """Whether it lies among tests and the application loads it all the same."""

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix.lower()

    @property
    def is_test(self) -> bool:
        """By place alone, whatever it is called."""
        return _TESTS.match(self.path) is not None

    @property
    def is_application(self) -> bool:
        """To be examined as what is delivered to run."""
        return self.used or not self.is_test

    @property
    def service(self) -> str:
        """The folder of the service it belongs to; `.` for everything else."""
        found = _SERVICE.match(self.path)
        return found.group(1) if found else "."


@dataclass(slots=True)
class Scan:
    """What reading the files came to."""

    metrics: dict[str, JsonScalar] = field(default_factory=dict)
    detail: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    """Files that could not be examined; they keep the whole measurement from counting."""


@dataclass(frozen=True, slots=True)
class ScanCollector:
    """Implements ports.EvidenceCollector by reading files; nothing that was delivered is run."""

    name: str
    tool: str
    accepts: Callable[[SourceFile], bool]
    """Which files it looks at."""
    scan: Callable[[Sequence[SourceFile], EvidenceSubject], Scan]
    """Pure, apart from the time it takes."""

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        measurement = Measurement(self.name, self.tool, "1", subject)
        try:
            files = await asyncio.to_thread(read_files, subject.sandbox.root)
            chosen = [file for file in files if self.accepts(file)]
            measurement.files_examined = len(chosen)
            if not chosen:
                return measurement.unavailable("the tree holds no file it could look at")
            found = await asyncio.to_thread(self.scan, chosen, subject)
        except (UnusableFile, OSError) as error:
            return measurement.failed(str(error))
        except (RecursionError, MemoryError) as error:
            return measurement.failed(f"a file is nested too deeply ({type(error).__name__})")
        except (KeyError, ValueError, TypeError) as error:
            return measurement.failed(f"{type(error).__name__}: {error}")
        measurement.detail += found.detail
        measurement.tool_errors += found.errors
        return measurement.measured(found.metrics)


def read_files(root: Path) -> list[SourceFile]:
    """Every text file of the tree, sorted by path. Blocks: call it in a thread.

    Links and other things that are not plain files are refused, not left out: what nobody looked
    at must not pass.

    Raises:
        UnusableFile: names the path.
    """
    found: dict[str, SourceFile] = {}
    for path in _plain_files(root):
        place = path.relative_to(root).as_posix()
        text = _text(place, path.read_bytes())
        if text is not None:
            found[place] = SourceFile(place, text)
    tests = {path for path, file in found.items() if file.is_test}
    used = reached({path: file.text for path, file in found.items()}, tests) if tests else ()
    return [replace(file, used=path in used) for path, file in sorted(found.items())]


def _text(place: str, content: bytes) -> str | None:
    """None for what is no text and need not be one. Raises UnusableFile."""
    path = PurePosixPath(place)
    suffix = path.suffix.lower()
    if suffix in _UNREADABLE_CODE:
        raise UnusableFile(f"{place} would be loaded and cannot be read; deliver its source")
    if path.name == "pyvenv.cfg":
        raise UnusableFile(f"{place} makes its folder an environment, which tools leave out")
    if b"\0" in content:
        if suffix in _BINARY:
            return None
        raise UnusableFile(f"{place} holds NUL bytes and cannot be examined")
    return _python(place, content) if suffix == ".py" else content.decode(errors="replace")


def _python(place: str, content: bytes) -> str:
    """Read as Python would. In another encoding it could say something else than what is seen."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        if encoding not in ("utf-8", "utf-8-sig", "ascii"):
            raise UnusableFile(f"{place} says it is written in {encoding!r}; write it in UTF-8")
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UnusableFile(f"{place} is not written in UTF-8: {error}") from error


def read_report(root: Path, path: Path, limit: int) -> str:
    """A report that a sandboxed tool wrote below `root`.

    The code under test could have put anything in its place: a link to a file of the host, or a
    pipe that never ends. Raises ValueError for those, OSError when it is not there.
    """
    if not path.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{path.name} leads out of the work tree")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise ValueError(f"{path.name} is not a plain file of at most {limit} bytes")
        return file.read(limit).decode("utf-8")


def _plain_files(root: Path) -> Iterator[Path]:

    def refuse(error: OSError) -> None:
        raise UnusableFile(f"{error.filename} cannot be looked into: {error.strerror}")

    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if name not in IGNORED_FOLDERS)
        for name in (*folders, *names):
            path = Path(folder) / name
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                place = path.relative_to(root).as_posix()
                raise UnusableFile(f"{place} is a link or no plain file and cannot be examined")
            if name in names:
                yield path
