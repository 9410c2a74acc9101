"""How a command is wrapped: bubblewrap where it works, a supervised Landlock launcher elsewhere."""

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maestro.ports import Reach

SYSTEM_PATHS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt")
CONFIGURATION = (
    "/etc/alternatives", "/etc/chromium", "/etc/chromium.d", "/etc/fonts", "/etc/group",
    "/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
    "/etc/mime.types", "/etc/nsswitch.conf", "/etc/passwd", "/etc/resolv.conf", "/etc/ssl",
    "/etc/timezone",
)  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
NOBODY = "65534"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Per process, enforced by the kernel. Memory is RLIMIT_DATA: address space limits break
    every JavaScript engine, which reserves far more than it uses.
    """

    data_bytes: int = 4 << 30
    file_bytes: int = 256 << 20
    open_files: int = 4096
    processes: int = 2048
    cpu_seconds: int = 900

    def as_rlimits(self) -> Mapping[str, int]:
        limits = {
            "DATA": self.data_bytes,
            "FSIZE": self.file_bytes,
            "NOFILE": self.open_files,
            "CPU": self.cpu_seconds,
            "CORE": 0,
        }
        if os.geteuid() != 0:  # the kernel does not apply it to root
            limits["NPROC"] = self.processes
        return limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """A mechanism and what every command under it may see."""

    mechanism: str
    """`bubblewrap`, `landlock` or `off`."""
    limits: Limits = field(default_factory=Limits)

    def wrap(
        self,
        command: Sequence[str],
        *,
        root: Path,
        scratch: Path,
        cwd: Path,
        env: Mapping[str, str],
        reach: Reach,
    ) -> list[str]:
        """The argv that runs `command` confined."""
        if self.mechanism == "bubblewrap":
            return self._bubblewrap(command, root, scratch, cwd, env, reach)
        confined = self.mechanism == "landlock"
        readable = [*readable_paths(), *CONFIGURATION, *DEVICES, "/proc"]
        specification = {
            "cwd": str(cwd),
            "env": dict(env),
            "limits": dict(self.limits.as_rlimits()),
            "readable": readable if confined else None,
            "writable": [str(root), str(scratch), *DEVICES] if confined else [],
            "connect": list(reach.connect) if confined else None,
            "listen": list(reach.listen) if confined else None,
            "filter_calls": confined,
            "supervise": True,
            "parent": os.getpid(),
        }
        return [*_launcher(), json.dumps(specification), "--", *command]

    def _bubblewrap(
        self,
        command: Sequence[str],
        root: Path,
        scratch: Path,
        cwd: Path,
        env: Mapping[str, str],
        reach: Reach,
    ) -> list[str]:
        alone = not reach.connect and not reach.listen
        specification = {
            "cwd": str(cwd),
            "env": dict(env),
            "limits": dict(self.limits.as_rlimits()),
            "readable": None,  # the mount namespace shows nothing else
            "writable": [],
            "connect": None if alone else list(reach.connect),
            "listen": None if alone else list(reach.listen),
            "filter_calls": True,
            "supervise": False,
        }
        argv = [
            shutil.which("bwrap") or "bwrap",
            "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
            "--unshare-cgroup-try", "--uid", NOBODY, "--gid", NOBODY, "--disable-userns",
            "--cap-drop", "ALL", "--die-with-parent", "--new-session", "--clearenv",
            "--proc", "/proc", "--dev", "/dev",
        ]  # fmt: skip
        if alone:
            argv.append("--unshare-net")
        for path in (*readable_paths(), *CONFIGURATION):
            argv += ["--ro-bind-try", path, path]
        argv += ["--tmpfs", "/tmp"]  # noqa: S108 - a private one inside
        for path in _below("/tmp"):  # noqa: S108 - what lies there is shown again on top
            argv += ["--ro-bind-try", path, path]
        for tree in (root, scratch):
            argv += ["--bind", str(tree), str(tree)]
        argv += ["--remount-ro", "/", "--chdir", str(cwd), "--"]
        return [*argv, *_launcher(), json.dumps(specification), "--", *command]


def supervised(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> list[str]:
    """The argv that runs a command of the user's own, confined by nothing.

    Its whole tree, daemons included, ends when it ends or this process dies.
    """
    specification: dict[str, object] = {
        "cwd": str(cwd),
        "env": dict(env),
        "limits": {},
        "readable": None,
        "writable": [],
        "connect": None,
        "listen": None,
        "filter_calls": False,
        "supervise": True,
        "parent": os.getpid(),
    }
    return [*_launcher(), json.dumps(specification), "--", *command]


def readable_paths() -> list[str]:
    """System folders, this interpreter with its packages, and Maestro's own code."""
    own = [
        sys.prefix,
        sys.base_prefix,
        str(Path(sys.executable).resolve().parent.parent),
        str(Path(__file__).parents[2]),  # Maestro itself: launcher and scripts run from it
    ]
    return list(dict.fromkeys([*SYSTEM_PATHS, *own]))


def _below(folder: str) -> list[str]:
    return [path for path in readable_paths() if Path(path).is_relative_to(folder)]


def _launcher() -> list[str]:
    return [sys.executable, "-I", "-m", "maestro.agents.sandboxes.launcher"]
