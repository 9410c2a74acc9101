"""Who plans and works in a run, as one line: what every headline says of it."""

from collections.abc import Mapping, Sequence

from maestro.delivery.left_to_workers import told
from maestro.delivery.model_runs import cast
from maestro.domain.agent import OFFLINE
from maestro.domain.models import ModelTable
from maestro.domain.run import Event, EventKind
from maestro.domain.work import Usage
from maestro.ports import Store

OFFLINE_TEAM = "offline team: scripted, no model was called"


async def expected(
    store: Store, table: ModelTable | None, capabilities: Mapping[str, str] | None = None
) -> str:
    """Before a run: who may be given its work."""
    others = told(capabilities or {})
    return f"{await _players(store, table)}{f'; {others}' if others else ''}"


async def _players(store: Store, table: ModelTable | None) -> str:
    if table is not None:
        return cast(table)
    records = await store.read(lambda tx: tx.agents.all())
    agents = [one.agent for one in records if one.alive]
    others = [one.id for one in agents if one.executor != OFFLINE and not one.on_request]
    if not others:
        return "offline team: scripted, no model is called"
    return f"no model is named; work goes to registered agents, among them {', '.join(others)}"


def players(planner: str, events: Sequence[Event], usage: Usage) -> str:
    """Afterwards: who did plan and work, from what the run tells."""
    chosen = [event.data for event in events if event.kind is EventKind.AGENT_CHOSEN]
    scripted = all(data["executor"] == OFFLINE for data in chosen)
    if scripted and planner in ("", OFFLINE) and not usage.model_calls:
        return OFFLINE_TEAM
    agents = dict.fromkeys(str(data["agent"]) for data in chosen)
    said = [f"planned by {planner}"] if planner else []
    said += [f"work by {', '.join(agents)}"] if agents else []
    return "; ".join([*said, f"{usage.model_calls} calls of models"])
