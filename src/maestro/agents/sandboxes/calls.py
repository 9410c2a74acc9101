"""System calls that a sandboxed process may not make, as programs for the kernel's filter.

Protocol: Documentation/userspace-api/seccomp_filter.rst of the Linux kernel. Numbers are those of
each processor's system call table.
"""

import ctypes
import os
import struct
from collections.abc import Sequence
from typing import NamedTuple

from maestro.agents.sandboxes.kernel import LIBC, PR_SET_NO_NEW_PRIVS, checked, prctl

PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3

_Line = tuple[int, int, int, int]

_LOAD, _AND = 0x20, 0x54
_JUMP_EQUAL, _JUMP_FROM, _JUMP_ANY, _RETURN = 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ASK, _ERRNO = 0x7FFF0000, 0x80000000, 0x7FC00000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_REFUSE, _UNKNOWN = _ERRNO | _EPERM, _ERRNO | _ENOSYS
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_STREAM, _SEQUENCED = 1, 5
_DEFAULT_PROTOCOL, _TCP = 0, 6
_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag
_SHARES_FILES, _THREAD = 0x400, 0x10000
_SPECIAL_MODES = 0o6000  # set-user-ID and set-group-ID
_FAST_OPEN = 0x20000000  # connects without connect(2)
_X32 = 0x40000000


class _Table(NamedTuple):
    """One processor's numbers; calls it does not have are left out."""

    architecture: int
    refused: tuple[int, ...]
    """Tracing, mounting, namespaces, kernel keys, modules, io_uring, clocks."""
    identity: tuple[int, ...]
    """Everything that changes who a process is."""
    unknown: tuple[int, ...]
    """clone3 and openat2 hide their flags behind a pointer: programs then use the older calls."""
    modes: tuple[tuple[int, int], ...]
    """(call, argument with a file's mode)."""
    chmods: tuple[tuple[int, str], ...]
    """(call, name); each is also among `modes`."""
    sends: tuple[tuple[int, int], ...]
    """(call, argument with the flags of a message)."""
    limits: int
    clone: int
    socket: int
    pair: int
    bind: int
    connect: int
    listen: int


_TABLES = {
    "x86_64": _Table(
        architecture=0xC000003E,
        refused=(
            101, 310, 311, 165, 166, 155, 308, 321, 298, 248, 249, 250, 175, 313, 176, 246, 320,
            169, 167, 168, 323, 304, 425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 161, 163,
            164, 227, 305, 272, 438, 440,
        ),
        identity=(105, 106, 113, 114, 116, 117, 119, 122, 123),
        unknown=(435, 437),
        modes=((90, 1), (91, 1), (268, 2), (452, 2), (133, 1), (259, 2), (85, 1), (2, 2), (257, 3)),
        chmods=((90, "chmod"), (91, "fchmod"), (268, "fchmodat"), (452, "fchmodat2")),
        sends=((44, 3), (46, 2), (307, 3)),
        limits=302,
        clone=56,
        socket=41,
        pair=53,
        bind=49,
        connect=42,
        listen=50,
    ),
    "aarch64": _Table(
        architecture=0xC00000B7,
        refused=(
            117, 270, 271, 40, 39, 41, 268, 280, 241, 217, 219, 218, 105, 273, 106, 104, 294,
            142, 224, 225, 282, 265, 425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 51, 89,
            170, 112, 266, 97, 438, 440,
        ),
        identity=(143, 144, 145, 146, 147, 149, 151, 152, 159),
        unknown=(435, 437),
        modes=((52, 1), (53, 2), (452, 2), (33, 2), (56, 3)),
        chmods=((52, "fchmod"), (53, "fchmodat"), (452, "fchmodat2")),
        sends=((206, 3), (211, 2), (269, 3)),
        limits=261,
        clone=220,
        socket=198,
        pair=199,
        bind=200,
        connect=203,
        listen=201,
    ),
}  # fmt: skip


def refusals(*, keep_identity: bool) -> bytes:
    """The program that refuses what nothing an agent wrote has to do.

    Args:
        keep_identity: also refuse everything that changes who the process is.

    Raises:
        OSError: an unknown processor.
    """
    table = _table()
    lines = _beginning(table)
    lines += _on(table.socket, _sockets())
    lines += _on(table.pair, _CONNECTED_ONLY)
    lines += _on(table.clone, _clones())
    lines += _on(table.limits, _of_oneself())
    for call, argument in table.modes:
        lines += _on(call, _when_any(argument, _SPECIAL_MODES))
    for call, argument in table.sends:
        lines += _on(call, _when_any(argument, _FAST_OPEN))
    for call in table.unknown:
        lines += _on(call, [(_RETURN, 0, 0, _UNKNOWN)])
    for call in (*table.refused, *(table.identity if keep_identity else ())):
        lines += _on(call, [(_RETURN, 0, 0, _REFUSE)])
    return _encoded([*lines, (_RETURN, 0, 0, _ALLOW)])


