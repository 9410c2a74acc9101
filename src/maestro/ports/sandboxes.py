"""Where everything an agent wrote runs."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from maestro.domain.work import LaunchCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    duration_seconds: float
    timed_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What of the network a sandboxed process may touch; nothing by default."""

    connect: tuple[int, ...] = ()
    """Loopback TCP ports it may connect to."""
    listen: tuple[int, ...] = ()
    """Loopback TCP ports it may bind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStrength:
    """What the sandbox in force can really keep, found by running a payload."""

    mechanism: str
    """`bubblewrap`, `landlock`, or `off`."""
    level: str
    """L0 (none) to L3."""
    capabilities: tuple[str, ...]
    """Of fs_write, fs_read, net_none, net_ports, pids, mem_proc, wall, tree_kill, syscalls."""
    missing: tuple[str, ...]


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

    async def probe(self) -> SandboxStrength: ...
