"""Servers as processes of their own: started, measured and ended."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """One server with everything it has started."""

    def __init__(self, name: str, argv: Sequence[str], port: int, log: Path, cwd: Path) -> None:
        self.name = name
        self.port = port
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                argv,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def until_it_listens(self, seconds: float) -> None:
        """Raises RuntimeError with the end of its output when it does not."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.005)
            else:
                return
        tail = self._log.read_text(encoding="utf-8", errors="replace")[-500:]
        raise RuntimeError(f"{self.name} did not listen within {seconds:g} s: {tail}")

    def cpu_seconds(self) -> float:
        """Of the whole process tree so far."""
        return sum(_fields(pid)[0] for pid in self._tree())

    def resident_mb(self) -> float:
        return sum(_fields(pid)[1] for pid in self._tree())

    def _tree(self) -> list[int]:
        found, waiting = [], [self._process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for thread in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += [int(child) for child in thread.read_text().split()]
        return found

    def end(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()


def _fields(pid: int) -> tuple[float, float]:
    """CPU seconds with those of ended children, and resident megabytes."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    fields = text.rpartition(")")[2].split()
    ticks = sum(int(fields[position]) for position in (11, 12, 13, 14))
    return ticks / _TICKS, int(fields[21]) * _PAGE / 2**20


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def started(
    name: str, argv: Sequence[str], port: int, folder: Path, cwd: Path, *, seconds: float = 120.0
) -> Iterator[Process]:
    process = Process(name, argv, port, folder / f"{name}.log", cwd)
    try:
        process.until_it_listens(seconds)
        yield process
    finally:
        process.end()
