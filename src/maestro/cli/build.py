"""`maestro build`."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.budget import budget_exit
from maestro.cli.following import Watching, follow
from maestro.cli.model_options import LimitOptions, ModelOptions
from maestro.cli.named_contracts import constraints_of
from maestro.cli.options import (
    Grace,
    PlanOptions,
    StoreOptions,
    left,
    read_file,
    requirement_text,
)
from maestro.cli.planfile import parse
from maestro.cli.shutdown import GRACE_SECONDS
from maestro.delivery.players import expected
from maestro.domain.baseline import DEFAULT_PROJECT
from maestro.errors import InvalidInput


async def build(
    requirement: Annotated[str | None, Parameter(help="Text, a file, or - for stdin.")] = None,
    *,
    plan: Annotated[Path | None, Parameter(help="A plan saved by 'maestro plan --save'.")] = None,
    output: Annotated[Path | None, Parameter(help="Folder for the result.")] = None,
    project: Annotated[
        str, Parameter(help="The product it belongs to: its waivers and its last run count.")
    ] = DEFAULT_PROJECT,
    capability: Annotated[
        tuple[str, ...],
        Parameter(
            negative="",
            help="Leave personas' work to workers that offer this, or PERSONA=CAPABILITY for one "
            "persona; may be repeated. Needs PostgreSQL.",
        ),
    ] = (),
    json: Annotated[bool, Parameter(negative="", help="Events and result as JSON lines.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="No progress, only the result.")] = False,
    grace: Grace = GRACE_SECONDS,
    options: PlanOptions | None = None,
    players: ModelOptions | None = None,
    limits: LimitOptions | None = None,
    store: StoreOptions | None = None,
) -> int:
    """Build software for a requirement and verify it against its contracts."""
    found = await constraints_of(options, store)
    constraints = replace(found, capabilities=dict(map(left, capability)))
    table = (players or ModelOptions()).table(limits or LimitOptions())
    text, brought = "", None
    if plan is not None:
        if requirement is not None:
            raise InvalidInput("give REQUIREMENT or --plan, not both")
        if table is not None and table.planner:
            raise InvalidInput("give a planner or --plan, not both: the plan is made already")
        text, brought = parse(await asyncio.to_thread(read_file, plan, "--plan"), str(plan))
    elif requirement is None:
        raise InvalidInput("REQUIREMENT is missing: text in quotes, a file, or - for stdin")
    else:
        text = await asyncio.to_thread(requirement_text, requirement)
    where = store or StoreOptions()
    async with connect(where.settings(), project=project) as maestro:
        about = await expected(maestro.store, table, constraints.capabilities)
        watching = Watching(about=about, as_json=json, quiet=quiet, grace=grace, store=where)
        folder = output or Path("maestro-output")
        run_id = await maestro.submit(text, constraints, output=folder, plan=brought, models=table)
        result = await follow(maestro, run_id, maestro.execute, watching)
        detail = await maestro.show(run_id)
    render.result(result, detail, as_json=json, store=where)
    return render.exit_code(result.status) or budget_exit(detail, where)
