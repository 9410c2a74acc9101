"""Runs: started, listed, looked at."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from maestro.delivery.run_desk import checked_status
from maestro.domain.access import Permission
from maestro.domain.encoding import decode, encode
from maestro.domain.moments import moment
from maestro.domain.overview import RunQuery
from maestro.domain.plan import Plan
from maestro.domain.requirement import Requirement
from maestro.domain.run import Run
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import generations
from maestro.errors import Conflict, InvalidInput
from maestro.server.problems import contained
from maestro.server.routes.reading import (
    Cursor,
    IdempotencyKey,
    Limit,
    RunPath,
    StepPath,
    from_cursor,
    to_cursor,
    unchanged,
)
from maestro.server.services import Services, Use, Who
from maestro.server.shapes import (
    AttemptView,
    Document,
    ListPage,
    PlanShape,
    RunShown,
    RunSummary,
    StartShape,
    StepDetail,
    run_summary,
    run_view,
    step_view,
)
from maestro.server.starting import StartAsked, started

router = APIRouter(tags=["runs"])
PLAN_WAIT = 30
STEERING_RIGHTS = (Permission.RUN_CONTROL, Permission.RUN_APPROVE)
"""What a run is shown with depends on them."""


@router.post("/runs", status_code=202, response_model=RunSummary)
async def start_run(
    body: StartShape, use: Use, who: Who, idempotency_key: IdempotencyKey = None
) -> Response:
    """Builds software for a requirement, or from a plan that was made before."""
    plan, text, constraints, project = (
        None,
        body.requirement,
        body.constraints.value(),
        body.project,
    )
    if body.plan_of is not None:
        overview = await use.run_of(who, body.plan_of)
        plan, before = await _plan_of(use, overview.run)
        text = before.text if text is None else text
        constraints, project = before.constraints, overview.run.project
    own = who.own_project(project, Permission.RUN_READ)
    await use.demand(who, Permission.RUN_CREATE, own, "a run")
    if text is None:
        raise InvalidInput("requirement is missing: say what is to be built, or name plan_of")
    asked = StartAsked(caller=who, key=idempotency_key, body=body.model_dump(mode="json"))

    async def submit(also: object) -> RunId:
        return await use.as_caller(who, own).submit(text, constraints, plan=plan, also=also)  # type: ignore[arg-type]

    return await started(use, asked, submit, "/api/v1/runs/{}")


@router.post("/plans", status_code=202, response_model=Document)
async def start_plan(
    body: PlanShape, use: Use, who: Who, idempotency_key: IdempotencyKey = None
) -> Response:
    """Plans without building: who would build what, in which order."""
    own = who.own_project(body.project, Permission.RUN_READ)
    await use.demand(who, Permission.RUN_CREATE, own, "a plan")
    asked = StartAsked(caller=who, key=idempotency_key, body=body.model_dump(mode="json"))

    async def submit(also: object) -> RunId:
        maestro = use.as_caller(who, own)
        return await maestro.submit(
            body.requirement,
            body.constraints.value(),
            plan_only=True,
            also=also,  # type: ignore[arg-type]
        )

    answer = await started(use, asked, submit, "/api/v1/plans/{}")
    run_id = answer.headers["location"].rpartition("/")[2]
    document = await _plan_document(use, run_id)
    headers = {key: value for key, value in answer.headers.items() if key in _KEPT_HEADERS}
    return JSONResponse(document, status_code=202, headers=headers)


_KEPT_HEADERS = ("location", "idempotent-replayed")


@router.get("/plans/{run_id}", response_model=Document)
async def show_plan(
    run_id: RunPath,
    use: Use,
    who: Who,
    wait: Annotated[int, Query(ge=0, le=PLAN_WAIT, description="Seconds to wait for it.")] = 0,
) -> Document:
    """The plan of a run; null as long as there is none."""
    overview = await use.run_of(who, run_id)
    if wait:
        await _settled(use, overview.run, wait)
    return await _plan_document(use, run_id)


@router.get("/runs/{run_id}/plan", response_model=Document)
async def plan_of_run(run_id: RunPath, use: Use, who: Who) -> Document:
    await use.run_of(who, run_id)
    return await _plan_document(use, run_id)


@router.get("/runs", response_model=ListPage[RunSummary])
async def list_runs(
    request: Request,
    response: Response,
    use: Use,
    who: Who,
    status: Annotated[str | None, Query(max_length=20)] = None,
    project: Annotated[str | None, Query(max_length=128)] = None,
    workflow: Annotated[str | None, Query(max_length=120)] = None,
    since: Annotated[str | None, Query(max_length=40)] = None,
    q: Annotated[str, Query(max_length=200)] = "",
    limit: Limit = 20,
    cursor: Cursor = None,
) -> object:
    """Newest first."""
    before = None
    if cursor is not None:
        at, run_id = from_cursor(cursor, str, str)
        before = (moment(str(at), "cursor"), str(run_id))
    projects = who.projects(Permission.RUN_READ)
    if project is not None:
        projects = frozenset({who.enter(project)})
    query = RunQuery(
        projects=projects,
        status=None if status is None else checked_status(status),
        workflow=workflow,
        since=None if since is None else moment(since, "since"),
        text=q,
        before=before,
    )
    found = await use.desk.page(query, limit + 1)
    shown = [run_summary(overview) for overview in found[:limit]]
    last = found[limit - 1].run if len(found) > limit else None
    # The verdict comes after the last event; a page behind this one may come or go.
    seen = (last is None, *((run.id, run.last_sequence, run.verdict is None) for run in shown))
    etag = f'W/"{hash(seen) & 0xFFFFFFFFFF:x}"'
    same = unchanged(request, etag)
    if same is not None:
        return same
    response.headers["ETag"] = etag
    return ListPage(
        items=shown, next=to_cursor(last.created_at.isoformat(), last.id) if last else None
    )


@router.get("/runs/{run_id}", response_model=RunShown)
async def show_run(
    run_id: RunPath, request: Request, response: Response, use: Use, who: Who
) -> object:
    overview = await use.run_of(who, run_id)
    driven = await use.maestro.store.driven(overview.run.id)
    mine = [who.may(right, overview.run.project) for right in STEERING_RIGHTS]
    beside = "".join(str(int(flag)) for flag in (overview.headline is not None, driven, *mine))
    etag = f'W/"{overview.last_sequence}-{overview.run.status.value}-{beside}"'
    same = unchanged(request, etag)
    if same is not None:
        return same
    state = await use.desk.state(RunId(run_id))
    response.headers["ETag"] = etag
    return run_view(state, _asked(state.overview.run), who)


@router.get("/runs/{run_id}/steps/{step_id}", response_model=StepDetail)
async def show_step(
    run_id: RunPath, step_id: StepPath, response: Response, use: Use, who: Who
) -> StepDetail:
    overview = await use.run_of(who, run_id)
    step, state = await use.desk.step(RunId(run_id), StepId(step_id))
    tried = await use.desk.attempts(RunId(run_id), StepId(step_id))
    view = step_view(overview.run, step, state, who)
    response.headers["ETag"] = view.etag
    return StepDetail(
        **view.model_dump(),
        inputs=encode(step.inputs),
        output=state.output,
        attempts=[
            AttemptView(
                attempt=one.attempt,
                status=one.status,
                started_at=one.started_at,
                ended_at=one.ended_at,
                error=encode(one.error),
            )
            for one in tried
        ],
    )


@router.get("/requirements/{requirement_id}", response_model=Document)
async def show_requirement(requirement_id: RunPath, use: Use, who: Who) -> Document:
    """What was handed in."""
    found = await use.maestro.store.read(lambda tx: tx.requirements.get(requirement_id))
    who.enter(found.project)
    document: Document = encode(found)
    return document


async def _plan_document(use: Services, run_id: str) -> Document:
    overview = await use.desk.overview(RunId(run_id))
    run = overview.run
    detail = await use.details.of(run.id) if _asked(run) is not None else None
    plan = detail.record.plan if detail else None
    return {
        "run_id": run.id,
        "status": run.status.value,
        "plan": encode(plan),
        "expected_groups": encode(generations(plan.steps)) if plan else [],
        "reasons": list(detail.outcome.reasons) if detail else [],
    }


async def _plan_of(use: Services, run: Run) -> tuple[Plan, Requirement]:
    detail = await use.details.of(run.id)
    if detail.record.plan is None:
        raise Conflict(f"run {run.id!r} is {run.status.value} and has no plan")
    return detail.record.plan, detail.record.requirement


async def _settled(use: Services, run: Run, seconds: int) -> None:
    """Waits for the run's end, at most so long."""

    async def ended() -> None:
        async for _ in use.broadcast.follow(run.id, 0):
            pass

    try:
        async with asyncio.timeout(seconds):
            await contained(ended(), "waiting for a plan")
    except TimeoutError:
        return


def _asked(run: Run) -> Requirement | None:
    asked = run.inputs.get("requirement")
    return decode(Requirement, asked) if isinstance(asked, dict) else None
