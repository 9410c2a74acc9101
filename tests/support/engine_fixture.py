"""The fixture that runs a scenario on every host."""

import asyncio
from pathlib import Path

import pytest
from engine_bench import HOSTS, Bench, FakeClock, Handlers, Play, Scenario

from maestro.ports import StepContext, StepHandler, StepResult


@pytest.fixture(params=sorted(HOSTS))
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """Runs a scenario on a fresh engine with the given handlers."""
    location: Path | str = tmp_path / "maestro.db"
    if request.param.endswith("postgresql"):
        location = request.getfixturevalue("postgres_url")

    def run(handlers: Handlers, scenario: Scenario) -> Bench:
        clock = FakeClock()
        benches: list[Bench] = []

        def noted(handler: StepHandler) -> StepHandler:
            async def call(context: StepContext) -> StepResult:
                benches[0].contexts.append(context)
                return await handler(context)

            return call

        async def main() -> None:
            noting = {name: noted(handler) for name, handler in handlers.items()}
            async with HOSTS[request.param](location, clock, noting) as (engine, store):
                benches.append(Bench(engine, store, clock))
                await scenario(benches[0])

        asyncio.run(main())
        return benches[0]

    return run
