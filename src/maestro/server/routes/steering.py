"""What people ask of runs and steps."""

from collections.abc import Sequence

from fastapi import APIRouter

from maestro.delivery.service import Maestro
from maestro.domain.access import Permission
from maestro.domain.run import ENDED_RUNS, RunStatus
from maestro.domain.steering import Verb
from maestro.domain.values import RunId, StepId
from maestro.server.access import ApiCaller
from maestro.server.routes.reading import IfMatch, RunPath, StepPath, demand_match
from maestro.server.services import Services, Use, Who
from maestro.server.shapes import (
    CommentShape,
    ReworkShape,
    Steered,
    StepShape,
    run_summary,
    step_etag,
)

router = APIRouter(tags=["steering"])


@router.post("/runs/{run_id}/pause")
async def pause(run_id: RunPath, body: CommentShape, use: Use, who: Who) -> Steered:
    """Lets running steps end and starts nothing more."""
    return await _steered(use, who, run_id, Verb.PAUSE, comment=body.comment)


@router.post("/runs/{run_id}/cancel")
async def cancel(run_id: RunPath, body: CommentShape, use: Use, who: Who) -> Steered:
    """Ends the run for good."""
    return await _steered(use, who, run_id, Verb.CANCEL, comment=body.comment)


@router.post("/runs/{run_id}/retry")
async def retry_run(run_id: RunPath, body: CommentShape, use: Use, who: Who) -> Steered:
    """Lets every step that failed or was blocked start again."""
    return await _steered(use, who, run_id, Verb.RETRY, comment=body.comment)


@router.post("/runs/{run_id}/resume")
async def resume(run_id: RunPath, body: CommentShape, use: Use, who: Who) -> Steered:
    """Goes on with a paused, interrupted, blocked or failed run."""
    maestro, before = await _in_name_of(use, who, run_id)
    await use.demand(who, Permission.RUN_CONTROL, maestro.project, run_id)
    await maestro.resume(RunId(run_id), comment=body.comment)
    return await _answer(use, run_id, changed=before is not RunStatus.RUNNING)


@router.post("/runs/{run_id}/rework")
async def rework(run_id: RunPath, body: ReworkShape, use: Use, who: Who) -> Steered:
    """Gives refused work back with the reasons."""
    maestro, _ = await _in_name_of(use, who, run_id)
    await use.demand(who, Permission.RUN_CONTROL, maestro.project, run_id)
    steps: Sequence[StepId] = [StepId(step) for step in body.steps]
    await maestro.rework(RunId(run_id), steps, comment=body.comment)
    return await _answer(use, run_id, changed=True)


@router.post("/runs/{run_id}/steps/{step_id}/retry")
async def retry(
    run_id: RunPath, step_id: StepPath, body: CommentShape, use: Use, who: Who
) -> Steered:
    """Lets the step start again, with fresh attempts."""
    return await _steered(use, who, run_id, Verb.RETRY, step_id, comment=body.comment)


@router.post("/runs/{run_id}/steps/{step_id}/rerun")
async def rerun(
    run_id: RunPath, step_id: StepPath, body: CommentShape, use: Use, who: Who
) -> Steered:
    """Runs a finished step again, and everything that depends on it."""
    return await _steered(use, who, run_id, Verb.RERUN, step_id, comment=body.comment)


@router.post("/runs/{run_id}/steps/{step_id}/approve")
async def approve(
    run_id: RunPath,
    step_id: StepPath,
    body: CommentShape,
    use: Use,
    who: Who,
    if_match: IfMatch = None,
) -> Steered:
    """Approves what the step asks."""
    return await _decided(use, who, (run_id, step_id), Verb.APPROVE, body.comment, if_match)


@router.post("/runs/{run_id}/steps/{step_id}/reject")
async def reject(
    run_id: RunPath,
    step_id: StepPath,
    body: CommentShape,
    use: Use,
    who: Who,
    if_match: IfMatch = None,
) -> Steered:
    """Rejects what the step asks; the step is blocked."""
    return await _decided(use, who, (run_id, step_id), Verb.REJECT, body.comment, if_match)


@router.post("/runs/{run_id}/steps/{step_id}/signal")
async def signal(
    run_id: RunPath, step_id: StepPath, body: StepShape, use: Use, who: Who
) -> Steered:
    """Sends the step the signal it waits for, or will wait for."""
    return await _steered(
        use, who, run_id, Verb.SIGNAL, step_id, comment=body.comment, payload=body.payload
    )


@router.post("/runs/{run_id}/steps/{step_id}/edit-output")
async def edit_output(
    run_id: RunPath, step_id: StepPath, body: StepShape, use: Use, who: Who
) -> Steered:
    """Changes what a finished step put out; what had worked with it starts again."""
    return await _steered(
        use, who, run_id, Verb.EDIT_OUTPUT, step_id, comment=body.comment, payload=body.payload
    )


async def _decided(
    use: Services,
    who: ApiCaller,
    place: tuple[str, str],
    verb: Verb,
    comment: str,
    match: str | None,
) -> Steered:
    run_id, step_id = place
    run = (await use.run_of(who, run_id)).run
    await use.demand(who, Permission.RUN_APPROVE, run.project, f"{run_id}/{step_id}")
    _, state = await use.desk.step(RunId(run_id), StepId(step_id))
    demand_match(match, step_etag(state), f"step {step_id!r}")
    return await _steered(use, who, run_id, verb, step_id, comment=comment)


async def _steered(
    use: Services,
    who: ApiCaller,
    run_id: str,
    verb: Verb,
    step_id: str | None = None,
    *,
    comment: str,
    payload: object = None,
) -> Steered:
    maestro, _ = await _in_name_of(use, who, run_id)
    changed = await maestro.steer(
        RunId(run_id),
        verb,
        None if step_id is None else StepId(step_id),
        comment=comment,
        payload=payload,
    )
    return await _answer(use, run_id, changed=changed)


async def _in_name_of(use: Services, who: ApiCaller, run_id: str) -> tuple[Maestro, RunStatus]:
    """Whether he may, the use case decides and audits; whether it exists, he is told here."""
    run = (await use.run_of(who, run_id)).run
    return use.as_caller(who, run.project), run.status


async def _answer(use: Services, run_id: str, *, changed: bool) -> Steered:
    overview = await use.desk.overview(RunId(run_id))
    if overview.run.status not in (*ENDED_RUNS, RunStatus.PAUSED):
        use.keeper.start(overview.run.id)
    return Steered(changed=changed, run=run_summary(overview))
