"""What collectors that run a tool or read files have in common: the files, and honest evidence."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.domain.values import JsonScalar
from maestro.ports import EvidenceSubject

IGNORED_FOLDERS = frozenset({"__pycache__", "node_modules", ".git", ".venv", "data"})
MAX_FILE_BYTES = 5_000_000


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
    _begin: float = field(default_factory=time.monotonic)

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
        return Evidence(
            collector=self.collector,
            status=status,
            tool=self.tool,
            version=self.version,
            argv=self.argv,
            exit_code=self.exit_code,
            duration_seconds=time.monotonic() - self._begin,
            files_examined=self.files_examined,
            metrics=dict(metrics),
            tool_errors=tuple(self.tool_errors),
            raw_digest="sha256:" + hashlib.sha256(self.raw.encode()).hexdigest(),
            sandbox=f"{strength.level} {strength.mechanism}",
            detail=tuple(self.detail[:50]),
        )


@dataclass(frozen=True, slots=True)
class SourceFile:
    path: str
    """Relative to the tree."""
    text: str

    @property
    def is_test(self) -> bool:
        parts = Path(self.path).parts
        return "tests" in parts or Path(self.path).name.startswith("test_")


def read_files(root: Path, suffixes: Sequence[str]) -> list[SourceFile]:
    """Text files below `root` with one of the suffixes, sorted; blocks, so call it in a thread."""
    return [
        SourceFile(path.relative_to(root).as_posix(), path.read_text("utf-8", errors="replace"))
        for path in sorted(_files(root))
        if path.suffix in suffixes or path.name in suffixes
    ]


def _files(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        relative = path.relative_to(root)
        if IGNORED_FOLDERS.intersection(relative.parts[:-1]) or path.is_symlink():
            continue
        if path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
            yield path
