"""Starts a provider from its command, waits until it answers, and ends its whole tree."""

import asyncio
import contextlib
import os
import shlex
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from maestro.contracts.verification.loopback import free_port
from maestro.domain.work import LaunchCommand
from maestro.errors import InvalidInput, SandboxFailed, StepFailed
from maestro.listeners import stranger_on

START_SECONDS = 30.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.05
LOG_SHOWN = 2000
MARK = "MAESTRO_STARTED_BY"
"""Inherited by every process the provider starts, wherever that process hides."""


@dataclass(slots=True)
class StartedProvider:
    """A provider that was really started, and what became of it."""

    url: str
    """`http://127.0.0.1:PORT`, without the base path."""
    command: str
    """As it was run, for people."""
    ready_seconds: float
    log: Path
    orphans: list[str] = field(default_factory=list)
    """Processes that were still there after the provider's group was ended; known after leaving."""

    def tail(self) -> str:
        """The end of what it printed."""
        return _tail(self.log)


def launch_of(command: str, *, cwd: str = ".", ready_path: str = "") -> LaunchCommand:
    """A command line as a person gives it. Raises InvalidInput for one that cannot be split."""
    try:
        argv = tuple(shlex.split(command))
    except ValueError as error:
        raise InvalidInput(f"the command {command!r} cannot be read: {error}") from error
    if not argv:
        raise InvalidInput("the command to start the provider is empty; give what starts it")
    return LaunchCommand(argv=argv, cwd=cwd, ready_path=ready_path)


@asynccontextmanager
async def provider_started(
    launch: LaunchCommand,
    folder: Path,
    *,
    timeout: float = START_SECONDS,
    env: Mapping[str, str] | None = None,
    speaks_http: bool = True,
) -> AsyncIterator[StartedProvider]:
    """The command, run without stdin in a process group of its own, with a free port.

    The port is written for `{port}` in the command and into the variable PORT. `{python}` is this
    interpreter and `{root}` the folder. One that does not speak HTTP is ready when it takes
    connections.

    Raises:
        InvalidInput: the working folder or the program does not exist.
        StepFailed: it ends, or does not answer within `timeout`; with the end of its log.
        SandboxFailed: something else answers on its port.
    """
    root, cwd = await asyncio.to_thread(_folders, folder, launch.cwd)
    port = free_port()
    names = {"port": str(port), "python": sys.executable, "root": str(root)}
    argv = [_filled(word, names) for word in launch.argv]
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory(prefix="maestro-provider-") as scratch:
        log = Path(scratch) / "log"
        process = await _spawn(argv, cwd, log, {**(env or {}), "PORT": str(port), MARK: mark})
        began = time.monotonic()
        started = StartedProvider(
            url=f"http://127.0.0.1:{port}", command=shlex.join(argv), ready_seconds=0.0, log=log
        )
        try:
            path = launch.ready_path if speaks_http else None
            await _ready(process, started, path, timeout)
            await _must_be_ours(process, started, port, mark)
            started.ready_seconds = time.monotonic() - began
            yield started
        finally:
            started.orphans += await asyncio.shield(_end(process, mark))


def _folders(folder: Path, cwd: str) -> tuple[Path, Path]:
    root = folder.resolve()
    place = (root / cwd).resolve()
    if not place.is_dir():
        raise InvalidInput(f"the provider's folder {str(place)!r} does not exist")
    return root, place


def _filled(word: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        word = word.replace(f"{{{name}}}", value)
    return word


async def _spawn(
    argv: list[str], cwd: Path, log: Path, env: Mapping[str, str]
) -> asyncio.subprocess.Process:
    handle = await asyncio.to_thread(log.open, "wb")
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=handle,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            cwd=cwd,
            env={**os.environ, **env},
        )
    except (FileNotFoundError, PermissionError) as error:
        raise InvalidInput(
            f"the provider's command cannot be started: {shlex.join(argv)!r} ({error.strerror})"
        ) from error
    finally:
        handle.close()


async def _ready(
    process: asyncio.subprocess.Process, started: StartedProvider, path: str | None, timeout: float
) -> None:
    """With a path: until it answers below 500. With an empty one: until anything answers at all.
    With None: until the port takes connections.
    """
    url = started.url + (path or "/")
    port = started.url.rpartition(":")[2]
    deadline = time.monotonic() + timeout
    async with httpx.AsyncClient(timeout=timeout, trust_env=False) as http:
        while time.monotonic() < deadline:
            if process.returncode is not None:
                raise StepFailed(
                    f"the provider ended with {process.returncode} before it answered: "
                    f"{started.command!r}\n{started.tail()}"
                )
            with contextlib.suppress(httpx.HTTPError, OSError):
                if path is None:
                    _, writer = await asyncio.open_connection("127.0.0.1", int(port))
                    writer.close()
                    return
                reply = await http.get(url)
                if not path or reply.status_code < 500:
                    return
            await asyncio.sleep(POLL_SECONDS)
    raise StepFailed(
        f"nothing answered at {url!r} within {timeout:.0f} s; the provider must listen on port "
        f"{port}, which it gets as {{port}} in the command and as PORT\n{started.tail()}"
    )


async def _must_be_ours(
    process: asyncio.subprocess.Process, started: StartedProvider, port: int, mark: str
) -> None:
    """Raises SandboxFailed when what answers was not started by us, as far as that can be seen."""

    def look() -> str | None:
        return stranger_on(port, {process.pid, *_marked(mark)})

    stranger = await asyncio.to_thread(look)
    if stranger is not None:
        raise SandboxFailed(
            f"port {port}, which was free and given to {started.command!r}, is answered by "
            f"{stranger}, which is no process of it; start it again, or give the address of a "
            "running provider with --url"
        )


async def _end(process: asyncio.subprocess.Process, mark: str) -> list[str]:
    """Ends the group; returns what of the tree had left the group and lived on (ended, too)."""
    _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()
    found: dict[int, str] = {}
    deadline = time.monotonic() + STOP_SECONDS
    while left := await asyncio.to_thread(_marked, mark):
        found = {**left, **found}
        for number in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(POLL_SECONDS)
    return [f"{name} (process {number})" for number, name in found.items()]


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _marked(mark: str) -> dict[int, str]:
    """Processes with our mark in their environment; empty where /proc is not to be had."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
            if state != "Z" and wanted in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(folder.name)] = words.decode("utf-8", "replace").strip()[:100]
    return found


def _tail(log: Path) -> str:
    try:
        content = log.read_bytes()
    except OSError:
        return ""
    text = content[-LOG_SHOWN:].decode("utf-8", "replace").strip()
    return f"its output ends with:\n{text}" if text else "it printed nothing"
