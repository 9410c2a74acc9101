"""Planning as durable steps: analyse, match, design, assemble."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from maestro.contracts.design import adopt, design
from maestro.contracts.openapi import load
from maestro.contracts.openapi.recognition import buildable_domain
from maestro.delivery.left_to_workers import capabilities_of, left_to_workers
from maestro.delivery.model_planning import ModelPlanning
from maestro.delivery.model_runs import model_table, patient
from maestro.delivery.planning_workflow import ANALYSE, ASSEMBLE, DESIGN, MATCH
from maestro.domain.contract import Contract
from maestro.domain.encoding import decode, encode
from maestro.domain.models import ModelTable
from maestro.domain.plan import Plan
from maestro.domain.requirement import Analysis, Preference, Requirement
from maestro.domain.team import BlueprintMatch, Team
from maestro.errors import Blocked, InvalidInput
from maestro.planning.analyse import analyse
from maestro.planning.assemble import assemble
from maestro.planning.catalogue import Catalogue
from maestro.planning.compose import compose
from maestro.planning.match import match
from maestro.planning.soundness import faults_of
from maestro.ports import StepContext, StepHandler, StepResult


@dataclass(frozen=True, slots=True)
class PlanningSteps:
    catalogue: Catalogue
    confidence_floor: float
    models: ModelPlanning
    """Plans the runs that name a model for it."""

    def handlers(self) -> Mapping[str, StepHandler]:
        return {
            ANALYSE: self.analyse,
            MATCH: self.match,
            DESIGN: self.design,
            ASSEMBLE: self.assemble,
        }

    async def analyse(self, context: StepContext) -> StepResult:
        """Raises Blocked with the open questions when there is nothing safe to act on."""
        requirement = decode(Requirement, context.run_inputs["requirement"])
        table = _planning_table(context)
        if table is not None:
            analysis = await self.models.analyse(context, requirement, table)
        else:
            analysis = await _offline(context, requirement)
        faults = () if requirement.constraints.contract else faults_of(analysis.domain)
        if faults:
            raise Blocked(
                "the domain model of the plan does not pass its checks",
                reasons=faults,
                detail=encode(analysis),
            )
        if not analysis.buildable or analysis.confidence < self.confidence_floor:
            raise Blocked(
                _refusal(analysis, self.confidence_floor),
                reasons=analysis.open_questions
                or tuple(f"not understood: {part.text}" for part in analysis.uncovered),
                detail=encode(analysis),
            )
        return StepResult(output=encode(analysis))

    async def match(self, context: StepContext) -> StepResult:
        requirement = decode(Requirement, context.run_inputs["requirement"])
        analysis = decode(Analysis, context.outputs[ANALYSE])
        table = _planning_table(context)
        if table is not None and requirement.constraints.blueprint is None:
            matches, team = await self.models.compose(
                context,
                requirement,
                table,
                analysis,
                self.catalogue,
                partial(self._unfit, requirement, analysis),
            )
        else:
            matches = match(analysis, self.catalogue, requirement.constraints)
            chosen = self.catalogue.blueprint(matches[0].blueprint)
            team = compose(chosen, analysis, self.catalogue)
        return StepResult(output={"matches": encode(matches), "team": encode(team)})

    def _unfit(self, requirement: Requirement, analysis: Analysis, team: Team) -> tuple[str, ...]:
        """Why no plan can be made with the team; the steps that follow would refuse it."""
        try:
            contracts = design(analysis, team)
            parallel = self._parallel(requirement, team)
            assemble(analysis, team, contracts, self.catalogue, parallel=parallel)
        except InvalidInput as error:
            return (str(error),)
        return ()

    def _parallel(self, requirement: Requirement, team: Team) -> bool:
        wanted = requirement.constraints.preference is not Preference.SEQUENTIAL
        return wanted and self.catalogue.blueprint(team.blueprint).parallel

    async def design(self, context: StepContext) -> StepResult:
        requirement = decode(Requirement, context.run_inputs["requirement"])
        analysis = decode(Analysis, context.outputs[ANALYSE])
        team = decode(Team, context.outputs[MATCH]["team"])
        document = requirement.constraints.contract
        contracts = (
            design(analysis, team)
            if document is None
            else adopt(
                document,
                requirement.constraints.contract_name or "contract",
                team,
                analysis.parts,
            )
        )
        return StepResult(output=encode(contracts))

    async def assemble(self, context: StepContext) -> StepResult:
        """Commits the whole plan and, unless only the plan was asked for, extends the run."""
        brought = context.run_inputs.get("plan")
        plan = decode(Plan, brought) if brought is not None else self._plan(context)
        steps = left_to_workers(plan.steps, capabilities_of(context.run_inputs))
        steps = patient(steps, model_table(context.run_inputs))
        extension = () if context.run_inputs.get("plan_only") else steps
        return StepResult(output=encode(plan), extend=extension)

    def _plan(self, context: StepContext) -> Plan:
        requirement = decode(Requirement, context.run_inputs["requirement"])
        analysis = decode(Analysis, context.outputs[ANALYSE])
        matches = tuple(decode(BlueprintMatch, item) for item in context.outputs[MATCH]["matches"])
        team = decode(Team, context.outputs[MATCH]["team"])
        contracts = tuple(decode(Contract, item) for item in context.outputs[DESIGN])
        parallel = self._parallel(requirement, team)
        steps = assemble(analysis, team, contracts, self.catalogue, parallel=parallel)
        return Plan(
            analysis=analysis,
            matches=matches,
            team=team,
            contracts=contracts,
            steps=steps,
            parallel=parallel,
        )


async def _offline(context: StepContext, requirement: Requirement) -> Analysis:
    await context.progress("reading the requirement (offline planner, no model is called)")
    document = requirement.constraints.contract
    domain = None
    if document is not None:
        name = requirement.constraints.contract_name or "contract"
        domain = buildable_domain(load(document, name=name))
    return await analyse(requirement, domain=domain)


def _planning_table(context: StepContext) -> ModelTable | None:
    """The run's table where a model plans in it."""
    table = model_table(context.run_inputs)
    return table if table is not None and table.planner else None


def _refusal(analysis: Analysis, floor: float) -> str:
    if not analysis.buildable:
        if analysis.planner != "offline":
            return "there is nothing to build in this requirement; see the questions"
        return "the offline team cannot build this requirement; see the questions"
    mend = "answer the questions" if analysis.open_questions else "say it in other words"
    return (
        f"the requirement was understood with confidence {analysis.confidence:.2f}, "
        f"below {floor:.2f}; {mend} and submit it again"
    )
