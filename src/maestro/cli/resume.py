"""`maestro runs resume`."""

from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.budget import budget_exit
from maestro.cli.following import Watching, follow
from maestro.cli.model_options import LimitOptions
from maestro.cli.options import Grace, RunArgument, StoreOptions
from maestro.cli.shutdown import GRACE_SECONDS
from maestro.cli.steering import shown
from maestro.cli.workflows import follow_workflow
from maestro.delivery.left_to_workers import capabilities_of
from maestro.delivery.model_runs import model_table
from maestro.delivery.players import expected
from maestro.delivery.workflow_runs import is_workflow_run
from maestro.domain.models import Caps
from maestro.domain.run import RunStatus
from maestro.domain.steering import Verb
from maestro.domain.values import RunId


async def resume(
    run: RunArgument,
    *,
    json: Annotated[bool, Parameter(negative="", help="Events and result as JSON lines.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="No progress, only the result.")] = False,
    grace: Grace = GRACE_SECONDS,
    limits: LimitOptions | None = None,
    store: StoreOptions | None = None,
) -> int:
    """Go on with an interrupted, paused, blocked or failed run; finished steps are kept."""
    where, run_id = store or StoreOptions(), RunId(run)
    watching = Watching(as_json=json, quiet=quiet, grace=grace, store=where)
    async with connect(where.existing_store()) as maestro:
        before = await maestro.show(run_id)
        elsewhere = before.run.status is RunStatus.PAUSED and await maestro.store.driven(run_id)
        more = (limits or LimitOptions()).caps(more=True)
        await maestro.resume(run_id, more=None if more == Caps() else more)
        if elsewhere:  # its driver has not come to rest yet, and goes on
            watch = where.command("runs", "events", run_id, "--follow")
            text = f"resumed; the process that drives the run goes on; watch it: {watch}"
            shown(Verb.RESUME, run_id, None, changed=True, text=text, as_json=json)
            return 0
        inputs = before.run.inputs
        about = await expected(maestro.store, model_table(inputs), capabilities_of(inputs))
        watching = replace(watching, earlier=before.events, about=about)
        if is_workflow_run(before.run):
            return await follow_workflow(maestro, run_id, watching)
        result = await follow(maestro, run_id, maestro.execute, watching)
        detail = await maestro.show(run_id)
    render.result(result, detail, as_json=json, store=where)
    return render.exit_code(result.status) or budget_exit(detail, where)
