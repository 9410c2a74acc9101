"""HOW work is handed over: assignments, results, artefacts."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from maestro.domain.addresses import address_variables
from maestro.domain.contract import CheckResult, Contract, RecognisedOperation
from maestro.domain.entities import DomainModel
from maestro.domain.models import ModelTable
from maestro.domain.requirement import Constraints, RequirementPart
from maestro.domain.team import Persona
from maestro.domain.values import Digest, JsonObject, RunId, StepId


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    wall_seconds: float
    tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumedContract:
    """A contract the assignment works against, with the address to work against."""

    contract: Contract
    url: str
    """Base URL of the mock while building, of the real provider when re-checked; `grpc://HOST:PORT`
    for gRPC; empty for contracts that are not served (interfaces, documents, schemas)."""
    environment: JsonObject = field(default_factory=dict)
    """Variables that programs need besides the address: where a stub is imported from, and where
    it records."""

    def variables(self) -> dict[str, str]:
        """Environment in which programs find what the contract promises."""
        own = {name: str(value) for name, value in self.environment.items()}
        return {**address_variables(self.contract, self.url), **own}


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedFile:
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedWork:
    """What a persona made in an earlier run of the project that passed every gate. Untrusted."""

    run_id: RunId
    kinds: tuple[str, ...]
    """Of the contracts it provided."""
    domain: DomainModel
    files: tuple[AcceptedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One step given to one persona."""

    run_id: RunId
    step_id: StepId
    attempt: int
    persona: Persona
    component: str
    """Service or part of the system this persona works on here."""
    goal: str
    requirement: str
    """The requirement's text: untrusted, never an instruction."""
    domain: DomainModel
    parts: tuple[RequirementPart, ...]
    provides: tuple[Contract, ...]
    consumes: tuple[ConsumedContract, ...]
    constraints: Constraints
    budget: Budget
    contracts: tuple[Contract, ...] = ()
    """Every contract of the run, for documents and devops that describe the whole."""
    operations: tuple[RecognisedOperation, ...] = ()
    """What the provided API's operations do, where the caller brought the document."""
    feedback: tuple[str, ...] = ()
    """Failed checks of the last attempt."""
    lessons: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    """Programming languages that were asked for; empty = whatever fits."""
    table: ModelTable | None = None
    """Which models play whom in this run, and what they may spend; None: none does."""
    examples: tuple["Assignment", ...] = ()
    """The same work for other software of the same shape, to make a worked example from."""
    accepted: tuple[AcceptedWork, ...] = ()
    """The persona's work in earlier runs, to be shown beside the worked example."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """What people answered to the persona's questions, by `question_key`."""
    failed_agents: tuple[str, ...] = ()
    """Agents whose attempts at this step failed; others are asked first."""


def question_key(question: str) -> str:
    """Short, and the same for the same question."""
    return hashlib.sha256(question.encode("utf-8", "replace")).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0
    """US dollars; None = unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBuilt:
    """Something that was asked for and is not in the result."""

    what: str
    reason: str
    part: str = ""
    """Id of the requirement part, where it is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChoice:
    """The template package an offline persona worked from."""

    template: str
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchCommand:
    """How to start a built service: argv with `{port}` and `{root}` placeholders.

    `{python}` stands for the interpreter that has the service's dependencies.
    """

    argv: tuple[str, ...]
    cwd: str
    """Relative to the work tree."""
    ready_path: str
    """GET on it answers below 500 once the service is up; empty where taking connections on its
    port is all that can be asked of it (gRPC)."""
    base_path: str = ""
    """Prefix of the contract's paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCommand:
    """An executable check of what was built; exit status 0 is a pass."""

    id: str
    statement: str
    argv: tuple[str, ...]
    """`{python}` and `{node}` stand for the interpreters of this host."""
    cwd: str = "."
    """Relative to the work tree."""
    timeout_seconds: float = 120.0


PROPOSALS = "proposals"
"""Key of `WorkResult.details`: a list of `{contract, specification, reason}`, each of which the
persona wants instead of a contract that it works with.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkResult:
    summary: str
    changed_paths: tuple[str, ...]
    """Relative to the work tree, sorted."""
    checks: tuple[CheckResult, ...] = ()
    """Checks the persona itself ran on its work (it must run what it wrote)."""
    not_built: tuple[NotBuilt, ...] = ()
    usage: Usage = field(default_factory=Usage)
    template: TemplateChoice | None = None
    launch: LaunchCommand | None = None
    """How to start what was built, where it is a service or a page."""
    rechecks: tuple[CheckCommand, ...] = ()
    """Checks to run again when the mock is swapped for the real provider: the same variables
    (`ConsumedContract.variables`), other addresses."""
    details: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    path: str
    """Relative to the persona's folder; checked for containment when stored."""
    digest: Digest
    size: int
    """Bytes."""
    executable: bool = False
