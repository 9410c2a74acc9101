"""Where everything an agent wrote runs."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from maestro.domain.work import LaunchCommand

CAPABILITIES = {
    "fs_write": "nothing is written outside the work tree",
    "fs_read": "nothing of the host's is read but its programs",
    "net_none": "nothing of the network is reached that was not named",
    "net_loopback": "named ports and sockets are reached, and no others",
    "host_processes": "processes of the host are not seen, signalled or traced",
    "syscalls": "no tracing, mounting, namespaces, users or set-user-ID files",
    "env": "no variable and no descriptor of the host's is handed on",
    "tree_kill": "every process ends with the command, daemons too",
    "pids": "processes are limited",
    "mem_proc": "the memory of each process is limited",
    "mem_tree": "the memory of all processes together is limited",
    "cpu": "processor time is limited",
    "wall": "time is limited",
    "disk": "files and folders are limited",
}
"""What a sandbox may be able to keep, and what that means."""
REQUIRED = (
    "fs_write", "fs_read", "net_none", "net_loopback", "env", "tree_kill", "pids", "mem_tree",
)  # fmt: skip
"""What it has to keep unless settings say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    duration_seconds: float
    timed_out: bool = False
    limit: str = ""
    """Which limit of the sandbox ended it, if one did: `memory`, `processes` or `disk`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What of the network a sandboxed process may touch; nothing by default."""

    connect: tuple[int, ...] = ()
    """Loopback TCP ports it may connect to."""
    listen: tuple[int, ...] = ()
    """Loopback TCP ports it may bind."""
    sockets: tuple[Path, ...] = ()
    """Unix sockets it may connect to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStrength:
    """What the sandbox in force can really keep, found by running a payload."""

    mechanism: str
    """`bubblewrap`, `landlock`, or `off`."""
    level: str
    """L0 (none) to L3."""
    capabilities: tuple[str, ...]
    """Those of CAPABILITIES that held."""
    missing: tuple[str, ...]
    """Those that did not."""


class ServerProcess(Protocol):
    """A started server inside a sandbox; ended with its whole process tree on leaving."""

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT` without a trailing slash."""
        ...

    def log(self) -> str:
        """The last part of what it printed."""
        ...


class Sandbox(Protocol):
    """A work tree in which untrusted code may run. Closing it ends every process it started."""

    @property
    def root(self) -> Path:
        """The writable work tree."""
        ...

    @property
    def strength(self) -> SandboxStrength: ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        reach: Reach = Reach(),
    ) -> CommandResult:
        """Runs a command to its end or limit: no stdin, clean environment plus `env`.

        A time-out is reported in the result, not raised. Raises SandboxFailed when the sandbox
        itself cannot be set up, InvalidInput when `cwd` leaves the root.
        """
        ...

    def serve(
        self,
        launch: LaunchCommand,
        *,
        port: int,
        timeout: float,
        env: Mapping[str, str] | None = None,
        reach: Reach = Reach(),
    ) -> AbstractAsyncContextManager[ServerProcess]:
        """Starts a server and waits until `launch.ready_path` answers below 500; with an empty
        one, until the port takes connections.

        Raises StepFailed with the end of its log when it ends or is not ready within `timeout`,
        SandboxFailed when something else is seen to answer on its port.
        """
        ...


class SandboxProvider(Protocol):
    def open(self, root: Path) -> AbstractAsyncContextManager[Sandbox]:
        """Raises SandboxFailed when the required strength is not to be had."""
        ...

    def lend(self) -> AbstractAsyncContextManager[Path]:
        """An empty folder, for a work tree. It is removed on leaving, whatever ran there did to
        it, or, if this process is killed, at the next start.
        """
        ...

    async def probe(self) -> SandboxStrength: ...
