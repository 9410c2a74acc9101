"""Commands and servers in one work tree, confined."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from maestro.agents.executors.offline.interpreters import node_binary
from maestro.agents.sandboxes.confinement import Confinement, Supervised
from maestro.agents.sandboxes.processes import (
    Running,
    refuse_unconfined,
    run_to_end,
    started,
)
from maestro.domain.work import LaunchCommand
from maestro.errors import InvalidInput, SandboxFailed, StepFailed
from maestro.listeners import stranger_on
from maestro.ports import CommandResult, Reach, SandboxStrength, ServerProcess

POLL_SECONDS = 0.05
ANSWER_SECONDS = 5.0
NOT_FOUND = 127
_NO_PROGRAM = "bwrap: execvp "


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
        if self._confinement.mechanism == "bubblewrap" and result.stderr.startswith("bwrap: "):
            if not result.stderr.startswith(_NO_PROGRAM):
                raise SandboxFailed(f"the sandbox could not be set up: {result.stderr[-500:]}")
            told = result.stderr.removeprefix(_NO_PROGRAM)
            return replace(result, exit_code=NOT_FOUND, stderr=told)
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
            reach = replace(reach, listen=(*reach.listen, port))
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
    ) -> Supervised:
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
            env={**_environment(*self._confinement.home(self._scratch)), **(env or {})},
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
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
        while True:
            code = running.process.returncode
            if code is not None:
                await running.readers
                reported = running.reported()
                refuse_unconfined(reported)
                reason = f"at its limit of {reported}" if reported else f"with status {code}"
                raise StepFailed(
                    f"the server ended {reason} before it was ready: {server.log()[-1500:].strip()}"
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
    """Why the server is not ready. Without a path it is when it takes connections.

    How an answer goes on is of no interest: it may be without end.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            if not path:
                _, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
                writer.close()
                return ""
            async with client.stream("GET", url + path) as reply:
                status = reply.status_code
    except (httpx.HTTPError, OSError) as error:
        return type(error).__name__
    return "" if status < 500 else f"{path!r} answered {status}"


def _filled(word: str, values: Mapping[str, str]) -> str:
    if word == "{node}":
        return str(node_binary())
    for placeholder, value in values.items():
        word = word.replace(placeholder, value)
    return word


def prepare(scratch: Path) -> None:
    """What a scratch folder consists of."""
    for name in ("home", "tmp"):
        (scratch / name).mkdir(parents=True)


def _environment(home: str, temporary: str) -> dict[str, str]:
    """All a sandboxed process is told of the host."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": temporary,
        "USER": "nobody",
        "LOGNAME": "nobody",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
