"""What agents and their dispatcher tell of an assignment, as events of its run."""

from maestro.agents.dispatch import Announce
from maestro.domain.run import Event, EventKind
from maestro.domain.values import JsonObject
from maestro.domain.work import Assignment
from maestro.errors import BudgetExceeded
from maestro.ports import Clock, StepContext, Store, Transaction
from maestro.workflow.book import INTERRUPTED
from maestro.workflow.context import telling


def announcing(store: Store, clock: Clock) -> Announce:
    """Returns when the event is durable."""

    async def announce(assignment: Assignment, kind: EventKind, data: JsonObject) -> None:
        run_id = assignment.run_id
        told = telling(run_id, assignment.step_id, assignment.attempt, kind, data, clock.now())
        await store.write(told, about=run_id)

    return announce


async def failed_agents(store: Store, context: StepContext) -> tuple[str, ...]:
    """Agents that were given earlier attempts at this step which failed, first one first.

    Attempts that were cut short, or had nothing left to spend, are no failures of theirs.
    """
    if context.attempt == 1:
        return ()
    events = await store.read(lambda tx: _of_step(tx, context))
    failed = {
        event.attempt
        for event in events
        if event.kind in _FAILED and event.data.get("code") not in _NOT_THEIRS
    }
    chosen = [event for event in events if event.kind is EventKind.AGENT_CHOSEN]
    return tuple(dict.fromkeys(str(e.data["agent"]) for e in chosen if e.attempt in failed))


_FAILED = (EventKind.STEP_RETRYING, EventKind.STEP_FAILED)
_NOT_THEIRS = (INTERRUPTED, BudgetExceeded.code)


def _of_step(tx: Transaction, context: StepContext) -> list[Event]:
    found: list[Event] = []
    sequence = 0
    while page := tx.events.after(context.run_id, sequence):
        found += [event for event in page if event.step_id == context.step.id]
        sequence = page[-1].sequence
    return found
