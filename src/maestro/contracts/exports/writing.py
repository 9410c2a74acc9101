"""Exported files on disk: all of them or none."""

import shutil
import tempfile
from pathlib import Path, PurePosixPath

from maestro.contracts.exports.project import ExportedProject
from maestro.errors import InvalidInput


def write_project(project: ExportedProject, folder: Path) -> None:
    """Writes the files beside `folder` first and puts the whole in its place at the end.

    Raises:
        InvalidInput: the folder holds something already, a path leads out of it, or it cannot be
            written. Nothing is left behind then.
    """
    places = {path: _inside(path) for path in project.files}
    target = folder.absolute()
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InvalidInput(f"{str(folder)!r} is no folder; name a missing or an empty one")
    try:
        if target.exists() and any(target.iterdir()):
            raise InvalidInput(f"{str(folder)!r} is not empty; name a missing or an empty folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            for path, place in places.items():
                file = scratch / place
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(project.files[path])
            scratch.chmod(0o755)
            scratch.replace(target)  # takes the place of an empty folder, never of a full one
        except OSError:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    except OSError as error:
        raise InvalidInput(
            f"{str(folder)!r} cannot be written: {error.strerror or error}"
        ) from error


def _inside(path: str) -> PurePosixPath:
    """Raises InvalidInput for what would leave the folder."""
    place = PurePosixPath(path)
    bad = not place.parts or place.is_absolute() or ".." in place.parts
    if bad or "\\" in path or "\0" in path:
        raise InvalidInput(f"the path {path!r} leads out of the project's folder")
    return place
