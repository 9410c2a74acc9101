"""Who does an assignment, and where they are registered."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from maestro.domain.agent import Agent, AgentRecord
from maestro.domain.dispatching import DispatchOverview, DispatchRecord, DispatchTotals
from maestro.domain.pool import Demand, Pool, PoolEvent, PoolRecord
from maestro.domain.work import Assignment, WorkResult
from maestro.ports.sandboxes import Sandbox

Report = Callable[[str], Awaitable[None]]
"""Tells watchers one line of progress."""


class PersonaExecutor(Protocol):
    """Does an assignment in a sandbox. Dispatchers, limiters and recorders have this same shape."""

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        """Writes the deliverables below `sandbox.root` and runs the persona's own checks there.

        Raises NoAgentAvailable when nobody can do it; ExecutionError when the work broke.
        """
        ...


class PoolRepository(Protocol):
    """Pools of agents. At any moment one process keeps a pool: starts and ends its agents."""

    def keep(self, pool: Pool, keeper: str, lease_seconds: float) -> str:
        """Makes `keeper` the one who keeps it, for so long, unless another one that is alive does.

        Who keeps it now. Raises InvalidInput.
        """
        ...

    def leave(self, capability: str, keeper: str) -> None:
        """Lets somebody else keep it at once."""
        ...

    def demands(self) -> Sequence[Demand]:
        """Of every capability for which steps wait or are at work."""
        ...

    def in_hand(self, capability: str) -> Mapping[str, int]:
        """Steps at work, by worker."""
        ...

    def note(self, event: PoolEvent) -> None:
        """Adds it to the log, of which the last ten thousand are kept, and counts it."""
        ...

    def events(self, limit: int) -> Sequence[PoolEvent]:
        """Newest first."""
        ...

    def all(self) -> Sequence[PoolRecord]: ...


class DispatchRepository(Protocol):
    """What the dispatchers of all processes are doing."""

    def tell(self, record: DispatchRecord, since: DispatchTotals, lease_seconds: float) -> None:
        """Keeps it for so long; 0 when the process has nothing in hand any more.

        Args:
            since: what the process's totals were when it last told.
        """
        ...

    def overview(self) -> DispatchOverview: ...


class AgentRepository(Protocol):
    """The one registry of agents; every process of the store sees the same one."""

    @property
    def pools(self) -> PoolRepository: ...
    @property
    def dispatchers(self) -> DispatchRepository: ...

    def insert(self, agent: Agent, at: datetime) -> bool:
        """False, and nothing changed, when the id is taken or one that a pool gives to its agents.

        Raises InvalidInput.
        """
        ...

    def join(self, agent: Agent, at: datetime, lease_seconds: float) -> None:
        """Registers an agent that lives in the process `agent.home`, for as long as it beats.

        It takes the place of one of the same id whose process gave no sign any more, and what was
        measured of that. Raises Conflict when the id is somebody else's, InvalidInput.
        """
        ...

    def beat(self, agent_id: str, home: str, lease_seconds: float) -> bool:
        """Keeps it alive so long; 0 when it leaves. False when it is no longer registered there."""
        ...

    def get(self, agent_id: str) -> AgentRecord:
        """Raises NotFound."""
        ...

    def all(self) -> Sequence[AgentRecord]:
        """In the order of registration."""
        ...

    def update(self, agent: Agent) -> None:
        """Raises NotFound, Conflict when it lives in another process by now, InvalidInput."""
        ...

    def remove(self, agent_id: str) -> None:
        """Raises NotFound."""
        ...

    def measure(self, agent_id: str, seconds: float | None) -> None:
        """Smooths an assignment into its rates: how long it took, or None when it failed.

        How quickly it failed says nothing of its speed; of an agent that left nothing is kept.
        """
        ...
