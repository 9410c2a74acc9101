"""How `maestro agents add` takes agents in: ours by their executor, others by what they show."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from maestro.agents.acp.commands import AgentCommands
from maestro.agents.outside_agents import for_coding_agents
from maestro.bootstrap import sandbox_provider
from maestro.delivery.enlisting import region_of
from maestro.domain.agent import Agent, check_agent
from maestro.errors import InvalidInput
from maestro.planning.catalogue import load_catalogue
from maestro.settings import Settings

ANYWHERE = "unknown"
"""Region of agents that do not say where they take what they are given."""


@dataclass(frozen=True, slots=True)
class Joining:
    """Who shall join, as it was typed."""

    agent: str
    executor: str | None
    personas: tuple[str, ...]
    model: str | None
    known_as: str | None
    command: tuple[str, ...]


async def joining(asked: Joining, settings: Settings) -> Agent:
    """The agent as it may be registered.

    Raises:
        InvalidInput: words that do not belong together, or an agent that does not fit.
        StepFailed: an outside agent does not do what it has to do first.
    """
    if "://" in asked.agent:
        if asked.executor is not None or asked.model is not None or asked.command:
            raise InvalidInput(
                "a remote agent's card says what it is; --executor, --model and a command are not "
                "for it"
            )
        return await _joined(asked.agent, asked.known_as, asked.personas)
    if asked.executor is None or asked.known_as is not None:
        raise InvalidInput(
            f"agent {asked.agent!r}: say with --executor what does its work; --id is for the URL "
            "of a card"
        )
    if (asked.executor == "acp") != bool(asked.command):
        raise InvalidInput(
            "a coding agent (--executor acp), and no other, has a command, as the last words "
            "behind --"
        )
    wanted = Agent(
        id=asked.agent,
        executor=asked.executor,
        personas=asked.personas,
        capacity=1,
        model=asked.model,
    )
    check_agent(wanted)
    if asked.command:
        await _greeted(settings, asked.command)
        return replace(wanted, cost=None, region=ANYWHERE)
    if asked.model is not None:
        return playing(wanted, asked.model)
    return wanted


def playing(agent: Agent, model: str) -> Agent:
    """The agent, played by a model. Raises InvalidInput for a name that is none."""
    return replace(agent, executor="llm", model=model, cost=None, region=region_of(model))


async def keep_command(settings: Settings, agent_id: str, command: Sequence[str]) -> None:
    """What starts a coding agent, in the user's settings folder. Raises InvalidInput."""
    await asyncio.to_thread(AgentCommands(settings.config_folder).keep, agent_id, command)


async def forget_command(settings: Settings, agent_id: str) -> None:
    """Raises InvalidInput."""
    await asyncio.to_thread(AgentCommands(settings.config_folder).forget, agent_id)


async def _joined(card_url: str, agent_id: str | None, personas: Sequence[str]) -> Agent:
    _need("a2a")
    from maestro.agents.executors.a2a.joining import join  # noqa: PLC0415 - an extra

    known = await asyncio.to_thread(lambda: load_catalogue().personas)
    return await join(card_url, agent_id=agent_id, personas=personas, known=known)


async def _greeted(settings: Settings, command: Sequence[str]) -> None:
    _need("acp")
    from maestro.agents.acp.joining import greet  # noqa: PLC0415 - an extra

    await greet(command, sandbox_provider(settings), for_coding_agents(os.environ))


def _need(extra: str) -> None:
    if find_spec(extra) is None:
        raise InvalidInput(
            f"such agents need the extra {extra}; run: pip install 'maestro-conductor[{extra}]'"
        )
