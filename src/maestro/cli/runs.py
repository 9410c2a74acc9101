"""`maestro runs`: list, show, resume, report, events."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.following import follow
from maestro.cli.options import StoreOptions
from maestro.domain.run import RunStatus
from maestro.domain.values import RunId
from maestro.errors import InvalidInput

RunArgument = Annotated[str, Parameter(help="Id of the run, as 'maestro runs list' shows it.")]
Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]


async def list_runs(
    *,
    limit: Annotated[int, Parameter(help="How many, newest first.")] = 20,
    status: Annotated[str | None, Parameter(help="Only runs with this status.")] = None,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """List runs, newest first."""
    wanted = None if status is None else _status(status)
    async with connect((store or StoreOptions()).settings()) as maestro:
        found = await maestro.runs(limit=limit, status=wanted)
    render.run_list(found, as_json=json)
    return 0


async def show(run: RunArgument, *, json: Json = False, store: StoreOptions | None = None) -> int:
    """Show a run: its steps, gates, contracts and what was not built."""
    async with connect((store or StoreOptions()).settings()) as maestro:
        detail = await maestro.show(RunId(run))
    render.run_detail(detail, as_json=json)
    return 0


async def resume(
    run: RunArgument,
    *,
    json: Annotated[bool, Parameter(negative="", help="Events and result as JSON lines.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="No progress, only the result.")] = False,
    store: StoreOptions | None = None,
) -> int:
    """Go on with an interrupted, paused, blocked or failed run; finished steps are kept."""
    async with connect((store or StoreOptions()).settings()) as maestro:
        run_id = RunId(run)
        before = await maestro.show(run_id)
        await maestro.resume(run_id)
        result = await follow(maestro, run_id, as_json=json, quiet=quiet, earlier=before.events)
        detail = await maestro.show(run_id)
    render.result(result, detail, as_json=json)
    return render.exit_code(result.status)


async def report(
    run: RunArgument,
    *,
    output: Annotated[Path, Parameter(help="Folder for the result.")],
    store: StoreOptions | None = None,
) -> int:
    """Write the result folder and reports of a run again, from its journal."""
    async with connect((store or StoreOptions()).settings()) as maestro:
        folder = await maestro.report(RunId(run), output)
    render.line(f"report: {folder / 'report.html'}")
    return 0


async def events(
    run: RunArgument,
    *,
    after: Annotated[int, Parameter(help="Only events with a greater sequence number.")] = 0,
    follow: Annotated[bool, Parameter(negative="", help="Go on until the run has ended.")] = False,
    store: StoreOptions | None = None,
) -> int:
    """Print a run's events as JSON lines, oldest first."""
    async with connect((store or StoreOptions()).settings()) as maestro:
        if follow:
            async for event in maestro.events(RunId(run), after=after):
                render.event(event)
        else:
            detail = await maestro.show(RunId(run))
            for event in detail.events:
                if event.sequence > after:
                    render.event(event)
    return 0


def _status(text: str) -> RunStatus:
    try:
        return RunStatus(text)
    except ValueError:
        known = ", ".join(RunStatus)
        raise InvalidInput(f"--status {text!r} is not one of {known}") from None
