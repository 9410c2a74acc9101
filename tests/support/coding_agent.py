"""A coding agent that speaks ACP and does what its arguments say. A test double.

python coding_agent.py BEHAVIOUR [FOLDER]; FOLDER is where it looks for what it shall deliver.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from acp import PROTOCOL_VERSION, run_agent
from acp.exceptions import RequestError
from acp.interfaces import Client
from acp.schema import (
    AgentCapabilities,
    InitializeResponse,
    NewSessionResponse,
    PermissionOption,
    PromptResponse,
    ToolCallLocation,
    ToolCallUpdate,
    Usage,
)

OPTIONS = [
    PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
    PermissionOption(option_id="no", name="No", kind="reject_once"),
]


class ScriptedAgent:
    def __init__(self, behaviour: str, folder: Path) -> None:
        self._behaviour = behaviour
        self._folder = folder
        self._prompts = 0
        self._cwd = Path()
        self._client: Client | None = None

    def on_connect(self, conn: Client) -> None:
        self._client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> InitializeResponse:
        if self._behaviour == "old":
            return InitializeResponse(protocol_version=99)
        return InitializeResponse(
            protocol_version=PROTOCOL_VERSION, agent_capabilities=AgentCapabilities()
        )

    async def new_session(self, cwd: str, **_: Any) -> NewSessionResponse:
        self._cwd = Path(cwd)
        return NewSessionResponse(session_id="s1")

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> PromptResponse:
        self._prompts += 1
        (self._folder / "prompts.txt").open("a").write(prompt[0].text + "\n=====\n")
        await getattr(self, self._behaviour)()
        usage = Usage(total_tokens=30, input_tokens=20, output_tokens=10)
        if self._behaviour == "refusing":
            return PromptResponse(stop_reason="refusal", usage=usage)
        return PromptResponse(stop_reason="end_turn", usage=usage)

    async def cancel(self, session_id: str, **_: Any) -> None:
        return

    async def through_us(self) -> None:
        """Writes through the client, and runs a program in its terminal."""
        for path in self._deliverables():
            text = (self._folder / "work" / path).read_text()
            await self.client.write_text_file("s1", str(self._cwd / path), text)
        here = await self.client.create_terminal("s1", "ls", ["docs"], cwd=str(self._cwd))
        await self.client.wait_for_terminal_exit("s1", here.terminal_id)
        shown = await self.client.terminal_output("s1", here.terminal_id)
        self._note(shown.output)

    async def by_itself(self) -> None:
        """Writes without asking, as a program with the user's rights can."""
        for path in self._deliverables():
            (self._cwd / path).parent.mkdir(parents=True, exist_ok=True)
            (self._cwd / path).write_text((self._folder / "work" / path).read_text())

    async def at_the_second_try(self) -> None:
        if self._prompts > 1:
            await self.by_itself()

    async def asking(self) -> None:
        """Tries everything that it may not, notes what came of it, then does its work."""
        outside = self._folder / "secret.txt"
        link = self._cwd / "docs" / "link"
        link.parent.mkdir()
        link.symlink_to(self._folder)
        for path in (outside, self._cwd / ".." / "x", self._cwd / "Makefile", link / "x.md"):
            await self._tried("write", self.client.write_text_file("s1", str(path), "x"))
        for path in (outside, link / "secret.txt", Path("/etc/passwd")):
            await self._tried("read", self.client.read_text_file("s1", str(path)))
        await self._tried("cwd", self.client.create_terminal("s1", "ls", cwd="/"))
        link.unlink()
        for kind, path in (
            ("read", outside), ("edit", self._cwd / "docs" / "a.md"), ("edit", outside),
            ("delete", self._cwd / "Makefile"), ("execute", self._cwd / "docs" / "b.md"),
            ("fetch", self._cwd / "docs" / "c.md"),
        ):  # fmt: skip
            call = ToolCallUpdate(
                tool_call_id="c", kind=kind, title=kind,  # type: ignore[arg-type]
                locations=[ToolCallLocation(path=str(path))],
            )  # fmt: skip
            answer = await self.client.request_permission("s1", call, OPTIONS)
            self._note(f"{kind} {path.name}: {getattr(answer.outcome, 'option_id', 'cancelled')}")
        reading = f"print(open({str(outside)!r}).read())"
        spy = await self.client.create_terminal("s1", sys.executable, ["-c", reading])
        await self.client.wait_for_terminal_exit("s1", spy.terminal_id)
        self._note((await self.client.terminal_output("s1", spy.terminal_id)).output)
        await self.through_us()

    async def leaving_a_file(self) -> None:
        await self.by_itself()
        (self._cwd / "sitecustomize.py").write_text("print('got you')")

    async def leaving_a_link(self) -> None:
        await self.by_itself()
        (self._cwd / "docs" / "passwd").symlink_to("/etc/passwd")

    async def refusing(self) -> None:
        return

    async def crashing(self) -> None:
        sys.stderr.write("out of \x1b[31mmemory\n")
        sys.stderr.flush()
        os._exit(7)

    async def hanging(self) -> None:
        """Leaves a daemon behind that does not listen to anybody."""
        code = "import os,signal,time;signal.signal(15,1);os.setsid();time.sleep(600)"
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
        self._note(str(child.pid))
        await asyncio.sleep(600)

    async def noisy(self) -> None:
        """Prints what is no message, some of it looking like one."""
        for line in ("Welcome!", "[1, 2]", '{"method": 7}', '{"id": [], "result": 1}', "\x00"):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
        await self.by_itself()

    async def flooding(self) -> None:
        for _ in range(2_000):
            sys.stdout.write("noise\n")
        sys.stdout.flush()
        await asyncio.sleep(600)

    async def without_end(self) -> None:
        os.set_blocking(sys.stdout.fileno(), True)
        sys.stdout.write("x" * 17_000_000)
        sys.stdout.flush()
        await asyncio.sleep(600)

    @property
    def client(self) -> Client:
        assert self._client is not None
        return self._client

    async def _tried(self, what: str, call: Any) -> None:
        try:
            await call
        except RequestError as error:
            self._note(f"{what} refused: {error.data}")
        else:
            self._note(f"{what} DONE")

    def _deliverables(self) -> list[str]:
        work = self._folder / "work"
        return [p.relative_to(work).as_posix() for p in work.rglob("*") if p.is_file()]

    def _note(self, text: str) -> None:
        (self._folder / "notes.txt").open("a").write(text + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "mute":
        time.sleep(600)
    asyncio.run(run_agent(ScriptedAgent(sys.argv[1], Path(sys.argv[2]))))  # type: ignore[arg-type]
