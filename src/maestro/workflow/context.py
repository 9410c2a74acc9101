"""What an attempt of a step sees, and what it may tell, wherever it runs."""

from collections.abc import Callable, Mapping
from datetime import datetime

from maestro.domain.run import Event, EventKind
from maestro.domain.values import JsonValue, RunId, StepId
from maestro.errors import InvalidInput
from maestro.ports import Emit, StepContext, Transaction
from maestro.workflow.attempt import plain_json
from maestro.workflow.book import RunBook

_TOLD_BY_STEPS = frozenset(
    {
        EventKind.STEP_PROGRESS,
        EventKind.MOCK_STARTED,
        EventKind.MOCK_STOPPED,
        EventKind.AGENT_CHOSEN,
        EventKind.AGENT_SUSPENDED,
    }
)


def step_context(
    book: RunBook,
    step_id: StepId,
    attempt: int,
    *,
    outputs: Mapping[StepId, JsonValue],
    emit: Emit,
) -> StepContext:
    return StepContext(
        run_id=book.run.id,
        step=book.steps[step_id],
        attempt=attempt,
        run_inputs=book.run.inputs,
        outputs=outputs,
        emit=emit,
        errors=book.errors(),
        feedback=book.feedback(step_id),
    )


def telling(
    run_id: RunId,
    step_id: StepId,
    attempt: int,
    kind: EventKind,
    data: Mapping[str, JsonValue],
    at: datetime,
    *,
    fence: int | None = None,
) -> Callable[[Transaction], Event]:
    """The change that adds what a running step tells to its run's log.

    Raises:
        InvalidInput: an event that only the engine may tell, or data that is not JSON.
    """
    if kind not in _TOLD_BY_STEPS:
        raise InvalidInput(f"step {step_id!r}: {kind.value!r} is told by the engine, not a step")
    told = plain_json(data, f"what step {step_id!r} tells")
    return lambda tx: tx.events.append(
        run_id, kind, at, step_id=step_id, attempt=attempt, data=told, fence=fence
    )
