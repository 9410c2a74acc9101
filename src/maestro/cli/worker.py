"""`maestro worker`: take steps, and runs whose driver died, from a shared database."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import open_worker
from maestro.cli import render
from maestro.cli.agents import Languages, Personas, Skills
from maestro.cli.agents_joining import playing
from maestro.cli.options import StoreOptions
from maestro.cli.shutdown import GRACE_SECONDS, checked_grace, stopping
from maestro.domain.agent import OFFLINE, Agent
from maestro.errors import InvalidInput

Capabilities = Annotated[
    tuple[str, ...],
    Parameter(
        name="--capability",
        negative="",
        help="A capability that this worker offers; repeat for several.",
    ),
]


async def worker(
    *,
    capability: Capabilities = (),
    agent: Annotated[
        str | None,
        Parameter(help="Id of an agent that lives in this worker and does all its work."),
    ] = None,
    persona: Personas = (),
    skill: Skills = (),
    language: Languages = (),
    model: Annotated[
        str | None, Parameter(help="Model that plays the agent's personas; else templates do.")
    ] = None,
    slots: Annotated[int, Parameter(help="Most steps at work at once.")] = 4,
    grace: Annotated[
        float, Parameter(help="Seconds that steps under way get when the worker is stopped.")
    ] = GRACE_SECONDS,
    store: StoreOptions | None = None,
) -> int:
    """Take steps that want a capability, and go on with runs that nobody drives any more.

    A worker with --agent takes steps only. Needs a PostgreSQL database (--db). Works until it is
    stopped with SIGTERM or SIGINT.
    """
    if slots < 1:
        raise InvalidInput(f"--slots must be at least 1, got {slots!r}")
    if agent is not None and not capability:
        raise InvalidInput("--agent takes steps with a capability: give --capability")
    described = Agent(
        id=agent or "",
        executor=OFFLINE,
        personas=persona,
        capacity=slots,
        skills=skill,
        languages=language,
        model=model,
    )
    living = _living(described)
    settings = (store or StoreOptions()).settings()
    async with open_worker(
        settings,
        capability,
        grace_seconds=checked_grace(grace),
        slots=slots,
        tell=render.line,
        agent=living,
    ) as taker:
        offered = ", ".join(capability) or "none, it only goes on with runs"
        render.line(f"worker {taker.name}; capabilities: {offered}; stop with SIGTERM or Ctrl-C")
        stop = asyncio.Event()
        with stopping(stop):
            await taker.run(stop)
    render.line(f"worker {taker.name} has stopped")
    return 0


def _living(agent: Agent) -> Agent | None:
    """None where no agent was named."""
    if not agent.id:
        if agent.personas or agent.skills or agent.languages or agent.model:
            raise InvalidInput(
                "--persona, --skill, --language and --model describe an agent: give --agent"
            )
        return None
    return agent if agent.model is None else playing(agent, agent.model)
