"""`maestro workflows`: validate, show, run, schema."""

import asyncio
import json as json_format
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.following import Watching, follow
from maestro.cli.options import Grace, StoreOptions
from maestro.cli.shutdown import GRACE_SECONDS
from maestro.delivery.actions import ACTIONS
from maestro.delivery.service import Maestro
from maestro.delivery.workflow_runs import WorkflowOutcome, execute_workflow, start_workflow
from maestro.domain.encoding import encode
from maestro.domain.run import RunStatus
from maestro.domain.values import JsonValue, RunId
from maestro.domain.workflow import Step, Workflow, generations
from maestro.errors import InvalidInput
from maestro.workflow.definition import (
    WorkflowDefinition,
    input_from_text,
    load_definition,
    mermaid,
    schema_text,
)

FileArgument = Annotated[Path, Parameter(help="Workflow file: .yaml, .yml or .json.")]
Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]


async def validate(file: FileArgument, *, json: Json = False) -> int:
    """Check a workflow file: structure, needs, conditions, references, actions."""
    definition = await _loaded(file)
    steps = definition.workflow.steps
    if json:
        render.document(
            {
                "type": "workflow",
                "ok": True,
                "name": definition.workflow.name,
                "steps": len(steps),
                "inputs": encode(definition.inputs),
            }
        )
    else:
        render.line(f"ok: {definition.workflow.name}, {len(steps)} steps")
    return 0


async def show(
    file: FileArgument,
    *,
    mermaid: Annotated[bool, Parameter(negative="", help="As a Mermaid flowchart.")] = False,
    json: Json = False,
) -> int:
    """Show the steps that a workflow file becomes, and what can run at the same time."""
    if mermaid and json:
        raise InvalidInput("--mermaid and --json exclude each other; give one")
    definition = await _loaded(file)
    if mermaid:
        sys.stdout.write(_drawn(definition.workflow))
    elif json:
        groups = encode(generations(definition.workflow.steps))
        render.document({"type": "workflow", **encode(definition.workflow), "groups": groups})
    else:
        _table(definition)
    return 0


async def run(
    file: FileArgument,
    *,
    input: Annotated[  # noqa: A002
        tuple[str, ...], Parameter(negative="", help="NAME=VALUE of an input; repeat for several.")
    ] = (),
    max_parallel: Annotated[int | None, Parameter(help="Most steps at work at once.")] = None,
    json: Annotated[bool, Parameter(negative="", help="Events and result as JSON lines.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="No progress, only the result.")] = False,
    grace: Grace = GRACE_SECONDS,
    store: StoreOptions | None = None,
) -> int:
    """Run a file's workflow until it ends; finished steps are kept when it is interrupted."""
    where = store or StoreOptions()
    watching = Watching(as_json=json, quiet=quiet, grace=grace, store=where)
    definition = await _loaded(file)
    values = _values(input, definition)
    async with connect(where.settings()) as maestro:
        run_id = await start_workflow(maestro, definition, values, max_parallel=max_parallel)
        return await follow_workflow(maestro, run_id, watching)


async def schema() -> int:
    """Print the JSON Schema of workflow files, for editors."""
    sys.stdout.write(schema_text())
    return 0


async def follow_workflow(maestro: Maestro, run_id: RunId, watching: Watching) -> int:
    """Drives a workflow's run, shows it and what it came to; the exit code."""
    name = (await maestro.run(run_id)).workflow
    outcome = await follow(
        maestro,
        run_id,
        partial(execute_workflow, maestro),
        replace(watching, about=f"workflow {name}"),
    )
    _outcome(outcome, watching)
    return render.exit_code(outcome.status)


def _outcome(outcome: WorkflowOutcome, watching: Watching) -> None:
    if watching.as_json:
        render.document({"type": "result", **asdict(outcome)})
        return
    console = Console(highlight=False, soft_wrap=True)
    style = render.STYLE_OF_STATUS.get(outcome.status, "bold yellow")
    counts = ", ".join(f"{number} {status}" for status, number in outcome.counts.items())
    console.print(
        f"[{style}]{outcome.status}[/]  {outcome.run_id}  workflow {escape(outcome.workflow)}"
    )
    console.print(f"steps      {counts}")
    for reason in outcome.reasons[: render.SHOWN_REASONS]:
        console.print(f"           • {escape(reason)}")
    if outcome.status == RunStatus.PAUSED:
        resume = watching.store.command("runs", "resume", outcome.run_id)
        console.print(f"go on      {escape(resume)}")


async def _loaded(file: Path) -> WorkflowDefinition:
    return await asyncio.to_thread(load_definition, file, actions=ACTIONS)


def _values(given: Iterable[str], definition: WorkflowDefinition) -> dict[str, JsonValue]:
    values: dict[str, JsonValue] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(f"--input {text!r}: write NAME=VALUE")
        if name in values:
            raise InvalidInput(f"--input {name!r} is given twice")
        values[name] = input_from_text(name, value, definition.inputs)
    return values


def _drawn(workflow: Workflow) -> str:
    return mermaid(workflow)


def _table(definition: WorkflowDefinition) -> None:
    workflow = definition.workflow
    console = Console(highlight=False, soft_wrap=True)
    title = f"[bold]{escape(workflow.name)}[/]"
    if definition.version:
        title += f"  {escape(definition.version)}"
    console.print(title)
    if definition.description:
        console.print(escape(definition.description.strip()))
    for name, declared in definition.inputs.items():
        default = json_format.dumps(declared.default, ensure_ascii=False)
        need = "required" if declared.required else f"default {default}"
        console.print(
            f"  input {name}: {declared.type}, {escape(need)}  {escape(declared.description)}"
        )
    for key, limit in workflow.concurrency.items():
        console.print(f"  concurrency {escape(key)}: {limit}")
    table = Table(box=None, pad_edge=False)
    for column in ("group", "step", "kind", "action", "needs", "when"):
        table.add_column(column, overflow="fold")
    by_id = {step.id: step for step in workflow.steps}
    for number, group in enumerate(generations(workflow.steps), 1):
        for place, step_id in enumerate(group):
            step = by_id[step_id]
            table.add_row(
                "" if place else str(number),
                f"{escape(step.id)}" + (f"  [dim]{escape(step.title)}[/]" if step.title else ""),
                step.kind.value,
                escape(step.action),
                escape(", ".join(_need(step, need) for need in step.needs)),
                escape(step.when or ""),
            )
    console.print(table)
    console.print("steps of one group can run at the same time")


def _need(step: Step, need: str) -> str:
    rule = step.edges.get(need)
    if rule is None or step.action.startswith("flow."):
        return need
    return f"{need} (skipped: {rule.skipped.value}, failed: {rule.failed.value})"
