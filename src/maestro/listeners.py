"""Who listens on a loopback port, as far as Linux lets us see.

What answers on the port of a program that was started need not be that program: somebody else may
have taken the port first. The kernel tells which socket listens there and which process holds it.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_LISTENING = "0A"
_LOOPBACK = "0100007F"
"""127.0.0.1 as the kernel writes it on machines with the low byte first."""
_MAPPED = "0000000000000000FFFF0000" + _LOOPBACK
_PLACES = (
    {_LOOPBACK, _MAPPED},
    {"00000000"},
    {"0" * 32},
)
"""Addresses that take connections to 127.0.0.1; the kernel prefers the earlier ones."""


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    session: int
    name: str


def stranger_on(port: int, ours: Collection[int]) -> str | None:
    """The process that answers on 127.0.0.1 instead of the trees of `ours`, for people.

    None where it is one of ours, where nobody listens, and where nobody can tell: on other systems,
    and when the socket is held by a process that we may not look into.
    """
    sockets = _listening(port)
    if not sockets:
        return None
    processes = dict(_processes())
    holders: dict[str, list[int]] = {inode: [] for inode in sockets}
    for number in processes:
        for inode in sockets & set(_sockets(number)):
            holders[inode].append(number)
    for numbers in holders.values():
        if numbers and not any(_is_ours(number, processes, ours) for number in numbers):
            return f"{processes[numbers[0]].name} (process {numbers[0]})"
    return None


def _listening(port: int) -> set[str]:
    """Inodes of the sockets to which the kernel gives connections to the port."""
    found: dict[str, set[str]] = {}
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / name).read_text("ascii").splitlines()[1:]:
                words = line.split()
                address, _, number = words[1].partition(":")
                if words[3] == _LISTENING and int(number, 16) == port:
                    found.setdefault(address, set()).add(words[9])
    for addresses in _PLACES:
        inodes = {inode for address in addresses for inode in found.get(address, ())}
        if inodes:
            return inodes
    return set()


def _processes() -> Iterator[tuple[int, _Process]]:
    for folder in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            text = (folder / "stat").read_text("utf-8", "replace")
            name, _, rest = text.partition("(")[2].rpartition(")")
            words = rest.split()
            made = _Process(parent=int(words[1]), session=int(words[3]), name=name)
            yield int(folder.name), made


def _sockets(number: int) -> Iterator[str]:
    """Inodes of the sockets that a process holds; none where it may not be looked into."""
    with contextlib.suppress(OSError):
        for entry in (_PROC / str(number) / "fd").iterdir():
            with contextlib.suppress(OSError):
                kind, _, inode = str(entry.readlink()).partition(":[")
                if kind == "socket":
                    yield inode.removesuffix("]")


def _is_ours(number: int, processes: Mapping[int, _Process], ours: Collection[int]) -> bool:
    """Whether it descends from one of ours, or stayed in the session that one of them began."""
    if number in processes and processes[number].session in ours:
        return True
    seen = set[int]()
    while number in processes and number not in seen:
        if number in ours:
            return True
        seen.add(number)
        number = processes[number].parent
    return False
