"""Labelled assignments go to the specialist that a person would name, and never to nobody known."""

from pathlib import Path
from typing import Any

import yaml
from team import an_agent

from maestro.agents.routing import Candidate, WorkDemand, choose_agent

LABELLED = Path(__file__).parents[2] / "data" / "routing" / "labelled.yaml"
LEAST = 0.95


def test_labelled_assignments_go_to_the_right_specialist() -> None:
    data: Any = yaml.safe_load(LABELLED.read_text())
    roster = [
        Candidate(agent=an_agent(entry.pop("id"), **{k: tuple(v) for k, v in entry.items()}))
        for entry in data["agents"]
    ]
    known = {candidate.agent.id for candidate in roster}
    wrong = []
    for case in data["assignments"]:
        assert case["agent"] in known
        demand = WorkDemand(
            persona=case["role"], languages=tuple(case["languages"]), text=case["text"]
        )
        choice = choose_agent(demand, roster)
        assert choice.agent.id in known
        assert {one.agent for one in choice.fallbacks} <= known
        if choice.agent.id != case["agent"]:
            wrong.append((case["text"], case["agent"], choice.agent.id, choice.reason))
    number = len(data["assignments"])
    assert number >= 60
    assert len(wrong) <= number * (1 - LEAST), wrong
