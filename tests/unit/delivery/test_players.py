"""The headline says who planned and worked, and never that no model did where one did."""

import asyncio
from pathlib import Path

import pytest
from team import NOW

from maestro.delivery.players import OFFLINE_TEAM, expected, players
from maestro.domain.agent import Agent
from maestro.domain.models import ModelTable
from maestro.domain.run import Event, EventKind
from maestro.domain.values import RunId
from maestro.domain.work import Usage
from maestro.storage.opening import open_store

NONE, SOME = Usage(), Usage(model_calls=4)


def chosen(agent: str, executor: str) -> Event:
    return Event(
        run_id=RunId("run-1"),
        sequence=1,
        at=NOW,
        kind=EventKind.AGENT_CHOSEN,
        data={"agent": agent, "executor": executor},
    )


SCRIPTED, MODEL = chosen("offline", "offline"), chosen("build-1", "llm")
REMOTE = chosen("far", "a2a")


@pytest.mark.parametrize("planner", ["", "offline"])
def test_the_offline_team_alone(planner: str) -> None:
    assert players(planner, [], NONE) == OFFLINE_TEAM
    assert players(planner, [SCRIPTED, SCRIPTED], NONE) == OFFLINE_TEAM


@pytest.mark.parametrize(
    ("planner", "events", "usage", "told"),
    [
        (
            "a:m",
            [SCRIPTED],
            SOME,
            "planned by a:m; work by offline; 4 calls of models",
        ),
        (
            "offline",
            [SCRIPTED, MODEL, SCRIPTED],
            SOME,
            "planned by offline; work by offline, build-1; 4 calls of models",
        ),
        ("offline", [REMOTE], NONE, "planned by offline; work by far; 0 calls of models"),
        ("a:m", [], NONE, "planned by a:m; 0 calls of models"),  # a plan that was brought along
        ("", [], SOME, "4 calls of models"),  # planning was refused
    ],
)
def test_others(planner: str, events: list[Event], usage: Usage, told: str) -> None:
    assert players(planner, events, usage) == told


def test_what_is_said_before_names_agents_that_may_be_chosen(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        store = await open_store(tmp_path / "players.db", seal_key=b"seal")
        try:
            before = await expected(store, None)
            for name, asked in (("asked", True), ("cloud", False)):
                agent = Agent(
                    id=name,
                    executor="llm",
                    personas=("technical_writer",),
                    capacity=1,
                    model="a:m",
                    cost=None,
                    region="a",
                    on_request=asked,
                )
                await store.write(lambda tx, agent=agent: tx.agents.insert(agent, NOW))  # type: ignore[misc]
            table = ModelTable(personas={"*": ("a:m",)})
            left = await expected(store, table, {"*": "build"})
            return [before, await expected(store, None), await expected(store, table), left]
        finally:
            await store.close()

    assert asyncio.run(scenario()) == [
        "offline team: scripted, no model is called",
        "no model is named; work goes to registered agents, among them cloud",
        "models play everybody: a:m",
        "models play everybody: a:m; workers that offer 'build' do the work of everybody",
    ]
