"""`maestro plan`."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.options import PlanOptions, StoreOptions, requirement_text
from maestro.cli.planfile import save as save_plan


async def plan(
    requirement: Annotated[str, Parameter(help="Text, a file, or - for stdin.")],
    *,
    json: Annotated[bool, Parameter(negative="", help="The plan as JSON.")] = False,
    save: Annotated[Path | None, Parameter(help="Write the plan to this YAML file.")] = None,
    options: PlanOptions | None = None,
    store: StoreOptions | None = None,
) -> int:
    """Show what would be built, by whom and on which contracts, without building it."""
    text = await asyncio.to_thread(requirement_text, requirement)
    constraints = (options or PlanOptions()).constraints()
    async with connect((store or StoreOptions()).settings()) as maestro:
        detail, decided = await maestro.plan(text, constraints)
    if decided is not None and save is not None:
        await asyncio.to_thread(save_plan, save, text, decided)
    render.plan(detail, decided, as_json=json, saved=save)
    return render.exit_code(detail.run.status.value)
