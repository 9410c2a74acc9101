"""Models that runs name are registered once, for those runs and no others."""

import asyncio
from pathlib import Path

from team import NOW, an_agent

from maestro.delivery.enlisting import enlist_models, region_of
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock

SERVER = "http://127.0.0.1:8791/v1#Qwen/1.5b"


def test_each_model_gets_one_agent_and_an_id_that_is_taken_gets_a_digest(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await open_store(tmp_path / "team.db", seal_key=b"seal")
        try:
            taken = an_agent("model-gpt")
            await store.write(lambda tx: tx.agents.insert(taken, NOW))
            names = ("openai:gpt", SERVER)
            both = (enlist_models(store, SystemClock(), names) for _ in range(2))
            await asyncio.gather(*both)
            await enlist_models(store, SystemClock(), names)
            agents = [one.agent for one in await store.read(lambda tx: tx.agents.all())]
        finally:
            await store.close()
        other, gpt, qwen = agents
        assert other == taken
        assert (gpt.id[:10], gpt.model, gpt.region) == ("model-gpt-", "openai:gpt", "openai")
        assert (qwen.id, qwen.model, qwen.region) == ("model-qwen-1.5b", SERVER, "local")
        for agent in (gpt, qwen):
            assert (agent.executor, agent.cost, agent.on_request) == ("llm", None, True)
            assert {"backend_developer", "qa_engineer"} <= set(agent.personas)

    asyncio.run(scenario())


def test_where_prompts_go() -> None:
    of = ("anthropic:x", "http://localhost:1/v1#x", "https://models.example.org/v1#x")
    assert [region_of(name) for name in of] == ["anthropic", "local", "models.example.org"]
