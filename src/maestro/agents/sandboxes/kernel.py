"""Landlock, capabilities and resource limits by ctypes, applied to the calling process for good.

Protocol of the first: Documentation/userspace-api/landlock.rst of the Linux kernel.
"""

import ctypes
import os
import resource
import struct
from collections.abc import Sequence

LIBC = ctypes.CDLL(None, use_errno=True)
NOBODY = 65534

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER = 1, 38, 36
_PR_DROP_BOUNDING, _PR_SET_SECURE_BITS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 24, 28, 47, 2
_USE_ANY_FILE = 1  # CAP_DAC_OVERRIDE
_NO_ROOT_LOCKED = 0b101111  # uid 0 means nothing; set-user-ID fixups off; both locked
_CAPABILITY_VERSION = 0x20080522

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH = 1

# Access rights of the file system, in the order of the kernel's header; the last ones came with
# later versions of the interface (refer 2, truncate 3, ioctl on devices 5).
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_ALL_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
_READ_RIGHTS = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14
_BIND_TCP, _CONNECT_TCP = 1, 2
NETWORK_VERSION = 4
"""Of Landlock's interface, from which on it knows ports."""
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1, 2

_PIDFD_GETFD, _OPENAT2 = 438, 437
_HERE_WITHOUT_LINKS = 0x04 | 0x08  # RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH


def landlock_version() -> int:
    """Version of the kernel's Landlock interface; 0 where there is none."""
    version: int = LIBC.syscall(_CREATE_RULESET, None, 0, 1)
    return max(version, 0)


def checked(result: int, what: str) -> int:
    """`result`, or OSError with what the C library says."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int) -> None:
    checked(LIBC.prctl(option, value, 0, 0, 0), f"prctl {option}")


def restrict(
    *, readable: Sequence[str], writable: Sequence[str], listable: Sequence[str] = ()
) -> None:
    """Confines the process's files by Landlock, and signals and abstract sockets to itself; no TCP
    socket is bound or connected any more but by somebody else.

    Args:
        readable: paths that may be read and executed.
        writable: paths that may be changed as well.
        listable: folders of which no more may be seen than what is in them.

    Raises:
        OSError: the kernel lacks what is asked for.
    """
    version = landlock_version()
    files = _file_rights(version)
    ruleset = _ruleset(version, files, _scopes(version))
    for path in readable:
        _allow_path(ruleset, path, files & _READ_RIGHTS)
    for path in listable:
        _allow_path(ruleset, path, _READ_DIR)
    for path in writable:
        _allow_path(ruleset, path, files)
    _enforce(ruleset)


def forbid_tcp() -> None:
    """Neither bind nor connect of TCP sockets, by no way; other processes may do it for this one.

    Nothing where the kernel's Landlock knows no ports.
    """
    version = landlock_version()
    if version >= NETWORK_VERSION:
        _enforce(_ruleset(version, 0, 0))


def _enforce(ruleset: int) -> None:
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    checked(LIBC.syscall(_RESTRICT_SELF, ruleset, 0), "landlock restrict")
    os.close(ruleset)


def _file_rights(version: int) -> int:
    """Every right over files that this version of the interface can take away."""
    rights = _ALL_RIGHTS_BY_VERSION[min(max(version, 1), 3)]
    return rights | 1 << 15 if version >= 5 else rights


def _scopes(version: int) -> int:
    return _SCOPE_ABSTRACT_UNIX | _SCOPE_SIGNAL if version >= 6 else 0


def _ruleset(version: int, files: int, scopes: int) -> int:
    if version == 0:
        raise OSError("this kernel has no Landlock")
    network = _BIND_TCP | _CONNECT_TCP if version >= NETWORK_VERSION else 0
    size = 8 if version < NETWORK_VERSION else 16 if version < 6 else 24
    attributes = struct.pack("<QQQ", files, network, scopes)[:size]
    return checked(LIBC.syscall(_CREATE_RULESET, attributes, size, 0), "landlock ruleset")


def _allow_path(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - a launcher starts quicker without pathlib
            rights &= _FILE_RIGHTS
        rule = struct.pack("<Qi", rights, handle)
        checked(LIBC.syscall(_ADD_RULE, ruleset, _RULE_PATH, rule, 0), f"landlock rule {path!r}")
    finally:
        os.close(handle)


def change_user(user: int) -> None:
    """From root to somebody who owns nothing."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def drop_to(user: int) -> None:
    """From root to somebody who owns nothing, for good, also across exec.

    Of what root may do one thing is kept: to use files of others, because a work tree of root's has
    to be written. Which files these are is Landlock's part. Real and effective user are the same,
    because programs ask for the one and for the other, and the C library distrusts who differs.
    """
    checked(LIBC.prctl(_PR_SET_SECURE_BITS, _NO_ROOT_LOCKED, 0, 0, 0), "secure bits")
    for capability in range(64):
        if capability == _USE_ANY_FILE:
            continue
        if LIBC.prctl(_PR_DROP_BOUNDING, capability, 0, 0, 0) != 0:
            break  # past the last one of this kernel
    change_user(user)
    header = struct.pack("<Ii", _CAPABILITY_VERSION, 0)
    kept = 1 << _USE_ANY_FILE
    checked(LIBC.capset(header, struct.pack("<6I", kept, kept, kept, 0, 0, 0)), "capset")
    raised = LIBC.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _USE_ANY_FILE, 0, 0)
    checked(raised, "ambient capability")


def duplicate(process: int, handle: int) -> int:
    """A descriptor of what `process` has open at `handle`."""
    keeper = os.pidfd_open(process)
    try:
        return checked(LIBC.syscall(_PIDFD_GETFD, keeper, handle, 0), "duplicate descriptor")
    finally:
        os.close(keeper)


def open_below(folder: int, path: str) -> int:
    """O_PATH of a folder below another one, with no link on the way to it."""
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    how = struct.pack("<QQQ", flags, 0, _HERE_WITHOUT_LINKS)
    handle = LIBC.syscall(_OPENAT2, folder, os.fsencode(path), how, len(how))
    return checked(handle, f"open {path!r}")


def limit(name: str, value: int) -> None:
    """Sets one resource limit (`DATA`, `NOFILE`, ...), never above what is allowed already."""
    kind = getattr(resource, f"RLIMIT_{name}")
    _, hard = resource.getrlimit(kind)
    wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (wanted, wanted))
