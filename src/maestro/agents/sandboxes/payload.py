"""What the probe runs inside a sandbox: it tries to get out, and says how far it got.

Where an attack succeeds it does no harm: it undoes what it did, or the probe does.

    main, with the arguments TARGETS ATTACK...

TARGETS is the JSON of probe.Targets. Prints one JSON line per attack: its name, and whether it
succeeded as far as that can be seen from inside; what it did to the host is looked at outside.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .network_attacks import NETWORK_ATTACKS

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
CLONE_NEWUSER = 0x10000000
HELD_SECONDS = 0.8
FORKS = 300
BIG = 1_200_000_000
OPEN = 0o666
_SUCCEEDED = 3
FILLERS, EMPTY_FILES = 24, 6000
DEVOURED = 48 << 20
"""What each of the processes takes that eat memory together."""


def main() -> None:
    targets = json.loads(sys.argv[1])
    targets["supervisor"] = os.getppid()
    for name in sys.argv[2:]:
        attacker = os.fork()  # what one attack does to itself must not help or hinder the next
        if attacker == 0:
            os._exit(_SUCCEEDED if _succeeds(name, targets) else 0)
        succeeded = _status(attacker) == _SUCCEEDED
        sys.stdout.write(json.dumps([name, succeeded]) + "\n")
        sys.stdout.flush()


def _succeeds(name: str, targets: dict[str, Any]) -> bool:
    try:
        return ATTACKS[name](targets)
    except (OSError, KeyError, MemoryError, ValueError):
        return False


def _status(attacker: int) -> int:
    while True:
        _, status = os.waitpid(attacker, 0)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        os.kill(attacker, signal.SIGKILL)  # it waits for somebody who traces it


def write_file(path: str) -> bool:
    Path(path).write_text("x", encoding="utf-8")
    return False  # the probe looks whether it is there


def symlink_escape(targets: dict[str, Any]) -> bool:
    link = Path("way-out")
    link.symlink_to(targets["outside"])
    return write_file(str(link / "through-link"))


def open_up_secret(targets: dict[str, Any]) -> bool:
    """Lets everybody change a file of the host's, by its name and by what it is opened as."""
    secret = Path(targets["secret"])
    with contextlib.suppress(OSError):
        secret.chmod(OPEN)
    with contextlib.suppress(OSError):
        os.chmod(secret.name, OPEN, dir_fd=os.open(secret.parent, os.O_PATH))
    with contextlib.suppress(OSError):
        os.chmod(os.open(secret, os.O_PATH), OPEN)  # noqa: PTH101
    return False  # the probe looks whether it is open


def open_up_program(_: object) -> bool:
    """Sets what is there, of what may be read."""
    with open(__file__, "rb") as program:  # noqa: PTH123 - by its descriptor
        os.fchmod(program.fileno(), os.fstat(program.fileno()).st_mode & 0o777)
    return True


def read_file(path: str) -> bool:
    return len(Path(path).read_bytes()) > 0


def write_kernel_setting(_: object) -> bool:
    """Writes back what is there, so that no host is harmed."""
    for setting in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness"):
        path = Path(setting)
        with contextlib.suppress(OSError):
            path.write_text(path.read_text("utf-8"), encoding="utf-8")
            return True
    with contextlib.suppress(OSError):
        group = Path("/sys/fs/cgroup/maestro-attack")
        group.mkdir()
        group.rmdir()
        return True
    return False


def limit_others(targets: dict[str, Any]) -> bool:
    """Sets what is there; whoever may do so can also end Maestro by it."""
    victim = targets["victim"]
    limits = resource.prlimit(victim, resource.RLIMIT_CORE)
    resource.prlimit(victim, resource.RLIMIT_CORE, limits)
    return True


def signal_host(targets: dict[str, Any]) -> bool:
    os.kill(targets["victim"], signal.SIGTERM)
    return False  # the probe looks whether it still lives


def signal_starter(targets: dict[str, Any]) -> bool:
    """Whoever may end the supervisor is left alone with the daemon."""
    os.kill(targets["supervisor"], signal.SIGKILL)
    return bool(targets["supervisor"] != 1)  # the first process of its own namespace takes no harm


def trace_host(targets: dict[str, Any]) -> bool:
    if not call("ptrace", PTRACE_ATTACH, targets["victim"], 0, 0):
        return False
    os.waitpid(targets["victim"], 0)
    return call("ptrace", PTRACE_DETACH, targets["victim"], 0, 0)


def read_environments(targets: dict[str, Any]) -> bool:
    wanted = targets["host_secret"].encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes():
                    return True
    return False


def inherit_descriptor(_: object) -> bool:
    opened = {int(name) for name in os.listdir("/proc/self/fd")}  # noqa: PTH208
    for number in opened - {0, 1, 2}:
        with contextlib.suppress(OSError):
            os.fstat(number)
            return True
    return False


def inherit_environment(targets: dict[str, Any]) -> bool:
    return targets["own_secret"] in os.environ.values()


def call(name: str, *arguments: int) -> bool:
    import ctypes  # noqa: PLC0415 - the other attacks must run where ctypes cannot load

    result: int = getattr(ctypes.CDLL(None), name)(*arguments)
    return result == 0


def mount_something(_: object) -> bool:
    import ctypes  # noqa: PLC0415 - as above

    place = Path("mounted").absolute()
    place.mkdir()
    libc = ctypes.CDLL(None)
    if libc.mount(b"none", bytes(place), b"tmpfs", 0, None) != 0:
        return False
    libc.umount2(bytes(place), 0)
    return True


