"""What a mechanism really keeps on this host, found by attacking it."""

import asyncio
import json
import os
import socket
import stat
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from maestro.agents.sandboxes import control_groups, host_sockets, owners
from maestro.agents.sandboxes.confinement import Confinement
from maestro.agents.sandboxes.host import HostSandbox, prepare
from maestro.agents.sandboxes.sweep import remove_folder
from maestro.errors import SandboxFailed
from maestro.ports import Reach, SandboxStrength
from maestro.ports.sandboxes import CAPABILITIES

PROBE_SECONDS = 30.0
TREE_END_SECONDS = 3.0
POLL_SECONDS = 0.02
ATTACKS = {
    "write_outside": "fs_write",
    "write_home": "fs_write",
    "write_tmp": "fs_write",
    "write_shm": "fs_write",
    "symlink_escape": "fs_write",
    "open_up_secret": "fs_write",
    "open_up_program": "fs_write",
    "write_kernel_setting": "fs_write",
    "read_secret": "fs_read",
    "read_passwords": "fs_read",
    "connect_tcp": "net_none",
    "fast_open": "net_none",
    "send_datagram": "net_none",
    "connect_abstract": "net_none",
    "connect_unix": "net_none",
    "named_refused": "net_loopback",
    "bind_unnamed": "net_loopback",
    "bind_unspecified": "net_loopback",
    "bind_racing": "net_loopback",
    "reuse_connected": "net_loopback",
    "reuse_bound": "net_loopback",
    "listen_unbound": "net_loopback",
    "send_from_pair": "net_none",
    "limit_others": "host_processes",
    "read_environments": "host_processes",
    "trace_host": "host_processes",
    "signal_host": "host_processes",
    "trace_self": "syscalls",
    "nested_namespace": "syscalls",
    "mount_something": "syscalls",
    "become_root": "syscalls",
    "plant_set_user_id": "syscalls",
    "inherit_descriptor": "env",
    "inherit_environment": "env",
    "outlive": "tree_kill",
    "take_much_memory": "mem_proc",
    "take_memory_together": "mem_tree",
    "burn_processor": "cpu",
    "has_no_processor_limit": "cpu",
    "write_big_file": "disk",
    "fill_disk": "disk",
    "fill_closed_folder": "disk",
    "fill_unlinked": "disk",
    "fill_with_names": "disk",
    "signal_starter": "host_processes",
    "fork_bomb": "pids",
}
"""Attack of the payload -> capability that holds when all of its attacks fail."""
APART = {
    "take_memory_together": "memory",
    "fill_disk": "disk",
    "fill_closed_folder": "disk",
    "fill_unlinked": "disk",
    "fill_with_names": "disk",
}
"""Attack that ends in the whole sandbox being ended, so that it gets one of its own -> the limit
that has to be reached.
"""
SLOW = ("burn_processor", "fill_closed_folder", "fill_unlinked", "fill_with_names")
QUICK = tuple(name for name in ATTACKS if name not in SLOW)
"""Those at start; for each of the others a quicker one of the same capability is among them."""
_START = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r}); "
    f"from {Path(__file__).parent.name}.payload import main; sys.path.pop(0); main()"
)
"""Inside, the folder that holds the package maestro cannot be listed."""
_SMALL = {
    "data_bytes": 1 << 30,
    "processes": 96,
    "cpu_seconds": 1,
}
_SMALL_TREE = 160 << 20
_SMALL_DISK = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackReport:
    """What the attacks on a mechanism came to."""

    succeeded: tuple[str, ...]
    """Attacks that did what they were after."""
    untold: tuple[str, ...]
    """Attacks nothing was heard of."""
    problem: str = ""

    @property
    def held(self) -> frozenset[str]:
        lost = {ATTACKS[name] for name in (*self.succeeded, *self.untold)}
        return frozenset(CAPABILITIES) - lost


