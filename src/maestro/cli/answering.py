"""What a step waits for, what to type to answer it, and what was answered."""

from datetime import datetime

from maestro.cli.options import StoreOptions
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
