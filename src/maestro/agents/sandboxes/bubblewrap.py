"""How bubblewrap is called: namespaces of its own for everything, mounts by an allow-list."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from maestro.agents.sandboxes.kernel import NOBODY

HOME = "/tmp/home"  # noqa: S108 - private inside


class Descriptors(NamedTuple):
    """What bubblewrap is given beside its arguments."""

    calls: int
    """The program that refuses system calls."""
    info: int
    """It tells the process id of the sandbox here."""
    block: int
    """It waits here before it goes on."""


def command_line(
    command: Sequence[str],
    *,
    readable: Sequence[str],
    writable: Sequence[str],
    sockets: Sequence[str],
    cwd: str,
    scratch_bytes: int,
    places: Mapping[str, str] | None,
    descriptors: Descriptors,
) -> list[str]:
    """Arguments after the program's name.

    Args:
        places: where each path is really found; None: at itself.
    """
    argv = [
        "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net",
        "--unshare-cgroup-try", "--uid", str(NOBODY), "--gid", str(NOBODY), "--disable-userns",
        "--cap-drop", "ALL", "--die-with-parent", "--new-session",
        "--seccomp", str(descriptors.calls),
        "--info-fd", str(descriptors.info), "--block-fd", str(descriptors.block),
        "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev",
        "--size", str(scratch_bytes), "--tmpfs", "/dev/shm",  # noqa: S108
    ]  # fmt: skip
    inside_tmp = [path for path in readable if path.startswith("/tmp/")]  # noqa: S108
    for path in readable:
        argv += _bound("--ro-bind-try", path, places)
    argv += ["--size", str(scratch_bytes), "--tmpfs", "/tmp", "--dir", HOME]  # noqa: S108
    for path in inside_tmp:  # shown again, on top of the private folder
        argv += _bound("--ro-bind-try", path, places)
    for path in writable:
        argv += _bound("--bind", path, places)
    for path in sockets:
        argv += _bound("--ro-bind", path, places)
    return [*argv, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", cwd, "--", *command]


def _bound(how: str, path: str, places: Mapping[str, str] | None) -> list[str]:
    if places is None:
        return [how, path, path]
    return [how, places[path], path] if path in places else []
