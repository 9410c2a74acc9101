"""Registered agents that are models, in a process that may lack what they need."""

import asyncio
from pathlib import Path
from typing import cast

import pytest
from team import NO_SANDBOX, FixedTimeExecutor, an_agent, an_assignment, no_report, team

from maestro.agents.executors.llm.executor import LlmExecutor
from maestro.agents.executors.llm.family import ModelAgents
from maestro.agents.models.names import model_name
from maestro.agents.models.provider import ProviderModel
from maestro.domain.models import ModelProfile, ModelTable
from maestro.errors import InvalidInput, ModelFailed
from maestro.ports import CallJournal, LanguageModel

NO_JOURNAL = cast(CallJournal, None)  # nothing is asked before the model is there


def without_keys(name: str, profile: ModelProfile) -> LanguageModel:
    return ProviderModel(model_name(name), profile, environment={})


def test_a_model_that_this_process_has_no_key_for_leaves_the_work_to_others(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        models = ModelAgents(LlmExecutor(open_model=without_keys, journal=NO_JOURNAL))
        agents = [
            an_agent("keyless", executor="llm", model="anthropic:m", skills=("rest",)),
            an_agent("other"),
        ]
        executors = {"llm": models, "fixed": FixedTimeExecutor(0)}
        work = an_assignment(requirement="a REST API")
        async with team(tmp_path, executors, agents) as (road, told, _):
            with pytest.raises(ModelFailed, match=r"'anthropic:m' cannot be used here: .* API key"):
                await road.execute(work, NO_SANDBOX, no_report)
            again = an_assignment(requirement="a REST API", failed_agents=("keyless",))
            await road.execute(again, NO_SANDBOX, no_report)
            assert told.chosen() == ["keyless", "other"]
            assert road.snapshot().totals.failed == 1

    asyncio.run(scenario())


def test_that_it_could_not_be_opened_is_worth_another_attempt_and_cost_nothing() -> None:
    agent = an_agent("keyless", executor="llm", model="openai:m")
    player = ModelAgents(LlmExecutor(open_model=without_keys, journal=NO_JOURNAL)).of(agent)
    with pytest.raises(ModelFailed) as caught:
        asyncio.run(player.execute(an_assignment(), NO_SANDBOX, no_report))
    assert (caught.value.retryable, caught.value.unpaid) == (True, True)


def test_a_model_that_the_run_names_is_not_replaced_where_it_cannot_be_used() -> None:
    agent = an_agent("keyless", executor="llm", model="openai:m", on_request=True)
    player = ModelAgents(LlmExecutor(open_model=without_keys, journal=NO_JOURNAL)).of(agent)
    work = an_assignment(table=ModelTable(personas={"*": ("openai:m",)}))
    with pytest.raises(InvalidInput, match="API key"):
        asyncio.run(player.execute(work, NO_SANDBOX, no_report))


def test_the_chosen_model_comes_first_and_the_runs_others_are_its_fallbacks() -> None:
    opened: list[str] = []

    def noting(name: str, profile: ModelProfile) -> LanguageModel:
        opened.append(name)
        if len(opened) == 2:
            raise InvalidInput("enough")
        return cast(LanguageModel, None)

    agent = an_agent("second", executor="llm", model="openai:b", on_request=True)
    player = ModelAgents(LlmExecutor(open_model=noting, journal=NO_JOURNAL)).of(agent)
    work = an_assignment(table=ModelTable(personas={"*": ("openai:a", "openai:b")}))
    with pytest.raises(InvalidInput, match="enough"):
        asyncio.run(player.execute(work, NO_SANDBOX, no_report))
    assert opened == ["openai:b", "openai:a"]
