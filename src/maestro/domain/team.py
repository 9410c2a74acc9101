"""Who works and how they work together: blueprints, personas, teams."""

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"
    COLLABORATIVE = "collaborative"
    SPECIALISED = "specialised"
    HYBRID = "hybrid"


class Coordination(StrEnum):
    HANDOFF = "handoff"
    FAN_OUT = "fan_out"
    CONTRACT = "contract"
    CONSENSUS = "consensus"
    DEBATE = "debate"
    REVIEW = "review"
    MIXED = "mixed"


class Scaling(StrEnum):
    STATIC = "static"
    ELASTIC = "elastic"
    PERFORMANCE_BASED = "performance_based"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A slot in a blueprint."""

    name: str
    persona: str
    """Id of the persona that plays it by default."""
    expertise: tuple[str, ...]
    required: bool = True
    """False: filled only when the analysis asks for one of its expertises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A proven team shape. Data, checked when loaded."""

    id: str
    name: str
    family: Family
    summary: str
    coordination: Coordination
    scaling: Scaling
    roles: tuple[Role, ...]
    requirement_types: tuple[str, ...]
    """RequirementTypes it was made for."""
    complexities: tuple[str, ...]
    parallel: bool
    """Whether its builders work side by side."""
    phases: tuple[str, ...]
    """Phases of the policy that its runs go through, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueprintMatch:
    blueprint: str
    score: float
    """0 to 1."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """WHO: an expert described as data."""

    id: str
    name: str
    summary: str
    expertise: tuple[str, ...]
    phase: str
    """The phase its work belongs to."""
    provides: tuple[str, ...]
    """Kinds of deliverables it can make, e.g. `rest_api`, `web_page`, `database_schema`."""
    instructions: str
    """What a language model playing it is told; untrusted text is never put in here."""
    tools: tuple[str, ...] = ()
    timeout_seconds: int = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    role: str
    persona: str
    component: str | None = None
    """The service it works on, where a role is filled once per service."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    blueprint: str
    members: tuple[Member, ...]
    omitted: tuple[str, ...] = ()
    """Roles left empty, each with its reason."""
