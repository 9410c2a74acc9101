"""What a coding agent hears of its terminals, and how much of what it says is kept."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from acp.schema import AllowedOutcome, PermissionOption, ToolCallStart, ToolCallUpdate

from maestro.agents.acp.desk import MAX_LINES, CodingDesk
from maestro.agents.sandboxes.provider import HostSandboxProvider
from maestro.ports import Reach, Sandbox

FOREVER = ("sleep", ["60"])


def desk_in(sandbox: Sandbox, told: list[str]) -> CodingDesk:
    async def report(line: str) -> None:
        told.append(line)

    return CodingDesk(sandbox=sandbox, allowed=(), env={}, reach=Reach(), report=report)


def exits(tree: Path, *words: str, killed: bool) -> Sequence[object]:
    """What waiting and looking say of a terminal, with a wait that began before the end."""

    async def scene() -> Sequence[object]:
        async with HostSandboxProvider().open(tree) as sandbox:
            desk = desk_in(sandbox, [])
            name = (await desk.create_terminal("s", words[0], list(words[1:]))).terminal_id
            early = asyncio.create_task(desk.wait_for_terminal_exit("s", name))
            await asyncio.sleep(0)  # it waits
            if killed:
                await desk.kill_terminal("s", name)
            late = await desk.wait_for_terminal_exit("s", name)
            shown = await desk.terminal_output("s", name)
            assert shown.exit_status is not None
            return (
                (await early).exit_code,
                late.exit_code,
                shown.exit_status.exit_code,
                shown.output,
            )

    return asyncio.run(asyncio.wait_for(scene(), 30))


def test_a_terminal_that_was_killed_has_an_end(tmp_path: Path) -> None:
    assert exits(tmp_path, "sleep", "60", killed=True) == (137, 137, 137, "killed")


def test_a_terminal_that_ended_by_itself_tells_how(tmp_path: Path) -> None:
    assert exits(tmp_path, "sh", "-c", "echo so; exit 3", killed=False) == (3, 3, 3, "so\n")


def test_whoever_stops_waiting_does_not_end_the_program(tmp_path: Path) -> None:
    async def scene() -> bool:
        async with HostSandboxProvider().open(tmp_path) as sandbox:
            desk = desk_in(sandbox, [])
            name = (await desk.create_terminal("s", *FOREVER)).terminal_id
            waiting = asyncio.create_task(desk.wait_for_terminal_exit("s", name))
            await asyncio.sleep(0)  # it waits
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            shown = await desk.terminal_output("s", name)
            await desk.close()
            return shown.exit_status is None

    assert asyncio.run(scene())


def test_an_agent_that_talks_without_end_is_cut_short(tmp_path: Path) -> None:
    """Calls that are told of, and those that are refused, count together."""
    told: list[str] = []

    async def scene() -> int:
        async with HostSandboxProvider().open(tmp_path) as sandbox:
            desk = desk_in(sandbox, told)
            call = ToolCallStart(session_update="tool_call", tool_call_id="c", title="look")
            refused = ToolCallUpdate(tool_call_id="c", kind="execute", title="rm")
            no = PermissionOption(option_id="no", name="No", kind="reject_once")
            for _ in range(MAX_LINES):
                await desk.session_update("s", call)
                answer = await desk.request_permission("s", refused, [no])
                assert isinstance(answer.outcome, AllowedOutcome)
                assert answer.outcome.option_id == "no"
            return desk.refused

    assert asyncio.run(scene()) == MAX_LINES
    assert len(told) == MAX_LINES
    assert told[:2] == ["coding agent: look", "refused: rm"]
    assert told[-1] == "coding agent: it does more, which is not shown"
