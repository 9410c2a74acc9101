"""`maestro history` and `maestro lessons`: what became of runs, and what stood in their way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.options import StoreOptions
from maestro.delivery.history_desk import MOST_RUNS, HistoryDesk, PastQuery
from maestro.delivery.run_desk import checked_status
from maestro.domain.encoding import encode
from maestro.domain.history import EndedRun, Lesson, LessonKind
from maestro.domain.moments import moment
from maestro.domain.overview import RunQuery
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]
Limit = Annotated[int, Parameter(help="Most of them.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class PastOptions(StoreOptions):
    project: Annotated[str | None, Parameter(help="Only of this project.")] = None
    since: Annotated[str | None, Parameter(help="Only runs created then or later.")] = None

    @property
    def projects(self) -> frozenset[str] | None:
        return None if self.project is None else frozenset({self.project})

    @property
    def begin(self) -> datetime | None:
        return None if self.since is None else moment(self.since, "--since")


async def history(
    *,
    status: Annotated[str | None, Parameter(help="Only runs with this status.")] = None,
    blueprint: Annotated[str | None, Parameter(help="Only builds with this one.")] = None,
    limit: Limit = 20,
    json: Json = False,
    past: PastOptions | None = None,
) -> int:
    """List runs that have come to rest, newest first, with the attempts they took."""
    _check("--limit", limit, MOST_RUNS)
    where = past or PastOptions()
    query = RunQuery(
        projects=where.projects,
        status=None if status is None else checked_status(status),
        since=where.begin,
        blueprint=blueprint,
    )
    async with connect(where.existing_store()) as maestro:
        found = await HistoryDesk(maestro=maestro).page(query, limit)
    if json:
        render.document({"type": "history", "runs": [ended_run_document(one) for one in found]})
    elif not found:
        render.line("no run has come to rest")
    else:
        _runs(found)
    return 0


async def lessons(
    *,
    last: Annotated[int, Parameter(help="Ended runs that are looked at, the newest.")] = 200,
    kind: Annotated[str | None, Parameter(help="gate, artefact, check or error.")] = None,
    persona: Annotated[str | None, Parameter(help="Only of this persona's steps.")] = None,
    limit: Limit = 20,
    json: Json = False,
    past: PastOptions | None = None,
) -> int:
    """List what kept attempts of ended runs from succeeding, and what came after it."""
    _check("--last", last, MOST_RUNS)
    _check("--limit", limit, MOST_RUNS)
    if kind is not None and kind not in set(LessonKind):
        raise InvalidInput(f"--kind {kind!r} is not one of {', '.join(LessonKind)}")
    where = past or PastOptions()
    query = PastQuery(projects=where.projects, since=where.begin, last=last)
    async with connect(where.existing_store()) as maestro:
        every = await HistoryDesk(maestro=maestro).lessons(query)
    fitting = [one for one in every if kind in (None, one.kind) and persona in (None, one.persona)][
        :limit
    ]
    if json:
        render.document({"type": "lessons", "lessons": encode(fitting)})
    elif not fitting:
        render.line("nothing stood in the way of an ended run")
    else:
        _lessons(fitting)
    return 0


def ended_run_document(one: EndedRun) -> JsonObject:
    """With the names that the API has for it."""
    run, headline = one.overview.run, one.overview.headline
    return {
        "id": run.id,
        "project": run.project,
        "workflow": run.workflow,
        "status": run.status.value,
        "created_at": encode(run.created_at),
        "started_at": encode(run.started_at),
        "ended_at": encode(run.ended_at),
        "verdict": encode(headline),
        "attempts": one.attempts,
        "unsuccessful": one.unsuccessful,
        "mended": one.mended,
        "unmended": one.unmended,
        "model_calls": one.model_calls,
        "tokens": one.tokens,
        "cost": one.cost,
    }


def _check(name: str, given: int, most: int) -> None:
    if not 1 <= given <= most:
        raise InvalidInput(f"{name} must be from 1 to {most}, got {given!r}")


def _runs(found: Sequence[EndedRun]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("run", "project", "status", "created", "attempts", "unsuccessful", "cost"):
        table.add_column(column, no_wrap=column in ("run", "created"), overflow="fold")
    for one in found:
        run = one.overview.run
        table.add_row(
            run.id,
            escape(run.project),
            run.status.value,
            run.created_at.strftime("%Y-%m-%d %H:%M:%S"),
            str(one.attempts),
            str(one.unsuccessful),
            "unknown" if one.cost is None else f"{one.cost:g} USD",
        )
    Console(highlight=False).print(table)


def _lessons(found: Sequence[Lesson]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("runs", "kind", "name", "whose", "mended", "reason"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(
            f"{one.runs} of {one.runs_tried}",
            one.kind.value,
            escape(one.name),
            escape(one.persona or one.action),
            f"{one.mended} of {one.mended + one.unmended}",
            escape(one.reason),
        )
    Console(highlight=False).print(table)
