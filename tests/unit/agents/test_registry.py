"""The registry refuses what could not be routed to."""

import pytest

from maestro.agents.registry import AgentRegistry, offline_agent
from maestro.errors import InvalidInput


def test_the_offline_agent_plays_each_persona_once() -> None:
    agent = offline_agent(("qa", "dev", "qa"), 3)
    assert (agent.id, agent.executor, agent.personas, agent.capacity) == (
        "offline",
        "offline",
        ("dev", "qa"),
        3,
    )
    assert AgentRegistry((agent,)).personas() == ("dev", "qa")


def test_ids_are_unique_and_capacity_is_positive() -> None:
    agent = offline_agent(("qa",), 1)
    with pytest.raises(InvalidInput, match="'offline' is registered twice"):
        AgentRegistry((agent, agent))
    with pytest.raises(InvalidInput, match="capacity must be at least 1, got 0"):
        AgentRegistry((offline_agent(("qa",), 0),))
