"""Pools: agents of one capability, started and ended as work comes and goes."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from maestro.domain.agent import OFFLINE, Agent, check_agent
from maestro.domain.values import JsonObject, is_identifier
from maestro.errors import InvalidInput

MOST_AGENTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """How many agents there are for the steps that want a capability, and what they are."""

    capability: str
    personas: tuple[str, ...]
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    model: str | None = None
    """Plays the personas; None: the offline team does."""
    slots: int = 1
    """Steps that one agent does at once."""
    min: int = 0
    """Agents that are kept while nothing is to do."""
    max: int = 4
    idle_seconds: float = 60.0
    """An agent without work for so long is ended."""

    def agent(self, number: int) -> Agent:
        """The pool's agent of a number from 1 to `max`: no more can ever be registered."""
        return Agent(
            id=f"{self.capability}-{number}",
            executor=OFFLINE if self.model is None else "llm",
            personas=self.personas,
            capacity=self.slots,
            skills=self.skills,
            languages=self.languages,
            model=self.model,
        )

    def number(self, agent_id: str) -> int | None:
        """Which of the pool's agents has this id; None for agents of others."""
        named = of_pool(agent_id)
        return named[1] if named is not None and named[0] == self.capability else None


def of_pool(agent_id: str) -> tuple[str, int] | None:
    """Capability and number, where an id is one that a pool of that capability gives."""
    name, _, number = agent_id.rpartition("-")
    whole = number.isdecimal() and number.isascii() and number[:1] != "0"
    return (name, int(number)) if whole else None


class PoolEventKind(StrEnum):
    """What happens to pools and their agents. They belong to no run."""

    TAKEN = "pool.taken"  # a process keeps it from now on; data: pool
    LEFT = "pool.left"  # no process keeps it any more
    AGENT_STARTED = "agent.started"  # data: waiting
    AGENT_READY = "agent.ready"  # it has joined the registry; data: seconds
    AGENT_ENDED = "agent.ended"  # as it was meant to; data: reason
    AGENT_LOST = "agent.lost"  # it was not meant to end; data: exit_code, reason, retry_seconds
    START_FAILED = "agent.start_failed"  # data: exit_code, reason, retry_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolEvent:
    kind: PoolEventKind
    at: datetime
    capability: str
    keeper: str
    """The process that keeps the pool."""
    agent: str = ""
    data: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """The steps of a capability at one moment."""

    capability: str
    waiting: int = 0
    oldest_seconds: float = 0.0
    """How long the one waits that has waited longest."""
    in_hand: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRecord:
    """A pool as the store holds it."""

    pool: Pool
    keeper: str
    kept: bool
    """False when its keeper gave no sign any more."""
    demand: Demand
    agents: int = 0
    """Those that are alive."""
    started: int = 0
    """This and the next three count since the pool was first kept."""
    ended: int = 0
    lost: int = 0
    start_failed: int = 0
    trouble: str = ""
    """Why the last agent was lost or did not start; empty once one is ready again."""


def check_pool(pool: Pool) -> None:
    """Raises InvalidInput for a pool that cannot be; names the field and the rule."""
    if not is_identifier(pool.capability):
        raise InvalidInput(
            f"capability {pool.capability!r}: use a small letter, then letters, digits, '.', '_', "
            "'-'"
        )
    place = f"pool {pool.capability!r}"
    if not 1 <= pool.max <= MOST_AGENTS:
        raise InvalidInput(f"{place}: max must lie in 1..{MOST_AGENTS}, got {pool.max!r}")
    if not 0 <= pool.min <= pool.max:
        raise InvalidInput(f"{place}: min must lie in 0..max ({pool.max}), got {pool.min!r}")
    if not 0 <= pool.idle_seconds < math.inf:
        raise InvalidInput(f"{place}: idle_seconds must be from 0, got {pool.idle_seconds!r}")
    if pool.slots < 1:
        raise InvalidInput(f"{place}: slots must be at least 1, got {pool.slots!r}")
    check_agent(pool.agent(pool.max))
