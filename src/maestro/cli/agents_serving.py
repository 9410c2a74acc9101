"""`maestro agents serve`: our personas as an agents service for others."""

import asyncio
import contextlib
import logging
from importlib.util import find_spec
from typing import Annotated

from cyclopts import Parameter

from maestro import __version__
from maestro.agents.executors.offline.executor import OfflineExecutor
from maestro.agents.executors.offline.packages import built_in_packages
from maestro.bootstrap import sandbox_provider
from maestro.cli import render
from maestro.cli.options import StoreOptions
from maestro.cli.shutdown import departing
from maestro.contracts.mocks.provider import LiveMockProvider
from maestro.domain.team import Persona
from maestro.errors import InvalidInput
from maestro.planning.catalogue import load_catalogue

END_SECONDS = 15.0
INSTALL = "pip install 'maestro-conductor[a2a]'"


async def serve(
    *,
    persona: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="A persona to serve; repeat for several. None = all."),
    ] = (),
    port: Annotated[int, Parameter(help="Of this machine's loopback; 0 takes a free one.")] = 8052,
    url: Annotated[
        str | None, Parameter(help="What callers reach it at, where a proxy stands in front.")
    ] = None,
    capacity: Annotated[int, Parameter(help="Assignments at once.")] = 2,
    store: StoreOptions | None = None,
) -> int:
    """Serve personas to other Maestros over A2A until told to end; prints the cards' addresses."""
    if find_spec("a2a") is None:
        raise InvalidInput(f"serving agents needs the extra a2a; run: {INSTALL}")
    if not 1 <= capacity <= 64:
        raise InvalidInput(f"--capacity must be 1 to 64, got {capacity!r}")
    from maestro.agents.serving.desk import OrderDesk  # noqa: PLC0415 - an extra
    from maestro.agents.serving.host import serve_orders  # noqa: PLC0415 - an extra

    settings = (store or StoreOptions()).settings()
    chosen = await asyncio.to_thread(_personas, persona)
    sandboxes = sandbox_provider(settings)
    await sandboxes.probe()  # refuse now, and not the first order
    # Requests that are none get an answer; a traceback each would let callers fill this log.
    logging.getLogger("a2a.server.routes").setLevel(logging.CRITICAL)
    desk = OrderDesk(
        personas=chosen,
        executor=OfflineExecutor(),
        sandboxes=sandboxes,
        mocks=LiveMockProvider(),
        places=capacity,
    )
    task = asyncio.create_task(
        serve_orders(desk, port=port, url=url, version=__version__, tell=render.line)
    )

    def leave() -> None:
        task.cancel()

    told = "the agents service ends, and what it has in hand"
    with departing(leave, told=told, kept="nothing goes on", within=END_SECONDS):
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return 0


def _personas(wanted: tuple[str, ...]) -> dict[str, Persona]:
    """Raises InvalidInput for one that nobody here can play."""
    playable = {package.manifest.persona for package in built_in_packages()}
    known = load_catalogue().personas
    for name in wanted:
        if name not in playable or name not in known:
            raise InvalidInput(
                f"--persona {name!r} cannot be served; known: {', '.join(sorted(playable))}"
            )
    return {name: known[name] for name in (wanted or sorted(playable)) if name in known}
