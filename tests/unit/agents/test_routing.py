"""The choice: score, factors, limits, fallbacks, ties, exclusions and refusals."""

import random
from dataclasses import replace

import pytest
from team import an_agent

from maestro.agents.routing import Candidate, Fallback, WorkDemand, choose_agent
from maestro.domain.agent import AgentState, RoutingRules, RoutingWeights
from maestro.errors import InvalidInput, NoAgentAvailable

DEMAND = WorkDemand(persona="backend_developer")


def test_the_score_is_the_weighted_sum_of_the_factors() -> None:
    agent = an_agent("a", capacity=4, skills=("graphql",))
    quick = Candidate(agent=an_agent("quick"), in_hand=1, seconds=10.0, success=0.0)
    one = Candidate(agent=agent, in_hand=1, success=0.5, seconds=40.0)
    choice = choose_agent(replace(DEMAND, text="A GraphQL gateway"), [one, quick])
    assert choice.agent.id == "a"
    factors = choice.factors
    assert (factors.skill, factors.free, factors.success, factors.speed) == (1.0, 0.75, 0.5, 0.5)
    assert choice.score == pytest.approx(0.4 * 1 + 0.3 * 0.75 + 0.2 * 0.5 + 0.1 * 0.5)
    assert choice.fallbacks == (Fallback(agent="quick", score=0.3),)
    assert choice.reason == "plays backend_developer; knows graphql; 3 of 4 places free; best of 2"


def test_weights_decide() -> None:
    skilled = Candidate(agent=an_agent("skilled", skills=("rest",), capacity=2), in_hand=1)
    idle = Candidate(agent=an_agent("idle", capacity=2))
    demand = replace(DEMAND, text="a REST API")
    assert choose_agent(demand, [skilled, idle]).agent.id == "skilled"
    only_room = RoutingRules(weights=RoutingWeights(skill=0, free=1, success=0, speed=0))
    assert choose_agent(demand, [skilled, idle], rules=only_room).agent.id == "idle"


def test_weights_add_up_to_one() -> None:
    with pytest.raises(InvalidInput, match="add up to 1"):
        RoutingWeights(skill=0.9)


def test_a_full_agent_is_chosen_only_when_all_are_full() -> None:
    best = Candidate(agent=an_agent("best", skills=("rest",)), in_hand=1)
    other = Candidate(agent=an_agent("other", skills=("charts",)), success=0.1)
    demand = replace(DEMAND, text="a REST API")
    choice = choose_agent(demand, [best, other])
    assert (choice.agent.id, choice.must_wait) == ("other", False)
    choice = choose_agent(demand, [best, replace(other, in_hand=1)])
    assert (choice.agent.id, choice.must_wait) == ("best", True)


def test_among_equals_the_one_with_fewest_assignments_then_by_id() -> None:
    equal = [Candidate(agent=an_agent(name), given=given) for name, given in (("b", 1), ("c", 0))]
    assert choose_agent(DEMAND, equal).agent.id == "c"
    equal.append(Candidate(agent=an_agent("a")))
    for _ in range(5):
        random.shuffle(equal)
        assert choose_agent(DEMAND, equal).agent.id == "a"


def test_among_equals_a_specialist_before_who_plays_everything() -> None:
    every = an_agent("a", personas=("backend_developer", "qa_engineer"))
    assert (
        choose_agent(DEMAND, [Candidate(agent=every), Candidate(agent=an_agent("b"))]).agent.id
        == "b"
    )


def test_only_times_that_differ_much_make_a_difference() -> None:
    quicker = Candidate(agent=an_agent("a"), given=1, seconds=20.0)
    slower = Candidate(agent=an_agent("b"), given=0, seconds=39.0)
    assert choose_agent(DEMAND, [quicker, slower]).agent.id == "b"
    assert choose_agent(DEMAND, [quicker, replace(slower, seconds=90.0)]).agent.id == "a"
    assert choose_agent(DEMAND, [quicker, replace(slower, seconds=None)]).agent.id == "b"


def test_a_specialist_of_something_else_comes_last() -> None:
    charts = Candidate(agent=an_agent("charts", skills=("charts",)))
    plain = Candidate(agent=an_agent("plain", personas=("backend_developer", "qa_engineer")))
    assert choose_agent(replace(DEMAND, text="a REST API"), [charts, plain]).agent.id == "plain"


