"""A run of three builders and two gates, as small as a run can be, with all it has delivered."""

from datetime import UTC, datetime

from maestro.delivery.record import WorkRecord
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.encoding import encode
from maestro.domain.entities import DomainModel
from maestro.domain.plan import Plan
from maestro.domain.requirement import (
    Analysis,
    Complexity,
    Constraints,
    Parallelizability,
    Requirement,
    RequirementType,
)
from maestro.domain.team import Member, Team
from maestro.domain.values import ContractId, Digest, JsonObject, JsonValue, RequirementId, StepId
from maestro.domain.work import Artifact, WorkResult
from maestro.domain.workflow import Step

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
BACKEND, DATABASE, PAGE = (
    StepId(f"work.{name}")
    for name in ("backend_developer", "database_designer", "frontend_developer")
)
FILES = {
    BACKEND: ("backend/app/main.py", "backend/tests/test_main.py"),
    DATABASE: ("backend/migrations/0001_tables.py",),
    PAGE: ("frontend/index.html",),
}


def work_step(step_id: StepId, phase: str, component: str = "backend") -> Step:
    persona = step_id.removeprefix("work.")
    return Step(
        id=step_id,
        action="persona.work",
        phase=phase,
        inputs={"persona": persona, "component": component, "provides": [], "consumes": []},
    )


STEPS = (
    work_step(BACKEND, "backend_implementation"),
    work_step(DATABASE, "database_design"),
    work_step(PAGE, "frontend_implementation", "app"),
    Step(id=StepId("verify.api"), action="contract.verify", inputs={"contract": "api"}),
    Step(id=StepId("recheck.page"), action="consumer.recheck",
         inputs={"persona": "frontend_developer", "contracts": ["api"]}),
    Step(id=StepId("gate.backend"), action="quality.gate",
         inputs={"phase": "backend_implementation"}),
    Step(id=StepId("gate.review"), action="quality.gate", inputs={"phase": "review"}),
)  # fmt: skip
API = Contract(
    id=ContractId("api"),
    name="API",
    kind=ContractKind.REST,
    version="1.0.0",
    provider="backend_developer",
    component="backend",
    consumers=("frontend_developer",),
    format=SpecificationFormat.OPENAPI,
    specification={},
    deliverables=(),
    acceptance=(),
)
PLAN = Plan(
    analysis=Analysis(
        type=RequirementType.FEATURE_DEVELOPMENT,
        complexity=Complexity.SIMPLE,
        parallelizability=Parallelizability.FULLY_PARALLEL,
        expertise=(),
        effort_hours=1.0,
        risks=(),
        dependencies=(),
        rationale="",
        confidence=1.0,
        domain=DomainModel(title="Tasks", entities=()),
        parts=(),
    ),
    matches=(),
    team=Team(blueprint="b", members=(Member(role="api", persona="backend_developer"),)),
    contracts=(API,),
    steps=STEPS,
    parallel=True,
)


def work(step_id: StepId) -> WorkRecord:
    return WorkRecord(
        persona=step_id.removeprefix("work."),
        component="backend",
        result=WorkResult(summary="", changed_paths=()),
        artifacts=tuple(
            Artifact(path=path, digest=Digest("sha256:0"), size=1) for path in FILES[step_id]
        ),
    )


def delivered() -> dict[StepId, JsonValue]:
    """Outputs of a run in which everybody has delivered."""
    return {StepId("plan.assemble"): encode(PLAN), **{s: encode(work(s)) for s in FILES}}


def asked(constraints: Constraints = Constraints(), project: str = "default") -> JsonObject:
    """Inputs of the run."""
    requirement = Requirement(
        id=RequirementId("req-1"),
        project=project,
        text="Build a REST API for tasks",
        constraints=constraints,
        submitted_by="ada",
        submitted_at=NOW,
    )
    return {"requirement": encode(requirement)}
