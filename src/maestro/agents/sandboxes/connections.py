"""Decides on each connect(2), bind(2) and listen(2) of a sandbox, from outside of it; and on each
chmod(2), where the sandbox has no mounts of its own (file_modes).

Named loopback ports are opened here, among the host's sockets, and put in the place of the
sandboxed process's own socket. All else that a socket with ports is to do is done here too, on a
second descriptor of it, and only where it is one of the sandbox's own network. So what is decided
on is this process's copy of socket and address, which cannot be changed between the look and the
act. Calls of other families go on inside as they were made; that they do not turn into others on
the way is Landlock's part (kernel.forbid_tcp). Protocol: seccomp_unotify(2).
"""

import contextlib
import errno
import fcntl
import ipaddress
import os
import socket
import struct
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from maestro.agents.sandboxes import host_sockets
from maestro.agents.sandboxes.calls import asked
from maestro.agents.sandboxes.file_modes import is_below, is_chmod, target_of
from maestro.agents.sandboxes.host_sockets import CONNECT_SECONDS
from maestro.agents.sandboxes.kernel import (
    LIBC,
    NETWORK_VERSION,
    checked,
    duplicate,
    landlock_version,
)

_RECEIVE, _ANSWER, _STILL_VALID, _PLACE = 0xC0502100, 0xC0182101, 0x40082102, 0x40182103
_QUESTION = struct.Struct("<QIIiIQ6Q")
_GO_ON = 1
_REPLACE = 1
_LONGEST_ADDRESS = 128
_LONGEST_QUEUE = 4096
_PORTED = (socket.AF_INET, socket.AF_INET6)
AT_ONCE = 64
"""Calls that are settled at a time; the others wait for their turn."""


class Doors:
    """What a sandbox may reach. Everything else is refused, or stays within its own network.

    Made before the sandboxed child is forked; the child hands its descriptor over to `keep`.
    """

    def __init__(
        self,
        *,
        connect: Collection[int],
        listen: Collection[int],
        unix: Collection[str],
        writable: Collection[str],
        own_network: bool,
    ) -> None:
        """
        Args:
            connect: TCP ports of the host's loopback interface.
            listen: the same, to be bound.
            unix: unix sockets, and folders all of whose unix sockets may be connected to.
            writable: folders in which the modes of files may be changed.
            own_network: it has network and mounts of its own: all else goes on there.
        """
        self.connect = connect
        self.listen = listen
        self.unix = unix
        self.writable = writable
        self.own_network = own_network
        self.network = 0
        """The host's, where the sandbox has another."""
        self.sealed = landlock_version() >= NETWORK_VERSION
        """A call that goes on inside cannot become one of a TCP socket."""
        self._here, self._there = socket.socketpair()

    def hand_over(self, listener: int) -> None:
        """In the child: what asks is given to who answers."""
        socket.send_fds(self._there, [b"."], [listener])
        os.close(listener)

    def keep(self) -> None:
        """In the supervisor: answers from now on, in a thread of its own."""
        self._there.close()
        if self.own_network:
            try:
                with socket.socket() as mine:
                    self.network = host_sockets.network_of(mine)
            except OSError as error:
                reason = "this kernel does not tell networks apart, which Linux 5.14 and later do"
                raise OSError(reason) from error
        _, handles, _, _ = socket.recv_fds(self._here, 1, 1)
        if handles:
            _in_background(_answer_all, handles[0], self)


def _in_background(work: Callable[..., None], *arguments: object) -> None:
    thread = threading.Thread(target=work, args=arguments)
    thread.daemon = True
    thread.start()


class _Call(NamedTuple):
    id: int
    process: int
    name: str
    handle: int
    address: bytes
    family: int
    backlog: int
    flags: int
    """Of the descriptor, as the kernel shows them."""


