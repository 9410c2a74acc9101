"""Planning as durable steps: analyse, match, design, assemble."""

from collections.abc import Mapping
from dataclasses import dataclass

from maestro.contracts.design import adopt, design
from maestro.contracts.openapi import load
from maestro.contracts.openapi.recognition import buildable_domain
from maestro.delivery.planning_workflow import ANALYSE, ASSEMBLE, DESIGN, MATCH
from maestro.domain.contract import Contract
from maestro.domain.encoding import decode, encode
from maestro.domain.plan import Plan
from maestro.domain.requirement import Analysis, Preference, Requirement
from maestro.domain.team import BlueprintMatch, Team
from maestro.errors import Blocked
from maestro.planning.analyse import analyse
from maestro.planning.assemble import assemble
from maestro.planning.catalogue import Catalogue
from maestro.planning.compose import compose
from maestro.planning.match import match
from maestro.ports import StepContext, StepHandler, StepResult


@dataclass(frozen=True, slots=True)
class PlanningSteps:
    catalogue: Catalogue
    confidence_floor: float

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
        await context.progress("reading the requirement (offline planner, no model is called)")
        document = requirement.constraints.contract
        domain = None
        if document is not None:
            name = requirement.constraints.contract_name or "contract"
            domain = buildable_domain(load(document, name=name))
        analysis = await analyse(requirement, domain=domain)
        if not analysis.buildable or analysis.confidence < self.confidence_floor:
            raise Blocked(
                _refusal(analysis, self.confidence_floor),
                reasons=analysis.open_questions,
                detail=encode(analysis),
            )
        return StepResult(output=encode(analysis))

    async def match(self, context: StepContext) -> StepResult:
        requirement = decode(Requirement, context.run_inputs["requirement"])
        analysis = decode(Analysis, context.outputs[ANALYSE])
        matches = match(analysis, self.catalogue, requirement.constraints)
        team = compose(self.catalogue.blueprint(matches[0].blueprint), analysis, self.catalogue)
        return StepResult(output={"matches": encode(matches), "team": encode(team)})

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
        extension = () if context.run_inputs.get("plan_only") else plan.steps
        return StepResult(output=encode(plan), extend=extension)

    def _plan(self, context: StepContext) -> Plan:
        requirement = decode(Requirement, context.run_inputs["requirement"])
        analysis = decode(Analysis, context.outputs[ANALYSE])
        matches = tuple(decode(BlueprintMatch, item) for item in context.outputs[MATCH]["matches"])
        team = decode(Team, context.outputs[MATCH]["team"])
        contracts = tuple(decode(Contract, item) for item in context.outputs[DESIGN])
        parallel = (
            requirement.constraints.preference is not Preference.SEQUENTIAL
            and self.catalogue.blueprint(team.blueprint).parallel
        )
        steps = assemble(analysis, team, contracts, self.catalogue, parallel=parallel)
        return Plan(
            analysis=analysis,
            matches=matches,
            team=team,
            contracts=contracts,
            steps=steps,
            parallel=parallel,
        )


def _refusal(analysis: Analysis, floor: float) -> str:
    if not analysis.buildable:
        return "the offline team cannot build this requirement; see the questions"
    return (
        f"the requirement was understood with confidence {analysis.confidence:.2f}, "
        f"below {floor:.2f}; answer the questions and submit it again"
    )
