"""The dispatcher: registry -> router -> executor, itself a PersonaExecutor."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from maestro.agents.breaker import Breakers
from maestro.agents.registry import Reachable
from maestro.agents.routing import AgentChoice, Candidate, WorkDemand, choose_agent
from maestro.domain.agent import Agent, AgentRecord, AgentState, RoutingRules
from maestro.domain.dispatching import AgentLoad, DispatchSnapshot, DispatchTotals, QueueLoad
from maestro.domain.encoding import encode
from maestro.domain.run import EventKind
from maestro.domain.values import JsonObject
from maestro.domain.work import Assignment, WorkResult
from maestro.errors import (
    AgentFailed,
    MaestroError,
    ModelFailed,
    NoAgentAvailable,
    SandboxFailed,
    StepFailed,
    StepTimedOut,
)
from maestro.ports import PersonaExecutor, Report, Sandbox, Store

Announce = Callable[[Assignment, EventKind, JsonObject], Awaitable[None]]
"""Adds an event to the run that the assignment belongs to."""

QUEUE_PLACES = 200
"""Assignments of one capability that wait at once; whoever brings more is kept at the door."""
LOOK_AGAIN_SECONDS = 1.0
"""The registry may change in other processes, which nobody here is told of."""
_BREAKS = (AgentFailed, ModelFailed, SandboxFailed, StepTimedOut)
"""Errors that say something of who works, rather than of the work."""
_FAILURES = (*_BREAKS, StepFailed)

_TIME_USED_UP = 0.9
"""Share of the step's limit, which began before the assignment came here, that makes the end of an
attempt the end of its time.
"""
_TIME_IN_HAND = 0.5
"""Share of it that an agent has to have had for that to be its failure."""

Capability = tuple[str, tuple[str, ...], tuple[str, ...]]
"""Persona, languages, and who is left out: what waits for the same agents."""


@runtime_checkable
class ExecutorFamily(Protocol):
    """Executors of which every agent has its own, because it has an address of its own."""

    def of(self, agent: Agent) -> PersonaExecutor: ...


@dataclass(slots=True)
class _Queue:
    """First come, first served; only the first one looks for an agent."""

    door: asyncio.Semaphore
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    arrivals: deque[float] = field(default_factory=deque)
    """When those came that wait, the first one first."""


class Dispatcher:
    """Gives each assignment to an agent and keeps every agent within its capacity.

    One dispatcher belongs to one event loop.
    """

    def __init__(
        self,
        store: Store,
        executors: Mapping[str, PersonaExecutor | ExecutorFamily],
        *,
        announce: Announce,
        rules: RoutingRules | None = None,
        process: str = "",
        queue_places: int = QUEUE_PLACES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            executors: by the name that Agent.executor uses.
            process: name under which agents that live in this process are registered.
        """
        self._store = store
        self._executors = dict(executors)
        self._announce = announce
        self._rules = rules or RoutingRules()
        self._process = process
        self._queue_places = queue_places
        self._now = now
        self._in_hand: dict[str, int] = {}
        self._given: dict[str, int] = {}
        self._queues: dict[Capability, _Queue] = {}
        self._breakers = Breakers()
        self._changed = asyncio.Event()
        self._totals = DispatchTotals()

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        """Waits for a place at the chosen agent. Raises NoAgentAvailable when nobody can do it."""
        begun = self._now()
        async with self._placed(assignment) as choice:
            started = self._now()
            try:
                executor = self._executors[choice.agent.executor]
                if isinstance(executor, ExecutorFamily):
                    executor = executor.of(choice.agent)
                result = await executor.execute(assignment, sandbox, report)
            except asyncio.CancelledError:
                if _out_of_time(assignment, self._now() - begun, self._now() - started):
                    late = StepTimedOut(f"{choice.agent.id} did not end in time")
                    await self._failed(assignment, choice.agent, late)
                raise
            except MaestroError as error:
                await self._failed(assignment, choice.agent, error)
                raise
            await self._succeeded(choice.agent, self._now() - started)
            return result

    def snapshot(self) -> DispatchSnapshot:
        now = self._now()
        return DispatchSnapshot(
            agents=tuple(
                AgentLoad(agent=name, in_hand=self._in_hand.get(name, 0), given=given)
                for name, given in sorted(self._given.items())
            ),
            queues=tuple(
                QueueLoad(
                    persona=persona,
                    languages=languages,
                    left_out=failed,
                    waiting=len(queue.arrivals),
                    oldest_seconds=round(max(0.0, now - min(queue.arrivals)), 3),
                )
                for (persona, languages, failed), queue in sorted(self._queues.items())
            ),
            circuits=self._breakers.loads(now),
            totals=self._totals,
        )

    @asynccontextmanager
    async def _placed(self, assignment: Assignment) -> AsyncIterator[AgentChoice]:
        """Holds a place at the agent that was chosen."""
        demand, begun = WorkDemand.of(assignment), self._now()
        await self._choose(demand, assignment)  # one that nobody can do does not wait to hear so
        failed = tuple(sorted(set(assignment.failed_agents)))
        async with self._queued((demand.persona, demand.languages, failed)):
            while (choice := await self._choose(demand, assignment)).must_wait:
                await self._change()
            agent = choice.agent.id
            self._in_hand[agent] = self._in_hand.get(agent, 0) + 1
        try:
            self._given[agent] = self._given.get(agent, 0) + 1
            waited = self._now() - begun
            self._count(given=1, waited_seconds=waited, rerouted=int(bool(choice.excluded)))
            await self._announce(assignment, EventKind.AGENT_CHOSEN, _told(choice, demand, waited))
            yield choice
        finally:
            self._in_hand[agent] -= 1
            self._changed.set()

    @asynccontextmanager
    async def _queued(self, capability: Capability) -> AsyncIterator[None]:
        queue = self._queues.get(capability)
        if queue is None:
            queue = self._queues[capability] = _Queue(asyncio.Semaphore(self._queue_places))
        arrived = self._now()
        queue.arrivals.append(arrived)
        try:
            async with queue.door, queue.turn:
                yield
        finally:
            queue.arrivals.remove(arrived)
            if not queue.arrivals:
                del self._queues[capability]

    async def _choose(self, demand: WorkDemand, assignment: Assignment) -> AgentChoice:
        candidates = await self._candidates()
        failed = assignment.failed_agents
        try:
            try:
                return choose_agent(demand, candidates, rules=self._rules, excluded=failed)
            except NoAgentAvailable:
                if not failed:
                    raise
                choice = choose_agent(demand, candidates, rules=self._rules)
                again = "everybody who can has failed at this before; asked again"
                return replace(choice, reason=f"{choice.reason}; {again}")
        except NoAgentAvailable:
            self._count(refused=1)
            raise

    async def _candidates(self) -> list[Candidate]:
        records = await self._store.read(lambda tx: tx.agents.all())
        self._forget_all_but(records)
        now, reach = self._now(), Reachable.of(records, self._executors, self._process)
        return [self._candidate(record, now, reach) for record in records]

    def _candidate(self, record: AgentRecord, now: float, reach: Reachable) -> Candidate:
        agent = record.agent
        if self._process and agent.home == self._process:
            # What this process has taken is what its agent has; one that is drained ends it.
            agent = replace(agent, state=AgentState.ACTIVE)
        in_hand = self._in_hand.get(agent.id, 0)
        limits = [self._breakers.allowed(name, now) for name in _circuits(agent)]
        places = min([agent.capacity, *(limit for limit in limits if limit is not None)])
        return Candidate(
            agent=agent,
            # A circuit that lets less through takes the other places away.
            in_hand=min(agent.capacity, in_hand + agent.capacity - places),
            given=self._given.get(agent.id, 0),
            success=record.success,
            seconds=record.seconds,
            unavailable=reach.refusal(record),
        )

    def _forget_all_but(self, records: Sequence[AgentRecord]) -> None:
        known = {record.agent.id for record in records}
        for name in [name for name in self._given if name not in known]:
            if not self._in_hand.get(name):
                del self._given[name]
                self._in_hand.pop(name, None)
        self._breakers.keep({name for record in records for name in _circuits(record.agent)})

    async def _change(self) -> None:
        """Returns when a place was given back, or after a while."""
        self._changed.clear()
        try:
            async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _succeeded(self, agent: Agent, seconds: float) -> None:
        for name in _circuits(agent):
            self._breakers.succeeded(name)
        self._count(succeeded=1)
        await self._store.write(lambda tx: tx.agents.measure(agent.id, seconds))

    async def _failed(self, assignment: Assignment, agent: Agent, error: MaestroError) -> None:
        if not isinstance(error, _FAILURES):  # refused, not broken, or a budget that is used up
            return
        self._count(failed=1)
        await self._store.write(lambda tx: tx.agents.measure(agent.id, None))
        if not isinstance(error, _BREAKS):
            return
        for name in _circuits(agent):
            seconds = self._breakers.failed(name, self._now())
            if seconds is not None:
                told: JsonObject = {
                    "circuit": name,
                    "agent": agent.id,
                    "seconds": round(seconds, 3),
                    "reason": str(error),
                }
                await self._announce(assignment, EventKind.AGENT_SUSPENDED, told)

    def _count(self, **more: float) -> None:
        now = {name: getattr(self._totals, name) + added for name, added in more.items()}
        self._totals = replace(self._totals, **now)


def _out_of_time(assignment: Assignment, since_arrival: float, in_hand: float) -> bool:
    limit = assignment.budget.wall_seconds
    return since_arrival >= _TIME_USED_UP * limit and in_hand >= _TIME_IN_HAND * limit


def _circuits(agent: Agent) -> tuple[str, str]:
    return f"agent:{agent.id}", f"provider:{agent.provider}"


def _told(choice: AgentChoice, demand: WorkDemand, waited: float) -> JsonObject:
    return {
        "persona": demand.persona,
        "agent": choice.agent.id,
        "executor": choice.agent.executor,
        "score": choice.score,
        "factors": encode(choice.factors),
        "fallbacks": encode(choice.fallbacks),
        "excluded": list(choice.excluded),
        "reason": choice.reason,
        "waited_seconds": round(waited, 3),
    }
