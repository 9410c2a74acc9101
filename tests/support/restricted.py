"""What a test takes from a child process between fork and exec, as `preexec_fn` of subprocess.

Neither needs a mount, so they work for root in a container as for anybody else, on Linux.
"""

import ctypes
import errno
import os
import struct

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1
_PR_SET_NO_NEW_PRIVS = 38
_PWRITE64 = {"x86_64": 18, "aarch64": 67}
_OFFSET_ARGUMENT = 16 + 3 * 8
"""Where struct seccomp_data has the low half of pwrite64's offset."""
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def disk_is_full_beyond(offset: int) -> None:
    """The kernel answers each write at or behind `offset` of any file with ENOSPC.

    Only positioned writes, by which SQLite does all of its writing.
    """
    code = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 0),  # which system call
            (0x15, 0, 3, _PWRITE64[os.uname().machine]),  # another: allow
            (0x20, 0, 0, _OFFSET_ARGUMENT),
            (0x35, 0, 1, offset),  # before: allow
            (0x06, 0, 0, _REFUSE | errno.ENOSPC),
            (0x06, 0, 0, _ALLOW),
        )
    )
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    program = _Program(len(code) // 8, code)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))


def modes_bind_root() -> None:
    """Root may no longer write what a file's or a folder's mode forbids; nobody else may anyway."""
    if os.geteuid() == 0:
        _prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE)


def _prctl(option: int, first: int, second: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_ulong(argument) for argument in (first, second, 0, 0))
    if libc.prctl(option, *arguments) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")
