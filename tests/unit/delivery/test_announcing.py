"""Which agents failed at a step, from its run's events."""

import asyncio
from pathlib import Path

from engine_bench import RUN, Bench, FakeClock, asking, embedded, step

from maestro.delivery.announcing import failed_agents
from maestro.domain.run import EventKind, RunStatus
from maestro.domain.steering import Verb
from maestro.domain.workflow import RetryPolicy
from maestro.errors import AgentFailed, BudgetExceeded, MaestroError
from maestro.ports import StepContext, StepResult


def test_an_attempt_without_budget_or_cut_short_is_nobodys_failure(tmp_path: Path) -> None:
    ends: list[MaestroError] = [AgentFailed("no"), BudgetExceeded("none is left")]
    benches: list[Bench] = []
    seen: list[tuple[str, ...]] = []

    async def work(context: StepContext) -> StepResult:
        seen.append(await failed_agents(benches[0].store, context))
        await context.emit(EventKind.AGENT_CHOSEN, {"agent": f"a{context.attempt}"})
        if ends:
            raise ends.pop(0)
        return StepResult()

    async def scenario() -> None:
        clock = FakeClock()
        async with embedded(tmp_path / "maestro.db", clock, {"work": work}) as (engine, store):
            bench = Bench(engine, store, clock)
            benches.append(bench)
            again = RetryPolicy(max_attempts=2)
            run = await bench.run(step("a", action="work", retry=again))
            assert run.status is RunStatus.FAILED
            await engine.steer(RUN, asking(Verb.RETRY, "a"))
            assert (await engine.execute(RUN)).status is RunStatus.SUCCEEDED

    asyncio.run(scenario())
    assert seen == [(), ("a1",), ("a1",)]
