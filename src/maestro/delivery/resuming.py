"""What makes a run that rests or has ended able to go on."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol

from maestro.delivery.authorize import authorized
from maestro.delivery.model_runs import check_raise, model_table, stopped_steps
from maestro.domain.access import Permission, Principal
from maestro.domain.models import Caps
from maestro.domain.run import Run, RunStatus
from maestro.domain.steering import Verb
from maestro.domain.values import RunId, StepId
from maestro.errors import Conflict
from maestro.ports import Store


class Steer(Protocol):
    def __call__(
        self, run_id: RunId, verb: Verb, step_id: StepId | None = None
    ) -> Awaitable[bool]: ...


async def make_able(
    run: Run, more: Caps, store: Store, steer: Steer, at: datetime, principal: Principal
) -> None:
    """Raises Conflict for a run that succeeded or was cancelled, InvalidInput for limits that it
    does not have.
    """
    if run.status in (RunStatus.SUCCEEDED, RunStatus.CANCELLED):
        raise Conflict(f"run {run.id!r} is {run.status}; there is nothing to resume")
    if more != Caps():
        check_raise(model_table(run.inputs), more)
        await authorized(
            store,
            principal,
            Permission.RUN_CONTROL,
            target=run.id,
            at=at,
            act=lambda transaction: transaction.model_calls.raise_limits(run.id, more),
        )
    if run.status in (RunStatus.BLOCKED, RunStatus.FAILED):
        await steer(run.id, Verb.RETRY)
    elif run.status is RunStatus.PAUSED:
        rows = await store.read(lambda transaction: transaction.runs.steps(run.id))
        for row in stopped_steps(rows):
            await steer(run.id, Verb.RETRY, row.step_id)
        await steer(run.id, Verb.RESUME)
