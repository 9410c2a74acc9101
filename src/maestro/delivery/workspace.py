"""Work trees, what was written in them, and how contributions become one application."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from maestro.domain.values import RunId, StepId
from maestro.domain.work import Artifact
from maestro.errors import InvalidInput, StepFailed
from maestro.ports import ArtifactStore

IGNORED_FOLDERS = frozenset(
    {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".venv", "node_modules", ".git"}
)
MAX_FILE_BYTES = 5_000_000
MAX_TREE_BYTES = 50_000_000
MAX_TREE_FILES = 5_000


@dataclass(frozen=True, slots=True)
class Workspace:
    """All work trees of one run: `<root>/<run>/<step>-<attempt>/`."""

    root: Path
    artifacts: ArtifactStore

    async def fresh(
        self, run_id: RunId, step_id: StepId, attempt: int, upstream: Iterable[Artifact] = ()
    ) -> Path:
        """An empty work tree, filled with the files of `upstream`.

        A leftover of the same attempt (its process died) is removed first.
        """
        tree = self.root / run_id / f"{step_id}-{attempt}"
        await asyncio.to_thread(_empty, tree)
        await materialise(self.artifacts, upstream, tree)
        return tree

    async def collect(self, tree: Path, upstream: Iterable[Artifact] = ()) -> tuple[Artifact, ...]:
        """Stores every file of the tree that `upstream` did not put there unchanged.

        What counts is what is on the disk, not what an agent says it wrote. Links, and trees
        that are too large, are refused.
        """
        known = {artifact.path: artifact.digest for artifact in upstream}
        stored: list[Artifact] = []
        for name, content, executable in await asyncio.to_thread(_read, tree):
            if known.get(name) == "sha256:" + hashlib.sha256(content).hexdigest():
                continue
            stored.append(await self.artifacts.put(name, content, executable=executable))
        return tuple(stored)

    def discard(self, run_id: RunId) -> None:
        """Removes every work tree of the run; its artefacts stay in the store."""
        shutil.rmtree(self.root / run_id, ignore_errors=True)


async def materialise(store: ArtifactStore, artifacts: Iterable[Artifact], folder: Path) -> None:
    """Writes artefacts below `folder`. Refuses paths that would leave it."""
    for artifact in artifacts:
        content = await store.get(artifact.digest)
        target = folder / contained(artifact.path)
        await asyncio.to_thread(_write, target, content, artifact.executable)


def contained(path: str) -> PurePosixPath:
    """`path` as a relative path that stays in its folder; InvalidInput otherwise."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\x00" in path:
        raise InvalidInput(f"path {path!r} leaves its folder; use a relative path without '..'")
    return pure


def merge(contributions: Mapping[str, Sequence[Artifact]]) -> tuple[Artifact, ...]:
    """The union of what several personas made, by path.

    Raises:
        StepFailed: two of them wrote different content to the same path; names both.
    """
    owner: dict[str, str] = {}
    merged: dict[str, Artifact] = {}
    for contributor, artifacts in contributions.items():
        for artifact in artifacts:
            earlier = merged.get(artifact.path)
            if earlier is not None and earlier.digest != artifact.digest:
                raise StepFailed(
                    f"{owner[artifact.path]!r} and {contributor!r} both wrote {artifact.path!r} "
                    "with different content; give the path to one of them"
                )
            owner[artifact.path] = contributor
            merged[artifact.path] = artifact
    return tuple(merged[path] for path in sorted(merged))


def _empty(tree: Path) -> None:
    if tree.exists():
        shutil.rmtree(tree)
    tree.mkdir(parents=True)


def _write(target: Path, content: bytes, executable: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    target.chmod(0o755 if executable else 0o644)


def _read(tree: Path) -> list[tuple[str, bytes, bool]]:
    """Relative name, content and executable bit of every file, sorted by name."""
    found: list[tuple[str, bytes, bool]] = []
    total = 0
    for path in _files(tree):
        status = path.lstat()
        total += status.st_size
        name = path.relative_to(tree).as_posix()
        if status.st_size > MAX_FILE_BYTES or total > MAX_TREE_BYTES or len(found) > MAX_TREE_FILES:
            raise StepFailed(
                f"the work tree is too large at {name!r}: at most {MAX_TREE_FILES} files, "
                f"{MAX_FILE_BYTES} bytes each, {MAX_TREE_BYTES} bytes in all"
            )
        found.append((name, path.read_bytes(), bool(status.st_mode & 0o100)))
    return sorted(found)


def _files(tree: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(tree):
        folders[:] = [name for name in folders if name not in IGNORED_FOLDERS]
        for name in (*folders, *names):
            path = Path(folder) / name
            if path.is_symlink():
                raise StepFailed(f"the work tree holds the link {name!r}; links are not accepted")
            if name in names:
                if not path.is_file():
                    raise StepFailed(f"the work tree holds {name!r}, which is not a plain file")
                yield path
