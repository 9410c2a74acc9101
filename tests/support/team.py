"""Agents whose executors are test doubles: at work for a fixed time, or until they are let go."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from maestro.agents.dispatch import Dispatcher
from maestro.domain.agent import Agent
from maestro.domain.run import EventKind
from maestro.domain.values import JsonObject, StepId
from maestro.domain.work import Assignment, WorkResult
from maestro.ports import Report, Sandbox, Store
from maestro.storage.opening import open_store

NOW = datetime(2026, 5, 4, tzinfo=UTC)
NO_SANDBOX = cast(Sandbox, None)  # the fake executors never touch it


def _domains() -> Any:
    path = Path(__file__).parents[1] / "data" / "backend" / "domains.py"
    spec = importlib.util.spec_from_file_location("backend_domains", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def an_assignment(persona: str = "backend_developer", **changes: Any) -> Assignment:
    made: Assignment = _BY_PERSONA.setdefault(persona, _DOMAINS.assignment(persona))
    return replace(made, **changes)


_DOMAINS = _domains()
_BY_PERSONA: dict[str, Assignment] = {}


def an_agent(agent_id: str, **changes: Any) -> Agent:
    plain = Agent(id=agent_id, executor="fixed", personas=("backend_developer",), capacity=1)
    return replace(plain, **changes)


class FixedTimeExecutor:
    """Test double: every assignment takes the same time, all of it waiting."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.done: list[StepId] = []

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        await asyncio.sleep(self.seconds)
        self.done.append(assignment.step_id)
        return WorkResult(summary=assignment.step_id, changed_paths=())


class FakeExecutor:
    """Test double: works until it is let go, then succeeds or raises; counts who is at work."""

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


async def no_report(line: str) -> None:
    return None


class Announcements:
    """Keeps what a dispatcher announces."""

    def __init__(self) -> None:
        self.told: list[tuple[StepId, EventKind, JsonObject]] = []

    async def __call__(self, assignment: Assignment, kind: EventKind, data: JsonObject) -> None:
        self.told.append((assignment.step_id, kind, data))

    def chosen(self) -> list[str]:
        return [data["agent"] for _, kind, data in self.told if kind is EventKind.AGENT_CHOSEN]


@asynccontextmanager
async def team(
    path: Path, executors: dict[str, Any], agents: Iterable[Agent], **options: Any
) -> AsyncIterator[tuple[Dispatcher, Announcements, Store]]:
    """A dispatcher on a real registry with these agents."""
    store = await open_store(path / "team.db", seal_key=b"seal")
    try:
        for agent in agents:
            await store.write(lambda tx, agent=agent: tx.agents.insert(agent, NOW))  # type: ignore[misc]
        announced = Announcements()
        yield Dispatcher(store, executors, announce=announced, **options), announced, store
    finally:
        await store.close()