class _Refused(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(os.strerror(number))
        self.number = number


def _answer_all(listener: int, doors: Doors) -> None:
    """Until the sandbox has ended."""
    question = bytearray(_QUESTION.size)
    turns = threading.BoundedSemaphore(AT_ONCE)
    while True:
        question[:] = bytes(len(question))  # the kernel insists
        try:
            fcntl.ioctl(listener, _RECEIVE, question)
        except OSError as error:
            if error.errno in (errno.EINTR, errno.ENOENT):
                continue
            return  # nobody is left who could ask
        turns.acquire()
        _in_background(_settle, turns, listener, doors, bytes(question))


def _settle(turns: threading.Semaphore, listener: int, doors: Doors, question: bytes) -> None:
    fields = _QUESTION.unpack(question)
    try:
        go_on = _decide(listener, doors, fields)
        answer = struct.pack("<QqiI", fields[0], 0, 0, _GO_ON if go_on else 0)
    except (ValueError, OverflowError):  # a pointer or a length that no process has
        answer = struct.pack("<QqiI", fields[0], 0, -errno.EFAULT, 0)
    except (_Refused, OSError) as error:
        number = (error.number if isinstance(error, _Refused) else error.errno) or errno.EPERM
        answer = struct.pack("<QqiI", fields[0], 0, -number, 0)
    finally:
        turns.release()
    with contextlib.suppress(OSError):  # the process has gone
        fcntl.ioctl(listener, _ANSWER, answer)


def _decide(listener: int, doors: Doors, fields: tuple[int, ...]) -> bool:
    """True: the call goes on inside, as it was made. False: it was done here."""
    if is_chmod(asked()[fields[3]]):
        with target_of(fields, lambda: _check(listener, fields[0])) as target:
            target.change_below(doors.writable)
        return False
    call = _read(listener, fields)
    if call.name == "listen":
        _listen(listener, call, doors)
    elif call.family in _PORTED and _is_named(call, doors):
        opened = host_sockets.connected if call.name == "connect" else host_sockets.bound
        with opened(call.family, _host_and_port(call)[1]) as mine:
            _place(listener, call, mine)
    elif call.family in (*_PORTED, socket.AF_UNSPEC):
        _inside(listener, call, doors)
    elif doors.own_network or (call.name == "bind" and doors.sealed):
        return True  # mounts, modes and Landlock decide on paths
    elif call.name == "connect" and call.family == socket.AF_UNIX:
        _unix(listener, call, doors.unix)
    else:
        raise _Refused(errno.EPERM)
    return False


def _read(listener: int, fields: tuple[int, ...]) -> _Call:
    id_, process, _, number, _, _, handle, second, third, *_ = fields
    name, address = asked()[number], b""
    if name != "listen":
        if third > _LONGEST_ADDRESS:
            raise _Refused(errno.EINVAL)
        with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - no buffer
            memory.seek(second)
            address = memory.read(third)
    text = Path(f"/proc/{process}/fdinfo/{handle}").read_text("ascii")
    flags = next(int(line.split()[1], 8) for line in text.splitlines() if line[:6] == "flags:")
    family = struct.unpack_from("=H", address)[0] if len(address) >= 2 else 0
    _check(listener, id_)
    backlog = min(second & 0xFFFFFFFF, _LONGEST_QUEUE)
    return _Call(id_, process, name, handle, address, family, backlog, flags)


def _check(listener: int, id_: int) -> None:
    """That it was the asking process all along."""
    fcntl.ioctl(listener, _STILL_VALID, struct.pack("<Q", id_))


def _is_named(call: _Call, doors: Doors) -> bool:
    host, port = _host_and_port(call)
    named = doors.connect if call.name == "connect" else doors.listen
    return port in named and (host.is_loopback or host.is_unspecified)


@contextlib.contextmanager
def _shared(listener: int, call: _Call) -> Iterator[socket.socket]:
    """The asking process's socket itself, by a descriptor of our own."""
    text = Path(f"/proc/{call.process}/status").read_text("utf-8", "replace")
    leader = next(int(line.split()[1]) for line in text.splitlines() if line[:5] == "Tgid:")
    handle = duplicate(leader, call.handle)
    try:
        _check(listener, call.id)
        one = socket.socket(fileno=handle)
    except BaseException:
        os.close(handle)
        raise
    with one:
        yield one


def _is_hosts(one: socket.socket, doors: Doors) -> bool:
    return not doors.own_network or host_sockets.network_of(one) == doors.network


def _inside(listener: int, call: _Call, doors: Doors) -> None:
    """Done for the asking process, in its own network alone."""
    if not doors.own_network:
        raise _Refused(errno.EACCES)
    with _shared(listener, call) as one:
        if _is_hosts(one, doors):
            raise _Refused(errno.EACCES)
        act = LIBC.connect if call.name == "connect" else LIBC.bind
        checked(act(one.fileno(), call.address, len(call.address)), call.name)


def _listen(listener: int, call: _Call, doors: Doors) -> None:
    """A socket of the host's only where it was bound to a named port: unbound, it would take one
    that is free.
    """
    with _shared(listener, call) as one:
        ported = one.family in _PORTED
        if ported and _is_hosts(one, doors) and one.getsockname()[1] not in doors.listen:
            raise _Refused(errno.EACCES)
        checked(LIBC.listen(one.fileno(), call.backlog), call.name)


def _place(listener: int, call: _Call, mine: socket.socket) -> None:
    """Puts `mine` where the asking process has its own socket."""
    mine.setblocking(not call.flags & os.O_NONBLOCK)
    kept = call.flags & os.O_CLOEXEC
    place = struct.pack("<QIIII", call.id, _REPLACE, mine.fileno(), call.handle, kept)
    fcntl.ioctl(listener, _PLACE, place)


def _host_and_port(call: _Call) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    if len(call.address) < 8:
        raise _Refused(errno.EINVAL)
    port: int = struct.unpack_from("!H", call.address, 2)[0]
    if call.family == socket.AF_INET:
        return ipaddress.IPv4Address(call.address[4:8]), port
    if len(call.address) < 24:
        raise _Refused(errno.EINVAL)
    host = ipaddress.IPv6Address(call.address[8:24])
    return host.ipv4_mapped or host, port


def _unix(listener: int, call: _Call, allowed: Collection[str]) -> None:
    path = call.address[2:].split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
    if not path:
        raise _Refused(errno.EPERM)  # abstract: nobody's folder
    if not path.startswith("/"):
        path = f"/proc/{call.process}/cwd/{path}"
    found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        real = str(Path(f"/proc/self/fd/{found}").readlink())
        if not is_below(real, allowed):
            raise _Refused(errno.EACCES)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mine:
            mine.settimeout(CONNECT_SECONDS)
            mine.connect(f"/proc/self/fd/{found}")
            _place(listener, call, mine)
    finally:
        os.close(found)
