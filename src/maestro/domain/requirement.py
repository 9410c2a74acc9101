"""The requirement as it was handed in, and what was understood of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from maestro.domain.entities import DomainModel
from maestro.domain.quality import Environment
from maestro.domain.values import RequirementId


class RequirementType(StrEnum):
    FEATURE_DEVELOPMENT = "feature_development"
    BUG_FIX = "bug_fix"
    REFACTORING = "refactoring"
    PERFORMANCE_OPTIMIZATION = "performance_optimization"
    SECURITY_AUDIT = "security_audit"
    TESTING = "testing"
    DOCUMENTATION = "documentation"
    DEPLOYMENT = "deployment"
    MAINTENANCE = "maintenance"


class Complexity(StrEnum):
    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"
    VERY_COMPLEX = "very_complex"


class Parallelizability(StrEnum):
    FULLY_PARALLEL = "fully_parallel"  # at least 90 % of the work can overlap
    PARTIALLY_PARALLEL = "partially_parallel"  # 50 to 90 %
    MOSTLY_SEQUENTIAL = "mostly_sequential"  # 10 to 50 %
    FULLY_SEQUENTIAL = "fully_sequential"  # below 10 %


class Preference(StrEnum):
    AUTO = "auto"
    PARALLEL = "parallel"
    SEQUENTIAL = "sequential"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What the caller fixed beforehand; everything else is Maestro's choice."""

    preference: Preference = Preference.AUTO
    quality_threshold: float = 0.8
    """Least overall quality score (0 to 1) the review gate accepts."""
    blueprint: str | None = None
    max_parallel: int | None = None
    """Most steps at work at once; None leaves it to the settings."""
    allow_partial: bool = False
    """Let the review gate pass although parts of the requirement were not built."""
    contract: str | None = None
    """Text of the caller's own OpenAPI document, used instead of designing one."""
    contract_name: str | None = None
    """Its file name, for messages."""
    environment: Environment = Environment.DEVELOPMENT
    """What the result is meant for: the policy of a later one demands more."""
    capabilities: Mapping[str, str] = field(default_factory=dict)
    """Persona, or `*` for every one -> capability: its work is left to workers that offer it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    id: RequirementId
    project: str
    text: str
    constraints: Constraints
    submitted_by: str
    submitted_at: datetime


class PartKind(StrEnum):
    ENTITY = "entity"
    FIELD = "field"
    CAPABILITY = "capability"
    QUALITY = "quality"  # a property of the whole: fast, secure, accessible
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementPart:
    """The smallest piece of the requirement that can be built, checked or left out.

    Traceability is kept per part: each ends with the checks that ran for it, or "not built".
    """

    id: str
    """`R1`, `R2`, ... in the order of the text."""
    kind: PartKind
    text: str
    """What it asks for, for people: `task has a due date`."""
    source: str
    """The words of the requirement it stands for."""
    entity: str | None = None
    field: str | None = None
    capability: str | None = None
    """A CapabilityKind where kind is CAPABILITY and the part is covered."""
    covered: bool = True
    """False: the team in force cannot build it, and `reason` says why."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    type: RequirementType
    complexity: Complexity
    parallelizability: Parallelizability
    expertise: tuple[str, ...]
    effort_hours: float
    risks: tuple[str, ...]
    dependencies: tuple[str, ...]
    rationale: str
    confidence: float
    """0 to 1; below the settings' threshold the run waits for answers."""
    domain: DomainModel
    parts: tuple[RequirementPart, ...]
    open_questions: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    """What was added by convention, one sentence each."""
    buildable: bool = True
    """False: the team in force could build nothing of this; `open_questions` says what to do."""
    planner: str = "offline"
    """Who analysed: `offline`, or a model's name."""
    alternatives: tuple[str, ...] = field(default=())
    """Other readings of the requirement's type, most likely first."""

    @property
    def uncovered(self) -> tuple[RequirementPart, ...]:
        return tuple(part for part in self.parts if not part.covered)