async def attacked(confinement: Confinement, names: Collection[str] = QUICK) -> AttackReport:
    """Runs attacks of the payload under a mechanism and looks what they did."""
    prefix = owners.named("")
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=prefix))
    try:
        async with _host(folder) as host:
            together = [name for name in names if name not in APART]
            jobs = [job for job in (together, *([n] for n in APART if n in names)) if job]
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_run(confinement, host, job, folder / str(index)))
                    for index, job in enumerate(jobs)
                ]
            told = {k: v for task in tasks for k, v in task.result().told.items()}
            done = await asyncio.to_thread(host.harmed)
            if not await host.victim_answers():
                done.add("signal_host")
            if not await _is_gone(host.marker):
                done.add("outlive")
    finally:
        await asyncio.to_thread(remove_folder, folder)
    return AttackReport(
        succeeded=tuple(name for name in names if told.get(name) or name in done),
        untold=tuple(name for name in names if name not in told),
        problem=next((task.result().problem for task in tasks if task.result().problem), ""),
    )


def strength_of(confinement: Confinement, held: Collection[str]) -> SandboxStrength:
    """L3: bubblewrap with control groups; L2: without; L1: Landlock; L0: nothing."""
    grouped = confinement.groups and control_groups.find_home() is not None
    levels = {"bubblewrap": "L3" if grouped else "L2", "landlock": "L1", "off": "L0"}
    return SandboxStrength(
        mechanism=confinement.mechanism,
        level=levels[confinement.mechanism],
        capabilities=tuple(name for name in CAPABILITIES if name in held),
        missing=tuple(name for name in CAPABILITIES if name not in held),
    )


# --- what is attacked ---------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _Host:
    """Things of the host's that the payload is told of."""

    folder: Path
    marker: str
    victim: asyncio.subprocess.Process
    targets: dict[str, Any]
    reach: Reach
    datagrams: socket.socket
    named_reached: list[bool] = field(default_factory=list)

    async def victim_answers(self) -> bool:
        """Whether it is alive and well: a signal that is on its way takes it before it answers,
        while its end may be told much later on a machine that is busy.
        """
        asked, told = self.victim.stdin, self.victim.stdout
        if asked is None or told is None:
            return False
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                asked.write(b"?")
                await asked.drain()
                return await told.read(1) == b"?"
        except (TimeoutError, OSError):
            return False

    def harmed(self) -> set[str]:
        """Attacks whose traces are on the host."""
        traces = {
            "write_outside": self.folder / "outside" / "written",
            "symlink_escape": self.folder / "outside" / "through-link",
            "write_home": _home() / f".{self.marker}",
            "write_tmp": Path("/tmp") / self.marker,  # noqa: S108
            "write_shm": Path("/dev/shm") / self.marker,  # noqa: S108
        }
        found = {name for name, path in traces.items() if path.exists()}
        for name in found:
            traces[name].unlink()
        if stat.S_IMODE((self.folder / "outside" / "secret").stat().st_mode) & 0o022:
            found.add("open_up_secret")
        with suppress(BlockingIOError):
            self.datagrams.recv(1)
            found.add("send_datagram")
        if not (self.folder / "0" / "root" / "named-reached").exists():
            found.add("named_refused")
        return found


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without an account
        return Path("/")


