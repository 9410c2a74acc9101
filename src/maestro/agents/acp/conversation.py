"""One process, greeted: the versions agree and it answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from acp import PROTOCOL_VERSION, Client, RequestError, connect_to_agent
from acp.client.connection import ClientSideConnection
from acp.schema import ClientCapabilities, FileSystemCapabilities
from pydantic import ValidationError

from maestro.agents.acp.desk import CodingDesk
from maestro.agents.acp.process import AgentLines, agent_process
from maestro.errors import AgentFailed

T = TypeVar("T")
GREETING_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class CodingAgent:
    connection: ClientSideConnection
    lines: AgentLines

    async def answer(self, call: Awaitable[T]) -> T:
        """Raises AgentFailed when the agent refuses, answers something else, or is gone."""
        try:
            return await call
        except RequestError as error:
            told = str(error)[:300]
            raise AgentFailed(f"the coding agent answered with an error: {told}") from error
        except ValidationError as error:
            raise AgentFailed(
                f"the coding agent's answer is none: {error.error_count()} faults, the first in "
                f"{error.errors()[0]['loc']!r}"
            ) from error
        except (ConnectionError, BrokenPipeError) as error:
            why = self.lines.problem or "it ended"
            words = self.lines.last_words()
            raise AgentFailed(
                f"the coding agent is gone: {why}{f'; it said: {words}' if words else ''}"
            ) from error


@asynccontextmanager
async def greeted(
    command: Sequence[str], desk: CodingDesk, *, cwd: Path, environment: Mapping[str, str]
) -> AsyncIterator[CodingAgent]:
    """A started agent; on leaving it is ended with everything it had started.

    Raises:
        AgentFailed: it cannot be started, or does not speak the protocol.
    """
    async with agent_process(command, cwd=cwd, env=environment) as lines:
        connection = connect_to_agent(_as_client(desk), lines)
        agent = CodingAgent(connection, lines)
        try:
            await _greet(agent)
            yield agent
        finally:
            await connection.close()
            await desk.close()


async def _greet(agent: CodingAgent) -> None:
    files = FileSystemCapabilities(read_text_file=True, write_text_file=True)
    capabilities = ClientCapabilities(fs=files, terminal=True)
    try:
        async with asyncio.timeout(GREETING_SECONDS):
            greeting = await agent.answer(
                agent.connection.initialize(PROTOCOL_VERSION, client_capabilities=capabilities)
            )
    except TimeoutError as error:
        raise AgentFailed(
            f"the coding agent does not answer the greeting within {GREETING_SECONDS:g} s"
        ) from error
    if greeting.protocol_version != PROTOCOL_VERSION:
        raise AgentFailed(
            f"the coding agent speaks version {greeting.protocol_version!r} of the protocol, not "
            f"{PROTOCOL_VERSION!r}"
        )


def _as_client(desk: CodingDesk) -> Client:
    return desk