def test_who_failed_at_it_is_left_out_and_named() -> None:
    agents = [Candidate(agent=an_agent("a")), Candidate(agent=an_agent("b"), success=0.1)]
    choice = choose_agent(DEMAND, agents, excluded=("a", "gone"))
    assert (choice.agent.id, choice.excluded) == ("b", ("a",))
    with pytest.raises(NoAgentAvailable, match="a: it failed at this before; b: it failed"):
        choose_agent(DEMAND, agents, excluded=("a", "b"))


REFUSALS = [
    ({"state": AgentState.DRAINING}, {}, "it is draining"),
    ({"languages": ("go",)}, {}, "it does not work in python"),
    ({"cost": 2.5}, {}, r"its cost is 2\.5, the limit is 1"),
    ({"cost": None}, {}, "its cost is unknown, the limit is 1"),
    ({"region": "us"}, {}, "data may not go to us"),
    ({}, {"unavailable": "its process is gone"}, "its process is gone"),
]


@pytest.mark.parametrize(("changes", "state", "why"), REFUSALS)
def test_why_somebody_cannot_is_said(
    changes: dict[str, object], state: dict[str, str], why: str
) -> None:
    rules = RoutingRules(cost_limit=1.0, regions=("eu",))
    demand = replace(DEMAND, languages=("python",))
    one = Candidate(agent=an_agent("one", **changes), **state)  # type: ignore[arg-type]
    with pytest.raises(NoAgentAvailable, match=f"'backend_developer' can take this: one: {why}"):
        choose_agent(demand, [one], rules=rules)
    fine = Candidate(agent=an_agent("fine", cost=1.0, region="eu", languages=("python",)))
    assert choose_agent(demand, [one, fine], rules=rules).agent.id == "fine"


def test_nobody_for_the_persona_says_who_plays_what() -> None:
    with pytest.raises(NoAgentAvailable, match="1 registered, playing: backend_developer"):
        choose_agent(WorkDemand(persona="poet"), [Candidate(agent=an_agent("a"))])
    with pytest.raises(NoAgentAvailable, match="0 registered, playing: nothing"):
        choose_agent(DEMAND, [])


def test_a_long_list_of_refusals_is_cut() -> None:
    many = [Candidate(agent=an_agent(f"a{n}"), unavailable="off") for n in range(9)]
    with pytest.raises(NoAgentAvailable, match="a4: off; and 4 more"):
        choose_agent(DEMAND, many)


def a_model(agent_id: str, model: str, **changes: object) -> Candidate:
    plain = an_agent(agent_id, executor="llm", model=model, cost=None, region="openai")
    return Candidate(agent=replace(plain, **changes))  # type: ignore[arg-type]


def test_a_run_that_names_models_gets_them_in_its_own_order() -> None:
    team = [
        Candidate(agent=an_agent("templates", skills=("rest",))),
        a_model("first", "openai:a", on_request=True),
        a_model("second", "openai:b", on_request=True, skills=("rest",)),
        a_model("third", "openai:c", skills=("rest",)),
    ]
    demand = replace(DEMAND, text="a REST API", models=("openai:a", "openai:b"))
    choice = choose_agent(demand, team)
    assert (choice.agent.id, [one.agent for one in choice.fallbacks]) == ("first", ["second"])
    assert "with openai:a, which the run names" in choice.reason
    again = choose_agent(demand, team, excluded=("first",))
    assert (again.agent.id, again.excluded) == ("second", ("first",))
    busy = [replace(one, in_hand=1) if one.agent.id == "first" else one for one in team]
    assert choose_agent(demand, busy).must_wait
    with pytest.raises(NoAgentAvailable, match=r"templates: the run wants to be played by openai"):
        choose_agent(replace(demand, models=("openai:x",)), team)


def test_what_was_registered_for_a_runs_model_gets_no_other_work() -> None:
    asked = a_model("model-a", "openai:a", on_request=True, skills=("rest",))
    other = Candidate(agent=an_agent("other"))
    demand = replace(DEMAND, text="a REST API")
    assert choose_agent(demand, [asked, other]).agent.id == "other"
    with pytest.raises(NoAgentAvailable, match="works only for runs that name its model"):
        choose_agent(demand, [asked])


def test_limits_hold_for_models_that_a_run_names() -> None:
    team = [a_model("model-a", "openai:a", on_request=True)]
    demand = replace(DEMAND, models=("openai:a",))
    with pytest.raises(NoAgentAvailable, match="data may not go to openai"):
        choose_agent(demand, team, rules=RoutingRules(regions=("anthropic",)))
    with pytest.raises(NoAgentAvailable, match="its cost is unknown, the limit is 1"):
        choose_agent(demand, team, rules=RoutingRules(cost_limit=1.0))
