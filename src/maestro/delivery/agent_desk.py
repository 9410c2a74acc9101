"""The registry of agents as people use it: looked at, added to, drained; every change audited."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from maestro.delivery.authorize import authorized
from maestro.delivery.enlisting import enlist_offline
from maestro.delivery.service import Maestro
from maestro.domain.access import Permission
from maestro.domain.agent import EXECUTOR_KINDS, OFFLINE, Agent, AgentRecord, AgentState
from maestro.domain.dispatching import DispatchOverview
from maestro.domain.encoding import encode
from maestro.domain.pool import Demand, PoolEvent, PoolRecord
from maestro.domain.values import JsonObject
from maestro.errors import Conflict, InvalidInput
from maestro.planning.catalogue import load_catalogue
from maestro.ports import Transaction

T = TypeVar("T")
_EVENTS = 30
"""Of pools, in an overview; 'maestro agents events' tells of more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsOverview:
    agents: tuple[AgentRecord, ...]
    """In the order of registration."""
    dispatch: DispatchOverview
    capabilities: tuple[Demand, ...]
    """Of each for which steps wait for workers or are with them."""
    pools: tuple[PoolRecord, ...]
    pool_events: tuple[PoolEvent, ...] = ()
    """The newest things that happened to pools and their agents, newest first."""

    def in_hand(self) -> Mapping[str, int]:
        """Assignments by agent, in all processes."""
        found = Counter[str]()
        for one in self.dispatch.processes:
            found.update({load.agent: load.in_hand for load in one.snapshot.agents})
        return found

    def document(self) -> JsonObject:
        """As the command line and the API show it."""
        running, in_hand = self.dispatch.processes, self.in_hand()
        return {
            "agents": [
                {**agent_document(record), "in_hand": in_hand[record.agent.id]}
                for record in self.agents
            ],
            "queues": [
                {"process": one.process, **encode(queue)}
                for one in running
                for queue in one.snapshot.queues
            ],
            "circuits": [
                {"process": one.process, **encode(circuit)}
                for one in running
                for circuit in one.snapshot.circuits
            ],
            "capabilities": encode(self.capabilities),
            "pools": encode(self.pools),
            "pool_events": encode(self.pool_events),
            "totals": encode(self.dispatch.totals),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDesk:
    """Agents in the name of the principal of `maestro`."""

    maestro: Maestro

    async def find(self) -> Sequence[AgentRecord]:
        """All, in the order of registration."""
        await enlist_offline(self.maestro.store, self.maestro.clock)
        return await self.maestro.store.read(lambda tx: tx.agents.all())

    async def overview(self) -> AgentsOverview:
        """All of them, what they have in hand, what waits, and the pools, at one moment."""
        await enlist_offline(self.maestro.store, self.maestro.clock)
        return await self.maestro.store.read(_overview)

    async def show(self, agent_id: str) -> AgentRecord:
        """Raises NotFound."""
        await enlist_offline(self.maestro.store, self.maestro.clock)
        return await self.maestro.store.read(lambda tx: tx.agents.get(agent_id))

    async def add(self, agent: Agent) -> AgentRecord:
        """Registers an agent that any process runs; it is given work from then on.

        Raises:
            InvalidInput: a field cannot be so, or a persona is in no catalogue.
            Conflict: the id is taken, or is one that a pool gives to its agents.
        """
        if agent.executor not in EXECUTOR_KINDS:
            raise InvalidInput(
                f"agent {agent.id!r}: there is no executor {agent.executor!r}; known: "
                f"{', '.join(EXECUTOR_KINDS)}"
            )
        known = await asyncio.to_thread(lambda: load_catalogue().personas)
        for persona in agent.personas:
            if persona not in known:
                raise InvalidInput(
                    f"agent {agent.id!r}: there is no persona {persona!r}; known: "
                    f"{', '.join(sorted(known))}"
                )
        await enlist_offline(self.maestro.store, self.maestro.clock)
        now = self.maestro.clock.now()

        def insert(tx: Transaction) -> AgentRecord:
            if not tx.agents.insert(agent, now):
                raise Conflict(
                    f"agent id {agent.id!r} is already taken, or a number of a pool; choose another"
                )
            return tx.agents.get(agent.id)

        return await self._write(agent.id, "agent:add", insert)

    async def drain(self, agent_id: str, *, undo: bool = False) -> AgentRecord:
        """Lets it end what it has and gives it nothing more; `undo` gives it work again.

        Raises NotFound.
        """
        state = AgentState.ACTIVE if undo else AgentState.DRAINING
        await enlist_offline(self.maestro.store, self.maestro.clock)

        def change(tx: Transaction) -> AgentRecord:
            tx.agents.update(replace(tx.agents.get(agent_id).agent, state=state))
            return tx.agents.get(agent_id)

        return await self._write(agent_id, "agent:undrain" if undo else "agent:drain", change)

    async def remove(self, agent_id: str) -> None:
        """Takes it out of the registry; what it has in hand it may still end.

        Raises:
            Conflict: it is the built-in agent, or lives in a process that is alive.
            NotFound.
        """
        if agent_id == OFFLINE:
            raise Conflict(f"agent {OFFLINE!r} is built in; drain it: maestro agents drain offline")

        def change(tx: Transaction) -> None:
            record = tx.agents.get(agent_id)
            if record.agent.home and record.alive:
                raise Conflict(
                    f"agent {agent_id!r} lives in process {record.agent.home!r}; stop that worker"
                )
            tx.agents.remove(agent_id)

        await self._write(agent_id, "agent:remove", change)

    async def _write(self, agent_id: str, action: str, act: Callable[[Transaction], T]) -> T:
        maestro = self.maestro
        return await authorized(
            maestro.store,
            maestro.principal,
            Permission.AGENT_WRITE,
            target=agent_id,
            at=maestro.clock.now(),
            act=act,
            action=action,
        )


def _overview(tx: Transaction) -> AgentsOverview:
    return AgentsOverview(
        agents=tuple(tx.agents.all()),
        dispatch=tx.agents.dispatchers.overview(),
        capabilities=tuple(tx.agents.pools.demands()),
        pools=tuple(tx.agents.pools.all()),
        pool_events=tuple(tx.agents.pools.events(_EVENTS)),
    )


def agent_document(record: AgentRecord) -> JsonObject:
    """An agent as the command line and the API show it."""
    measured = {name: value for name, value in encode(record).items() if name != "agent"}
    return {**encode(record.agent), **measured, "health": record.health}
