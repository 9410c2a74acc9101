"""What runs below a process, and what it uses. Light: every sandbox's supervisor looks here."""

import contextlib
import os

_PAGE = os.sysconf("SC_PAGE_SIZE")


def children(process: int) -> list[int]:
    """Those that any of its threads started or inherited."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208 - short and quick
            with contextlib.suppress(OSError):
                found += map(int, _read(f"/proc/{process}/task/{thread}/children").split())
    return found


def descendants(process: int) -> list[int]:
    found = children(process)
    for one in found:  # grows while it is walked
        found += children(one)
    return found


def threads(processes: list[int]) -> int:
    total = 0
    for process in processes:
        with contextlib.suppress(OSError):
            total += len(os.listdir(f"/proc/{process}/task"))  # noqa: PTH208
    return total


def resident(processes: list[int]) -> int:
    """Bytes; what several of them share counts for each, so that it is never too low."""
    total = 0
    for process in processes:
        with contextlib.suppress(OSError, IndexError):
            total += int(_read(f"/proc/{process}/statm").split()[1]) * _PAGE
    return total


def proportional(processes: list[int]) -> int:
    """Bytes, shared ones counted once; slow. Falls back to `resident` for those it may not see."""
    total = 0
    for process in processes:
        try:
            text = _read(f"/proc/{process}/smaps_rollup")
            total += next(int(x.split()[1]) << 10 for x in text.splitlines() if x[:4] == "Pss:")
        except (OSError, StopIteration):
            total += resident([process])
    return total


def tasks_of(user: int) -> int:
    """How many threads a user has on this host."""
    total = 0
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == user:  # noqa: PTH116
                    total += len(os.listdir(f"/proc/{name}/task"))  # noqa: PTH208
    return total


def started_at(process: int) -> str:
    """Tells two processes apart that had the same id, one after the other. OSError: it is gone."""
    return _read(f"/proc/{process}/stat").rpartition(")")[2].split()[19]


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - see above
        return file.read()
