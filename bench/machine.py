"""What the numbers were measured on."""

import os
import platform
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

_FLUSHES = 100
_NOT_A_DISK = frozenset({"tmpfs", "ramfs"})


def facts() -> dict[str, object]:
    folder = Path(tempfile.gettempdir())
    kind = file_system(folder)
    if kind in _NOT_A_DISK:
        raise RuntimeError(
            f"the folder for temporary files is on {kind}, where a commit costs nothing; set "
            "TMPDIR to a folder on a disk"
        )
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _line("/proc/cpuinfo", "model name"),
        "memory_mb": int(_line("/proc/meminfo", "MemTotal").split()[0]) // 1024,
        "system": platform.platform(),
        "file_system": kind,
        "disk_free_gb": shutil.disk_usage(folder).free // 10**9,
        "flush_ms": flush_milliseconds(folder),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def described(found: Mapping[str, object]) -> str:
    return (
        f"{found['cores']} cores, {found['memory_mb']:,} MB, {found['file_system']}, one flush "
        f"{found['flush_ms']:.2f} ms, load {found['load_before']:.1f}, Python {found['python']}, "
        f"SQLite {found['sqlite']}"
    )


def file_system(folder: Path) -> str:
    """Type of the file system that holds `folder`: that of the longest mount point above it."""
    best, kind = "", "unknown"
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, mount, found, *_ = line.split()
        if folder.resolve().is_relative_to(mount) and len(mount) >= len(best):
            best, kind = mount, found
    return kind


def flush_milliseconds(folder: Path) -> float:
    """Median time of writing 4 KiB and flushing them, as a commit does."""
    taken = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(_FLUSHES):
            begin = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            taken.append(1000 * (time.perf_counter() - begin))
    return statistics.median(taken)


def _line(path: str, name: str) -> str:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"
