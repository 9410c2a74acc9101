"""A task of its own as one durable step: planned, built by its persona, verified."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from maestro.contracts.agree import agree
from maestro.contracts.design import design
from maestro.delivery.contract_steps import ContractSteps
from maestro.delivery.planning_steps import PlanningSteps
from maestro.delivery.planning_workflow import ANALYSE
from maestro.delivery.record import PLAN_STEP, WorkRecord
from maestro.delivery.task_files import WORK
from maestro.delivery.work_steps import WorkSteps
from maestro.delivery.workspace import merge
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.encoding import decode, encode
from maestro.domain.plan import Plan
from maestro.domain.requirement import Analysis, Constraints, Requirement
from maestro.domain.team import Role, Team
from maestro.domain.values import RequirementId, StepId
from maestro.domain.work import Artifact
from maestro.domain.workflow import Step
from maestro.errors import Blocked
from maestro.planning.catalogue import Catalogue
from maestro.planning.compose import compose
from maestro.ports import Clock, StepContext, StepHandler, StepResult

_SHAPE = "parallel-contract-first"
"""Blueprint whose team, with every role filled, gives the contracts that a task may be about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """Output of a `task.work` step."""

    persona: str
    component: str
    summary: str
    artifacts: tuple[Artifact, ...]
    checks: tuple[str, ...]
    """Own checks that passed."""
    verified: tuple[str, ...]
    """Contracts that what was built keeps."""
    unverified: tuple[str, ...]
    """Contracts that only a whole application can be held against."""


@dataclass(frozen=True, slots=True)
class TaskSteps:
    """Does for one text and one persona what a whole run does for a requirement and a team."""

    catalogue: Catalogue
    planning: PlanningSteps
    work: WorkSteps
    contracts: ContractSteps
    clock: Clock

    def handlers(self) -> Mapping[str, StepHandler]:
        return {WORK: self.run}

    async def run(self, context: StepContext) -> StepResult:
        """Raises Blocked when the text cannot be acted on, or the result breaks its contract."""
        planned, works = await self._planned(context)
        for work in works:  # tables first where a service takes some
            done = await self.work.work(replace(planned, step=replace(work, id=context.step.id)))
            if done.extend:
                raise Blocked(
                    "the persona proposes another contract, and in a task of its own nobody can "
                    "consent; build the requirement as a whole"
                )
            planned = replace(planned, outputs={**planned.outputs, work.id: done.output})
        after = replace(planned, step=works[-1])
        records = {w.id: decode(WorkRecord, after.outputs[w.id]) for w in works}
        record = records[after.step.id]
        provided = [str(name) for name in after.step.inputs["provides"]]
        unverified = [name for name in provided if not await self._verified(after, name)]
        output = TaskRecord(
            persona=record.persona,
            component=record.component,
            summary=record.result.summary,
            artifacts=merge({str(name): one.artifacts for name, one in records.items()}),
            checks=tuple(check.id for check in record.result.checks if check.passed),
            verified=tuple(name for name in provided if name not in unverified),
            unverified=tuple(unverified),
        )
        return StepResult(output=encode(output))

    async def _planned(self, context: StepContext) -> tuple[StepContext, Sequence[Step]]:
        """A run that builds nothing but this task, planned, and the work in it, in order."""
        requirement = self._requirement(context)
        alone = replace(context, run_inputs={"requirement": encode(requirement)}, outputs={})
        analysed = (await self.planning.analyse(alone)).output
        analysis = decode(Analysis, analysed)
        plan = await asyncio.to_thread(self._plan, context.step, analysis)
        agreed = {_agreement(contract): encode(contract) for contract in plan.contracts}
        planned = replace(alone, outputs={ANALYSE: analysed, PLAN_STEP: encode(plan), **agreed})
        return planned, [step for step in plan.steps if step.action == "persona.work"]

    def _requirement(self, context: StepContext) -> Requirement:
        return Requirement(
            id=RequirementId(f"{context.run_id}-{context.step.id}"),
            project="tasks",
            text=str(context.step.inputs["text"]),
            constraints=Constraints(),
            submitted_by="tasks",
            submitted_at=self.clock.now(),
        )

    def _plan(self, step: Step, analysis: Analysis) -> Plan:
        persona = str(step.inputs["persona"])
        shape = self.catalogue.blueprint(_SHAPE)
        roles = [
            # Who is asked for belongs to the team whatever the analysis says.
            Role(name=name, persona=name, expertise=analysis.expertise if name == persona else ())
            for name in self.catalogue.personas
        ]
        team = compose(replace(shape, roles=tuple(roles)), analysis, self.catalogue)
        component = _component(persona, team)
        contracts = tuple(agree(contract) for contract in design(analysis, team))
        work = _work(step, persona, component, contracts)
        tables = [
            _work(replace(step, id=StepId(f"{step.id}.tables")), c.provider, component, contracts)
            for c in contracts
            if c.kind is ContractKind.DATA_SCHEMA and c.id in work.inputs["consumes"]
        ]
        return Plan(
            analysis=analysis,
            matches=(),
            team=team,
            contracts=contracts,
            steps=(*map(_agree, contracts), *tables, work),
            parallel=True,
        )

    async def _verified(self, context: StepContext, name: str) -> bool:
        """False where it takes a whole application. Raises Blocked with the findings."""
        step = context.step
        contract = next(
            c for c in decode(Plan, context.outputs[PLAN_STEP]).contracts if c.id == name
        )
        if contract.kind is ContractKind.PAGE:
            return False
        verify = Step(
            id=StepId(f"{step.id}.{name}"), action="contract.verify", inputs={"contract": name}
        )
        await self.contracts.hold(replace(context, step=verify), contract)
        return True


def _component(persona: str, team: Team) -> str:
    components = [one.component or "app" for one in team.members if one.persona == persona]
    if not components:
        why = [line for line in team.omitted if line.startswith(f"{persona}:")]
        raise Blocked(f"there is nothing for {persona!r} to do in this task", reasons=tuple(why))
    if len(components) > 1:
        raise Blocked(
            f"the text asks for {len(components)} services; write one task for each",
            reasons=tuple(components),
        )
    return components[0]


def _agreement(contract: Contract) -> StepId:
    return StepId(f"contract.{contract.id}")


def _agree(contract: Contract) -> Step:
    return Step(id=_agreement(contract), action="contract.agree", inputs={"contract": contract.id})


def _of(contract: Contract, component: str) -> bool:
    return component in ("app", contract.component)


def _work(step: Step, persona: str, component: str, contracts: Sequence[Contract]) -> Step:
    provided = [c for c in contracts if c.provider == persona and _of(c, component)]
    consumed = [c for c in contracts if persona in c.consumers and _of(c, component)]
    return replace(
        step,
        action="persona.work",
        needs=tuple(_agreement(contract) for contract in (*provided, *consumed)),
        inputs={
            "persona": persona,
            "component": component,
            "provides": [contract.id for contract in provided],
            "consumes": [contract.id for contract in consumed],
            "languages": step.inputs["languages"],
        },
        persona=persona,
    )