def questions(*, modes: bool) -> bytes:
    """The program that lets another process decide on each connect(2), bind(2) and listen(2).

    Args:
        modes: also on each chmod(2).
    """
    table = _table()
    lines = _beginning(table)
    chmods = {call for call, _ in table.chmods}
    for call in asked():
        if call in chmods and not modes:
            continue
        lines += _on(call, [(_RETURN, 0, 0, _ASK)])
    return _encoded([*lines, (_RETURN, 0, 0, _ALLOW)])


def asked() -> dict[int, str]:
    """Number -> name of the calls that another process decides on."""
    table = _table()
    doors = {table.connect: "connect", table.bind: "bind", table.listen: "listen"}
    return doors | dict(table.chmods)


def refuse_calls(program: bytes) -> None:
    """Installs a program for this process and all it starts, for good."""
    buffer, header = _header(program)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    checked(LIBC.prctl(PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0), "seccomp")
    del buffer  # lived until the kernel had copied it


def ask_about_calls(program: bytes) -> int:
    """Like refuse_calls; returns the descriptor at which the questions arrive."""
    number = {"x86_64": 317, "aarch64": 277}[os.uname().machine]
    buffer, header = _header(program)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    listener = LIBC.syscall(number, _SET_MODE_FILTER, _NEW_LISTENER, header)
    del buffer
    return checked(listener, "seccomp listener")


def in_memory(program: bytes) -> int:
    """A descriptor to read the program from, for a process that installs it later."""
    handle = os.memfd_create("calls", 0)
    os.write(handle, program)
    os.lseek(handle, 0, os.SEEK_SET)
    os.set_inheritable(handle, True)
    return handle


def _table() -> _Table:
    machine = os.uname().machine
    if machine not in _TABLES:
        raise OSError(f"no system call table for {machine!r}")
    return _TABLES[machine]


def _header(program: bytes) -> tuple[ctypes.Array[ctypes.c_char], bytes]:
    buffer = ctypes.create_string_buffer(program)
    return buffer, struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))


def _encoded(lines: Sequence[_Line]) -> bytes:
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


def _beginning(table: _Table) -> list[_Line]:
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, table.architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_FROM, 0, 1, _X32),  # the x32 table would go round the list
        (_RETURN, 0, 0, _REFUSE),
    ]


def _on(call: int, lines: Sequence[_Line]) -> list[_Line]:
    """`lines` for one call; they must end it, because they replace the number that was loaded."""
    return [(_JUMP_EQUAL, 0, len(lines), call), *lines]


def _argument(index: int) -> _Line:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * index)


def _when_any(argument: int, bits: int) -> list[_Line]:
    return [
        _argument(argument),
        (_JUMP_ANY, 0, 1, bits),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _clones() -> list[_Line]:
    """No namespaces; and threads share their descriptors, so that one look finds them all."""
    return [
        _argument(0),
        (_JUMP_ANY, 2, 0, _NAMESPACES),
        (_JUMP_ANY, 0, 2, _THREAD),
        (_JUMP_ANY, 1, 0, _SHARES_FILES),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _of_oneself() -> list[_Line]:
    """Limits of others: where there is no namespace, Maestro's own user may set Maestro's."""
    return [
        _argument(0),
        (_JUMP_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


_CONNECTED_ONLY: list[_Line] = [
    _argument(1),
    (_AND, 0, 0, 0xF),
    (_JUMP_EQUAL, 2, 0, _STREAM),
    (_JUMP_EQUAL, 1, 0, _SEQUENCED),
    (_RETURN, 0, 0, _REFUSE),
    (_RETURN, 0, 0, _ALLOW),
]
"""Unix sockets that have to connect before they can send: a datagram leaves without."""


def _sockets() -> list[_Line]:
    """Unix sockets that connect, netlink, and TCP. A datagram needs no connection to leave."""
    return [
        _argument(0),
        (_JUMP_EQUAL, 14, 0, _AF_NETLINK),
        (_JUMP_EQUAL, 8, 0, _AF_UNIX),
        (_JUMP_EQUAL, 1, 0, _AF_INET),
        (_JUMP_EQUAL, 0, 10, _AF_INET6),
        _argument(1),
        (_AND, 0, 0, 0xF),
        (_JUMP_EQUAL, 0, 7, _STREAM),
        _argument(2),
        (_JUMP_EQUAL, 6, 0, _DEFAULT_PROTOCOL),
        (_JUMP_EQUAL, 5, 4, _TCP),
        *_CONNECTED_ONLY,
    ]
