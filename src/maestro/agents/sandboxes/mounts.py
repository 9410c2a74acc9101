"""Lets another user work in root's folders, through mounts that translate the owner.

Root starts a sandbox as a user that owns nothing. The work tree is mounted so that what belongs to
its owner on disk belongs to that user in the sandbox, and the other way round. Everything happens
in a mount namespace of the calling process and ends with it. Protocol: mount_setattr(2).
"""

import os
import struct
from collections.abc import Mapping, Sequence

from maestro.agents.sandboxes.kernel import LIBC, checked

STAGE = "/tmp"  # noqa: S108 - covered in a private namespace; any folder that all may enter
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_HERE = -100
_EMPTY_PATH, _RECURSIVE, _CLONE, _CLOEXEC = 0x1000, 0x8000, 1, os.O_CLOEXEC
_TRANSLATED = 0x00100000
_MOVE_EMPTY_PATH = 4
_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000
_PRIVATE, _REC = 1 << 18, 1 << 14


def stage(readable: Sequence[str], writable: Sequence[str], user: int) -> Mapping[str, str]:
    """Shows folders and files at places that `user` can get at.

    Args:
        readable: shown as they are.
        writable: shown as if `user` owned what the folder's owner owns.

    Returns:
        path -> the place it is shown at; paths that do not exist are left out.

    Raises:
        OSError: the kernel, or the file system of a writable folder, cannot do it.
    """
    present = [path for path in readable if os.path.exists(path)]  # noqa: PTH110
    opened = {path: _copy(path) for path in (*present, *writable)}
    for path in writable:
        _translate(opened[path], os.stat(path), user)  # noqa: PTH116
    folders = {path for path in opened if os.path.isdir(path)}  # noqa: PTH112
    checked(LIBC.unshare(_NEW_MOUNTS), "unshare")
    checked(LIBC.mount(b"none", b"/", None, _REC | _PRIVATE, None), "private mounts")
    checked(LIBC.mount(b"stage", STAGE.encode(), b"tmpfs", 0, b"mode=0755,size=1m"), "stage")
    places: dict[str, str] = {}
    for index, (path, handle) in enumerate(opened.items()):
        place = f"{STAGE}/{index}"
        _lay(place, folder=path in folders)
        moved = LIBC.syscall(_MOVE_MOUNT, handle, b"", _HERE, place.encode(), _MOVE_EMPTY_PATH)
        checked(moved, f"move mount of {path!r}")
        os.close(handle)
        places[path] = place
    return places


def _copy(path: str) -> int:
    flags = _CLONE | _CLOEXEC | _RECURSIVE
    return checked(LIBC.syscall(_OPEN_TREE, _HERE, os.fsencode(path), flags), f"copy of {path!r}")


def _translate(handle: int, owner: os.stat_result, user: int) -> None:
    users = _user_namespace((owner.st_uid, owner.st_gid), user)
    attributes = struct.pack("<QQQQ", _TRANSLATED, 0, 0, users)
    flags = _EMPTY_PATH | _RECURSIVE
    changed = LIBC.syscall(_MOUNT_SETATTR, handle, b"", flags, attributes, len(attributes))
    os.close(users)
    checked(changed, "translated mount")


def _user_namespace(owner: tuple[int, int], user: int) -> int:
    """A descriptor of a namespace that maps the owner's ids to `user`."""
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        made = LIBC.unshare(_NEW_USERS)
        os.write(ready[1], b"+" if made == 0 else b"-")
        os.close(done[1])
        os.read(done[0], 1)
        os._exit(0)
    os.close(ready[1])
    os.close(done[0])
    try:
        if os.read(ready[0], 1) != b"+":
            raise OSError("no user namespace for translated mounts")
        for name, inside in zip(("uid_map", "gid_map"), owner, strict=True):
            _write(f"/proc/{child}/{name}", f"{inside} {user} 1")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(done[1])
        os.close(ready[0])
        os.waitpid(child, 0)


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def _lay(place: str, *, folder: bool) -> None:
    """Something of the same kind, to be covered."""
    if folder:
        os.mkdir(place)  # noqa: PTH102 - a launcher starts quicker without pathlib
    else:
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC))
