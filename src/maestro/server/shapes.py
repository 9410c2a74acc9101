"""The JSON of requests and of answers that are not the encoding of a domain value."""

from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from maestro.delivery.run_desk import RunSnapshot, kind_of, run_verbs, step_verbs
from maestro.domain.access import Permission
from maestro.domain.encoding import encode
from maestro.domain.overview import RunOverview
from maestro.domain.quality import Environment
from maestro.domain.requirement import Constraints, Preference, Requirement
from maestro.domain.run import Run, RunStatus, StepRun, StepStatus
from maestro.domain.steering import Verb
from maestro.domain.values import JsonObject
from maestro.domain.workflow import Step
from maestro.server.access import ApiCaller

T = TypeVar("T")
PROJECT = r"^[a-z][a-z0-9_.\-]{0,127}$"
_PERMISSION_OF = {Verb.APPROVE: Permission.RUN_APPROVE, Verb.REJECT: Permission.RUN_APPROVE}


class Shape(BaseModel):
    """What a request may hold; anything else is refused."""

    model_config = ConfigDict(extra="forbid")


class ListPage(BaseModel, Generic[T]):
    items: list[T]
    next: str | None = Field(default=None, description="`cursor` of the page behind this one.")


Document = dict[str, Any]


class ConstraintsShape(Shape):
    preference: Preference = Preference.AUTO
    quality_threshold: float = Field(default=0.8, ge=0, le=1)
    blueprint: str | None = Field(default=None, max_length=200)
    max_parallel: int | None = Field(default=None, ge=1, le=64)
    allow_partial: bool = False
    environment: Environment = Environment.DEVELOPMENT
    contract: str | None = Field(default=None, max_length=900_000)
    contract_name: str | None = Field(default=None, max_length=200)
    capabilities: dict[str, str] = Field(
        default_factory=dict,
        max_length=100,
        description="By persona, or `*` for every one: its work is left to workers that offer it.",
    )

    def value(self) -> Constraints:
        return Constraints(**self.model_dump())


class StartShape(Shape):
    requirement: str | None = Field(default=None, max_length=20_000)
    constraints: ConstraintsShape = Field(default_factory=ConstraintsShape)
    project: str | None = Field(default=None, pattern=PROJECT)
    plan_of: str | None = Field(
        default=None, max_length=128, description="Run whose plan is built; brings its requirement."
    )


class PlanShape(Shape):
    requirement: str = Field(max_length=20_000)
    constraints: ConstraintsShape = Field(default_factory=ConstraintsShape)
    project: str | None = Field(default=None, pattern=PROJECT)


class CommentShape(Shape):
    comment: str = Field(default="", max_length=2000)


class ReworkShape(CommentShape):
    steps: list[str] = Field(default_factory=list, max_length=200)


class StepShape(CommentShape):
    payload: Any = Field(default=None, description="Of a signal, or the new output.")


class VerdictShape(BaseModel):
    partial: bool
    score: float | None
    band: str
    gates_passed: int
    gates_total: int
    contracts_verified: int
    contracts_total: int
    not_built: int
    cost: float | None
    blueprint: str
    time_savings_percent: float


class RunSummary(BaseModel):
    id: str
    project: str
    workflow: str
    kind: str
    status: RunStatus
    requirement: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None
    max_parallel: int
    last_sequence: int
    steps: dict[str, int]
    verdict: VerdictShape | None = Field(description="Of exactly this state, once it is at rest.")


class StepShown(BaseModel):
    id: str
    title: str
    action: str
    kind: str
    needs: list[str]
    parent: str | None
    phase: str
    persona: str
    when: str | None
    status: StepStatus
    attempt: int
    started_at: datetime | None
    ended_at: datetime | None
    retry_at: datetime | None
    error: Document | None
    etag: str
    allowed: list[str]


class AttemptView(BaseModel):
    attempt: int
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    error: Document | None


class StepDetail(StepShown):
    inputs: Document
    output: Any
    attempts: list[AttemptView]


class RunShown(RunSummary):
    submitted_by: str | None
    submitted_at: datetime | None
    constraints: Document | None
    environment: str | None
    driven: bool
    doing: list[str]
    focus: str | None
    allowed: list[str]
    step_list: list[StepShown]


class Steered(BaseModel):
    changed: bool
    run: RunSummary


class EventsView(BaseModel):
    items: list[Document]
    next: str | None = None
    after: int
    ended: bool


def run_summary(overview: RunOverview) -> RunSummary:
    run, counts = overview.run, overview.steps
    return RunSummary(
        id=run.id,
        project=run.project,
        workflow=run.workflow,
        kind=kind_of(run),
        status=run.status,
        requirement=requirement_text(run),
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        duration_seconds=_duration(run),
        max_parallel=run.max_parallel,
        last_sequence=overview.last_sequence,
        steps={"total": sum(counts.values()), **counts},
        verdict=VerdictShape(**encode(overview.headline)) if overview.headline else None,
    )


def run_view(state: RunSnapshot, asked: Requirement | None, caller: ApiCaller) -> RunShown:
    run = state.overview.run
    return RunShown(
        **run_summary(state.overview).model_dump(),
        submitted_by=asked.submitted_by if asked else None,
        submitted_at=asked.submitted_at if asked else None,
        constraints=encode(asked.constraints) if asked else None,
        environment=asked.constraints.environment.value if asked else None,
        driven=state.driven,
        doing=list(state.doing()),
        focus=state.focus(),
        allowed=_permitted(run_verbs(run.status), caller, run.project),
        step_list=[
            step_view(run, step, one, caller)
            for step, one in zip(state.workflow.steps, state.steps, strict=True)
        ],
    )


def step_view(run: Run, step: Step, state: StepRun, caller: ApiCaller) -> StepShown:
    return StepShown(
        id=step.id,
        title=step.label,
        action=step.action,
        kind=step.kind.value,
        needs=list(step.needs),
        parent=step.parent,
        phase=step.phase,
        persona=step.persona,
        when=step.when,
        status=state.status,
        attempt=state.attempt,
        started_at=state.started_at,
        ended_at=state.ended_at,
        retry_at=state.retry_at,
        error=encode(state.error),
        etag=step_etag(state),
        allowed=_permitted(step_verbs(run.status, step, state), caller, run.project),
    )


def step_etag(state: StepRun) -> str:
    """Changes with everything that a decision about the step is based on."""
    return f'"{state.attempt}-{state.forgiven}-{state.status.value}"'


def requirement_text(run: Run) -> str | None:
    asked = run.inputs.get("requirement")
    return str(asked["text"]) if isinstance(asked, dict) else None


def _permitted(verbs: tuple[Verb, ...], caller: ApiCaller, project: str) -> list[str]:
    return [
        verb.value
        for verb in verbs
        if caller.may(_PERMISSION_OF.get(verb, Permission.RUN_CONTROL), project)
    ]


def _duration(run: Run) -> float | None:
    if run.started_at is None:
        return None
    end = run.ended_at or datetime.now(UTC)
    return round((end - run.started_at).total_seconds(), 3)


def summary_document(overview: RunOverview) -> JsonObject:
    return run_summary(overview).model_dump(mode="json")
