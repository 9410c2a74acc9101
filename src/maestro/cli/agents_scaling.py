"""`maestro agents scale` and `maestro agents events`: agents that come and go with the work."""

import asyncio
import os
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.agents.worker_processes import WorkerProcess, worker_command, worker_environment
from maestro.agents.worker_processes import worker_process as started_worker
from maestro.bootstrap import connect, process_name
from maestro.cli import render
from maestro.cli.agents import Json, Languages, Personas, Skills
from maestro.cli.agents_joining import playing
from maestro.cli.options import StoreOptions
from maestro.cli.shutdown import GRACE_SECONDS, checked_grace, departing
from maestro.delivery.pool_desk import PoolDesk, load_pools
from maestro.delivery.pool_keeper import CLEANUP_SECONDS, KeeperSettings
from maestro.domain.agent import Agent
from maestro.domain.encoding import encode
from maestro.domain.pool import Pool
from maestro.errors import InvalidInput
from maestro.settings import Settings

_MOST_EVENTS = 10_000


async def scale(
    capability: Annotated[
        str | None, Parameter(help="The capability whose steps the agents do.")
    ] = None,
    *,
    file: Annotated[
        Path | None, Parameter(help="File of pools (.yaml), instead of one given by options.")
    ] = None,
    persona: Personas = (),
    skill: Skills = (),
    language: Languages = (),
    model: Annotated[
        str | None, Parameter(help="Model that plays the personas; else templates do.")
    ] = None,
    slots: Annotated[int, Parameter(help="Steps that one agent does at once.")] = 1,
    min: Annotated[int, Parameter(help="Agents kept while nothing is to do.")] = 0,  # noqa: A002 - the option's name
    max: Annotated[int, Parameter(help="Most agents.")] = 4,  # noqa: A002 - the option's name
    idle: Annotated[
        float, Parameter(help="Seconds without work after which an agent is ended.")
    ] = 60.0,
    grace: Annotated[
        float, Parameter(help="Seconds that steps under way get when this is stopped.")
    ] = GRACE_SECONDS,
    store: StoreOptions | None = None,
) -> int:
    """Keep pools of agents: one process each, started when steps wait, ended when idle.

    Needs a PostgreSQL database (--db). Works until it is stopped with SIGTERM or SIGINT; its agents
    end with it. Where another process keeps a pool already, this one stands by.
    """
    if (file is None) == (capability is None):
        raise InvalidInput("name one capability, or a file of pools with --file")
    if file is not None:
        pools = await asyncio.to_thread(load_pools, file)
    else:
        pool = Pool(
            capability=capability or "",
            personas=persona,
            skills=skill,
            languages=language,
            model=model,
            slots=slots,
            min=min,
            max=max,
            idle_seconds=idle,
        )
        pools = (pool,)
    for one in pools:
        if one.model is not None:
            playing(one.agent(1), one.model)  # a name that is none is refused now
    settings = (store or StoreOptions()).settings()
    await _keep(pools, settings, checked_grace(grace))
    return 0


async def _keep(pools: tuple[Pool, ...], settings: Settings, grace: float) -> None:
    chosen = KeeperSettings(
        name=process_name(), lease_seconds=settings.lease_seconds, grace_seconds=grace
    )
    async with connect(settings) as maestro:
        desk = PoolDesk(maestro=maestro)
        keepers = await desk.keepers(
            pools, chosen, start=partial(_started, settings, grace), tell=render.line
        )
        names = ", ".join(f"{one.capability} {one.min}..{one.max}" for one in pools)
        render.line(f"keeper {chosen.name}; pools: {names}; stop with SIGTERM or Ctrl-C")
        stop = asyncio.Event()
        with departing(
            stop.set,
            told=f"agents end; what they have in hand gets {grace:g} s",
            kept="steps under way are taken up by others when their lease has run out",
            within=grace + CLEANUP_SECONDS,
        ):
            async with asyncio.TaskGroup() as group:
                for keeper in keepers:
                    group.create_task(keeper.run(stop))
    render.line("stopped")


def _started(
    settings: Settings, grace: float, pool: Pool, agent: Agent
) -> AbstractAsyncContextManager[WorkerProcess]:
    command = worker_command(agent, pool.capability, grace)
    return started_worker(command, worker_environment(settings, os.environ))


async def events(
    *,
    limit: Annotated[int, Parameter(help="Most that are shown.")] = 50,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Say what happened to the agents of pools, newest last."""
    if not 1 <= limit <= _MOST_EVENTS:
        raise InvalidInput(f"--limit must lie in 1..{_MOST_EVENTS}, got {limit!r}")
    async with connect((store or StoreOptions()).settings()) as maestro:
        found = await PoolDesk(maestro=maestro).events(limit)
    told = tuple(reversed(found))
    if json:
        render.document({"type": "pool_events", "events": encode(told)})
        return 0
    for event in told:
        when = event.at.isoformat(timespec="seconds")
        reason = f"  {event.data['reason']}" if event.data.get("reason") else ""
        render.line(f"{when}  {event.kind.value}  {event.agent or event.capability}{reason}")
    return 0
