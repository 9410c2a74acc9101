"""`maestro worker`: take steps, and runs whose driver died, from a shared database."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import open_worker
from maestro.cli import render
from maestro.cli.options import StoreOptions
from maestro.cli.shutdown import GRACE_SECONDS, checked_grace, stopping
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
    slots: Annotated[int, Parameter(help="Most steps at work at once.")] = 4,
    grace: Annotated[
        float, Parameter(help="Seconds that steps under way get when the worker is stopped.")
    ] = GRACE_SECONDS,
    store: StoreOptions | None = None,
) -> int:
    """Take steps that want a capability, and go on with runs that nobody drives any more.

    Needs a PostgreSQL database (--db). Works until it is stopped with SIGTERM or SIGINT.
    """
    if slots < 1:
        raise InvalidInput(f"--slots must be at least 1, got {slots!r}")
    settings = (store or StoreOptions()).settings()
    async with open_worker(
        settings, capability, grace_seconds=checked_grace(grace), slots=slots, tell=render.line
    ) as taker:
        offered = ", ".join(capability) or "none, it only goes on with runs"
        render.line(f"worker {taker.name}; capabilities: {offered}; stop with SIGTERM or Ctrl-C")
        stop = asyncio.Event()
        with stopping(stop):
            await taker.run(stop)
    render.line(f"worker {taker.name} has stopped")
    return 0
