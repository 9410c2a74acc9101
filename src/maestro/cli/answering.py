"""What a step waits for, what to type to answer it, and what was answered."""

from collections.abc import Iterator
from datetime import datetime

from maestro.cli.options import StoreOptions
from maestro.domain.run import RunStatus
from maestro.domain.values import JsonValue
from maestro.domain.workflow import StepKind


def awaited(kind: str) -> str:
    """What a step of this kind waits for."""
    return "an approval" if kind == StepKind.APPROVAL else "a signal"


def answers(kind: str, run_id: str, step_id: str, store: StoreOptions) -> tuple[str, ...]:
    """The lines that say what to type in another terminal."""
    if kind == StepKind.APPROVAL:
        return (
            f"approve: {store.command('runs', 'approve', run_id, step_id)}",
            f"reject:  {store.command('runs', 'reject', run_id, step_id, '--comment', 'reason')}",
        )
    return (f"signal:  {store.command('runs', 'signal', run_id, step_id)}  [--payload JSON]",)


def onward(
    status: str, run_id: str, *, planned: bool, not_built: bool, store: StoreOptions
) -> Iterator[str]:
    """What can be done about a run that stands still: a command each, and what it is good for."""
    resume = store.command("runs", "resume", run_id)
    if status == RunStatus.PAUSED:
        yield resume
    elif status == RunStatus.FAILED:
        yield f"{resume}   once the cause is gone"
    elif status == RunStatus.BLOCKED:
        if not_built:
            yield "build again with --allow-partial, which accepts what is missing, or ask for less"
        if planned:
            yield f"{store.command('runs', 'rework', run_id)}   gives back what was refused"
            yield f"{resume}   judges again, once the cause is gone"
        else:
            yield "say in the requirement what is missing, and build again"


def decision(output: JsonValue) -> tuple[str, str] | None:
    """Word and signature of what somebody decided: ("approved", "by ann: fine")."""
    if not isinstance(output, dict) or "by" not in output:
        return None
    if "approved" not in output:
        return "signalled", signed(output)
    return "approved" if output["approved"] else "rejected", signed(output)


def signed(data: JsonValue) -> str:
    """Who asked, and why: "by ann: fine"; empty where nobody did."""
    if not isinstance(data, dict) or not data.get("by"):
        return ""
    comment = data.get("comment")
    return f"by {data['by']}" + (f": {comment}" if comment else "")


def clock_time(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
