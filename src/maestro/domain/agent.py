"""Agents: who can play which personas, how they are doing, and what a router weighs."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from maestro.domain.values import is_identifier
from maestro.errors import InvalidInput

OFFLINE = "offline"
"""Executor kind, and id, of the built-in agent: template packages, no model."""
EXECUTOR_KINDS = ("a2a", "acp", "llm", OFFLINE)
"""What people may register agents of."""
PRIOR_SUCCESS = 0.8
"""Success rate of an agent that has done nothing yet."""
SMOOTHING = 0.2
"""Share of the latest assignment in the measured rates; one failure leaves most of them standing.
"""
LOCAL_REGION = "local"
"""Region of agents that hand nothing to anybody else's machine."""


class AgentState(StrEnum):
    ACTIVE = "active"
    DRAINING = "draining"  # ends what it has, gets nothing more


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A running worker able to play personas. Its id is made once, in the registry."""

    id: str
    executor: str
    """Kind of executor that does its work: `offline`, `llm`, `a2a`, `acp`."""
    personas: tuple[str, ...]
    capacity: int
    """Assignments it works on at once, in each process that has its executor."""
    skills: tuple[str, ...] = ()
    """What it is good at, e.g. `graphql`, `accessibility`; empty = nothing in particular."""
    languages: tuple[str, ...] = ()
    """Programming languages it works in; empty = whatever is asked for."""
    model: str | None = None
    """Of an `llm` agent: which model, e.g. `anthropic:NAME` or `http://HOST/v1#NAME`."""
    cost: float | None = 0.0
    """Expected US dollars per assignment; None = unknown."""
    region: str = LOCAL_REGION
    """Where the data of its assignments goes."""
    state: AgentState = AgentState.ACTIVE
    address: str | None = None
    """Of an `a2a` agent: where its card is."""
    home: str = ""
    """The process that it lives and dies with; empty = any process with its executor runs it."""
    on_request: bool = False
    """Gets only the work of runs that name its model."""

    @property
    def provider(self) -> str:
        """Who fails together with it: the model's provider or the remote host. A coding agent is a
        program of its own; else it is everything of the executor.
        """
        if self.executor == "acp":
            return f"acp:{self.id}"
        where = self.model or self.address
        if where is None:
            return self.executor
        return urlsplit(where).netloc or where.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRecord:
    """An agent as the registry holds it, with what was measured of it."""

    agent: Agent
    registered_at: datetime
    alive: bool = True
    """False when the process it lives in gave no sign within its lease."""
    success: float = PRIOR_SUCCESS
    """Smoothed share of assignments that succeeded, 0 to 1."""
    seconds: float | None = None
    """Smoothed duration of an assignment; None before the first, when it passes for quick."""
    done: int = 0
    failed: int = 0

    @property
    def health(self) -> str:
        """`ready`, `draining`, or `away` when the process it lives in gave no sign."""
        if not self.alive:
            return "away"
        return "ready" if self.agent.state is AgentState.ACTIVE else self.agent.state.value


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingWeights:
    """What a router weighs, as shares of one."""

    skill: float = 0.40
    free: float = 0.30
    success: float = 0.20
    speed: float = 0.10

    def __post_init__(self) -> None:
        shares = (self.skill, self.free, self.success, self.speed)
        if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
            raise InvalidInput(
                f"routing weights must not be negative and add up to 1, got {self!r}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRules:
    """How work is routed, and which agents may not get it whatever they score."""

    weights: RoutingWeights = field(default_factory=RoutingWeights)
    cost_limit: float | None = None
    """Most US dollars that an assignment may be expected to cost; an unknown cost is above it."""
    regions: tuple[str, ...] = ()
    """Where data may go besides `local`; empty = anywhere."""


def check_agent(agent: Agent) -> None:
    """Raises InvalidInput for an agent that cannot be registered; names the field and the rule."""
    if not is_identifier(agent.id):
        raise InvalidInput(
            f"agent id {agent.id!r}: use a small letter, then letters, digits, '.', '_', '-'"
        )
    _check_words(agent)
    place = f"agent {agent.id!r}"
    if agent.capacity < 1:
        raise InvalidInput(f"{place}: capacity must be at least 1, got {agent.capacity!r}")
    if agent.cost is not None and not 0 <= agent.cost < float("inf"):
        raise InvalidInput(f"{place}: cost must not be negative, got {agent.cost!r}")
    if (agent.model is None) == (agent.executor == "llm"):
        raise InvalidInput(
            f"{place}: an llm agent names its model and no other agent does, got "
            f"executor {agent.executor!r} with model {agent.model!r}"
        )
    if (agent.address is None) == (agent.executor == "a2a"):
        raise InvalidInput(
            f"{place}: an a2a agent names its card and no other agent does, got executor "
            f"{agent.executor!r} with card {agent.address!r}; add one with: maestro agents add URL"
        )


def _check_words(agent: Agent) -> None:
    if not agent.personas:
        raise InvalidInput(f"agent {agent.id!r}: personas is empty; name at least one")
    for name in ("personas", "skills", "languages"):
        for word in getattr(agent, name):
            if not word or word != word.strip().lower():
                raise InvalidInput(
                    f"agent {agent.id!r}: {name}: {word!r} must be small letters without blanks "
                    "around"
                )
