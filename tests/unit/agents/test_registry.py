"""The built-in agent, and which registered agents a process can give work to."""

from dataclasses import replace

import pytest
from team import NOW, an_agent

from maestro.agents.registry import Reachable, offline_agent
from maestro.domain.agent import Agent, AgentRecord, check_agent
from maestro.errors import InvalidInput


def record(agent: Agent, *, alive: bool = True) -> AgentRecord:
    return AgentRecord(agent=agent, registered_at=NOW, alive=alive)


def test_the_offline_agent_plays_each_persona_once() -> None:
    agent = offline_agent(("qa", "dev", "qa"), 3)
    assert (agent.id, agent.executor, agent.personas, agent.capacity) == (
        "offline",
        "offline",
        ("dev", "qa"),
        3,
    )


def test_agents_of_every_process_and_of_this_one_are_reached() -> None:
    shared, here = record(an_agent("shared")), record(an_agent("here", home="me"))
    there, dead = record(an_agent("there", home="you")), record(an_agent("dead"), alive=False)
    reach = Reachable.of([shared, there, dead], {"fixed"}, "me")
    assert reach.refusal(shared) == ""
    assert reach.refusal(there) == "it lives in process 'you'"
    assert "gives no sign any more" in reach.refusal(dead)
    own = Reachable.of([shared, here], {"fixed"}, "me")
    assert own.refusal(here) == ""
    assert own.refusal(shared) == "this process works for the agents that live in it"
    assert "no executor 'fixed', only: offline" in Reachable.of([], {"offline"}, "").refusal(shared)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"id": "Big"}, "small letter"),
        ({"personas": ()}, "personas is empty"),
        ({"capacity": 0}, "capacity must be at least 1, got 0"),
        ({"skills": ("Rest",)}, "skills: 'Rest' must be small letters"),
        ({"cost": -1.0}, "cost must not be negative"),
        ({"model": "m"}, "names its model"),
        ({"executor": "llm"}, "names its model"),
    ],
)
def test_an_agent_that_cannot_be(changes: dict[str, object], rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        check_agent(replace(an_agent("a"), **changes))  # type: ignore[arg-type]


def test_who_fails_together() -> None:
    of = {
        "a": an_agent("a", executor="llm", model="anthropic:x"),
        "b": an_agent("b", executor="llm", model="http://127.0.0.1:80/v1#x"),
        "c": an_agent("c"),
        "d": an_agent("d", executor="acp"),
        "e": an_agent("e", executor="a2a", address="https://agents.example/card.json"),
    }
    assert {name: agent.provider for name, agent in of.items()} == {
        "a": "anthropic",
        "b": "127.0.0.1:80",
        "c": "fixed",
        "d": "acp:d",
        "e": "agents.example",
    }
