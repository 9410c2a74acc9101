"""The agents that can be given work."""

from dataclasses import dataclass

from maestro.domain.values import first_duplicate
from maestro.domain.work import Agent
from maestro.errors import InvalidInput

OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class AgentRegistry:
    """The agents of this process, in order of registration."""

    agents: tuple[Agent, ...]

    def __post_init__(self) -> None:
        duplicate = first_duplicate([agent.id for agent in self.agents])
        if duplicate is not None:
            raise InvalidInput(f"agent id {duplicate!r} is registered twice; choose another id")
        for agent in self.agents:
            if agent.capacity < 1:
                raise InvalidInput(
                    f"agent {agent.id!r}: capacity must be at least 1, got {agent.capacity!r}"
                )

    def personas(self) -> tuple[str, ...]:
        """Every persona that some agent can play, sorted."""
        return tuple(sorted({persona for agent in self.agents for persona in agent.personas}))


def offline_agent(personas: tuple[str, ...], capacity: int) -> Agent:
    """The built-in agent: plays every persona for which a template package exists."""
    return Agent(
        id=OFFLINE, executor=OFFLINE, personas=tuple(sorted(set(personas))), capacity=capacity
    )