def become_root(_: object) -> bool:
    os.setuid(0)
    os.setgroups([0])
    return True


def plant_set_user_id(_: object) -> bool:
    """A file of the host's user that makes everybody who runs it that user."""
    changed, made = Path("planted"), Path("planted-too")
    changed.touch()
    with contextlib.suppress(OSError):
        changed.chmod(0o4755)
    with contextlib.suppress(OSError):
        os.close(os.open(made, os.O_CREAT | os.O_WRONLY, 0o4755))
    return any(path.exists() and path.stat().st_mode & 0o6000 for path in (changed, made))


def outlive(targets: dict[str, Any]) -> bool:
    """A daemon in a session of its own, that has forgotten its parent."""
    program = "import os,time\nif os.fork(): os._exit(0)\nos.setsid()\ntime.sleep(300)"
    subprocess.run(
        [sys.executable, "-c", program, targets["marker"]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        check=True,
    )
    return False  # the probe looks for the marker


def fork_bomb(_: object) -> bool:
    children: list[int] = []
    try:
        for _ in range(FORKS):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return True


def take_much_memory(_: object) -> bool:
    return len(bytearray(BIG)) == BIG


def take_memory_together(_: object) -> bool:
    """Each process stays below its own limit."""
    for _ in range(8):
        if os.fork() == 0:
            kept = bytearray(os.urandom(1 << 20)) * (DEVOURED >> 20)
            time.sleep(HELD_SECONDS * 4 + len(kept) * 0)
            os._exit(0)
    time.sleep(HELD_SECONDS)
    return True


def burn_processor(_: object) -> bool:
    """Succeeds when it may go on for ever, or for much longer than the limit."""
    most, _ = resource.getrlimit(resource.RLIMIT_CPU)
    child = os.fork()
    if child == 0:
        while time.process_time() < most + 2 or most < 0:
            pass
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFEXITED(status)


def has_no_processor_limit(_: object) -> bool:
    return resource.getrlimit(resource.RLIMIT_CPU)[0] == resource.RLIM_INFINITY


def write_big_file(_: object) -> bool:
    """Sparse, so that nothing is used up where it is allowed."""
    most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Path("big").open("wb") as file:
        file.truncate(max(most, 0) + 1 if most >= 0 else 1 << 40)
    return True


def fill_disk(_: object) -> bool:
    """Many files, each below the limit of one."""
    for number in range(FILLERS):
        Path(f"filler-{number}").write_bytes(os.urandom(1 << 20))
    time.sleep(HELD_SECONDS * 3)
    return True


def fill_closed_folder(targets: dict[str, Any]) -> bool:
    """That can be written to but not listed."""
    Path("closed").mkdir()
    os.chdir("closed")
    Path().chmod(0o333)
    return fill_disk(targets)


def fill_unlinked(_: object) -> bool:
    """Files without a name stay as long as they are open."""
    kept = []
    for _number in range(FILLERS):
        kept.append(os.open("filler", os.O_CREAT | os.O_WRONLY))
        os.unlink("filler")  # noqa: PTH108 - of the current folder
        os.write(kept[-1], os.urandom(1 << 20))
    time.sleep(HELD_SECONDS * 3)
    return True


def fill_with_names(_: object) -> bool:
    """Empty files; what they use up are the disk's files."""
    for number in range(EMPTY_FILES):
        os.close(os.open(f"empty-{number}", os.O_CREAT | os.O_WRONLY))
    time.sleep(HELD_SECONDS * 3)
    return True


ATTACKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    **NETWORK_ATTACKS,
    "write_outside": lambda t: write_file(f"{t['outside']}/written"),
    "write_home": lambda t: write_file(f"{t['home']}/.{t['marker']}"),
    "write_tmp": lambda t: write_file(f"/tmp/{t['marker']}"),  # noqa: S108
    "write_shm": lambda t: write_file(f"/dev/shm/{t['marker']}"),  # noqa: S108
    "symlink_escape": symlink_escape,
    "open_up_secret": open_up_secret,
    "open_up_program": open_up_program,
    "write_kernel_setting": write_kernel_setting,
    "read_secret": lambda t: read_file(t["secret"]),
    "read_passwords": lambda _: read_file("/etc/shadow"),
    "limit_others": limit_others,
    "read_environments": read_environments,
    "trace_host": trace_host,
    "signal_host": signal_host,
    "trace_self": lambda _: call("ptrace", 0, 0, 0, 0),
    "nested_namespace": lambda _: call("unshare", CLONE_NEWUSER),
    "mount_something": mount_something,
    "become_root": become_root,
    "plant_set_user_id": plant_set_user_id,
    "inherit_descriptor": inherit_descriptor,
    "inherit_environment": inherit_environment,
    "outlive": outlive,
    "take_much_memory": take_much_memory,
    "take_memory_together": take_memory_together,
    "burn_processor": burn_processor,
    "has_no_processor_limit": has_no_processor_limit,
    "write_big_file": write_big_file,
    "fill_disk": fill_disk,
    "fill_closed_folder": fill_closed_folder,
    "fill_unlinked": fill_unlinked,
    "fill_with_names": fill_with_names,
    "signal_starter": signal_starter,
    "fork_bomb": fork_bomb,
}
