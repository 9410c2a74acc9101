"""`maestro build`."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.following import Watching, follow
from maestro.cli.options import Grace, PlanOptions, StoreOptions, read_file, requirement_text
from maestro.cli.planfile import parse
from maestro.cli.shutdown import GRACE_SECONDS
from maestro.errors import InvalidInput


async def build(
    requirement: Annotated[str | None, Parameter(help="Text, a file, or - for stdin.")] = None,
    *,
    plan: Annotated[Path | None, Parameter(help="A plan saved by 'maestro plan --save'.")] = None,
    output: Annotated[Path | None, Parameter(help="Folder for the result.")] = None,
    json: Annotated[bool, Parameter(negative="", help="Events and result as JSON lines.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="No progress, only the result.")] = False,
    grace: Grace = GRACE_SECONDS,
    options: PlanOptions | None = None,
    store: StoreOptions | None = None,
) -> int:
    """Build software for a requirement and verify it against its contracts."""
    asked = options or PlanOptions()
    constraints = asked.constraints()
    text, brought = "", None
    if plan is not None:
        if requirement is not None:
            raise InvalidInput("give REQUIREMENT or --plan, not both")
        text, brought = parse(await asyncio.to_thread(read_file, plan, "--plan"), str(plan))
    elif requirement is None:
        raise InvalidInput("REQUIREMENT is missing: text in quotes, a file, or - for stdin")
    else:
        text = await asyncio.to_thread(requirement_text, requirement)
    where = store or StoreOptions()
    watching = Watching(as_json=json, quiet=quiet, grace=grace, store=where)
    async with connect(where.settings()) as maestro:
        folder = output or Path("maestro-output")
        run_id = await maestro.submit(text, constraints, output=folder, plan=brought)
        result = await follow(maestro, run_id, maestro.execute, watching)
        detail = await maestro.show(run_id)
    render.result(result, detail, as_json=json, store=where)
    return render.exit_code(result.status)
