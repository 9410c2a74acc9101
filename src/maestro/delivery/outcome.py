"""What an ended run came to, computed from its journal alone."""

from collections.abc import Sequence

from maestro.delivery.facts import not_built, scored, traced
from maestro.delivery.record import RunRecord
from maestro.delivery.timing import measure
from maestro.domain.outcome import Outcome
from maestro.domain.run import Event, Run, RunStatus
from maestro.domain.values import StepId
from maestro.domain.work import Usage
from maestro.domain.workflow import Workflow


def conclude(run: Run, workflow: Workflow, record: RunRecord, events: Sequence[Event]) -> Outcome:
    """The outcome of a run in whatever state it is; a run without a plan has built nothing."""
    timing = measure(workflow.steps, events)
    planned = record.plan is not None
    missing = not_built(record) if planned else ()
    verifications = record.verifications() if planned else {}
    return Outcome(
        run_id=run.id,
        status=run.status.value,
        partial=run.status is RunStatus.SUCCEEDED and bool(missing),
        timing=timing,
        score=scored(record) if planned else None,
        verdicts=tuple(gate.verdict for gate in record.gates()),
        trace=traced(record) if planned else (),
        not_built=missing,
        contracts_verified=sum(item.conforms for item in verifications.values()),
        contracts_total=len(record.contracts()) if planned else 0,
        usage=_usage(record) if planned else Usage(),
        reasons=_reasons(record, workflow),
    )


def _usage(record: RunRecord) -> Usage:
    used = [work.result.usage for _, work in record.works()]
    costs = [usage.cost for usage in used]
    return Usage(
        model_calls=sum(usage.model_calls for usage in used),
        input_tokens=sum(usage.input_tokens for usage in used),
        output_tokens=sum(usage.output_tokens for usage in used),
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
    )


def _reasons(record: RunRecord, workflow: Workflow) -> tuple[str, ...]:
    """Why steps failed or were blocked, in the workflow's order, each with its step."""
    found: list[str] = []
    for step in workflow.steps:
        error = record.errors.get(StepId(step.id))
        if error is None:
            continue
        found.append(f"{step.label}: {error.message}")
        found += [f"{step.label}: {reason}" for reason in error.reasons]
    return tuple(dict.fromkeys(found))
