"""The first steps of a run."""

from maestro.delivery.planning_workflow import ASSEMBLE, planned_workflow, planning_workflow
from maestro.domain.workflow import StepKind


def test_nobody_can_edit_the_plan_that_gates_hold_the_run_against() -> None:
    for workflow in (planning_workflow(), planned_workflow()):
        [plan] = [step for step in workflow.steps if step.id == ASSEMBLE]
        assert (plan.kind, plan.action) == (StepKind.INTERFACE, ASSEMBLE)