@asynccontextmanager
async def _host(folder: Path) -> AsyncIterator[_Host]:
    marker = f"maestro-probe-{uuid.uuid4().hex}"
    secret, own = uuid.uuid4().hex, uuid.uuid4().hex
    outside = folder / "outside"
    await asyncio.to_thread(outside.mkdir)
    await asyncio.to_thread((outside / "secret").write_text, secret, "utf-8")
    victim = await asyncio.create_subprocess_exec(
        "/bin/cat",  # which ends with us, too, should we be killed
        env={"SECRET": secret},
        start_new_session=True,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        with _sockets(folder, marker) as (ports, datagrams):
            targets = {
                "outside": str(outside),
                "secret": str(outside / "secret"),
                "home": str(_home()),
                "marker": marker,
                "victim": victim.pid,
                "host_secret": secret,
                "own_secret": own,
                "unix": str(folder / "outside" / "unnamed"),
                "socket": str(folder / "named"),
                "letters": str(folder / "outside" / "letters"),
                **ports,
            }
            reach = Reach(
                connect=(ports["named"],),
                listen=(ports["listen"],),
                sockets=(folder / "named",),
            )
            os.environ[marker] = own
            try:
                yield _Host(
                    folder=folder,
                    marker=marker,
                    victim=victim,
                    targets=targets,
                    reach=reach,
                    datagrams=datagrams,
                )
            finally:
                del os.environ[marker]
    finally:
        with suppress(ProcessLookupError):
            victim.kill()
        await victim.wait()


@contextmanager
def _sockets(folder: Path, marker: str) -> Iterator[tuple[dict[str, int], socket.socket]]:
    """Listeners named and unnamed; `listen` is a port that is free at the moment."""
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp, named, free = socket.socket(), socket.socket(), socket.socket()
    unix = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    letters = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    opened = [datagrams, tcp, named, *unix, letters]
    try:
        datagrams.setblocking(False)
        for one in (datagrams, tcp, named, free):
            one.bind(("127.0.0.1", 0))
        for one, path in zip(unix, ("outside/unnamed", "named", None), strict=True):
            _bind(one, f"\0{marker}" if path is None else folder / path)
        _bind(letters, folder / "outside" / "letters")
        for one in (tcp, named, *unix):
            one.listen(64)
        ports = {
            "tcp": tcp.getsockname()[1],
            "named": named.getsockname()[1],
            "listen": free.getsockname()[1],
            "udp": datagrams.getsockname()[1],
            "network": _network(),
        }
        free.close()
        yield ports, datagrams
    finally:
        for one in (*opened, free):
            one.close()


def _network() -> int:
    try:
        with socket.socket() as one:
            return host_sockets.network_of(one)
    except OSError:
        return -1  # a kernel that does not tell


def _bind(one: socket.socket, where: str | Path) -> None:
    """Through a descriptor of the folder, because names may only have a hundred characters."""
    if isinstance(where, str):
        one.bind(where)
        return
    parent = os.open(where.parent, os.O_PATH)
    try:
        one.bind(f"/proc/self/fd/{parent}/{where.name}")
    finally:
        os.close(parent)


@dataclass(frozen=True, slots=True)
class _Told:
    told: dict[str, bool]
    problem: str


async def _run(confinement: Confinement, host: _Host, names: list[str], folder: Path) -> _Told:
    root, scratch = folder / "root", folder / "scratch"
    await asyncio.to_thread(root.mkdir, parents=True)
    await asyncio.to_thread(prepare, scratch)
    limits = replace(
        confinement.limits,
        **_SMALL,
        tree_bytes=_SMALL_TREE if APART.get(names[0]) == "memory" else 1 << 30,
        disk_bytes=_SMALL_DISK if APART.get(names[0]) == "disk" else 1 << 30,
    )
    tried = replace(confinement, limits=limits)
    sandbox = HostSandbox(root, scratch, tried, strength_of(tried, ()))
    script = [sys.executable, "-c", _START, json.dumps(host.targets), *names]
    try:
        result = await sandbox.run(script, timeout=PROBE_SECONDS, reach=host.reach)
    except SandboxFailed as error:
        return _Told({}, str(error))
    told: dict[str, bool] = {}
    for line in result.stdout.splitlines():
        with suppress(ValueError):
            name, succeeded = json.loads(line)
            told[name] = succeeded
    if names[0] in APART and result.limit == APART[names[0]]:
        told[names[0]] = False
    if result.limit == "processes":
        told["fork_bomb"] = False
    silent = not told or set(names) - set(told)
    return _Told(told, f"({(result.stderr or result.stdout).strip()[-300:]})" if silent else "")


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
            with suppress(OSError):
                if wanted in (entry / "cmdline").read_bytes().split(b"\0"):
                    return True
    return False
