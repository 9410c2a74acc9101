"""Subprocesses without stdin, with bounded output and time, whose whole tree is ended."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from maestro.agents.sandboxes.confinement import Supervised
from maestro.agents.sandboxes.launcher import REFUSED, SPECIFICATION, STATUS
from maestro.errors import SandboxFailed
from maestro.ports import CommandResult

OUTPUT_BYTES = 1_000_000
GRACE_SECONDS = 3.0


@dataclass(slots=True)
class Tail:
    """The last part of a stream."""

    limit: int = OUTPUT_BYTES
    _chunks: bytearray = field(default_factory=bytearray)
    dropped: int = 0

    def add(self, chunk: bytes) -> None:
        self._chunks += chunk
        excess = len(self._chunks) - self.limit
        if excess > 0:
            del self._chunks[:excess]
            self.dropped += excess

    def text(self) -> str:
        text = self._chunks.decode("utf-8", errors="replace")
        return f"[{self.dropped} bytes dropped]\n{text}" if self.dropped else text


@dataclass(frozen=True, slots=True)
class Running:
    process: asyncio.subprocess.Process
    stdout: Tail
    stderr: Tail
    readers: asyncio.Future[tuple[None, None]]
    status: int
    """Descriptor at which the supervisor reports."""

    def reported(self) -> str:
        """What the supervisor said by now; nothing it starts can say anything here."""
        try:
            return os.read(self.status, 65536).decode("utf-8", errors="replace")
        except BlockingIOError:
            return ""


@asynccontextmanager
async def started(supervised: Supervised) -> AsyncIterator[Running]:
    """A confined process; on leaving, whatever the reason, its whole tree is ended."""
    status, reporting = os.pipe()
    given = [reporting]
    try:
        os.set_blocking(status, False)
        told = _in_memory(supervised.specification)
        given.append(told)
        process = await asyncio.create_subprocess_exec(
            *supervised.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={"PATH": os.defpath, STATUS: str(reporting), SPECIFICATION: str(told)},
            pass_fds=(reporting, told),
        )
    except BaseException:
        os.close(status)
        raise
    finally:
        for handle in given:
            os.close(handle)
    assert process.stdout is not None
    assert process.stderr is not None
    stdout, stderr = Tail(), Tail()
    readers = asyncio.gather(_drain(process.stdout, stdout), _drain(process.stderr, stderr))
    try:
        yield Running(process, stdout, stderr, readers, status)
    finally:
        try:
            await asyncio.shield(_end(process, readers))
        finally:
            os.close(status)


async def run_to_end(supervised: Supervised, timeout: float, shown: Sequence[str]) -> CommandResult:
    """Runs a confined command to its end or limit."""
    begin = time.monotonic()
    async with started(supervised) as running:
        timed_out = False
        try:
            await asyncio.wait_for(running.process.wait(), timeout)
        except TimeoutError:
            timed_out = True
        reported = running.reported()
    refuse_unconfined(reported)
    code = running.process.returncode
    return CommandResult(
        argv=tuple(shown),
        exit_code=-1 if code is None else code,
        stdout=running.stdout.text(),
        stderr=running.stderr.text(),
        duration_seconds=time.monotonic() - begin,
        timed_out=timed_out,
        limit=reported,
    )


def refuse_unconfined(reported: str) -> None:
    """Raises SandboxFailed when a supervisor says that the command did not run."""
    if reported.startswith(REFUSED):
        raise SandboxFailed(f"the sandbox could not be set up: {reported.removeprefix(REFUSED)}")


def _in_memory(text: bytes) -> int:
    """A descriptor to read it from."""
    handle = os.memfd_create("specification")
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(text)
        os.lseek(handle, 0, os.SEEK_SET)
    except BaseException:
        os.close(handle)
        raise
    return handle


async def _drain(stream: asyncio.StreamReader, tail: Tail) -> None:
    while chunk := await stream.read(65536):
        tail.add(chunk)


async def _end(
    process: asyncio.subprocess.Process, readers: asyncio.Future[tuple[None, None]]
) -> None:
    """SIGTERM lets the supervisor sweep its descendants; SIGKILL follows after a grace."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM, group=False)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    if process.returncode is None:  # once it is buried, its id may be anybody's
        _signal(process, signal.SIGKILL, group=True)
        await process.wait()
    try:
        await asyncio.wait_for(readers, GRACE_SECONDS)
    except TimeoutError:  # somebody outside the tree holds the pipe; its output is not ours
        readers.cancel()
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals, *, group: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
