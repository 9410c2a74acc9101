"""Artefacts by their digest, in a folder."""

import asyncio
import hashlib
import os
import re
import tempfile
from pathlib import Path, PurePosixPath

from maestro.domain.values import Digest
from maestro.domain.work import Artifact
from maestro.errors import InvalidInput, NotFound, StorageUnavailable

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class FolderArtifactStore:
    """The ArtifactStore port: `<root>/<first two digits>/<the other 62>`, each file immutable."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, path: str, content: bytes, *, executable: bool = False) -> Artifact:
        _check_contained(path)
        digest = Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")
        await asyncio.to_thread(self._write, self._place(digest), content)
        return Artifact(path=path, digest=digest, size=len(content), executable=executable)

    async def get(self, digest: Digest) -> bytes:
        if _DIGEST.fullmatch(digest) is None:
            raise InvalidInput(f"digest {digest!r}: expected 'sha256:' and 64 hexadecimal digits")
        return await asyncio.to_thread(self._read, digest)

    def _place(self, digest: Digest) -> Path:
        name = digest.removeprefix("sha256:")
        return self._root / name[:2] / name[2:]

    def _write(self, place: Path, content: bytes) -> None:
        """Durable before it is visible: temporary file, flush, rename, flush of the folder."""
        try:
            if place.is_file() and place.read_bytes() == content:
                return
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
                temporary = Path(file.name)
                try:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                    temporary.replace(place)
                except OSError:
                    temporary.unlink(missing_ok=True)
                    raise
            _flush_folder(place.parent)
        except OSError as error:
            raise StorageUnavailable(
                f"the artefact {str(place)!r} cannot be written: {error.strerror}; check the disk "
                "and that its folder may be written"
            ) from error

    def _read(self, digest: Digest) -> bytes:
        place = self._place(digest)
        try:
            content = place.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"there is no artefact {digest!r} in {str(self._root)!r}") from error
        except OSError as error:
            raise StorageUnavailable(
                f"the artefact {str(place)!r} cannot be read: {error.strerror}; check the disk"
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if digest != f"sha256:{found}":
            raise StorageUnavailable(
                f"the artefact {str(place)!r} was changed: its content has the digest "
                f"'sha256:{found}'; remove it and run the step that made it again"
            )
        return content


def _check_contained(path: str) -> None:
    """Raises InvalidInput for a path that names no file below its folder."""
    pure = PurePosixPath(path)
    if (
        not path
        or pure.is_absolute()
        or not pure.parts
        or ".." in pure.parts
        or "\\" in path
        or "\0" in path
    ):
        raise InvalidInput(
            f"artefact path {path!r}: use a relative path with '/' that stays in its folder"
        )


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
