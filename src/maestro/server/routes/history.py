"""Looking back: runs that have ended, what they teach, and what they say of a plan."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from maestro.delivery.history_desk import MOST_RUNS, HistoryDesk, PastQuery
from maestro.delivery.run_desk import checked_status
from maestro.domain.access import Permission
from maestro.domain.encoding import encode
from maestro.domain.history import EndedRun, Lesson, LessonKind
from maestro.domain.moments import moment
from maestro.domain.overview import RunQuery
from maestro.errors import Conflict
from maestro.server.access import ApiCaller
from maestro.server.routes.reading import Cursor, Limit, RunPath, from_cursor, to_cursor
from maestro.server.services import Use, Who
from maestro.server.shapes import Document, ListPage, RunSummary, run_summary

router = APIRouter(tags=["history"])
ProjectQuery = Annotated[str | None, Query(max_length=128)]
SinceQuery = Annotated[str | None, Query(max_length=40, description="Created then or later.")]
LastQuery = Annotated[
    int, Query(ge=1, le=MOST_RUNS, description="Ended runs that are looked at, the newest.")
]


class EndedRunShown(RunSummary):
    attempts: int
    unsuccessful: int
    mended: int
    unmended: int
    model_calls: int
    tokens: int
    cost: float | None


@router.get("/history", response_model=ListPage[EndedRunShown])
async def list_history(
    use: Use,
    who: Who,
    project: ProjectQuery = None,
    status: Annotated[str | None, Query(max_length=20)] = None,
    blueprint: Annotated[str | None, Query(max_length=200)] = None,
    since: SinceQuery = None,
    q: Annotated[str, Query(max_length=200)] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ListPage[EndedRunShown]:
    """Runs that have come to rest, newest first, with the attempts they took."""
    before = None
    if cursor is not None:
        at, run_id = from_cursor(cursor, str, str)
        before = (moment(str(at), "cursor"), str(run_id))
    query = RunQuery(
        projects=_projects(who, project),
        status=None if status is None else checked_status(status),
        since=_since(since),
        text=q,
        before=before,
        blueprint=blueprint,
    )
    found = await HistoryDesk(maestro=use.maestro).page(query, limit + 1)
    last = found[limit - 1].overview.run if len(found) > limit else None
    return ListPage(
        items=[_shown(one) for one in found[:limit]],
        next=to_cursor(last.created_at.isoformat(), last.id) if last else None,
    )


@router.get("/history/figures", response_model=Document)
async def history_figures(
    use: Use,
    who: Who,
    project: ProjectQuery = None,
    since: SinceQuery = None,
    last: LastQuery = 200,
) -> Document:
    """How ended runs came out, by blueprint, persona and action."""
    query = PastQuery(projects=_projects(who, project), since=_since(since), last=last)
    document: Document = encode(await HistoryDesk(maestro=use.maestro).figures(query))
    return document


@router.get("/lessons", response_model=ListPage[Document])
async def list_lessons(
    use: Use,
    who: Who,
    project: ProjectQuery = None,
    since: SinceQuery = None,
    last: LastQuery = 200,
    kind: LessonKind | None = None,
    persona: Annotated[str | None, Query(max_length=128)] = None,
    q: Annotated[str, Query(max_length=200)] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ListPage[Document]:
    """What kept attempts of ended runs from succeeding, how often, and what came after it."""
    begin = 0 if cursor is None else max(0, int(from_cursor(cursor, int)[0]))
    query = PastQuery(projects=_projects(who, project), since=_since(since), last=last)
    found = [
        lesson
        for lesson in await HistoryDesk(maestro=use.maestro).lessons(query)
        if kind in (None, lesson.kind) and persona in (None, lesson.persona) and _says(lesson, q)
    ]
    shown = found[begin : begin + limit]
    behind = begin + len(shown)
    return ListPage(
        items=[encode(lesson) for lesson in shown],
        next=to_cursor(behind) if behind < len(found) else None,
    )


@router.get("/plans/{run_id}/forecast", response_model=Document)
async def forecast_of_plan(run_id: RunPath, use: Use, who: Who) -> Document:
    """What the plan will take, as far as earlier runs of its project have measured it."""
    run = (await use.run_of(who, run_id)).run
    if "requirement" not in run.inputs:
        raise Conflict(f"run {run_id!r} runs a workflow file: it has no plan")
    plan = (await use.details.of(run.id)).record.plan
    if plan is None:
        raise Conflict(f"run {run_id!r} is {run.status.value} and has no plan")
    query = PastQuery(projects=frozenset({run.project}))
    told = await HistoryDesk(maestro=use.maestro).forecast(run, plan, query)
    return {"run_id": run.id, **encode(told)}


@router.get("/workload", response_model=ListPage[Document])
async def workload(use: Use, who: Who, project: ProjectQuery = None) -> ListPage[Document]:
    """What personas work on at this moment and with whom, and what waits for a place."""
    found = await HistoryDesk(maestro=use.maestro).in_hand(_projects(who, project))
    return ListPage(items=[encode(work) for work in found])


def _projects(who: ApiCaller, project: str | None) -> frozenset[str] | None:
    if project is not None:
        return frozenset({who.enter(project)})
    return who.projects(Permission.RUN_READ)


def _since(text: str | None) -> datetime | None:
    return None if text is None else moment(text, "since")


def _shown(one: EndedRun) -> EndedRunShown:
    return EndedRunShown(
        **run_summary(one.overview).model_dump(),
        attempts=one.attempts,
        unsuccessful=one.unsuccessful,
        mended=one.mended,
        unmended=one.unmended,
        model_calls=one.model_calls,
        tokens=one.tokens,
        cost=one.cost,
    )


def _says(lesson: Lesson, words: str) -> bool:
    text = f"{lesson.name} {lesson.persona} {lesson.action} {lesson.phase} {lesson.reason}".lower()
    return all(word in text for word in words.lower().split())
