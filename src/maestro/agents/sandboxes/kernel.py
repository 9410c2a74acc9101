"""Landlock, seccomp and resource limits by ctypes, applied to the calling process for good.

Protocols: Documentation/userspace-api/landlock.rst and seccomp_filter.rst of the Linux kernel.
"""

import ctypes
import os
import platform
import resource
import struct
from collections.abc import Sequence

LIBC = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER = 1, 38, 22, 36
SECCOMP_MODE_FILTER = 2

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH, _RULE_PORT = 1, 2

# Access rights of the file system, in the order of the kernel's header; the last ones came with
# later versions of the interface (refer 2, truncate 3, ioctl on devices 5).
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_ALL_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
_READ_RIGHTS = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1, 2


def landlock_version() -> int:
    """Version of the kernel's Landlock interface; 0 where there is none."""
    version: int = LIBC.syscall(_CREATE_RULESET, None, 0, 1)
    return max(version, 0)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int) -> None:
    _check(LIBC.prctl(option, value, 0, 0, 0), f"prctl {option}")


def restrict(
    *,
    readable: Sequence[str] | None,
    writable: Sequence[str],
    connect: Sequence[int] | None,
    listen: Sequence[int] | None,
) -> None:
    """Confines the process by Landlock.

    Args:
        readable: paths that may be read and executed; None leaves the file system alone.
        writable: paths that may be changed as well.
        connect: TCP ports it may connect to; None leaves connecting alone.
        listen: TCP ports it may bind; None leaves binding alone.

    Raises:
        OSError: the kernel lacks what is asked for.
    """
    if readable is None and connect is None and listen is None:
        return
    version = landlock_version()
    files = 0 if readable is None else _file_rights(version)
    net = (0 if listen is None else _BIND_TCP) | (0 if connect is None else _CONNECT_TCP)
    ruleset = _ruleset(version, files, net)
    for path in readable or ():
        _allow_path(ruleset, path, files & _READ_RIGHTS)
    for path in writable if readable is not None else ():
        _allow_path(ruleset, path, files)
    for port in connect or ():
        _allow_port(ruleset, port, _CONNECT_TCP)
    for port in listen or ():
        _allow_port(ruleset, port, _BIND_TCP)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _check(LIBC.syscall(_RESTRICT_SELF, ruleset, 0), "landlock restrict")
    os.close(ruleset)


def _file_rights(version: int) -> int:
    """Every right over files that this version of the interface can take away."""
    rights = _ALL_RIGHTS_BY_VERSION[min(max(version, 1), 3)]
    return rights | 1 << 15 if version >= 5 else rights


def _ruleset(version: int, files: int, net: int) -> int:
    if version == 0:
        raise OSError("this kernel has no Landlock")
    if net and version < 4:
        raise OSError(f"Landlock version {version} cannot restrict the network; 4 is needed")
    scope = _SCOPE_ABSTRACT_UNIX | _SCOPE_SIGNAL if version >= 6 else 0
    size = 24 if version >= 6 else (16 if version >= 4 else 8)
    attributes = struct.pack("<QQQ", files, net, scope)[:size]
    return _check(LIBC.syscall(_CREATE_RULESET, attributes, size, 0), "landlock ruleset")


def _allow_path(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - a launcher starts quicker without pathlib
            rights &= _FILE_RIGHTS
        rule = struct.pack("<Qi", rights, handle)
        _check(LIBC.syscall(_ADD_RULE, ruleset, _RULE_PATH, rule, 0), f"landlock rule {path!r}")
    finally:
        os.close(handle)


def _allow_port(ruleset: int, port: int, right: int) -> None:
    rule = struct.pack("<QQ", right, port)
    _check(LIBC.syscall(_ADD_RULE, ruleset, _RULE_PORT, rule, 0), f"landlock port {port}")


# --- seccomp ------------------------------------------------------------------------------------

# (audit architecture, number of socket(2), numbers of the refused system calls)
_X86_64_REFUSED = (
    101, 310, 311, 165, 166, 155, 308, 321, 298, 248, 249, 250, 175, 313, 176, 246, 320, 169, 167,
    168, 323, 304, 425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 161, 163, 164, 227, 305,
)  # fmt: skip
_AARCH64_REFUSED = (
    117, 270, 271, 40, 39, 41, 268, 280, 241, 217, 219, 218, 105, 273, 106, 104, 294, 142, 224,
    225, 282, 265, 425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 51, 89, 170, 112, 266,
)  # fmt: skip
_ARCHITECTURES = {
    "x86_64": (0xC000003E, 41, _X86_64_REFUSED),
    "aarch64": (0xC00000B7, 198, _AARCH64_REFUSED),
}
_LOAD, _AND, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050001  # errno EPERM
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK, _SOCK_STREAM = 1, 2, 10, 16, 1


def refuse_dangerous_calls() -> None:
    """Installs a seccomp filter: no tracing, mounting, kernel keys, modules, io_uring or clocks;
    sockets only unix, netlink and TCP.

    Raises:
        OSError: an unknown processor, or the kernel refused the filter.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise OSError(f"no system call table for {machine!r}")
    program = b"".join(struct.pack("<HBBI", *line) for line in _program(machine))
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _check(LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0), "seccomp")


def _program(machine: str) -> list[tuple[int, int, int, int]]:
    architecture, socket_call, refused = _ARCHITECTURES[machine]
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_GREATER_EQUAL, 0, 1, 0x40000000),  # the x32 table would go round the list
        (_RETURN, 0, 0, _REFUSE),
        (_JUMP_EQUAL, 0, 10, socket_call),  # not socket(2): on to the list
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_EQUAL, 6, 0, _AF_UNIX),
        (_JUMP_EQUAL, 5, 0, _AF_NETLINK),
        (_JUMP_EQUAL, 1, 0, _AF_INET),
        (_JUMP_EQUAL, 0, 4, _AF_INET6),
        (_LOAD, 0, 0, _SECOND_ARGUMENT),
        (_AND, 0, 0, 0xF),
        (_JUMP_EQUAL, 0, 1, _SOCK_STREAM),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    for number in refused:
        lines += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    return [*lines, (_RETURN, 0, 0, _ALLOW)]


def limit(name: str, value: int) -> None:
    """Sets one resource limit (`DATA`, `NOFILE`, ...), never above what is allowed already."""
    kind = getattr(resource, f"RLIMIT_{name}")
    _, hard = resource.getrlimit(kind)
    wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (wanted, wanted))
