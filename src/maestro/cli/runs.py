"""`maestro runs`: list, show, report, events."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.options import RunArgument, StoreOptions, most
from maestro.cli.progress import RunView
from maestro.cli.progress import line as told
from maestro.cli.steering import afterwards
from maestro.domain.run import Event, RunStatus
from maestro.domain.values import RunId
from maestro.errors import InvalidInput

Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]
_EXAMPLE = "Build a REST API for user management"


async def list_runs(
    *,
    limit: Annotated[int, Parameter(help="How many, newest first.")] = 20,
    status: Annotated[str | None, Parameter(help="Only runs with this status.")] = None,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """List runs, newest first."""
    wanted = None if status is None else _status(status)
    settings = (store or StoreOptions()).existing_store()
    async with connect(settings) as maestro:
        found = await maestro.runs(limit=most(limit), status=wanted)
    if found or json:
        render.run_list(found, as_json=json)
    elif wanted is not None:
        render.line(f"no run in {settings.store_name} is {wanted}")
    else:
        render.line(f"no runs in {settings.store_name} yet; start one: maestro build {_EXAMPLE!r}")
    return 0


async def show(run: RunArgument, *, json: Json = False, store: StoreOptions | None = None) -> int:
    """Show a run: its steps, gates, contracts and what was not built."""
    where = store or StoreOptions()
    async with connect(where.existing_store()) as maestro:
        detail = await maestro.show(RunId(run))
        after = ""
        if detail.run.status is RunStatus.RUNNING:
            after = await afterwards(maestro, detail.run.id, where)
    render.run_detail(detail, as_json=json, store=where)
    if after and not json:
        render.line(f"  {after}")
    return 0


async def report(
    run: RunArgument,
    *,
    output: Annotated[Path, Parameter(help="Folder for the result.")],
    store: StoreOptions | None = None,
) -> int:
    """Write the result folder and reports of a run again, from its journal."""
    async with connect((store or StoreOptions()).existing_store()) as maestro:
        folder = await maestro.report(RunId(run), output)
    render.line(f"report: {folder / 'report.html'}")
    return 0


async def events(
    run: RunArgument,
    *,
    after: Annotated[int, Parameter(help="Only events with a greater sequence number.")] = 0,
    follow: Annotated[bool, Parameter(negative="", help="Go on until the run has ended.")] = False,
    json: Annotated[
        bool | None,
        Parameter(negative="--text", help="JSON lines, or lines to read (default on a terminal)."),
    ] = None,
    store: StoreOptions | None = None,
) -> int:
    """Print a run's events, oldest first."""
    where = store or StoreOptions()
    as_json = not sys.stdout.isatty() if json is None else json
    view = RunView(where)

    def show_event(event: Event) -> None:
        view.apply(event)
        if event.sequence <= after:
            return
        if as_json:
            render.event(event)
        elif text := told(view, event):
            render.line(text)

    async with connect(where.existing_store()) as maestro:
        detail = await maestro.show(RunId(run))
        for event in detail.events:
            show_event(event)
        if follow:
            last = detail.events[-1].sequence
            async for event in maestro.events(RunId(run), after=last):
                show_event(event)
    return 0


def _status(text: str) -> RunStatus:
    try:
        return RunStatus(text)
    except ValueError:
        known = ", ".join(RunStatus)
        raise InvalidInput(f"--status {text!r} is not one of {known}") from None
