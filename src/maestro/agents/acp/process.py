"""A coding agent as a process whose lines are messages, and whose whole tree is ended."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from maestro.agents.sandboxes.confinement import supervised
from maestro.agents.sandboxes.launcher import SPECIFICATION, STATUS
from maestro.agents.sandboxes.processes import GRACE_SECONDS, Tail

MAX_LINE_BYTES = 16_000_000
MAX_OUTPUT_BYTES = 256_000_000
MAX_NOISE = 1_000
"""Lines that are no messages: some agents print there what belongs elsewhere."""
STDERR_BYTES = 20_000


class AgentLines:
    """Messages to and from a process, one JSON object a line: the SDK's transport."""

    def __init__(self, process: asyncio.subprocess.Process, stderr: Tail) -> None:
        self._process = process
        self._stderr = stderr
        self._total = 0
        self._noise = 0
        self.problem = ""
        """Why nothing more is read, where that was our decision."""

    async def send(self, message: dict[str, Any]) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        await stdin.drain()

    async def receive(self) -> dict[str, Any] | None:
        """None at the end of the stream, and when it is not worth reading on."""
        stdout = self._process.stdout
        assert stdout is not None
        while not self.problem:
            try:
                line = await stdout.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return None
            except asyncio.LimitOverrunError:
                self.problem = f"it printed a line of more than {MAX_LINE_BYTES} bytes"
                break
            self._total += len(line)
            message = _message(line)
            if message is not None and self._total <= MAX_OUTPUT_BYTES:
                return message
            self._noise += message is None
            if self._noise > MAX_NOISE:
                self.problem = f"it printed {self._noise} lines that are no messages"
            if self._total > MAX_OUTPUT_BYTES:
                self.problem = f"it printed more than {MAX_OUTPUT_BYTES} bytes"
        return None

    async def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def last_words(self) -> str:
        """What it said on stderr, in one line fit to be shown."""
        text = " ".join(self._stderr.text().split())[-500:]
        return "".join(sign for sign in text if sign.isprintable())


@asynccontextmanager
async def agent_process(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str]
) -> AsyncIterator[AgentLines]:
    """Runs with the user's rights, under a supervisor: on leaving, and when this process dies,
    every process that it started is ended, daemons too.
    """
    wrapped = supervised(command, cwd=cwd, env=env)
    status, reporting = os.pipe()
    told = os.memfd_create("specification")
    try:
        os.write(told, wrapped.specification)
        os.lseek(told, 0, os.SEEK_SET)
        process = await asyncio.create_subprocess_exec(
            *wrapped.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=MAX_LINE_BYTES,
            env={"PATH": os.defpath, STATUS: str(reporting), SPECIFICATION: str(told)},
            pass_fds=(reporting, told),
        )
    finally:
        for handle in (status, reporting, told):
            os.close(handle)
    stderr = Tail(limit=STDERR_BYTES)
    reader = asyncio.create_task(_drain(process, stderr))
    try:
        yield AgentLines(process, stderr)
    finally:
        await asyncio.shield(_ended(process, reader))


async def _drain(process: asyncio.subprocess.Process, tail: Tail) -> None:
    assert process.stderr is not None
    while chunk := await process.stderr.read(65536):
        tail.add(chunk)


async def _ended(process: asyncio.subprocess.Process, reader: "asyncio.Task[None]") -> None:
    """SIGTERM lets the supervisor sweep its descendants; SIGKILL follows after a grace."""
    with contextlib.suppress(ProcessLookupError):
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE_SECONDS)
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    reader.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reader
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()


def _message(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not isinstance(message.get("method", ""), str):
        return None
    return message if isinstance(message.get("id", 0), int | str | None) else None
