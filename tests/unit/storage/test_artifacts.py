"""What the artefact folder does about damage and interruption."""

import asyncio
from pathlib import Path

import pytest

from maestro.domain.values import Digest
from maestro.errors import StorageUnavailable
from maestro.storage.artifacts import FolderArtifactStore


def only_file(root: Path) -> Path:
    [file] = [path for path in root.rglob("*") if path.is_file()]
    return file


def put(root: Path, content: bytes = b"content") -> Digest:
    return asyncio.run(FolderArtifactStore(root).put("a.txt", content)).digest


def test_files_lie_under_their_digest_and_no_temporary_one_stays(tmp_path: Path) -> None:
    digest = put(tmp_path).removeprefix("sha256:")
    assert only_file(tmp_path) == tmp_path / digest[:2] / digest[2:]


@pytest.mark.parametrize("damage", [b"changed", b"", b"content and more"])
def test_changed_bytes_are_never_handed_out(tmp_path: Path, damage: bytes) -> None:
    digest = put(tmp_path)
    only_file(tmp_path).write_bytes(damage)
    with pytest.raises(StorageUnavailable, match="was changed"):
        asyncio.run(FolderArtifactStore(tmp_path).get(digest))


@pytest.mark.parametrize("damage", [b"changed", b"", b"short"])
def test_putting_again_repairs_a_damaged_file(tmp_path: Path, damage: bytes) -> None:
    digest = put(tmp_path)
    only_file(tmp_path).write_bytes(damage)
    assert put(tmp_path) == digest
    assert asyncio.run(FolderArtifactStore(tmp_path).get(digest)) == b"content"


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageUnavailable, match="cannot be written: Not a directory"):
        put(tmp_path / "file")
