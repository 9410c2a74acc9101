"""Sandboxes on this host, of the strongest mechanism whose probe really held."""

import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx

from maestro.agents.executors.offline.interpreters import node_binary
from maestro.agents.sandboxes import payload
from maestro.agents.sandboxes.confinement import Confinement, Limits
from maestro.agents.sandboxes.launcher import CANNOT_CONFINE
from maestro.agents.sandboxes.processes import Running, run_to_end, started
from maestro.domain.work import LaunchCommand
from maestro.errors import InvalidInput, SandboxFailed, StepFailed
from maestro.listeners import stranger_on
from maestro.ports import CommandResult, Reach, Sandbox, SandboxStrength, ServerProcess
from maestro.settings import Settings

PROBE_SECONDS = 20.0
POLL_SECONDS = 0.05
TREE_END_SECONDS = 3.0
REQUIRED = frozenset({"fs_write", "fs_read", "net_ports", "env", "tree_kill"})
ATTACKS = {
    "write_outside": "fs_write",
    "read_secret": "fs_read",
    "connect_tcp": "net_ports",
    "open_udp": "net_none",
    "signal_parent": "pids",
    "inherit_environment": "env",
    "trace_self": "syscalls",
}
"""Attack of the payload -> capability that holds when it fails."""
INSTALL = "install bubblewrap, or accept unprotected runs with --sandbox off"


def open_provider(settings: Settings) -> "HostSandboxProvider":
    """The sandboxes of this host. Nothing is probed before the first use."""
    return HostSandboxProvider(off=settings.sandbox == "off")


class HostSandboxProvider:
    """Implements ports.SandboxProvider.

    With `off` nothing is confined, only supervised: output, time and tree are bounded. Every piece
    of evidence then says so.
    """

    def __init__(self, *, off: bool = False, limits: Limits | None = None) -> None:
        self._off = off
        self._limits = limits or Limits()
        self._probed: tuple[Confinement, SandboxStrength] | None = None
        self._probing = asyncio.Lock()

    def open(self, root: Path) -> AbstractAsyncContextManager[Sandbox]:
        return self._open(root)

    @asynccontextmanager
    async def _open(self, root: Path) -> AsyncIterator[Sandbox]:
        confinement, strength = await self._confinement()
        scratch = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="maestro-"))
        try:
            await asyncio.to_thread(_prepare, scratch)
            yield HostSandbox(root, scratch, confinement, strength)
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)

    async def probe(self) -> SandboxStrength:
        _, strength = await self._confinement()
        return strength

    async def _confinement(self) -> tuple[Confinement, SandboxStrength]:
        async with self._probing:
            if self._probed is None:
                self._probed = await self._choose()
            return self._probed

    async def _choose(self) -> tuple[Confinement, SandboxStrength]:
        if self._off:
            confinement = Confinement(mechanism="off", limits=self._limits)
            return confinement, _strength("off", frozenset({"wall", "tree_kill"}))
        refusals: list[str] = []
        for mechanism in ("bubblewrap", "landlock"):
            if mechanism == "bubblewrap" and shutil.which("bwrap") is None:
                refusals.append("bubblewrap is not installed")
                continue
            confinement = Confinement(mechanism=mechanism, limits=self._limits)
            held, problem = await _try_out(confinement)
            if held >= REQUIRED:
                return confinement, _strength(mechanism, held)
            missing = ", ".join(sorted(REQUIRED - held))
            refusals.append(f"{mechanism} does not hold {missing} {problem}".strip())
        raise SandboxFailed(f"no sandbox holds on this host: {'; '.join(refusals)}; {INSTALL}")


class HostSandbox:
    """Implements ports.Sandbox."""

    def __init__(
        self, root: Path, scratch: Path, confinement: Confinement, strength: SandboxStrength
    ) -> None:
        self._root = root.resolve()
        self._scratch = scratch
        self._confinement = confinement
        self._strength = strength

    @property
    def root(self) -> Path:
        return self._root

    @property
    def strength(self) -> SandboxStrength:
        return self._strength

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        reach: Reach = Reach(),
    ) -> CommandResult:
        wrapped = self._wrap(argv, cwd, env, reach)
        result = await run_to_end(wrapped, timeout, argv)
        if result.exit_code == CANNOT_CONFINE and "sandbox:" in result.stderr:
            raise SandboxFailed(f"{result.stderr.strip()[-500:]}; {INSTALL}")
        if self._confinement.mechanism == "bubblewrap" and result.stderr.startswith("bwrap:"):
            raise SandboxFailed(f"{result.stderr.strip()[-500:]}; {INSTALL}")
        return result

    def serve(
        self,
        launch: LaunchCommand,
        *,
        port: int,
        timeout: float,
        env: Mapping[str, str] | None = None,
        reach: Reach = Reach(),
    ) -> AbstractAsyncContextManager[ServerProcess]:
        return self._serve(launch, port, timeout, env, reach)

    @asynccontextmanager
    async def _serve(
        self,
        launch: LaunchCommand,
        port: int,
        timeout: float,
        env: Mapping[str, str] | None,
        reach: Reach,
    ) -> AsyncIterator[ServerProcess]:
        values = {"{python}": sys.executable, "{port}": str(port), "{root}": str(self._root)}
        argv = [_filled(word, values) for word in launch.argv]
        if port not in reach.listen:
            reach = Reach(connect=reach.connect, listen=(*reach.listen, port))
        async with started(self._wrap(argv, launch.cwd, env, reach)) as running:
            server = _Server(f"http://127.0.0.1:{port}", running)
            await _ready(server, running, launch.ready_path, timeout)
            stranger = await asyncio.to_thread(stranger_on, port, {running.process.pid})
            if stranger is not None:
                raise SandboxFailed(
                    f"port {port}, which was free when the server was started, is answered by "
                    f"{stranger}, which does not belong to it; run the step again"
                )
            yield server

    def _wrap(
        self, argv: Sequence[str], cwd: str, env: Mapping[str, str] | None, reach: Reach
    ) -> list[str]:
        folder = (self._root / cwd).resolve()
        if not folder.is_relative_to(self._root):
            raise InvalidInput(f"cwd {cwd!r} leaves the work tree; use a path inside it")
        if not folder.is_dir():
            raise StepFailed(f"the work tree has no folder {cwd!r}; nobody delivered it")
        return self._confinement.wrap(
            argv,
            root=self._root,
            scratch=self._scratch,
            cwd=folder,
            env={**_environment(self._scratch), **(env or {})},
            reach=reach,
        )


