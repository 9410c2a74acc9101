"""Planning by a model within a step: its calls are in the journal, and a used-up budget pauses."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from maestro.delivery.model_runs import pause_for_budget
from maestro.domain.encoding import encode
from maestro.domain.models import CallOwner, ModelTable
from maestro.domain.requirement import Analysis, Requirement
from maestro.domain.team import BlueprintMatch, Team
from maestro.errors import BudgetExceeded
from maestro.planning.by_model.forms import Unusable
from maestro.planning.by_model.planner import ModelPlanner
from maestro.planning.catalogue import Catalogue
from maestro.ports import Clock, Consultants, StepContext, Store

PLANNER = "planner"
"""Who is named as the persona of planning calls."""


@dataclass(frozen=True, slots=True)
class ModelPlanning:
    consultants: Consultants
    store: Store
    clock: Clock

    async def analyse(
        self, context: StepContext, requirement: Requirement, table: ModelTable
    ) -> Analysis:
        """Raises Blocked, ModelFailed, BudgetExceeded; nobody else plans instead."""
        async with self._planner(context, requirement, table) as planner:
            return await planner.analyse(requirement)

    async def compose(
        self,
        context: StepContext,
        requirement: Requirement,
        table: ModelTable,
        analysis: Analysis,
        catalogue: Catalogue,
        check: Callable[[Team], Sequence[str]],
    ) -> tuple[tuple[BlueprintMatch, ...], Team]:
        """Raises as `analyse`."""

        def refused(team: Team) -> None:
            if faults := check(team):
                raise Unusable(*faults)

        async with self._planner(context, requirement, table) as planner:
            return await planner.compose(analysis, catalogue, requirement.constraints, refused)

    @asynccontextmanager
    async def _planner(
        self, context: StepContext, requirement: Requirement, table: ModelTable
    ) -> AsyncIterator[ModelPlanner]:
        caller = CallOwner(
            run_id=context.run_id,
            step_id=context.step.id,
            attempt=context.attempt,
            phase=context.step.phase,
            persona=PLANNER,
            works_from={
                "requirement": requirement.text,
                "constraints": encode(requirement.constraints),
            },
        )
        consultation = await self.consultants.consult(
            caller, table, table.planner, context.progress
        )
        try:
            yield ModelPlanner(
                model=table.planner[0],
                table=table,
                consultation=consultation,
                report=context.progress,
            )
        except BudgetExceeded as error:
            await pause_for_budget(self.store, self.clock, context.run_id, error)
            raise
        await consultation.end()
