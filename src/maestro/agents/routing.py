"""Which agent gets an assignment: a pure choice with a score and its reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maestro.domain.work import Agent
from maestro.errors import NoAgentAvailable


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentChoice:
    agent: Agent
    score: float
    """0 to 1."""
    reasons: tuple[str, ...]


def choose_agent(persona: str, agents: Sequence[Agent], busy: Mapping[str, int]) -> AgentChoice:
    """The agent with most room; among equals the one that plays fewer personas, then by id.

    A full agent is still chosen when there is no other: the assignment waits for it.

    Args:
        busy: assignments in hand by agent id.

    Raises:
        NoAgentAvailable: nobody plays the persona; the message says who plays what.
    """
    able = [agent for agent in agents if persona in agent.personas]
    if not able:
        known = sorted({name for agent in agents for name in agent.personas})
        raise NoAgentAvailable(
            f"no agent plays the persona {persona!r}; "
            f"{len(agents)} registered, playing: {', '.join(known) or 'nothing'}"
        )
    choices = [_rate(persona, agent, busy.get(agent.id, 0)) for agent in able]
    return min(choices, key=lambda c: (-c.score, len(c.agent.personas), c.agent.id))


def _rate(persona: str, agent: Agent, in_hand: int) -> AgentChoice:
    free = max(0, agent.capacity - in_hand)
    return AgentChoice(
        agent=agent,
        score=round(0.5 + 0.5 * free / agent.capacity, 3),
        reasons=(f"plays {persona}", f"{free} of {agent.capacity} places free"),
    )
