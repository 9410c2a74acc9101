"""What is told of a run that rests because a budget is used up."""

import sys

from maestro.cli.options import StoreOptions
from maestro.delivery.model_runs import stopped_steps
from maestro.delivery.service import RunDetail
from maestro.domain.run import RunStatus
from maestro.errors import BudgetExceeded


def budget_exit(detail: RunDetail, store: StoreOptions) -> int:
    """4, after a line on stderr, for a run that a budget paused; 0 for any other."""
    stopped = stopped_steps(detail.steps)
    if detail.run.status is not RunStatus.PAUSED or not stopped:
        return 0
    error = stopped[0].error
    again = store.command("runs", "resume", detail.run.id)
    code, told = (error.code, error.message) if error else (BudgetExceeded.code, "")
    sys.stderr.write(f"maestro: {code}: {told}\n  try, with more of it: {again}\n")
    return 4
