"""An agent that lives and dies with this process, and beats in the registry while it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from maestro.domain.agent import Agent, AgentState
from maestro.errors import StorageError, StorageUnavailable
from maestro.ports import Clock, Store, Transaction
from maestro.workflow.heartbeat import heartbeat


@dataclass(slots=True)
class Residence:
    """How it stands with an agent that lives here, as of the last beat."""

    welcome: bool = True
    """Whether it is given work: not once it is drained, or registered elsewhere."""


@asynccontextmanager
async def resident(
    store: Store, clock: Clock, agent: Agent, lease_seconds: float
) -> AsyncIterator[Residence]:
    """Registered while it is entered; afterwards away, with what was measured of it kept.

    Raises:
        Conflict: its id is that of another living agent.
        InvalidInput: a field cannot be so.
    """
    await store.write(lambda tx: tx.agents.join(agent, clock.now(), lease_seconds))

    residence = Residence()

    def beaten(tx: Transaction) -> bool:
        kept = tx.agents.beat(agent.id, agent.home, lease_seconds)
        return kept and tx.agents.get(agent.id).agent.state is AgentState.ACTIVE

    async def beat() -> None:
        with suppress(StorageUnavailable):  # the next beat may come through, or the lease runs out
            residence.welcome = await store.write(beaten)

    try:
        async with heartbeat(beat, lease_seconds / 3):
            yield residence
    finally:
        with suppress(StorageError):
            await store.write(lambda tx: tx.agents.beat(agent.id, agent.home, 0.0))
