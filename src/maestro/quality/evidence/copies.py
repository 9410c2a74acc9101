"""Private copies of a tree, so that nothing a tool or a test writes reaches another measurement."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from maestro.ports import SandboxProvider
from maestro.quality.evidence.tooling import IGNORED_FOLDERS

MAX_TREE_BYTES = 1 << 30


@asynccontextmanager
async def private_copy(sandboxes: SandboxProvider, source: Path) -> AsyncIterator[Path]:
    """A copy that may be written into. Raises shutil.Error or OSError as `copy_tree`."""
    async with sandboxes.lend() as folder:
        tree = folder / "tree"
        await asyncio.to_thread(copy_tree, source, tree)
        yield tree


def copy_tree(source: Path, target: Path) -> None:
    """Links stay links. Raises shutil.Error or OSError for pipes, sockets and too much."""
    left = MAX_TREE_BYTES

    def copied(origin: str, copy: str) -> str:
        nonlocal left
        left -= Path(origin).lstat().st_size
        if left < 0:
            raise OSError(f"the project holds more than {MAX_TREE_BYTES} bytes")
        return str(shutil.copy2(origin, copy, follow_symlinks=False))

    ignored = shutil.ignore_patterns(*IGNORED_FOLDERS)
    shutil.copytree(source, target, symlinks=True, ignore=ignored, copy_function=copied)
