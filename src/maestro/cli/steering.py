"""`maestro runs`: pause, cancel, retry, rerun, rework, approve, reject, signal, edit-output.

Each records a request and ends; whoever drives the run does what it asks.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.options import RunArgument, StoreOptions, json_value
from maestro.delivery.service import Maestro
from maestro.domain.encoding import encode
from maestro.domain.run import ENDED_RUNS, RunStatus
from maestro.domain.steering import Verb
from maestro.domain.values import JsonValue, RunId, StepId
from maestro.errors import InvalidInput

StepArgument = Annotated[
    str, Parameter(help="Id of the step, as 'maestro runs show RUN' shows it.")
]
Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]
Comment = Annotated[str, Parameter(help="Why; kept with the decision.")]

_DONE: Mapping[Verb, tuple[str, str]] = {
    Verb.PAUSE: ("paused: what runs may end, nothing new starts", "already paused"),
    Verb.CANCEL: ("cancelled", "already cancelled"),
    Verb.RETRY: ("retry asked: {step} starts again", "already asked: {step} starts again"),
    Verb.RERUN: (
        "re-run asked: {step} starts again, and what depends on it",
        "already asked: {step} starts again",
    ),
    Verb.APPROVE: ("approved: {step}", "already approved: {step}"),
    Verb.REJECT: ("rejected: {step}", "already rejected: {step}"),
    Verb.SIGNAL: ("signalled: {step}", "already signalled, with the same payload: {step}"),
    Verb.EDIT_OUTPUT: (
        "output changed: {step}; what worked with the old one starts again",
        "already the output of {step}",
    ),
}
"""What is said when the request changed something, and when it was so before."""


async def pause(run: RunArgument, *, json: Json = False, store: StoreOptions | None = None) -> int:
    """Let running steps end and start nothing more; 'maestro runs resume RUN' goes on."""
    return await _ask(Verb.PAUSE, run, None, json, store)


async def cancel(run: RunArgument, *, json: Json = False, store: StoreOptions | None = None) -> int:
    """End a run for good, with the processes of its running steps."""
    return await _ask(Verb.CANCEL, run, None, json, store)


async def retry(
    run: RunArgument,
    step: Annotated[str | None, Parameter(help="Only this step; otherwise every one.")] = None,
    *,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Let steps that failed or were blocked start again, with fresh attempts."""
    return await _ask(Verb.RETRY, run, step, json, store)


async def rerun(
    run: RunArgument, step: StepArgument, *, json: Json = False, store: StoreOptions | None = None
) -> int:
    """Run a finished step again, and everything that depends on it."""
    return await _ask(Verb.RERUN, run, step, json, store)


async def approve(
    run: RunArgument,
    step: StepArgument,
    *,
    comment: Comment = "",
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Approve what a waiting step asks; the run goes on behind it."""
    return await _ask(Verb.APPROVE, run, step, json, store, comment=comment)


async def reject(
    run: RunArgument,
    step: StepArgument,
    *,
    comment: Comment = "",
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Reject what a waiting step asks; the step is blocked."""
    return await _ask(Verb.REJECT, run, step, json, store, comment=comment)


async def signal(
    run: RunArgument,
    step: StepArgument,
    *,
    payload: Annotated[str, Parameter(help="JSON that the step puts out, or @FILE.")] = "null",
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Send a step the signal it waits for, or will wait for."""
    content = json_value(payload, "--payload")
    return await _ask(Verb.SIGNAL, run, step, json, store, payload=content)


async def edit_output(
    run: RunArgument,
    step: StepArgument,
    *,
    value: Annotated[str | None, Parameter(help="The new output: JSON.")] = None,
    file: Annotated[Path | None, Parameter(help="File with the new output: JSON.")] = None,
    comment: Comment = "",
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Change what a finished step put out; what had worked with it starts again."""
    if file is not None and value is None:
        output = json_value(f"@{file}", "--file")
    elif value is not None and file is None:
        output = json_value(value, "--value")
    else:
        raise InvalidInput("give the new output with either --value JSON or --file FILE")
    return await _ask(Verb.EDIT_OUTPUT, run, step, json, store, comment=comment, payload=output)


async def rework(
    run: RunArgument,
    steps: Annotated[
        tuple[str, ...], Parameter(help="Steps to give back; else those the evidence names.")
    ] = (),
    *,
    comment: Comment = "",
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Give refused work back: what was refused becomes the feedback of a new attempt."""
    where, run_id = store or StoreOptions(), RunId(run)
    async with connect(where.existing_store()) as maestro:
        given = await maestro.rework(run_id, [StepId(step) for step in steps], comment=comment)
        after = "" if json else await afterwards(maestro, run_id, where)
    if json:
        render.document({"run": run_id, "verb": Verb.REWORK.value, "steps": encode(given)})
        return 0
    for step, reasons in given.items():
        render.line(f"given back: {step}")
        for reason in reasons:
            render.line(f"  • {reason}")
    render.line(f"it starts again, and what depends on it, every gate among it; {after}")
    return 0


def shown(
    verb: Verb, run_id: RunId, step_id: str | None, *, changed: bool, text: str, as_json: bool
) -> None:
    """What became of a request."""
    if as_json:
        render.document({"run": run_id, "verb": verb.value, "step": step_id, "changed": changed})
    else:
        render.line(text)


async def _ask(
    verb: Verb,
    run: str,
    step: str | None,
    as_json: bool,
    store: StoreOptions | None,
    *,
    comment: str = "",
    payload: JsonValue = None,
) -> int:
    where, run_id = store or StoreOptions(), RunId(run)
    async with connect(where.existing_store()) as maestro:
        changed = await maestro.steer(
            run_id,
            verb,
            None if step is None else StepId(step),
            comment=comment,
            payload=payload,
        )
        after = "" if as_json else await afterwards(maestro, run_id, where)
    done = _DONE[verb][0 if changed else 1].format(
        step="what did not succeed" if step is None else f"step {step}"
    )
    shown(verb, run_id, step, changed=changed, text=f"{done}; {after}", as_json=as_json)
    return 0


async def afterwards(maestro: Maestro, run_id: RunId, store: StoreOptions) -> str:
    """What happens next with the run, and what to type for it."""
    run = await maestro.run(run_id)
    if run.status in ENDED_RUNS:
        return f"the run has ended {run.status.value}: {store.command('runs', 'show', run_id)}"
    resume = store.command("runs", "resume", run_id)
    if run.status is not RunStatus.RUNNING:
        return f"the run is {run.status.value}; go on with: {resume}"
    if await maestro.store.driven(run_id):
        return "the process that drives the run goes on with it"
    if maestro.store.shared:
        return f"a worker goes on with it where one is alive; or go on here: {resume}"
    return f"nobody drives the run; go on with: {resume}"
