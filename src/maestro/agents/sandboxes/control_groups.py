"""Limits over a whole process tree, where this process may make control groups of its own.

Both interfaces of the kernel: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
"""

import contextlib
import os
import signal
import time
from typing import NamedTuple

CONTROLLERS = ("memory", "pids", "cpu")
NEEDED = frozenset({"memory", "pids"})
_PERIOD = 100_000
EMPTY_SECONDS = 5.0


class TreeLimits(NamedTuple):
    memory_bytes: int
    processes: int
    cpus: float | None
    """Processors' worth of time at most; None: all together weigh as much as one process."""


class Home(NamedTuple):
    """Where groups can be made: a folder per controller of version 1, or one of version 2."""

    unified: bool
    folders: dict[str, str]


class ControlGroup:
    """The group of one command. Make it, join it in the child, close it at the end."""

    def __init__(self, home: Home, name: str) -> None:
        self._home = home
        self._folders = {key: f"{folder}/{name}" for key, folder in home.folders.items()}

    def make(self, limits: TreeLimits) -> None:
        """Raises OSError where it cannot be made or limited; nothing is left then."""
        try:
            for folder in set(self._folders.values()):
                os.mkdir(folder)  # noqa: PTH102 - a launcher starts quicker without pathlib
            for controller, settings in _settings(self._home.unified, limits).items():
                for name, value in settings.items() if controller in self._folders else ():
                    _write(f"{self._folders[controller]}/{name}", value)
        except OSError:
            self.close()
            raise

    def join(self) -> None:
        """Moves the calling process in."""
        for folder in set(self._folders.values()):
            _write(f"{folder}/cgroup.procs", "0")

    def ran_out_of_memory(self) -> bool:
        name = "memory.events" if self._home.unified else "memory.oom_control"
        try:
            text = _read(f"{self._folders['memory']}/{name}")
        except OSError:
            return False
        return any(
            line.startswith("oom_kill ") and line.split()[1] != "0" for line in text.splitlines()
        )

    def close(self) -> None:
        """Ends whoever is left inside and removes the group."""
        for folder in set(self._folders.values()):
            remove(folder)


def find_home() -> Home | None:
    """Where this process may limit the memory and the number of its children, or None."""
    try:
        return home_in(_read("/proc/self/cgroup"), _read("/proc/self/mountinfo"))
    except OSError:
        return None


def home_in(groups: str, mounts: str) -> Home | None:
    """See find_home.

    Args:
        groups: what /proc/PID/cgroup says, of the process in question.
        mounts: what /proc/PID/mountinfo says.
    """
    own = {name: path for line in groups.splitlines() for name, path in _own_groups(line)}
    found: dict[str, str] = {}
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        point = before.split()[4]
        if kind == "cgroup2" and "" in own:
            home = _unified(_below(point, own[""]))
            if home is not None:
                return home
        elif kind == "cgroup":
            for controller in set(CONTROLLERS) & set(options.split(",")):
                folder = _below(point, own.get(controller, "/"))
                if os.access(folder, os.W_OK):
                    found[controller] = folder
    return Home(False, found) if found.keys() >= NEEDED else None


def _own_groups(line: str) -> list[tuple[str, str]]:
    """(controller, path) pairs; the controller of version 2 has no name."""
    _, controllers, path = line.split(":", 2)
    return [(name, path) for name in controllers.split(",")]


def _unified(own: str) -> Home | None:
    """The own group if it may have limited children; else the one above it, of which it is a leaf.

    The kernel lets a group either hold processes or share out memory among its children.
    """
    for folder in (own, os.path.dirname(own)):  # noqa: PTH120
        try:
            control = f"{folder}/cgroup.subtree_control"
            for name in sorted(set(CONTROLLERS) - set(_read(control).split())):
                with contextlib.suppress(OSError):  # not here, or the group holds processes
                    _write(control, f"+{name}")
            enabled = set(_read(control).split())
        except OSError:
            continue
        if enabled >= NEEDED and os.access(folder, os.W_OK):
            return Home(True, dict.fromkeys(sorted(enabled & set(CONTROLLERS)), folder))
    return None


def _settings(unified: bool, limits: TreeLimits) -> dict[str, dict[str, str]]:
    memory, processes = str(limits.memory_bytes), str(limits.processes)
    quota = None if limits.cpus is None else str(int(limits.cpus * _PERIOD))
    if unified:
        return {
            "memory": {"memory.max": memory, "memory.oom.group": "1"},
            "pids": {"pids.max": processes},
            "cpu": {"cpu.max": f"{quota} {_PERIOD}"} if quota else {},
        }
    return {
        "memory": {"memory.limit_in_bytes": memory},
        "pids": {"pids.max": processes},
        "cpu": {"cpu.cfs_quota_us": quota} if quota else {},
    }


def remove(folder: str) -> None:
    """Ends every process of a group and removes it; OSError when it will not go."""
    deadline = time.monotonic() + EMPTY_SECONDS
    while True:
        for process in _members(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        try:
            os.rmdir(folder)  # noqa: PTH106
        except FileNotFoundError:
            return
        except OSError:  # still busy: the kernel takes a moment to bury the dead
            if time.monotonic() > deadline:
                raise
            time.sleep(0.002)
        else:
            return


def _members(folder: str) -> list[int]:
    try:
        return [int(line) for line in _read(f"{folder}/cgroup.procs").split()]
    except OSError:
        return []


def _below(point: str, path: str) -> str:
    return f"{point}/{path.strip('/')}".rstrip("/")


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.read()


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(text)
