"""Gates and what they are judged on. A missing metric blocks; an error blocks; nothing is a pass
because it could not be measured.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from maestro.domain.values import JsonScalar


class MetricType(StrEnum):
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class Better(StrEnum):
    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One entry of the metric catalogue. Gates and collectors are both checked against it."""

    name: str
    """Dotted, e.g. `tests.failed`."""
    type: MetricType
    unit: str
    better: Better
    producer: str
    """Name of the only collector that may report it."""
    summary: str


class GateSeverity(StrEnum):
    BLOCKING = "BLOCKING"
    WARNING = "WARNING"


class Verdict(StrEnum):
    PASS = "PASS"
    FAIL = "FAIL"
    ERROR = "ERROR"
    NOT_MEASURED = "NOT_MEASURED"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    WAIVED = "WAIVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A condition over metrics, either `metric op threshold` or a CEL expression."""

    id: str
    phase: str
    summary: str
    severity: GateSeverity
    condition: str
    """CEL source, compiled and type-checked when the policy is loaded."""
    metrics: tuple[str, ...]
    """Every metric the condition refers to."""
    applies_when: str | None = None
    """CEL condition; false gives NOT_APPLICABLE, an error gives ERROR."""
    waivable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    id: str
    version: int
    digest: str
    phases: tuple[str, ...]
    """In order; the only phase list there is."""
    gates: tuple[Gate, ...]

    def gates_of(self, phase: str) -> tuple[Gate, ...]:
        return tuple(gate for gate in self.gates if gate.phase == phase)


class EvidenceStatus(StrEnum):
    MEASURED = "measured"
    FAILED = "failed"  # the tool broke
    UNAVAILABLE = "unavailable"  # the tool is not here


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one collector saw. Judged on parsed output and files examined, never on exit codes."""

    collector: str
    status: EvidenceStatus
    tool: str
    version: str
    argv: tuple[str, ...]
    exit_code: int | None
    duration_seconds: float
    files_examined: int
    metrics: dict[str, JsonScalar] = field(default_factory=dict)
    tool_errors: tuple[str, ...] = ()
    raw_digest: str = ""
    """sha256 of the tool's raw output."""
    sandbox: str = ""
    """Level and mechanism in force while it ran."""
    detail: tuple[str, ...] = ()
    """Findings for people, most important first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    gate: str
    phase: str
    severity: GateSeverity
    verdict: Verdict
    condition: str
    observed: dict[str, JsonScalar]
    reason: str
    """One sentence for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseVerdict:
    phase: str
    passed: bool
    results: tuple[GateResult, ...]
    reasons: tuple[str, ...]
    """Why it is blocked; empty when it passed."""
    policy: str
    """Digest of the policy that judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedPart:
    """One requirement part and the checks that ran for it."""

    part: str
    text: str
    status: str
    """`verified`, `failed`, `unverified` (built, but no check ran) or `not_built`."""
    checks: tuple[str, ...]
    """Ids of the checks that ran."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTerm:
    name: str
    weight: float
    value: float
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """0 to 1; the weighted sum of its terms."""

    overall: float
    band: str
    """excellent (>= .9), good (>= .8), acceptable (>= .7), needs_work."""
    terms: tuple[ScoreTerm, ...]
