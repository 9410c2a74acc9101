"""The executor kinds of agents outside of this process, as far as their extras are installed."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from maestro.agents.dispatch import ExecutorFamily
from maestro.domain.agent import Agent
from maestro.errors import NoAgentAvailable
from maestro.ports import PersonaExecutor


class RemoteAgents:
    """Gives every `a2a` agent its executor. The SDK is loaded when the first one works."""

    def of(self, agent: Agent) -> PersonaExecutor:
        from maestro.agents.executors.a2a.executor import A2aExecutor  # noqa: PLC0415 - a second

        if agent.address is None:
            raise NoAgentAvailable(f"agent {agent.id!r} names no card; remove it and add it again")
        return A2aExecutor(agent=agent.id, card_url=agent.address)


@dataclass(frozen=True, slots=True)
class CodingAgents:
    """Gives every `acp` agent its executor; its command is in the user's settings folder."""

    folder: Path
    environment: Mapping[str, str]

    def of(self, agent: Agent) -> PersonaExecutor:
        from maestro.agents.acp.commands import AgentCommands  # noqa: PLC0415 - with the SDK
        from maestro.agents.acp.executor import AcpExecutor  # noqa: PLC0415 - half a second

        commands = AgentCommands(self.folder)
        return AcpExecutor(
            agent=agent.id,
            command=lambda: commands.of(agent.id),
            environment=self.environment,
        )


def outside_agents(folder: Path, environment: Mapping[str, str]) -> Mapping[str, ExecutorFamily]:
    """By executor kind; a kind whose extra is missing is left out, so nothing is routed there.

    Args:
        folder: the user's settings.
        environment: the user's variables.
    """
    found: dict[str, ExecutorFamily] = {}
    if find_spec("a2a") is not None:
        found["a2a"] = RemoteAgents()
    if find_spec("acp") is not None:
        found["acp"] = CodingAgents(folder, for_coding_agents(environment))
    return found


def for_coding_agents(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The user's variables, by which coding agents find their logins, without our own: those may
    hold passwords.
    """
    return {k: v for k, v in environment.items() if not k.startswith("MAESTRO_")}
