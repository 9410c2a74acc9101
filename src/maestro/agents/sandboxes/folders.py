"""What folders hold, though whoever fills them hides it. Light: every supervisor looks here."""

import contextlib
import os
import stat
from collections.abc import Iterator

from maestro.agents.sandboxes.kernel import open_below

ENTRY_BYTES = 4096
"""What an entry counts at least: empty files use up a disk, too."""
TOO_MUCH = 1 << 62
"""What a folder counts that is its owner's and cannot be looked into."""
LONGEST_PATH = 3800
"""Bytes; with a name behind it the kernel still takes it."""
_ALL_OF_OWNER = 0o700


def disk_use(tops: list[str]) -> int:
    """Bytes that files below take on disk. Folders that their owner has closed are opened."""
    total, left = 0, [(top, top) for top in tops]
    while left and total < TOO_MUCH:
        top, folder = left.pop()
        below, size = _opened(top, folder)
        left += [(top, path) for path in below]
        total += size
    return total


def unlinked(tops: list[str], processes: list[int]) -> int:
    """Bytes on the disks of `tops` in files that have no name any more, but are open."""
    disks = set[int]()
    for top in tops:
        with contextlib.suppress(OSError):
            disks.add(os.stat(top).st_dev)  # noqa: PTH116 - supervisors start without pathlib
    found: dict[tuple[int, int], int] = {}
    for process in processes:
        for one in _open_files(process):
            if one.st_nlink == 0 and one.st_dev in disks and stat.S_ISREG(one.st_mode):
                found[one.st_dev, one.st_ino] = one.st_blocks << 9
    return sum(found.values())


def open_up(top: str) -> None:
    """Lets their owner list and change all folders below again."""
    left = [top]
    while left:
        folder = left.pop()
        _give_owner(top, folder)
        left += _opened(top, folder)[0]


def give_back(top: str, user: int) -> None:
    """Makes all that is `user`'s below its owner's. Nobody may be at work there."""
    owner = os.stat(top)  # noqa: PTH116
    for _, folders, files, handle in os.fwalk(top):
        for name in (*folders, *files):
            with contextlib.suppress(OSError):
                if os.stat(name, dir_fd=handle, follow_symlinks=False).st_uid == user:
                    to = (owner.st_uid, owner.st_gid)
                    os.chown(name, *to, dir_fd=handle, follow_symlinks=False)


def _open_files(process: int) -> Iterator[os.stat_result]:
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{process}/fd"):  # noqa: PTH208 - short and quick
            with contextlib.suppress(OSError):
                yield os.stat(f"/proc/{process}/fd/{name}")  # noqa: PTH116


def _opened(top: str, folder: str) -> tuple[list[str], int]:
    """As `_content`, for its owner where it is closed."""
    if len(os.fsencode(folder)) > LONGEST_PATH:
        return [], TOO_MUCH
    try:
        return _content(folder)
    except PermissionError:
        if not _give_owner(top, folder):
            return [], 0  # somebody else's, into which nothing from here was put
    except OSError:
        return [], 0  # it has gone
    try:
        return _content(folder)
    except PermissionError:
        return [], TOO_MUCH  # somebody closes it again and again
    except OSError:
        return [], 0


def _content(folder: str) -> tuple[list[str], int]:
    """Folders in a folder, and the bytes of all that is directly in it."""
    below, size = [], 0
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                blocks = entry.stat(follow_symlinks=False).st_blocks
            except FileNotFoundError:
                continue
            size += max(blocks << 9, ENTRY_BYTES)
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
    return below, size


def _give_owner(top: str, folder: str) -> bool:
    """Whether the owner has all rights now. Over no link: it could be one to the host's."""
    try:
        start = os.open(top, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            handle = open_below(start, os.path.relpath(folder, top))
        finally:
            os.close(start)
        try:
            mode = stat.S_IMODE(os.fstat(handle).st_mode)
            if mode & _ALL_OF_OWNER != _ALL_OF_OWNER:
                os.chmod(f"/proc/self/fd/{handle}", mode | _ALL_OF_OWNER)  # noqa: PTH101
        finally:
            os.close(handle)
    except OSError:
        return False
    return True
