"""The dispatcher hands on, keeps within capacity and gives places back."""

import asyncio
import importlib.util
from pathlib import Path
from typing import Any, cast

import pytest

from maestro.agents.dispatch import Dispatcher
from maestro.agents.registry import AgentRegistry, offline_agent
from maestro.domain.work import Assignment, WorkResult
from maestro.errors import InvalidInput, NoAgentAvailable, StepFailed
from maestro.ports import Report, Sandbox


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("backend_domains", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


domains = load(Path(__file__).parents[2] / "data" / "backend" / "domains.py")
NO_SANDBOX = cast(Sandbox, None)  # the fake executors never touch it


class FakeExecutor:
    """Works until it is let go; counts how many are at work."""

    def __init__(self, error: Exception | None = None) -> None:
        self.working = 0
        self.most = 0
        self.started = asyncio.Semaphore(0)
        self.let_go = asyncio.Event()
        self.error = error

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        self.working += 1
        self.most = max(self.most, self.working)
        self.started.release()
        try:
            await self.let_go.wait()
            if self.error is not None:
                raise self.error
            return WorkResult(summary=assignment.persona.id, changed_paths=())
        finally:
            self.working -= 1


class Lines:
    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, line: str) -> None:
        self.seen.append(line)


def dispatcher(executor: FakeExecutor, capacity: int) -> Dispatcher:
    registry = AgentRegistry((offline_agent(("backend_developer",), capacity),))
    return Dispatcher(registry, {"offline": executor})


def test_no_more_than_the_capacity_at_once() -> None:
    async def scenario() -> tuple[FakeExecutor, list[str]]:
        executor, lines = FakeExecutor(), Lines()
        road = dispatcher(executor, 2)
        work = domains.assignment("backend_developer")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(road.execute(work, NO_SANDBOX, lines)) for _ in range(5)]
            for _ in range(2):
                await executor.started.acquire()
            assert executor.working == 2
            executor.let_go.set()
        assert {task.result().summary for task in tasks} == {"backend_developer"}
        return executor, lines.seen

    executor, seen = asyncio.run(scenario())
    assert executor.most == 2
    assert seen[0] == "agent offline (score 1: plays backend_developer; 2 of 2 places free)"
    assert "0 of 2 places free" in seen[2]


def test_places_are_given_back_after_an_error() -> None:
    async def scenario() -> str:
        executor, lines = FakeExecutor(StepFailed("broke")), Lines()
        executor.let_go.set()
        road = dispatcher(executor, 1)
        for _ in range(2):
            with pytest.raises(StepFailed, match="broke"):
                await road.execute(domains.assignment("backend_developer"), NO_SANDBOX, lines)
        return lines.seen[1]

    assert "1 of 1 places free" in asyncio.run(scenario())


def test_nobody_for_the_persona() -> None:
    async def scenario() -> None:
        with pytest.raises(NoAgentAvailable, match="'poet'"):
            await dispatcher(FakeExecutor(), 1).execute(
                domains.assignment("poet"), NO_SANDBOX, Lines()
            )

    asyncio.run(scenario())


def test_an_agent_without_its_executor_is_refused() -> None:
    with pytest.raises(InvalidInput, match="needs the executor 'offline'; known: none"):
        Dispatcher(AgentRegistry((offline_agent(("qa",), 1),)), {})
