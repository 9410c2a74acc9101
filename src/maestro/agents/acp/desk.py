"""Our side of the protocol: what a coding agent may read, write and run, and what it is refused."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from acp.exceptions import RequestError
from acp.schema import (
    AllowedOutcome,
    CreateTerminalResponse,
    DeniedOutcome,
    EnvVariable,
    PermissionOption,
    ReadTextFileResponse,
    RequestPermissionResponse,
    TerminalExitStatus,
    TerminalOutputResponse,
    ToolCallUpdate,
    WaitForTerminalExitResponse,
    WriteTextFileResponse,
)

from maestro.agents.executors.outside.files import MAX_FILE_BYTES, TreeFile, write_files
from maestro.domain.write_set import checked_path
from maestro.errors import InvalidInput, MaestroError
from maestro.ports import CommandResult, Reach, Report, Sandbox

MAX_TERMINALS = 32
MAX_SHOWN = 200
MAX_LINES = 200
"""Lines of one attempt that are shown; each is an event of the run."""
TERMINAL_SECONDS = 300.0
KILLED = 137
"""Exit code of a program that was ended."""
_READING = frozenset({"read", "search", "think"})
_CHANGING = frozenset({"edit", "delete", "move"})
_ONCE = ("allow_once", "allow_always")
_NEVER = ("reject_once", "reject_always")


@dataclass(slots=True, kw_only=True)
class CodingDesk:
    """Implements acp.Client for one attempt."""

    sandbox: Sandbox
    allowed: Sequence[str]
    """The write-set."""
    env: dict[str, str]
    """Where programs find the mocks."""
    reach: Reach
    report: Report
    refused: int = 0
    _lines: int = 0
    _terminals: dict[str, "asyncio.Task[CommandResult]"] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def on_connect(self, conn: object) -> None:
        """Everything it has to say comes as calls."""

    async def request_permission(
        self,
        session_id: str,
        tool_call: ToolCallUpdate,
        options: list[PermissionOption],
        **kwargs: Any,
    ) -> RequestPermissionResponse:
        """Reading is allowed, changing within the write-set, and nothing else: commands have the
        terminal, which is in the sandbox.
        """
        wanted = _ONCE if self._permitted(tool_call) else _NEVER
        found = next((o for kind in wanted for o in options if o.kind == kind), None)
        if wanted == _NEVER:
            self.refused += 1
            await self._tell(f"refused: {_shown(tool_call.title)}")
        if found is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        chosen = AllowedOutcome(outcome="selected", option_id=found.option_id)
        return RequestPermissionResponse(outcome=chosen)

    async def session_update(self, session_id: str, update: Any, **kwargs: Any) -> None:
        if getattr(update, "session_update", "") == "tool_call":
            await self._tell(f"coding agent: {_shown(update.title)}")

    async def write_text_file(
        self, session_id: str, path: str, content: str, **kwargs: Any
    ) -> WriteTextFileResponse | None:
        try:
            file = TreeFile(path=self._writable(path), content=content.encode())
            if len(file.content) > MAX_FILE_BYTES:
                raise InvalidInput(f"{len(file.content)} bytes; at most {MAX_FILE_BYTES} are taken")
            await asyncio.to_thread(write_files, self.sandbox.root, [file])
        except (InvalidInput, OSError, UnicodeEncodeError) as error:
            self.refused += 1
            raise _refusal(error) from error
        return WriteTextFileResponse()

    async def read_text_file(
        self,
        session_id: str,
        path: str,
        line: int | None = None,
        limit: int | None = None,
        **kwargs: Any,
    ) -> ReadTextFileResponse:
        try:
            text = await asyncio.to_thread(self._read, path)
        except (InvalidInput, OSError) as error:
            self.refused += 1
            raise _refusal(error) from error
        lines = text.splitlines(keepends=True)
        first = max((line or 1) - 1, 0)
        return ReadTextFileResponse(
            content="".join(lines[first : None if limit is None else first + limit])
        )

    async def create_terminal(
        self,
        session_id: str,
        command: str,
        args: list[str] | None = None,
        env: list[EnvVariable] | None = None,
        cwd: str | None = None,
        output_byte_limit: int | None = None,
        **kwargs: Any,
    ) -> CreateTerminalResponse:
        """Runs in the sandbox, whose environment and reach are ours: the agent's are not taken."""
        if len(self._terminals) >= MAX_TERMINALS:
            raise _refusal(InvalidInput(f"{MAX_TERMINALS} terminals are open; release some"))
        try:
            folder = "." if cwd is None else self._inside(cwd)
        except InvalidInput as error:
            self.refused += 1
            raise _refusal(error) from error
        name = f"terminal-{next(self._numbers)}"
        work = self.sandbox.run(
            [command, *(args or [])],
            timeout=TERMINAL_SECONDS,
            cwd=folder,
            env=self.env,
            reach=self.reach,
        )
        self._terminals[name] = asyncio.create_task(_run(work))
        return CreateTerminalResponse(terminal_id=name)

    async def terminal_output(
        self, session_id: str, terminal_id: str, **kwargs: Any
    ) -> TerminalOutputResponse:
        task = self._terminal(terminal_id)
        if not task.done():
            return TerminalOutputResponse(output="", truncated=False)
        result = await _ended(task)
        return TerminalOutputResponse(
            output=result.stdout + result.stderr,
            truncated=False,
            exit_status=TerminalExitStatus(exit_code=max(result.exit_code, 0)),
        )

    async def wait_for_terminal_exit(
        self, session_id: str, terminal_id: str, **kwargs: Any
    ) -> WaitForTerminalExitResponse:
        result = await _ended(self._terminal(terminal_id))
        return WaitForTerminalExitResponse(exit_code=max(result.exit_code, 0))

    async def kill_terminal(self, session_id: str, terminal_id: str, **kwargs: Any) -> None:
        self._terminal(terminal_id).cancel()

    async def release_terminal(self, session_id: str, terminal_id: str, **kwargs: Any) -> None:
        self._terminal(terminal_id).cancel()
        del self._terminals[terminal_id]

    async def create_elicitation(self, message: str, mode: Any, **kwargs: Any) -> Any:
        raise RequestError.method_not_found("elicitation/create")

    async def complete_elicitation(self, elicitation_id: str, **kwargs: Any) -> None:
        raise RequestError.method_not_found("elicitation/complete")

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        raise RequestError.method_not_found(method[:80])

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        """Not known here, and no answer is wanted."""

    async def close(self) -> None:
        """Ends what still runs in terminals."""
        for task in self._terminals.values():
            task.cancel()
        await asyncio.gather(*self._terminals.values(), return_exceptions=True)

    async def _tell(self, line: str) -> None:
        self._lines += 1
        if self._lines < MAX_LINES:
            await self.report(line)
        elif self._lines == MAX_LINES:
            await self.report("coding agent: it does more, which is not shown")

    def _permitted(self, call: ToolCallUpdate) -> bool:
        if call.kind in _READING:
            return True
        if call.kind not in _CHANGING or not call.locations:
            return False
        try:
            for location in call.locations:
                self._writable(location.path)
        except InvalidInput:
            return False
        return True

    def _terminal(self, terminal_id: str) -> "asyncio.Task[CommandResult]":
        if terminal_id not in self._terminals:
            raise _refusal(InvalidInput(f"there is no terminal {terminal_id[:80]!r}"))
        return self._terminals[terminal_id]

    def _inside(self, path: str) -> str:
        """Relative to the work tree, wherever links lead."""
        try:
            found = (self.sandbox.root / path).resolve()
            return found.relative_to(self.sandbox.root).as_posix()
        except (OSError, ValueError) as error:
            raise InvalidInput(f"path {path[:200]!r} is not in the work tree") from error

    def _writable(self, path: str) -> str:
        return checked_path(self._inside(path), self.allowed).as_posix()

    def _read(self, path: str) -> str:
        file = self.sandbox.root / self._inside(path)
        if not file.is_file() or file.stat().st_size > MAX_FILE_BYTES:
            raise InvalidInput(f"{path[:200]!r} is no file of at most {MAX_FILE_BYTES} bytes")
        return file.read_bytes().decode("utf-8", "replace")


async def _run(work: Any) -> CommandResult:
    try:
        result: CommandResult = await work
    except MaestroError as error:  # it shows to the agent as a program that cannot be started
        return CommandResult(
            argv=(), exit_code=127, stdout="", stderr=str(error), duration_seconds=0.0
        )
    return result


async def _ended(task: "asyncio.Task[CommandResult]") -> CommandResult:
    """What became of it, also when it was killed; whoever stops waiting here does not end it."""
    await asyncio.wait([task])
    if not task.cancelled():
        return task.result()
    return CommandResult(
        argv=(), exit_code=KILLED, stdout="", stderr="killed", duration_seconds=0.0
    )


def _refusal(error: Exception) -> RequestError:
    return RequestError.invalid_params({"details": str(error)[:500]})


def _shown(title: str | None) -> str:
    text = " ".join((title or "something").split())[:MAX_SHOWN]
    return "".join(sign for sign in text if sign.isprintable())