class _Server:
    def __init__(self, url: str, running: Running) -> None:
        self._url = url
        self._running = running

    @property
    def url(self) -> str:
        return self._url

    def log(self) -> str:
        return (self._running.stdout.text() + self._running.stderr.text())[-4000:]


async def _ready(server: _Server, running: Running, path: str, timeout: float) -> None:
    """Polls until the server is there. Raises StepFailed with the end of its log."""
    deadline = asyncio.get_running_loop().time() + timeout
    async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
        while True:
            if running.process.returncode is not None:
                await running.readers
                raise StepFailed(
                    f"the server ended with status {running.process.returncode} before it was "
                    f"ready: {server.log()[-1500:].strip()}"
                )
            problem = await _problem(client, server.url, path)
            if not problem:
                return
            if asyncio.get_running_loop().time() > deadline:
                raise StepFailed(
                    f"the server was not ready after {timeout:.0f} s ({problem}): "
                    f"{server.log()[-1500:].strip()}"
                )
            await asyncio.sleep(POLL_SECONDS)


async def _problem(client: httpx.AsyncClient, url: str, path: str) -> str:
    """Why the server is not ready. Without a path it is when it takes connections."""
    try:
        if not path:
            _, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
            writer.close()
            return ""
        reply = await client.get(url + path)
    except (httpx.HTTPError, OSError) as error:
        return type(error).__name__
    return "" if reply.status_code < 500 else f"{path!r} answered {reply.status_code}"


def _filled(word: str, values: Mapping[str, str]) -> str:
    if word == "{node}":
        return str(node_binary())
    for placeholder, value in values.items():
        word = word.replace(placeholder, value)
    return word


def _prepare(scratch: Path) -> None:
    for name in ("home", "tmp"):
        (scratch / name).mkdir()


def _environment(scratch: Path) -> dict[str, str]:
    """All a sandboxed process is told of the host."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(scratch / "home"),
        "TMPDIR": str(scratch / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _strength(mechanism: str, held: frozenset[str]) -> SandboxStrength:
    everything = frozenset(ATTACKS.values()) | {"tree_kill", "wall", "mem_proc"}
    level = {"bubblewrap": "L2", "landlock": "L1", "off": "L0"}[mechanism]
    kept = held if mechanism == "off" else held | {"wall", "mem_proc"}
    return SandboxStrength(
        mechanism=mechanism,
        level=level,
        capabilities=tuple(sorted(kept)),
        missing=tuple(sorted(everything - kept)),
    )


async def _try_out(confinement: Confinement) -> tuple[frozenset[str], str]:
    """Capabilities that held against the payload, and what went wrong otherwise."""
    marker = f"maestro-probe-{uuid.uuid4().hex}"
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="maestro-probe-"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        try:
            return await _attack(confinement, folder, listener.getsockname()[1], marker)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _attack(
    confinement: Confinement, folder: Path, port: int, marker: str
) -> tuple[frozenset[str], str]:
    inside, outside, scratch = folder / "inside", folder / "outside", folder / "scratch"
    await asyncio.to_thread(_lay_out, inside, outside, scratch)
    strength = _strength(confinement.mechanism, frozenset())
    sandbox = HostSandbox(inside, scratch, confinement, strength)
    script = Path(payload.__file__)
    result = await sandbox.run(
        [sys.executable, str(script), str(outside), str(outside / "secret"), str(port), marker],
        timeout=PROBE_SECONDS,
        env={"MAESTRO_PROBE_PID": str(os.getpid())},
        reach=Reach(connect=(1,)),
    )
    try:
        succeeded = json.loads(result.stdout)
    except ValueError:
        return frozenset(), f"({(result.stderr or result.stdout).strip()[-300:]})"
    held = {capability for attack, capability in ATTACKS.items() if not succeeded[attack]}
    if await _is_gone(marker):
        held.add("tree_kill")
    return frozenset(held), ""


def _lay_out(inside: Path, outside: Path, scratch: Path) -> None:
    for path in (inside, outside, scratch):
        path.mkdir()
    (outside / "secret").write_text("secret", encoding="utf-8")
    _prepare(scratch)


async def _is_gone(marker: str) -> bool:
    """Whether the daemon has ended; the kernel takes a moment to empty a pid namespace."""
    deadline = asyncio.get_running_loop().time() + TREE_END_SECONDS
    while await asyncio.to_thread(_is_running, marker):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


def _is_running(marker: str) -> bool:
    wanted = marker.encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "cmdline").read_bytes().split(b"\0"):
                    return True
            except OSError:
                continue
    return False
