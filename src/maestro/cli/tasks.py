"""`maestro tasks`: run."""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.following import Watching, follow
from maestro.cli.options import Grace, StoreOptions
from maestro.cli.shutdown import GRACE_SECONDS
from maestro.delivery.publish import check_output
from maestro.delivery.task_files import load_tasks
from maestro.delivery.task_runs import TasksOutcome, execute_tasks, start_tasks, write_tasks
from maestro.domain.encoding import encode
from maestro.domain.run import RunStatus
from maestro.errors import InvalidInput


async def run(
    file: Annotated[Path, Parameter(help="File of tasks: .yaml.")],
    *,
    output: Annotated[
        Path | None, Parameter(help="Folder for what the tasks make, one folder in it per task.")
    ] = None,
    max_parallel: Annotated[int | None, Parameter(help="Most tasks at work at once.")] = None,
    json: Annotated[bool, Parameter(negative="", help="The summary as one JSON document.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="No progress, only the summary.")] = False,
    grace: Grace = GRACE_SECONDS,
    store: StoreOptions | None = None,
) -> int:
    """Route the tasks of a file to agents and run them; a task that fails stops no other."""
    where = store or StoreOptions()
    tasks = await asyncio.to_thread(load_tasks, file)
    if max_parallel is not None:
        if max_parallel < 1:
            raise InvalidInput(f"--max-parallel must be at least 1, got {max_parallel!r}")
        tasks = replace(tasks, max_parallel=max_parallel)
    watching = Watching(about=f"tasks {tasks.name}", quiet=quiet or json, grace=grace, store=where)
    if output is not None:
        output = await asyncio.to_thread(check_output, output)
    async with connect(where.settings()) as maestro:
        run_id = await start_tasks(maestro, tasks)
        outcome = await follow(maestro, run_id, partial(execute_tasks, maestro), watching)
        if output is not None:
            await write_tasks(maestro, outcome, output)
    if json:
        render.document({"type": "tasks", **encode(outcome)})
    else:
        _told(outcome, where)
    return render.exit_code(outcome.status)


def _told(outcome: TasksOutcome, store: StoreOptions) -> None:
    console = Console(highlight=False, soft_wrap=True)
    style = render.STYLE_OF_STATUS.get(outcome.status, "bold yellow")
    console.print(f"[{style}]{outcome.status}[/]  {outcome.run_id}  tasks {escape(outcome.name)}")
    console.print(
        f"time       {outcome.wall_seconds:.1f} s; one after the other "
        f"{outcome.task_seconds:.1f} s; {outcome.utilisation:.0%} of the places at work"
    )
    console.print(f"succeeded  {outcome.success_rate:.0%} of {len(outcome.tasks)}")
    for task in outcome.tasks:
        style = render.STYLE_OF_STATUS.get(task.status, "bold yellow")
        who = ", ".join(task.agents) or "nobody"
        console.print(
            f"           [{style}]{task.status}[/] {escape(task.task)}  {escape(task.role)} by "
            f"{escape(who)}, {task.seconds:.1f} s, {task.files} files"
            + (f": {escape(task.error.splitlines()[0])}" if task.error else "")
        )
    for share in outcome.agents:
        console.print(f"agent      {escape(share.agent)}: {share.tasks} in {share.seconds:.1f} s")
    if outcome.status == RunStatus.PAUSED:
        console.print(f"go on      {escape(store.command('runs', 'resume', outcome.run_id))}")
