"""What mypy knows of libraries, worked out once for an installation and lent as copies.

It is made from a program of ours that imports them, and from nothing that was delivered. A run over
delivered code gets a copy and leaves the original alone; mypy itself holds every entry against the
file it was made of, and works out the others.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from maestro.quality.evidence.programs import module

SECONDS = 90.0
"""To make it; where it takes longer, types are checked without."""
_LIBRARIES = (
    "alembic", "alembic.config", "alembic.context", "alembic.op", "fastapi", "fastapi.responses",
    "fastapi.staticfiles", "fastapi.testclient", "httpx", "jsonschema_rs", "pydantic", "sqlalchemy",
    "sqlalchemy.exc", "sqlalchemy.orm", "starlette.applications", "starlette.exceptions",
    "starlette.requests", "starlette.responses", "starlette.routing", "uvicorn",
    "argparse", "asyncio", "collections.abc", "contextlib", "dataclasses", "datetime", "decimal",
    "enum", "functools", "hashlib", "http.server", "importlib.metadata", "importlib.util", "json",
    "logging", "math", "os", "pathlib", "re", "secrets", "shutil", "signal", "socket", "sqlite3",
    "subprocess", "sys", "tempfile", "threading", "time", "typing", "urllib.parse",
    "urllib.request", "uuid",
)  # fmt: skip
_PROGRAM = "libraries.py"
_failed: set[Path] = set()
"""Those this process could not make, and does not try to again."""


def default_folder() -> Path:
    """Beside the installed packages, which delivered code cannot write to either; where these are
    closed to this process too, among the user's caches.
    """
    beside = Path(sys.prefix, "share")
    root = beside if os.access(beside if beside.exists() else sys.prefix, os.W_OK) else None
    return (root or Path.home() / ".cache") / "maestro" / "mypy"


async def lend(target: Path, options: Sequence[str], folder: Path | None = None) -> bool:
    """Puts a copy at `target`, a path that is free; whether there is one.

    Args:
        options: of mypy, as the copy will be used with.
        folder: where the originals are kept.
    """
    kept = (folder or default_folder()) / await asyncio.to_thread(_key, options)
    try:
        if not kept.is_dir() and kept not in _failed and not await _make(kept, options):
            return False
        await asyncio.to_thread(shutil.copytree, kept, target)
    except (OSError, shutil.Error):  # it is gone, or there is no place: mypy does without
        await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
        return False
    return True


async def _make(kept: Path, options: Sequence[str]) -> bool:
    """Whether it is there now. Where another process is at it, nobody waits."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(kept.parent / "making") as mine:
        if not mine:
            return False
        with tempfile.TemporaryDirectory(prefix=".made-", dir=kept.parent) as made:
            place = Path(made)
            await asyncio.to_thread(_lay_out, place)
            if not await _run(place, options):
                _failed.add(kept)
                return False
            for old in await asyncio.to_thread(_others, kept.parent, place):
                await asyncio.to_thread(shutil.rmtree, old, ignore_errors=True)
            with suppress(FileExistsError):
                await asyncio.to_thread((place / "cache").rename, kept)
    return True


async def _run(place: Path, options: Sequence[str]) -> bool:
    argv = (*module("mypy"), *options, f"--cache-dir={place / 'cache'}", _PROGRAM)
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=place,
        env={"HOME": str(place), "LANG": "C.UTF-8"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(SECONDS):
            # 1: it has something to say about the program, which is no matter
            return await process.wait() in (0, 1) and (place / "cache").is_dir()
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _lay_out(place: Path) -> None:
    """A program that imports what is installed of the libraries."""
    known = {name for name in {item.partition(".")[0] for item in _LIBRARIES} if find_spec(name)}
    imports = [f"import {item}\n" for item in _LIBRARIES if item.partition(".")[0] in known]
    (place / _PROGRAM).write_text("".join(imports), encoding="utf-8")


def _key(options: Sequence[str]) -> str:
    """Changes with the interpreter, any installed package, the options and the program."""
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    installed = sorted(
        path.name for place in places for path in Path(place).glob("*.dist-info") if path.is_dir()
    )
    told = repr((sys.version, sys.prefix, installed, tuple(options), _LIBRARIES))
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def _others(folder: Path, place: Path) -> list[Path]:
    """Those of packages that are installed no more."""
    return [path for path in folder.iterdir() if path.is_dir() and path != place]


@contextmanager
def _only_one(path: Path) -> Iterator[bool]:
    """Whether nobody else is at it; ends with the process, whatever becomes of it."""
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
