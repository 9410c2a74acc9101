"""The choice of an agent is pure, explained and never silent about what is missing."""

import pytest

from maestro.agents.routing import choose_agent
from maestro.domain.work import Agent
from maestro.errors import NoAgentAvailable


def agent(name: str, *personas: str, capacity: int = 2) -> Agent:
    return Agent(id=name, executor="offline", personas=personas, capacity=capacity)


def test_the_agent_with_most_room_is_chosen() -> None:
    agents = [agent("a", "qa"), agent("b", "qa"), agent("c", "dev")]
    choice = choose_agent("qa", agents, {"a": 1})
    assert (choice.agent.id, choice.score) == ("b", 1.0)
    assert choice.reasons == ("plays qa", "2 of 2 places free")
    assert choose_agent("qa", agents, {"a": 1, "b": 2}).agent.id == "a"


def test_the_specialist_wins_among_equals() -> None:
    agents = [agent("a", "qa", "dev"), agent("b", "qa"), agent("c", "qa")]
    assert choose_agent("qa", agents, {}).agent.id == "b"


def test_a_full_agent_is_chosen_when_there_is_no_other() -> None:
    choice = choose_agent("qa", [agent("a", "qa")], {"a": 5})
    assert (choice.agent.id, choice.score, choice.reasons[1]) == ("a", 0.5, "0 of 2 places free")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(NoAgentAvailable, match=r"'poet'; 1 registered, playing: dev, qa"):
        choose_agent("poet", [agent("a", "qa", "dev")], {})
    with pytest.raises(NoAgentAvailable, match="0 registered, playing: nothing"):
        choose_agent("poet", [], {})
