"""What dispatchers are doing and have done, as numbers."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLoad:
    agent: str
    in_hand: int
    given: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLoad:
    """What waits for the same agents."""

    persona: str
    languages: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    """Agents that failed at what waits here."""
    waiting: int
    """Those that are in the queue or at its door."""
    oldest_seconds: float = 0.0
    """How long the one waits that has waited longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitLoad:
    """An agent or provider that failed last."""

    name: str
    """`agent:ID` or `provider:NAME`."""
    state: str
    """`closed` after few failures, `open`: nothing is given, `half-open`: one to show."""
    failures: int
    """In a row."""
    open_seconds: float = 0.0
    """For which it still is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchTotals:
    """Counted over all assignments."""

    given: int = 0
    succeeded: int = 0
    failed: int = 0
    refused: int = 0
    """Assignments that nobody could do."""
    rerouted: int = 0
    """Given to another agent than the one that had failed at them."""
    waited_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSnapshot:
    """One dispatcher at one moment."""

    agents: tuple[AgentLoad, ...] = ()
    queues: tuple[QueueLoad, ...] = ()
    circuits: tuple[CircuitLoad, ...] = ()
    totals: DispatchTotals = DispatchTotals()

    @property
    def suspended(self) -> tuple[str, ...]:
        """Circuits that are open."""
        return tuple(one.name for one in self.circuits if one.state == "open")


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRecord:
    """The dispatcher of a process, as it last told the store."""

    process: str
    seen_at: datetime
    snapshot: DispatchSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchOverview:
    """All dispatchers of a store."""

    processes: tuple[DispatchRecord, ...] = ()
    """Those at work that gave a sign within their lease."""
    totals: DispatchTotals = DispatchTotals()
    """Of all processes there ever were."""
