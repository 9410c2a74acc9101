"""What the payload tries to reach by the network, or to take of it. See payload.py."""

import contextlib
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NETWORK_COOKIE = 71
ADDRESS_IN_USE = 98
RACE_SECONDS = 0.25


def connect(address: object, family: int = socket.AF_INET) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(2)
        one.connect(address)  # type: ignore[arg-type]
    return True


def connect_path(path: str) -> bool:
    """From its folder, because names of sockets may only have a hundred characters."""
    before = Path.cwd()
    os.chdir(Path(path).parent)
    try:
        return connect(Path(path).name, socket.AF_UNIX)
    finally:
        os.chdir(before)


def fast_open(targets: dict[str, Any]) -> bool:
    """TCP that connects without connect(2)."""
    with socket.socket() as one:
        one.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", targets["tcp"]))
    return True


def send_datagram(targets: dict[str, Any]) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", ("127.0.0.1", targets["udp"]))
    return True


def bind_unnamed(targets: dict[str, Any]) -> bool:
    """The port is taken on the host. Only who is in the host's network is told so."""
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", targets["tcp"]))
        except OSError as error:
            return error.errno == ADDRESS_IN_USE
    return False


def address_of(family: int, port: int, host: int = 0x7F000001) -> bytearray:
    return bytearray(struct.pack("=H", family) + struct.pack("!HI8x", port, host))


def bind_raw(one: socket.socket, address: bytearray) -> bool:
    """Whether the port is told to be taken; see bind_unnamed."""
    import ctypes  # noqa: PLC0415 - ctypes may not load

    libc = ctypes.CDLL(None, use_errno=True)
    where = (ctypes.c_char * len(address)).from_buffer(address)
    done: int = libc.bind(one.fileno(), where, len(address))
    return done != 0 and ctypes.get_errno() == ADDRESS_IN_USE


def bind_unspecified(targets: dict[str, Any]) -> bool:
    """An old habit of the kernel's: no family, and any address, is one of the internet's."""
    with socket.socket() as one:
        return bind_raw(one, address_of(socket.AF_UNSPEC, targets["tcp"], 0))


def bind_racing(targets: dict[str, Any]) -> bool:
    """The address is another one when it is used than it was when it was looked at."""
    address = address_of(socket.AF_UNIX, targets["tcp"])
    over = threading.Event()

    def change() -> None:
        while not over.is_set():
            address[0] = socket.AF_UNIX if address[0] == socket.AF_INET else socket.AF_INET

    sys.setswitchinterval(1e-5)
    threading.Thread(target=change, daemon=True).start()
    deadline = time.monotonic() + RACE_SECONDS
    taken = False
    while not taken and time.monotonic() < deadline:
        with socket.socket() as one:
            taken = bind_raw(one, address)
    over.set()
    return taken


def taken_apart(targets: dict[str, Any]) -> socket.socket:
    """A socket that was connected to a named port, and is free for another one."""
    one = socket.create_connection(("127.0.0.1", targets["named"]), 2)
    nobody = socket.AF_UNSPEC.to_bytes(2, sys.byteorder) + bytes(14)
    import ctypes  # noqa: PLC0415 - ctypes may not load

    ctypes.CDLL(None).connect(one.fileno(), nobody, len(nobody))
    return one


def reuse_connected(targets: dict[str, Any]) -> bool:
    with taken_apart(targets) as one:
        one.connect(("127.0.0.1", targets["tcp"]))
    return True


def reuse_bound(targets: dict[str, Any]) -> bool:
    with socket.socket() as one:
        one.settimeout(2)
        one.bind(("127.0.0.1", targets["listen"]))
        one.connect(("127.0.0.1", targets["tcp"]))
    return True


def listen_unbound(targets: dict[str, Any]) -> bool:
    """The kernel finds a free port for it. In a network of one's own that is fine."""
    ways: tuple[Callable[[], socket.socket], ...] = (
        socket.socket,
        lambda: taken_apart(targets),
    )
    for made in ways:
        with contextlib.suppress(OSError), made() as one:
            one.listen()
            network = one.getsockopt(socket.SOL_SOCKET, NETWORK_COOKIE, 8)
            if int.from_bytes(network, sys.byteorder) == targets["network"]:
                return True
    return False


def send_from_pair(targets: dict[str, Any]) -> bool:
    """A datagram from a socket that was never asked for by its family."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        os.chdir(Path(targets["letters"]).parent)
        left.sendto(b"x", Path(targets["letters"]).name)
    return True


def named_refused(targets: dict[str, Any]) -> bool:
    """Not an attack: what is named must be reached, or the sandbox is of no use."""
    connect(("127.0.0.1", targets["named"]))
    connect_path(targets["socket"])
    with socket.socket() as one:
        one.bind(("127.0.0.1", targets["listen"]))
        one.listen()
        connect(("127.0.0.1", targets["named"]))
    Path("named-reached").touch()
    return False


NETWORK_ATTACKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "connect_tcp": lambda t: connect(("127.0.0.1", t["tcp"])),
    "fast_open": fast_open,
    "send_datagram": send_datagram,
    "connect_abstract": lambda t: connect(f"\0{t['marker']}", socket.AF_UNIX),
    "connect_unix": lambda t: connect_path(t["unix"]),
    "named_refused": named_refused,
    "bind_unnamed": bind_unnamed,
    "bind_unspecified": bind_unspecified,
    "bind_racing": bind_racing,
    "reuse_connected": reuse_connected,
    "reuse_bound": reuse_bound,
    "listen_unbound": listen_unbound,
    "send_from_pair": send_from_pair,
}
