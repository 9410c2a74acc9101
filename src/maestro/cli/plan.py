"""`maestro plan`."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.budget import budget_exit
from maestro.cli.following import Watching, follow
from maestro.cli.model_options import LimitOptions, ModelOptions
from maestro.cli.named_contracts import constraints_of
from maestro.cli.options import Grace, PlanOptions, StoreOptions, requirement_text
from maestro.cli.planfile import save as save_plan
from maestro.cli.shutdown import GRACE_SECONDS


async def plan(
    requirement: Annotated[str, Parameter(help="Text, a file, or - for stdin.")],
    *,
    json: Annotated[bool, Parameter(negative="", help="The plan as JSON.")] = False,
    save: Annotated[Path | None, Parameter(help="Write the plan to this YAML file.")] = None,
    grace: Grace = GRACE_SECONDS,
    options: PlanOptions | None = None,
    players: ModelOptions | None = None,
    limits: LimitOptions | None = None,
    store: StoreOptions | None = None,
) -> int:
    """Show what would be built, by whom and on which contracts, without building it."""
    text = await asyncio.to_thread(requirement_text, requirement)
    constraints = await constraints_of(options, store)
    table = (players or ModelOptions()).table(limits or LimitOptions())
    where = store or StoreOptions()
    watching = Watching(quiet=True, grace=grace, store=where)
    async with connect(where.settings()) as maestro:
        run_id = await maestro.submit(text, constraints, plan_only=True, models=table)
        detail, decided = await follow(maestro, run_id, maestro.planned, watching)
    if decided is not None and save is not None:
        await asyncio.to_thread(save_plan, save, text, decided)
    render.plan(detail, decided, as_json=json, saved=save)
    return render.exit_code(detail.run.status.value) or budget_exit(detail, where)
