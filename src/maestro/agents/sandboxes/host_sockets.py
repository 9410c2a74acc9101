"""Sockets of the host's for a sandbox, each of use for one port only, whatever is done with it.

A socket can be used again: taken apart and connected to somebody else, or bound and then
connected. So what is handed in speaks by the loopback device alone, and a filter that nobody can
take off drops what comes from any other port. Some kernels let nobody but root set a filter; there
Landlock has to keep the command from using the socket again (kernel.forbid_tcp).
"""

import ctypes
import socket
import struct
from collections.abc import Sequence

from maestro.agents.sandboxes.kernel import NETWORK_VERSION, landlock_version

_ATTACH_FILTER, _LOCK_FILTER, _NETWORK_COOKIE = 26, 44, 71
_HALF, _BYTE, _AND, _JUMP_EQUAL, _RETURN = 0x28, 0x30, 0x54, 0x15, 0x06
_FROM, _TO, _FLAGS = 0, 2, 13
"""Where a TCP segment has its ports and flags."""
_ANSWERED = 0x12  # SYN and ACK: somebody accepts a connection
_KEEP, _DROP = 0xFFFFFFFF, 0
CONNECT_SECONDS = 10.0

_Line = tuple[int, int, int, int]


def network_of(one: socket.socket) -> int:
    """What tells one network from another. OSError before Linux 5.14."""
    cookie: int = struct.unpack("=Q", one.getsockopt(socket.SOL_SOCKET, _NETWORK_COOKIE, 8))[0]
    return cookie


def connected(family: int, port: int) -> socket.socket:
    """To a port of the loopback interface; it never hears from another one."""
    only = [
        (_HALF, 0, 0, _FROM),
        (_JUMP_EQUAL, 0, 1, port),
        (_RETURN, 0, 0, _KEEP),
        (_RETURN, 0, 0, _DROP),
    ]
    one = _tied(family, only)
    try:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.settimeout(CONNECT_SECONDS)
        one.connect((_loopback(family), port))
    except BaseException:
        one.close()
        raise
    return one


def bound(family: int, port: int) -> socket.socket:
    """At a port of the loopback interface; it is never accepted by another one."""
    only = [
        (_HALF, 0, 0, _TO),
        (_JUMP_EQUAL, 0, 4, port),
        (_BYTE, 0, 0, _FLAGS),
        (_AND, 0, 0, _ANSWERED),
        (_JUMP_EQUAL, 1, 0, _ANSWERED),
        (_RETURN, 0, 0, _KEEP),
        (_RETURN, 0, 0, _DROP),
    ]
    one = _tied(family, only)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((_loopback(family), port))
    except BaseException:
        one.close()
        raise
    return one


def _loopback(family: int) -> str:
    return "127.0.0.1" if family == socket.AF_INET else "::ffff:127.0.0.1"


def _tied(family: int, lines: Sequence[_Line]) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        _filter(one, lines)
    except BaseException:
        one.close()
        raise
    return one


def _filter(one: socket.socket, lines: Sequence[_Line]) -> None:
    program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *x) for x in lines))
    header = struct.pack("<HxxxxxxQ", len(lines), ctypes.addressof(program))
    try:
        one.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, header)
    except PermissionError:
        if landlock_version() < NETWORK_VERSION:
            raise
    else:
        one.setsockopt(socket.SOL_SOCKET, _LOCK_FILTER, 1)
