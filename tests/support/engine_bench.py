"""An engine on each host of the scheduler, with what its handlers were given.

A new host is added to `HOSTS`; the suite in tests/conformance/engine then runs on it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from maestro.domain.run import Event, EventKind, Run, StepRun
from maestro.domain.steering import Steering, Verb
from maestro.domain.values import JsonObject, RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.ports import Clock, Engine, StepContext, StepHandler, StepResult, Store
from maestro.storage.opening import open_store
from maestro.workflow.embedded import EmbeddedEngine

Handlers = Mapping[str, StepHandler]
Host = Callable[[Path | str, Clock, Handlers], AbstractAsyncContextManager[tuple[Engine, Store]]]
RUN = RunId("run-1")


def asking(verb: Verb, step: str | None = None, **rest: Any) -> Steering:
    return Steering(verb=verb, by="ada", step_id=None if step is None else StepId(step), **rest)


@asynccontextmanager
async def embedded(
    location: Path | str, clock: Clock, handlers: Handlers
) -> AsyncIterator[tuple[Engine, Store]]:
    """The embedded engine on the store at `location`."""
    store = await open_store(location, seal_key=b"seal")
    try:
        yield EmbeddedEngine(store, clock, handlers, poll_seconds=0.02), store
    finally:
        await store.close()


HOSTS: dict[str, Host] = {"embedded-sqlite": embedded, "embedded-postgresql": embedded}


class FakeClock:
    """A sleep takes no time but moves the clock."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self._now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@dataclass
class Bench:
    """An engine with its store, and what its handlers were given."""

    engine: Engine
    store: Store
    clock: FakeClock
    contexts: list[StepContext] = field(default_factory=list)

    async def run(
        self,
        *steps: Step,
        inputs: JsonObject | None = None,
        max_parallel: int = 4,
        concurrency: Mapping[str, int] | None = None,
    ) -> Run:
        await self.begin(*steps, inputs=inputs, max_parallel=max_parallel, concurrency=concurrency)
        return await self.engine.execute(RUN)

    async def begin(
        self,
        *steps: Step,
        inputs: JsonObject | None = None,
        max_parallel: int = 4,
        concurrency: Mapping[str, int] | None = None,
    ) -> None:
        flow = Workflow(name="flow", steps=steps, concurrency=concurrency or {})
        await self.engine.start(flow, inputs=inputs or {}, max_parallel=max_parallel, run_id=RUN)

    async def steps(self) -> dict[str, StepRun]:
        rows = await self.store.read(lambda tx: tx.runs.steps(RUN))
        return {row.step_id: row for row in rows}

    async def statuses(self) -> dict[str, str]:
        return {name: row.status.value for name, row in (await self.steps()).items()}

    async def told(self, *kinds: EventKind) -> list[Event]:
        events = await self.store.read(lambda tx: tx.events.after(RUN, 0))
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        return [event for event in events if not kinds or event.kind in kinds]


Scenario = Callable[[Bench], Awaitable[None]]
Play = Callable[[Handlers, Scenario], Bench]


def step(name: str, *needs: str, action: str = "work", **rest: object) -> Step:
    return Step(id=StepId(name), action=action, needs=tuple(map(StepId, needs)), **rest)  # type: ignore[arg-type]


async def work(context: StepContext) -> StepResult:
    return StepResult(output={"from": context.step.id, "attempt": context.attempt})


def failing(error: Exception, times: int = 99) -> StepHandler:
    """Raises `error` in the first `times` attempts."""

    async def handler(context: StepContext) -> StepResult:
        if context.attempt <= times:
            raise error
        return StepResult(output=context.attempt)

    return handler


@dataclass
class Doorkeeper:
    """A handler that says when it is inside and waits to be let out."""

    inside: asyncio.Event = field(default_factory=asyncio.Event)
    out: asyncio.Event = field(default_factory=asyncio.Event)
    ended: list[str] = field(default_factory=list)

    async def __call__(self, context: StepContext) -> StepResult:
        self.inside.set()
        try:
            await self.out.wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        return StepResult()
