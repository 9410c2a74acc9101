"""What every ArtifactStore promises."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from maestro.domain.values import Digest
from maestro.domain.work import Artifact
from maestro.errors import InvalidInput, NotFound
from maestro.ports import ArtifactStore
from maestro.storage.artifacts import FolderArtifactStore

KINDS = {"folder": FolderArtifactStore}


@pytest.fixture(params=sorted(KINDS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    return KINDS[request.param](tmp_path / "artefacts")


@pytest.mark.parametrize("content", [b"", b"text", bytes(range(256)) * 500])
def test_bytes_come_back_under_their_digest(store: ArtifactStore, content: bytes) -> None:
    artifact = asyncio.run(store.put("backend/app/main.py", content, executable=True))
    assert artifact == Artifact(
        path="backend/app/main.py",
        digest=Digest("sha256:" + hashlib.sha256(content).hexdigest()),
        size=len(content),
        executable=True,
    )
    assert asyncio.run(store.get(artifact.digest)) == content


def test_the_same_bytes_may_be_put_many_times_at_once(store: ArtifactStore) -> None:
    async def play() -> None:
        puts = (store.put(f"f{number}", b"same") for number in range(20))
        digests = {artifact.digest for artifact in await asyncio.gather(*puts)}
        assert len(digests) == 1
        assert await store.get(digests.pop()) == b"same"

    asyncio.run(play())


@pytest.mark.parametrize(
    "path", ["", ".", "/etc/passwd", "../x", "a/../../x", "a\\..\\x", "a\0b", "a/.."]
)
def test_a_path_that_leaves_its_folder_is_refused(store: ArtifactStore, path: str) -> None:
    with pytest.raises(InvalidInput, match="artefact path"):
        asyncio.run(store.put(path, b"x"))


def test_an_unknown_digest_is_not_found(store: ArtifactStore) -> None:
    with pytest.raises(NotFound):
        asyncio.run(store.get(Digest("sha256:" + "0" * 64)))


@pytest.mark.parametrize("digest", ["", "sha256:../../x", "md5:" + "0" * 64, "sha256:" + "A" * 64])
def test_what_is_no_digest_is_refused(store: ArtifactStore, digest: str) -> None:
    with pytest.raises(InvalidInput, match="digest"):
        asyncio.run(store.get(Digest(digest)))
