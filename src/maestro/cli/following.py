"""Runs a run in the foreground and shows it while it goes on."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from maestro.cli import render
from maestro.cli.progress import show
from maestro.delivery.result import BuildResult
from maestro.delivery.service import Maestro
from maestro.domain.run import Event
from maestro.domain.values import RunId


async def follow(
    maestro: Maestro,
    run_id: RunId,
    *,
    as_json: bool,
    quiet: bool,
    earlier: Sequence[Event] = (),
) -> BuildResult:
    """Executes and watches; `earlier` events are known already and not shown again."""
    headline = f"maestro {run_id}  offline team: scripted, no model is called"
    stream = maestro.events(run_id, after=earlier[-1].sequence if earlier else 0)
    watching = asyncio.create_task(
        _print_events(stream) if as_json else show(stream, headline, quiet=quiet, earlier=earlier)
    )
    try:
        result = await maestro.execute(run_id)
    except BaseException:
        watching.cancel()
        raise
    await watching
    return result


async def _print_events(stream: AsyncIterator[Event]) -> None:
    async for event in stream:
        render.event(event)
