"""`maestro agents`: list, show, add, drain, remove."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.agents_joining import Joining, forget_command, joining, keep_command
from maestro.cli.options import StoreOptions
from maestro.delivery.agent_desk import AgentDesk, agent_document
from maestro.domain.agent import AgentRecord
from maestro.domain.pool import Demand, PoolRecord
from maestro.errors import InvalidInput

AgentArgument = Annotated[
    str, Parameter(help="Id of the agent, as 'maestro agents list' shows it.")
]
Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]
Personas = Annotated[
    tuple[str, ...],
    Parameter(name="--persona", negative="", help="A persona it plays; repeat for several."),
]
Skills = Annotated[
    tuple[str, ...],
    Parameter(name="--skill", negative="", help="What it is good at; repeat for several."),
]
Languages = Annotated[
    tuple[str, ...],
    Parameter(
        name="--language",
        negative="",
        help="A programming language it works in; none = whatever is asked for.",
    ),
]


async def list_agents(*, json: Json = False, store: StoreOptions | None = None) -> int:
    """List the agents in the order in which they were registered."""
    async with _desk(store) as desk:
        overview = await desk.overview()
    if json:
        render.document({"type": "agents", **overview.document()})
        return 0
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for column in ("agent", "executor", "health", "in hand", "success", "time", "done"):
        table.add_column(column, overflow="fold")
    in_hand = overview.in_hand()
    for record in overview.agents:
        agent = record.agent
        measured = _measured(record)
        table.add_row(
            escape(agent.id),
            escape(agent.executor),
            record.health,
            f"{in_hand[agent.id]} of {agent.capacity}",
            f"{record.success:.0%}" if measured else "-",
            "-" if record.seconds is None else f"{record.seconds:.1f} s",
            f"{record.done} of {record.done + record.failed}" if measured else "-",
        )
    console.print(table)
    for record in overview.agents:
        plays = ", ".join(record.agent.personas)
        console.print(escape(f"{record.agent.id} plays {plays}"), soft_wrap=True)
    for pool in overview.pools:
        console.print(_pool_line(pool), soft_wrap=True)
    pooled = {record.pool.capability for record in overview.pools}
    for demand in overview.capabilities:
        if demand.capability not in pooled:
            console.print(_demand_line(demand), soft_wrap=True)
    return 0


def _demand_line(demand: Demand) -> str:
    return (
        f"workers that offer {escape(demand.capability)}: steps waiting: {demand.waiting}, the "
        f"first one for {demand.oldest_seconds:.0f} s; in hand: {demand.in_hand}"
    )


def _pool_line(record: PoolRecord) -> str:
    pool, demand = record.pool, record.demand
    kept = escape(record.keeper) if record.kept else "nobody"
    trouble = f"; {escape(record.trouble)}" if record.trouble else ""
    return (
        f"pool {escape(pool.capability)}: {record.agents} agents ({pool.min}..{pool.max}), "
        f"{demand.waiting} steps wait, {demand.in_hand} in hand, kept by {kept}{trouble}"
    )


async def show(
    agent: AgentArgument, *, json: Json = False, store: StoreOptions | None = None
) -> int:
    """Show what an agent can do and how it is doing."""
    async with _desk(store) as desk:
        record = await desk.show(agent)
    if json:
        render.document({"type": "agent", **agent_document(record)})
        return 0
    found = record.agent
    rows = {
        "agent": found.id,
        "executor": found.executor
        + (f", model {found.model}" if found.model else "")
        + (f", card {found.address}" if found.address else ""),
        "health": record.health,
        "lives in": found.home or "any process that has its executor",
        "personas": ", ".join(found.personas),
        "skills": ", ".join(found.skills) or "nothing in particular",
        "languages": ", ".join(found.languages) or "whatever is asked for",
        "places": str(found.capacity),
        "cost": "unknown" if found.cost is None else f"{found.cost:g} US dollars per assignment",
        "region": found.region,
        "success": f"{record.success:.1%}" + ("" if _measured(record) else " (nothing done yet)"),
        "time": "unknown" if record.seconds is None else f"{record.seconds:.1f} s",
        "done": f"{record.done} succeeded, {record.failed} failed",
        "since": record.registered_at.isoformat(timespec="seconds"),
    }
    for name, value in rows.items():
        render.line(f"{name:<10}{value}")
    return 0


async def add(
    agent: Annotated[
        str, Parameter(help="Its id from then on, or the URL of a remote agent's card.")
    ],
    *command: Annotated[
        str, Parameter(help="Behind --: what starts a coding agent that speaks ACP.")
    ],
    executor: Annotated[
        str | None, Parameter(help="Kind of executor that does its work; a card says it.")
    ] = None,
    persona: Personas = (),
    skill: Skills = (),
    language: Languages = (),
    capacity: Annotated[
        int | None, Parameter(help="Assignments at once, in each process; 1 or what a card says.")
    ] = None,
    model: Annotated[str | None, Parameter(help="Which model; of llm agents only.")] = None,
    cost: Annotated[
        str | None, Parameter(help="US dollars expected per assignment, or 'unknown'.")
    ] = None,
    region: Annotated[
        str | None, Parameter(help="Where the data of its assignments goes; 'local' = nowhere.")
    ] = None,
    known_as: Annotated[
        str | None, Parameter(name="--id", help="Id of a remote agent; else its card's name.")
    ] = None,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Register an agent; it is given work from then on, in every process that has its executor.

    A remote agent does a probe task first; a coding agent is greeted.
    """
    asked = Joining(agent, executor, persona, model, known_as, command)
    settings = (store or StoreOptions()).settings()
    wanted = await joining(asked, settings)
    chosen = replace(
        wanted,
        skills=skill,
        languages=language,
        capacity=wanted.capacity if capacity is None else capacity,
        cost=wanted.cost if cost is None else _cost(cost),
        region=wanted.region if region is None else region,
    )
    async with _desk(store) as desk:
        record = await desk.add(chosen)
        if command:
            try:
                await keep_command(settings, chosen.id, command)
            except InvalidInput:
                await desk.remove(chosen.id)
                raise
    _told(record, json, "registered")
    return 0


async def drain(
    agent: AgentArgument,
    *,
    undo: Annotated[bool, Parameter(negative="", help="Give it work again.")] = False,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Let an agent end what it has and give it nothing more."""
    async with _desk(store) as desk:
        record = await desk.drain(agent, undo=undo)
    _told(record, json, "is given work again" if undo else "is given nothing more")
    return 0


async def remove(
    agent: AgentArgument, *, json: Json = False, store: StoreOptions | None = None
) -> int:
    """Take an agent out of the registry, with what was measured of it."""
    async with _desk(store) as desk:
        executor = (await desk.show(agent)).agent.executor
        await desk.remove(agent)
    if executor == "acp":
        await forget_command((store or StoreOptions()).settings(), agent)
    if json:
        render.document({"type": "agent", "id": agent, "removed": True})
    else:
        render.line(f"{agent}  removed")
    return 0


@asynccontextmanager
async def _desk(store: StoreOptions | None) -> AsyncIterator[AgentDesk]:
    async with connect((store or StoreOptions()).settings()) as maestro:
        yield AgentDesk(maestro=maestro)


def _cost(text: str) -> float | None:
    if text == "unknown":
        return None
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"--cost {text!r} is no number; write US dollars or 'unknown'") from None


def _measured(record: AgentRecord) -> bool:
    return record.done + record.failed > 0


def _told(record: AgentRecord, as_json: bool, told: str) -> None:
    if as_json:
        render.document({"type": "agent", **agent_document(record)})
    else:
        render.line(f"{record.agent.id}  {told}")
