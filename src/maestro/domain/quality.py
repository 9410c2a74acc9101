"""Gates and what they are judged on. A missing metric blocks; an error blocks; nothing is a pass
because it could not be measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from maestro.domain.values import JsonScalar

BUILD_PHASES = (
    "requirements",
    "design",
    "database_design",
    "api_design",
    "backend_implementation",
    "frontend_implementation",
    "testing",
    "security",
    "performance",
    "deployment",
    "documentation",
    "review",
)
"""What a blueprint may go through, in order."""
PHASES = (*BUILD_PHASES, "monitoring")
"""Every policy has all of them, in this order; the last is for systems that run."""


class MetricType(StrEnum):
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    STRING = "string"


class Better(StrEnum):
    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class MinSample:
    """How much must have been looked at before a value says anything."""

    metric: str
    """The metric, of the same producer, that counts it."""
    at_least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One entry of the metric catalogue. Gates and collectors are both checked against it."""

    name: str
    """Dotted, e.g. `tests.failed`."""
    type: MetricType
    unit: str
    better: Better | None
    """None for a text, of which none is better."""
    producer: str
    """Name of the only collector that may report it."""
    summary: str
    min_sample: MinSample | None = None
    """With less, the metric counts as not measured."""
    words: tuple[str, ...] = ()
    """All a text may say."""


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


class GateStage(StrEnum):
    ENTRY = "entry"  # before the phase's work may start; must still hold when the phase closes
    EXIT = "exit"


class Environment(StrEnum):
    """From the most lenient to the strictest; a policy tightens in this order."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricComparison:
    """A condition that can be compared with another one: `metric op threshold`."""

    metric: str
    op: str
    threshold: int | float | bool


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
    when: str | None = None
    """CEL condition; false gives NOT_APPLICABLE, an error gives ERROR."""
    waivable: bool = True
    stage: GateStage = GateStage.EXIT
    comparison: MetricComparison | None = None
    """None for a CEL expression."""
    max_drop: float | None = None
    """How much worse than the last passing run the metric of the comparison may be."""
    persona: str | None = None
    """Judged only where this persona works; NOT_APPLICABLE elsewhere."""


class ArtefactSchema(StrEnum):
    """What a required artefact must be; an empty file is none of them."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    YAML = "yaml"
    PYTHON = "python"
    HTML = "html"
    OPENAPI = "openapi"
    JUNIT = "junit"
    CYCLONEDX = "cyclonedx"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactRule:
    """Files a phase must hand over."""

    phase: str
    path: str
    """Pattern, relative to the tree: `*` within a folder, `**` over any number of folders."""
    schema: ArtefactSchema
    min: int = 1
    when: str | None = None
    """CEL condition as of a gate."""
    persona: str | None = None
    """As of a gate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactFound:
    """A file that was held against a rule's schema."""

    rule: str
    """The rule's pattern."""
    path: str
    schema: ArtefactSchema
    fault: str = ""
    """Why it is not what the schema says; empty when it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Lets one gate of one project pass although it failed, up to a ceiling and until a day."""

    gate: str
    project: str
    ceiling: str
    """CEL condition over the gate's own metrics that must hold all the same."""
    reason: str
    author: str
    approver: str
    """Somebody else than the author."""
    adr: str
    """Id of the decision record, e.g. `ADR-0012`."""
    expires: date
    """The last day on which it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one environment demands; `quality.policy.load_policy` is where it comes from."""

    id: str
    version: int
    digest: str
    phases: tuple[str, ...]
    """In order; the only phase list there is."""
    gates: tuple[Gate, ...]
    environment: Environment = Environment.DEVELOPMENT
    artefacts: tuple[ArtefactRule, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    """Those that stand in the policy itself."""
    min_blocking_evaluated: int = 1
    """Blocking gates that must really have been judged before a phase may close."""

    def gates_of(self, phase: str, stage: GateStage | None = None) -> tuple[Gate, ...]:
        return tuple(g for g in self.gates if g.phase == phase and stage in (None, g.stage))

    def artefacts_of(self, phase: str) -> tuple[ArtefactRule, ...]:
        return tuple(rule for rule in self.artefacts if rule.phase == phase)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCircumstances:
    """What a verdict depends on beside policy and evidence. Waivers count only with `today`."""

    project: str = ""
    today: date | None = None
    baseline: Mapping[str, JsonScalar] = field(default_factory=dict)
    """Metrics of the project's last passing run of this phase; empty before the first one."""
    waivers: Sequence[Waiver] = ()
    """Beside those of the policy; each is checked again before it counts."""
    artefacts: Sequence[ArtefactFound] | None = None
    """What `quality.artefacts.find_artefacts` found for the phase; None when nobody looked."""
    personas: frozenset[str] | None = None
    """Who works in the run; None when unknown, which makes a persona's gate an ERROR."""


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
    stage: GateStage = GateStage.EXIT
    waiver: Waiver | None = None
    """The one that made it WAIVED."""
    evidence: tuple[str, ...] = ()
    """Digests of the raw outputs it was judged on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactResult:
    """All but PASS and NOT_APPLICABLE block."""

    path: str
    schema: ArtefactSchema
    verdict: Verdict
    found: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseVerdict:
    phase: str
    passed: bool
    results: tuple[GateResult, ...]
    reasons: tuple[str, ...]
    """Why it is blocked; empty when it passed."""
    policy: str
    """Digest of the policy that judged."""
    artefacts: tuple[ArtefactResult, ...] = ()
    environment: Environment = Environment.DEVELOPMENT


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
    needs_browser: bool = False
    """Whether only what a page does in a browser could show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSource:
    """One thing that a term of the score was computed from."""

    name: str
    """A metric, a contract, a requirement part or a gate."""
    value: JsonScalar
    seen: str
    """Where: the tool with its sandbox and the digest of what it said, the checks that ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTerm:
    name: str
    weight: float
    value: float
    evidence: str
    sources: tuple[ScoreSource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """0 to 1; the weighted sum of its terms."""

    overall: float
    band: str
    """blocked where a gate did not pass; else excellent (>= .9), good (>= .8), acceptable (>= .7),
    needs_work.
    """
    terms: tuple[ScoreTerm, ...]
