"""Changes the modes of files for a sandboxed process, in its own folders only.

Landlock leaves modes alone, and who owns a file may change them: without this a command could open
or close files of the user who runs Maestro. What is looked at and what is changed is the same
opened file, so nothing can be put in its place between the two.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from maestro.agents.sandboxes.calls import asked

_CHANGES = frozenset({"chmod", "fchmod", "fchmodat", "fchmodat2"})
_NO_FOLLOW, _EMPTY_PATH = 0x100, 0x1000
_WORKING_FOLDER = -100
_LONGEST_PATH = 4096
_MODES = 0o1777
"""The filter of calls refuses the others before."""


class Target(NamedTuple):
    """A file that is held open, and the mode that it is to get."""

    handle: int
    mode: int

    def change_below(self, folders: Collection[str]) -> None:
        """Raises PermissionError where it is in none of the folders."""
        place = f"/proc/self/fd/{self.handle}"
        if not is_below(os.readlink(place), folders):  # noqa: PTH115 - supervisors need no pathlib
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        os.chmod(place, self.mode)  # noqa: PTH101


def is_chmod(name: str) -> bool:
    return name in _CHANGES


def is_below(path: str, folders: Collection[str]) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in folders)


@contextlib.contextmanager
def target_of(question: Sequence[int], check: Callable[[], None]) -> Iterator[Target]:
    """What a question of the kernel's asks for.

    Args:
        question: the fields of a `struct seccomp_notif`.
        check: raises OSError when it is not the asking process any more that was looked at.
    """
    process, name, arguments = question[1], asked()[question[3]], question[6:]
    path, mode, flags = _asked_for(process, name, arguments)
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC | (os.O_NOFOLLOW if flags & _NO_FOLLOW else 0))
    try:
        check()
        yield Target(handle, mode & _MODES)
    finally:
        os.close(handle)


def _asked_for(process: int, name: str, arguments: Sequence[int]) -> tuple[str, int, int]:
    """Path as this process sees it, mode and flags."""
    if name == "fchmod":
        return _opened(process, arguments[0]), arguments[1], 0
    if name == "chmod":
        return _seen(process, _WORKING_FOLDER, _text(process, arguments[0])), arguments[1], 0
    folder, pointer, mode, flags = arguments[:4]
    flags = flags if name == "fchmodat2" else 0
    text = _text(process, pointer)
    if not text and flags & _EMPTY_PATH:
        return _opened(process, folder), mode, 0
    return _seen(process, folder, text), mode, flags


def _opened(process: int, handle: int) -> str:
    return f"/proc/{process}/fd/{_signed(handle)}"


def _seen(process: int, folder: int, text: str) -> str:
    if not text:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if text.startswith("/"):
        return text
    if _signed(folder) == _WORKING_FOLDER:
        return f"/proc/{process}/cwd/{text}"
    return f"{_opened(process, folder)}/{text}"


def _text(process: int, pointer: int) -> str:
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - no buffer
        memory.seek(pointer)
        found, end, _ = memory.read(_LONGEST_PATH).partition(b"\0")
    if not end:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    return os.fsdecode(found)


def _signed(number: int) -> int:
    """Descriptors are 32 bits of a register."""
    number &= 0xFFFFFFFF
    return number - (1 << 32) if number & 0x80000000 else number
