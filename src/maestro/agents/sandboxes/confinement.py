"""What a command under a mechanism may see and use, as the supervisor's specification."""

import json
import os
import shutil
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from maestro.agents.sandboxes import bubblewrap, owners
from maestro.ports import Reach

SYSTEM_PATHS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt")
CONFIGURATION = (
    "/etc/alternatives", "/etc/chromium", "/etc/chromium.d", "/etc/fonts", "/etc/group",
    "/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
    "/etc/mime.types", "/etc/nsswitch.conf", "/etc/passwd", "/etc/resolv.conf",
    "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/timezone",
)  # fmt: skip
_PACKAGES = str(Path(__file__).parents[3])
"""Where the package maestro is found: an interpreter lists the folder to import it."""
_START = (
    f"import sys; sys.path.insert(0, {_PACKAGES!r}); "
    "from maestro.agents.sandboxes.launcher import main; main()"
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The first five hold for each process, the others for all processes of a command together.

    Memory of a process is RLIMIT_DATA: address space limits break every JavaScript engine, which
    reserves far more than it uses.
    """

    data_bytes: int = 4 << 30
    file_bytes: int = 256 << 20
    open_files: int = 4096
    cpu_seconds: int = 900
    processes: int = 1024
    """Threads count, too."""
    tree_bytes: int = 6 << 30
    tree_cpus: float | None = None
    disk_bytes: int = 4 << 30
    """What the work tree and the scratch folder may hold."""
    scratch_bytes: int = 1 << 30
    """Temporary files where they live in memory."""

    def as_rlimits(self) -> Mapping[str, int]:
        return {
            "DATA": self.data_bytes,
            "FSIZE": self.file_bytes,
            "NOFILE": self.open_files,
            "CPU": self.cpu_seconds,
            "CORE": 0,
        }

    def of_tree(self) -> Mapping[str, float | None]:
        return {
            "memory": self.tree_bytes,
            "processes": self.processes,
            "cpus": self.tree_cpus,
            "disk": self.disk_bytes,
        }


class Supervised(NamedTuple):
    """What processes.started starts."""

    argv: list[str]
    """Everybody on the host can read it."""
    specification: bytes
    """Handed over in a descriptor, because it holds the values of variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """A mechanism and what every command under it may see."""

    mechanism: str
    """`bubblewrap`, `landlock` or `off`."""
    drop: bool = field(default_factory=lambda: os.geteuid() == 0)
    """As root: the command runs as a user of its own."""
    groups: bool = True
    """Control groups are used where they can be had."""
    limits: Limits = field(default_factory=Limits)

    def home(self, scratch: Path) -> tuple[str, str]:
        """HOME and TMPDIR inside."""
        if self.mechanism == "bubblewrap":
            return bubblewrap.HOME, "/tmp"  # noqa: S108 - private inside
        return str(scratch / "home"), str(scratch / "tmp")

    def wrap(
        self,
        command: Sequence[str],
        *,
        root: Path,
        scratch: Path,
        cwd: Path,
        env: Mapping[str, str],
        reach: Reach,
    ) -> Supervised:
        """How `command` is run confined."""
        inside = self.mechanism == "bubblewrap"
        folders = [str(root)] if inside else [str(root), str(scratch)]
        specification = {
            "mechanism": self.mechanism,
            "bwrap": shutil.which("bwrap"),
            "drop": self.drop and self.mechanism != "off",
            "groups": self.groups and self.mechanism != "off",
            "name": owners.named(uuid.uuid4().hex[:12]),
            "cwd": str(cwd),
            "env": {owners.MARK: owners.named("process"), **env},
            "limits": dict(self.limits.as_rlimits()),
            "tree": self.limits.of_tree(),
            "scratch_bytes": self.limits.scratch_bytes,
            "folders": folders,
            "readable": [
                *readable_paths(), *CONFIGURATION, *(() if inside else (*DEVICES, "/proc")),
            ],
            "listable": [] if inside else [_PACKAGES],
            "writable": folders if inside else [*folders, *DEVICES],
            "connect": list(reach.connect),
            "listen": list(reach.listen),
            "sockets": [str(path) for path in reach.sockets],
            "parent": os.getpid(),
        }  # fmt: skip
        return _launcher(specification, command)


def supervised(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Supervised:
    """How a command of the user's own is run, confined by nothing.

    Its whole tree, daemons included, ends when it ends or this process dies.
    """
    specification: dict[str, object] = {
        "mechanism": "off",
        "drop": False,
        "groups": False,
        "cwd": str(cwd),
        "env": dict(env),
        "limits": {},
        "tree": None,
        "folders": [],
        "parent": os.getpid(),
    }
    return _launcher(specification, command)


def readable_paths() -> list[str]:
    """System folders, this interpreter with its packages, and Maestro's own code."""
    own = [
        sys.prefix,
        sys.base_prefix,
        str(Path(sys.executable).resolve().parent.parent),
        str(Path(__file__).parents[2]),  # Maestro itself: scripts run from it
    ]
    return list(dict.fromkeys([*SYSTEM_PATHS, *own]))


def _launcher(specification: Mapping[str, object], command: Sequence[str]) -> Supervised:
    """The supervisor needs no package but this one, so it starts without looking for others."""
    argv = [sys.executable, "-I", "-S", "-c", _START, "--", *command]
    return Supervised(argv, json.dumps(specification).encode())
