"""Work trees: what is on the disk counts, and nothing leaves its folder."""

import asyncio
import os
from pathlib import Path

import pytest

from maestro.delivery.workspace import Workspace, contained, materialise, merge
from maestro.domain.values import Digest, RunId, StepId
from maestro.domain.work import Artifact
from maestro.errors import InvalidInput, StepFailed
from maestro.storage.artifacts import FolderArtifactStore

RUN, STEP = RunId("run-1"), StepId("work.a")


def _workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work", FolderArtifactStore(tmp_path / "artifacts"))


def _artifact(path: str, digest: str = "sha256:" + "0" * 64) -> Artifact:
    return Artifact(path=path, digest=Digest(digest), size=1)


def test_collects_what_was_written_and_not_what_was_there(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path)

    async def scenario() -> tuple[list[str], bytes]:
        first = await workspace.fresh(RUN, STEP, 1)
        (first / "lib").mkdir()
        (first / "lib" / "a.py").write_text("a = 1\n")
        (first / "run.sh").write_text("#!/bin/sh\n")
        (first / "run.sh").chmod(0o755)
        (first / "__pycache__").mkdir()
        (first / "__pycache__" / "a.pyc").write_bytes(b"x")
        upstream = await workspace.collect(first)
        assert [a.executable for a in upstream] == [False, True]
        second = await workspace.fresh(RUN, STEP, 2, upstream)
        assert (second / "run.sh").stat().st_mode & 0o100
        (second / "lib" / "a.py").write_text("a = 2\n")
        (second / "b.py").write_text("b = 1\n")
        made = await workspace.collect(second, upstream)
        out = tmp_path / "out"
        out.mkdir()
        await materialise(workspace.artifacts, made, out)
        return [artifact.path for artifact in made], (out / "lib" / "a.py").read_bytes()

    assert asyncio.run(scenario()) == (["b.py", "lib/a.py"], b"a = 2\n")


def test_a_leftover_of_the_same_attempt_is_removed(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path)

    async def scenario() -> list[Path]:
        tree = await workspace.fresh(RUN, STEP, 1)
        (tree / "half-written").write_text("x")
        return list((await workspace.fresh(RUN, STEP, 1)).iterdir())

    assert asyncio.run(scenario()) == []


@pytest.mark.parametrize("kind", ["file link", "folder link", "pipe"])
def test_links_and_pipes_are_refused(kind: str, tmp_path: Path) -> None:
    workspace = _workspace(tmp_path)

    async def scenario() -> None:
        tree = await workspace.fresh(RUN, STEP, 1)
        if kind == "pipe":
            os.mkfifo(tree / "trap")
        else:
            (tree / "trap").symlink_to("/etc/passwd" if kind == "file link" else "/etc")
        await workspace.collect(tree)

    with pytest.raises(StepFailed, match="'trap'"):
        asyncio.run(scenario())


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "", "a\x00b"])
def test_paths_that_leave_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="leaves its folder"):
        contained(path)


def test_merging_refuses_two_versions_of_a_file() -> None:
    same = merge({"a": [_artifact("x"), _artifact("y")], "b": [_artifact("y"), _artifact("z")]})
    assert [artifact.path for artifact in same] == ["x", "y", "z"]
    with pytest.raises(StepFailed, match="'a' and 'b' both wrote 'x'"):
        merge({"a": [_artifact("x")], "b": [_artifact("x", "sha256:" + "1" * 64)]})
