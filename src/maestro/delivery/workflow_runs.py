"""The use cases of runs that come from a workflow file instead of a requirement."""

from collections.abc import Callable
from dataclasses import dataclass

from maestro.delivery.authorize import authorized
from maestro.delivery.flow_steps import FOLDER, VALUES
from maestro.delivery.service import Maestro
from maestro.domain.access import Permission
from maestro.domain.run import ENDED_RUNS, Run, StepStatus
from maestro.domain.values import JsonObject, JsonValue, RunId, new_run_id
from maestro.domain.workflow import Step, Workflow
from maestro.ports import Transaction
from maestro.workflow.definition import WorkflowDefinition, checked_inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowOutcome:
    """What a workflow's run came to."""

    run_id: RunId
    workflow: str
    status: str
    outputs: JsonObject
    """Of the steps that succeeded, without those made by a map or inside a sub-workflow."""
    counts: JsonObject
    """How many steps have which status."""
    reasons: tuple[str, ...]
    """Why it was blocked or failed."""


async def start_workflow(
    maestro: Maestro,
    definition: WorkflowDefinition,
    inputs: JsonObject | None = None,
    *,
    max_parallel: int | None = None,
    also: Callable[[Transaction, RunId], None] | None = None,
) -> RunId:
    """Stores a run of the workflow, PENDING; `execute_workflow` does the work.

    `also` as for `Maestro.submit`.

    Raises:
        InvalidInput: an input is unknown, missing or of another type, or an action is unknown;
            nothing is stored.
    """
    values: dict[str, JsonValue] = checked_inputs(definition.inputs, inputs or {})
    run_id = new_run_id()
    await authorized(
        maestro.store,
        maestro.principal,
        Permission.RUN_CREATE,
        target=run_id,
        at=maestro.clock.now(),
        act=lambda transaction: None,
        project=maestro.project,
    )
    await maestro.engine.start(
        definition.workflow,
        inputs={
            FOLDER: None if definition.folder is None else str(definition.folder),
            VALUES: values,
        },
        max_parallel=maestro.settings.max_parallel if max_parallel is None else max_parallel,
        run_id=run_id,
        project=maestro.project,
        also=None if also is None else lambda transaction: also(transaction, run_id),
    )
    return run_id


async def execute_workflow(maestro: Maestro, run_id: RunId) -> WorkflowOutcome:
    """Drives the run until it ends or pauses; one that had ended is only told of."""
    run = await maestro.run(run_id)
    if run.status not in ENDED_RUNS:
        await maestro.engine.execute(run_id)
    return await workflow_outcome(maestro, run_id)


async def workflow_outcome(maestro: Maestro, run_id: RunId) -> WorkflowOutcome:
    """What the run came to so far. Raises NotFound."""
    detail = await maestro.show(run_id)
    counts: dict[str, int] = {}
    for step in detail.steps:
        counts[step.status.value] = counts.get(step.status.value, 0) + 1
    own = {step.id for step in _outer(detail.workflow)}
    return WorkflowOutcome(
        run_id=run_id,
        workflow=detail.run.workflow,
        status=detail.run.status.value,
        outputs={
            step.step_id: step.output
            for step in detail.steps
            if step.status is StepStatus.SUCCEEDED and step.step_id in own
        },
        counts=counts,
        reasons=detail.outcome.reasons,
    )


def is_workflow_run(run: Run) -> bool:
    """Whether a run came from a workflow file; the others build a requirement."""
    return VALUES in run.inputs and "requirement" not in run.inputs


def _outer(workflow: Workflow) -> list[Step]:
    """Ids in files have no dot; lowering and maps add what follows one."""
    return [step for step in workflow.steps if "." not in step.id]
