"""Evidence about any folder, without a run: on a copy, in the sandbox, by the same collectors."""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro.delivery.collecting import Collecting
from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.domain.values import JsonScalar, JsonValue
from maestro.errors import InvalidInput
from maestro.ports import EvidenceCollector, Report
from maestro.quality.evidence.copies import MAX_TREE_BYTES
from maestro.quality.evidence.facts import FactCollector
from maestro.quality.evidence.guard import fingerprints
from maestro.quality.evidence.materials import bill_of_materials
from maestro.quality.evidence.suppressions import counted
from maestro.quality.evidence.tooling import (
    IGNORED_FOLDERS,
    SourceFile,
    UnusableFile,
    read_files,
)
from maestro.quality.metrics import built_in_metrics

SECONDS = 3600.0
COSTLY = frozenset({"mutation"})
"""Measured only when asked for by name."""
_LEFT_OUT = IGNORED_FOLDERS | {
    ".hypothesis", ".import_linter_cache", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache",
    ".tox",
}  # fmt: skip
_ENVIRONMENT = frozenset(
    {
        ".gitignore", ".lock", "CACHEDIR.TAG", "Include", "Lib", "Scripts", "bin", "etc", "include",
        "lib", "lib64", "pyvenv.cfg", "share",
    }
)  # fmt: skip
"""What a virtual environment consists of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderEvidence:
    folder: Path
    evidence: tuple[Evidence, ...]
    left_out: tuple[str, ...]
    """Folders and files that were not copied: environments, caches, what is no plain file."""
    not_asked: tuple[str, ...]
    """Collectors that were not asked."""
    bill_of_materials: str | None = None
    """CycloneDX as JSON, where it was wanted."""

    @property
    def metrics(self) -> Mapping[str, JsonScalar]:
        """Of all that was measured without a tool error."""
        found: dict[str, JsonScalar] = {}
        for item in self.evidence:
            if item.status is EvidenceStatus.MEASURED and not item.tool_errors:
                found.update(item.metrics)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderMeasurement:
    collecting: Collecting

    async def measure(
        self,
        folder: Path,
        report: Report,
        *,
        only: Sequence[str] = (),
        against: Path | None = None,
        materials: bool = False,
    ) -> FolderEvidence:
        """Nothing in the folder is changed.

        Args:
            only: metrics, or producers of metrics; everything but what is costly without them.
            against: the folder as it was before, to tell which tests and suppressions changed.
            materials: whether to make a bill of materials, too.

        Raises:
            InvalidInput: there is no such folder or metric, or the folder is too large.
            SandboxFailed: there is no sandbox of the required strength.
        """
        asked = _asked(only, self.collecting.collectors)
        facts = {} if against is None else await asyncio.to_thread(_before, against)
        async with self.collecting.sandboxes.lend() as place:
            tree = place / "tree"
            left_out = await asyncio.to_thread(_copy, folder, tree)
            bill = await asyncio.to_thread(_bill, tree) if materials else None
            evidence = await self.collecting.evidence(asked, tree, facts, report, within=SECONDS)
        return FolderEvidence(
            folder=folder,
            evidence=evidence,
            left_out=tuple(left_out),
            not_asked=tuple(name for name in self.collecting.collectors if name not in asked),
            bill_of_materials=bill,
        )


def _asked(only: Sequence[str], known: Mapping[str, EvidenceCollector]) -> tuple[str, ...]:
    """Names of collectors, in their order."""
    usable = {name for name, found in known.items() if not isinstance(found, FactCollector)}
    if not only:
        return tuple(name for name in known if name in usable - COSTLY)
    metrics = built_in_metrics().metrics
    wanted = {metrics[name].producer if name in metrics else name for name in only}
    for name in sorted(wanted - usable):
        if name in known:
            raise InvalidInput(f"{name!r} is counted from a run's record, which a folder has not")
        raise InvalidInput(f"{name!r} is neither a metric nor one of: {', '.join(sorted(usable))}")
    return tuple(name for name in known if name in wanted)


def _before(folder: Path) -> dict[str, JsonValue]:
    """The facts that later evidence about tests and suppressions is held against."""
    files = _files(folder)
    return {"test_fingerprints": fingerprints(files), "suppressions": dict(counted(files))}


def _bill(tree: Path) -> str:
    try:
        return bill_of_materials(_files(tree))
    except (ValueError, ModuleNotFoundError) as error:
        raise InvalidInput(f"no bill of materials can be made: {error}") from error


def _files(folder: Path) -> list[SourceFile]:
    if not folder.is_dir():
        raise InvalidInput(f"{str(folder)!r} is no folder; name one")
    try:
        return read_files(folder)
    except (UnusableFile, OSError, SyntaxError) as error:
        raise InvalidInput(f"{str(folder)!r} cannot be read: {error}") from error


def _copy(source: Path, target: Path) -> list[str]:
    """Copies files; what is left out is named. Links to files inside become these files, others
    stay links, which keeps what they lead to from being measured.
    """
    if not source.is_dir():
        raise InvalidInput(f"{str(source)!r} is no folder; name the one to measure")
    root, size, left_out = source.resolve(), 0, []
    for place, folders, names in os.walk(root):
        here = Path(place)
        kept = [name for name in folders if not _is_left_out(here / name)]
        left_out += [_name(here / name, root) for name in folders if name not in kept]
        folders[:] = [name for name in kept if not (here / name).is_symlink()]
        (target / here.relative_to(root)).mkdir(parents=True, exist_ok=True)
        for name in (*names, *(name for name in kept if name not in folders)):
            path = here / name
            size += path.lstat().st_size
            if size > MAX_TREE_BYTES:
                raise InvalidInput(f"{str(source)!r} holds more than {MAX_TREE_BYTES >> 20} MiB")
            if not _copy_one(path, target / path.relative_to(root), root):
                left_out.append(_name(path, root))
    return sorted(left_out)


def _copy_one(path: Path, target: Path, root: Path) -> bool:
    """Whether it could be copied."""
    if path.is_symlink() and not (path.is_file() and path.resolve().is_relative_to(root)):
        target.symlink_to(path.readlink())
    elif path.is_file():
        shutil.copy(path, target)
    else:
        return False
    return True


def _is_left_out(folder: Path) -> bool:
    return folder.name in _LEFT_OUT or _is_environment(folder)


def _is_environment(folder: Path) -> bool:
    """A file called `pyvenv.cfg` alone makes none of a folder that holds something else."""
    return (folder / "pyvenv.cfg").is_file() and all(
        path.name in _ENVIRONMENT for path in folder.iterdir()
    )


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
