"""Copies to measure on: like the tree, and gone afterwards, whatever was done to them."""

import asyncio
import shutil
from pathlib import Path

import pytest

from maestro.agents.sandboxes.provider import open_provider
from maestro.ports import SandboxProvider
from maestro.quality.evidence.copies import private_copy
from maestro.settings import Settings


def _sandboxes() -> SandboxProvider:
    return open_provider(Settings.load({}))


def test_a_copy_is_like_the_tree_and_nothing_comes_back(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "src").mkdir(parents=True)
    (tree / "src" / "a.py").write_text("A = 1\n", encoding="utf-8")
    (tree / "node_modules").mkdir()
    (tree / "link").symlink_to("src/a.py")

    async def use() -> Path:
        async with private_copy(_sandboxes(), tree) as copy:
            names = {path.relative_to(copy).as_posix() for path in copy.rglob("*")}
            assert names == {"src", "src/a.py", "link"}
            assert (copy / "link").is_symlink()
            (copy / "src" / "a.py").write_text("spoilt", encoding="utf-8")
            (copy / "more").mkdir()
            return copy

    copy = asyncio.run(use())
    assert not copy.parent.exists()
    assert (tree / "src" / "a.py").read_text(encoding="utf-8") == "A = 1\n"
    assert not (tree / "more").exists()


def test_a_tree_that_is_not_there_leaves_no_folder(tmp_path: Path) -> None:
    async def use() -> None:
        async with private_copy(_sandboxes(), tmp_path / "nothing"):
            raise AssertionError("there is nothing to copy")

    with pytest.raises((OSError, shutil.Error)):
        asyncio.run(use())
