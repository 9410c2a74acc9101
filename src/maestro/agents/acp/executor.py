"""The executor of coding agents: prompts, takes what lies in the work tree, checks, asks again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acp import text_block
from acp.schema import PromptResponse

from maestro.agents.acp.conversation import greeted
from maestro.agents.acp.desk import CodingDesk
from maestro.agents.acp.task import first_prompt, repair_prompt
from maestro.agents.executors.offline.executor import mock_ports
from maestro.agents.executors.outside.claims import Claims, work_result
from maestro.agents.executors.outside.files import TreeFile, changed, tree_files
from maestro.agents.executors.outside.house import HouseRules, house_rules, run_checks
from maestro.domain.addresses import joined_variables
from maestro.domain.work import Assignment, Usage, WorkResult
from maestro.domain.write_set import checked_path, write_set
from maestro.errors import AgentFailed, InvalidInput, NotFound, StepTimedOut
from maestro.ports import Reach, Report, Sandbox

Ask = Callable[[str], Awaitable[PromptResponse]]
TRIES = 3
"""Prompts in one session: the first, and those with the failed checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcpExecutor:
    """A PersonaExecutor. The agent runs with the user's rights, as it does in an editor; what it
    wrote outside of the write-set fails the attempt, and its checks run in the sandbox.
    """

    agent: str
    command: Callable[[], Sequence[str]]
    """Read when it is needed, from the user's own settings. May block."""
    environment: Mapping[str, str]

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        """Raises AgentFailed when the agent breaks, refuses, or its work does not pass after all
        tries; StepTimedOut.
        """
        rules = await asyncio.to_thread(house_rules, assignment)
        seconds = assignment.budget.wall_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._work(assignment, rules, sandbox, report)
        except (InvalidInput, NotFound) as error:
            raise AgentFailed(f"coding agent {self.agent!r}: {error}") from error
        except TimeoutError as error:
            raise StepTimedOut(
                f"coding agent {self.agent!r} was not done after {seconds:g} s and is ended"
            ) from error

    async def _work(
        self, assignment: Assignment, rules: HouseRules, sandbox: Sandbox, report: Report
    ) -> WorkResult:
        allowed = write_set(assignment.provides)
        before = await asyncio.to_thread(tree_files, sandbox.root)
        desk = CodingDesk(
            sandbox=sandbox,
            allowed=allowed,
            env=joined_variables(consumed.variables() for consumed in assignment.consumes),
            reach=Reach(connect=mock_ports(one.url for one in assignment.consumes)),
            report=report,
        )
        usage = Usage(cost=None)
        prompt = first_prompt(assignment, rules, allowed)
        async with self._session(desk, sandbox.root) as ask:
            for attempt in range(1, TRIES + 1):
                usage = _added(usage, await ask(prompt))
                files = await asyncio.to_thread(_delivered, sandbox.root, before, allowed)
                try:
                    checks = await run_checks(rules, assignment, sandbox, report)
                    break
                except AgentFailed as error:
                    if attempt == TRIES:
                        raise
                    await report(f"try {attempt} of {TRIES} does not pass; asking again")
                    prompt = repair_prompt(str(error))
        summary = f"written by the coding agent {self.agent} ({len(files)} files)"
        claims = Claims(summary=summary, usage=usage)
        details = {"coding_agent": {"agent": self.agent, "refused": desk.refused, "tries": attempt}}
        return work_result(claims, files, rules, checks, details)

    @asynccontextmanager
    async def _session(self, desk: CodingDesk, root: Path) -> AsyncIterator[Ask]:
        command = await asyncio.to_thread(self.command)
        async with greeted(command, desk, cwd=root, environment=self.environment) as agent:
            session = await agent.answer(
                agent.connection.new_session(cwd=str(root), mcp_servers=[])
            )

            async def ask(prompt: str) -> PromptResponse:
                words: list[Any] = [text_block(prompt)]
                response = await agent.answer(agent.connection.prompt(session.session_id, words))
                if response.stop_reason != "end_turn":
                    raise AgentFailed(
                        f"coding agent {self.agent!r} stopped with {response.stop_reason!r}"
                    )
                return response

            yield ask


def _delivered(
    root: Path, before: Sequence[TreeFile], allowed: Sequence[str]
) -> tuple[TreeFile, ...]:
    """What the agent changed in the tree, by our own look at it.

    Raises:
        AgentFailed: something outside of the write-set, a link, or too much.
    """
    try:
        files = changed(before, tree_files(root))
        for file in files:
            checked_path(file.path, allowed)
    except InvalidInput as error:
        raise AgentFailed(f"what the coding agent left in its tree is refused: {error}") from error
    gone = {file.path for file in before} - {file.path for file in tree_files(root)}
    if gone:
        raise AgentFailed(f"the coding agent removed {sorted(gone)[0]!r}, which is not its own")
    return files


def _added(usage: Usage, response: PromptResponse) -> Usage:
    """What it says it used; the cost stays unknown."""
    told = response.usage
    return Usage(
        model_calls=usage.model_calls + 1,
        input_tokens=usage.input_tokens + (told.input_tokens if told is not None else 0),
        output_tokens=usage.output_tokens + (told.output_tokens if told is not None else 0),
        cost=None,
    )
