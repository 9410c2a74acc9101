"""Small runs in which the double of a model plays: one persona, its contract, nothing else."""

from dataclasses import replace
from datetime import UTC, datetime

from maestro.contracts.design import design
from maestro.delivery.service import Maestro
from maestro.delivery.worked_examples import worked_examples
from maestro.domain.models import Budgets, Caps, ModelProfile, ModelTable, Price, WorkStyle
from maestro.domain.plan import Plan
from maestro.domain.requirement import Constraints, Requirement
from maestro.domain.values import RequirementId, RunId, StepId
from maestro.domain.work import Assignment, Budget, ConsumedContract
from maestro.domain.workflow import Step
from maestro.planning.analyse import analyse
from maestro.planning.assemble import assemble
from maestro.planning.catalogue import load_catalogue
from maestro.planning.compose import compose
from maestro.planning.match import match

BOOKS = (
    "Build a web app to manage books: a book has a title, an author, a status (available, lent) "
    "and a due date, and can be filtered by status"
)
ANALYST, WRITER, DATABASE = "requirement_analyst", "technical_writer", "database_designer"
PRICE = Price(input=1000.0, output=2000.0)
"""So that a call of the double costs tenths of a dollar."""


_PLANS: dict[tuple[str, ...], Plan] = {}


async def plan_of(text: str, *personas: str) -> Plan:
    """A plan whose only work is that of these personas; made once."""
    if (text, *personas) not in _PLANS:
        _PLANS[text, *personas] = await _planned(text, *personas)
    return _PLANS[text, *personas]


async def _planned(text: str, *personas: str) -> Plan:
    catalogue = load_catalogue()
    requirement = Requirement(
        id=RequirementId("req-1"),
        project="default",
        text=text,
        constraints=Constraints(),
        submitted_by="local",
        submitted_at=datetime.now(UTC),
    )
    analysis = await analyse(requirement)
    matches = match(analysis, catalogue, requirement.constraints)
    team = compose(catalogue.blueprint(matches[0].blueprint), analysis, catalogue)
    contracts = design(analysis, team)
    steps = assemble(analysis, team, contracts, catalogue, parallel=True)
    work = [s for s in steps if s.action == "persona.work" and s.persona in personas]
    needed = {c for s in work for k in ("provides", "consumes") for c in s.inputs[k]}
    agreed = [s for s in steps if s.action == "contract.agree" and s.inputs["contract"] in needed]
    kept = [*agreed, *work]
    ids = {step.id for step in kept}
    return Plan(
        analysis=analysis,
        matches=matches,
        team=team,
        contracts=contracts,
        steps=tuple(_without(step, ids) for step in kept),
        parallel=True,
    )


def _without(step: Step, ids: set[StepId]) -> Step:
    return replace(step, needs=tuple(need for need in step.needs if need in ids))


def gated(plan: Plan, phase: str) -> Plan:
    """The same, with the verifications and the gate of the phase."""
    steps = assemble(plan.analysis, plan.team, plan.contracts, load_catalogue(), parallel=True)
    made = [s for s in steps if s.action in ("contract.verify", "quality.gate")]
    kept = [*plan.steps, *(step for step in made if step.phase == phase)]
    ids = {step.id for step in kept}
    return replace(plan, steps=tuple(_without(step, ids) for step in kept))


def table(
    url: str,
    *personas: str,
    caps: Caps | None = None,
    style: WorkStyle = WorkStyle.FILES,
    samples: int = 2,
    fallback: str = "",
) -> ModelTable:
    name = f"{url}#double"
    names = (name, fallback) if fallback else (name,)
    return ModelTable(
        personas=dict.fromkeys(personas, names),
        models={name: ModelProfile(style=style, price=PRICE)},
        budgets=Budgets(run=caps or Caps()),
        samples=samples,
    )


async def submitted(
    maestro: Maestro, models: ModelTable, *personas: str, text: str = BOOKS
) -> RunId:
    return await maestro.submit(text, plan=await plan_of(text, *personas), models=models)


async def assignment_of(
    persona: str, *, url: str = "", text: str = BOOKS, models: ModelTable | None = None
) -> Assignment:
    """The persona's work in a plan of `text`; `url` is where every API it consumes answers."""
    plan = await plan_of(text, persona)
    known = {str(contract.id): contract for contract in plan.contracts}
    step = next(step for step in plan.steps if step.action == "persona.work")
    made = Assignment(
        run_id=RunId("run-test"),
        step_id=step.id,
        attempt=1,
        persona=load_catalogue().persona(persona),
        component=str(step.inputs["component"]),
        goal=step.label,
        requirement=text,
        domain=plan.analysis.domain,
        parts=plan.analysis.parts,
        provides=tuple(known[name] for name in step.inputs["provides"]),
        consumes=tuple(
            ConsumedContract(contract=known[name], url=url) for name in step.inputs["consumes"]
        ),
        constraints=Constraints(),
        budget=Budget(wall_seconds=600),
        contracts=plan.contracts,
        table=models,
    )
    return replace(made, examples=worked_examples(made, plan))
