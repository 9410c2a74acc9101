"""Runs a run in the foreground and shows it while it goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from maestro.cli import render
from maestro.cli.options import StoreOptions
from maestro.cli.progress import show
from maestro.cli.shutdown import GRACE_SECONDS, Interrupted, checked_grace, departing
from maestro.delivery.service import Maestro
from maestro.domain.run import ENDED_RUNS, Event
from maestro.domain.values import RunId

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """How a run is shown while it goes on, and how it is left."""

    about: str = ""
    """What the headline says behind the run's id."""
    as_json: bool = False
    quiet: bool = False
    grace: float = GRACE_SECONDS
    """Seconds that running steps get when the command is told to stop."""
    store: StoreOptions = field(default_factory=StoreOptions)
    earlier: Sequence[Event] = ()
    """Known already, and not shown again."""

    def __post_init__(self) -> None:
        checked_grace(self.grace)


async def follow(
    maestro: Maestro, run_id: RunId, drive: Callable[[RunId], Awaitable[T]], watching: Watching
) -> T:
    """Drives a run, shows it, and leaves it in order when a signal says so.

    Raises:
        Interrupted: the command was told to end and the run has not ended; it can be resumed.
    """
    grace = watching.grace
    go_on = f"go on with: {watching.store.command('runs', 'resume', run_id)}"
    with departing(
        partial(maestro.drain, grace),
        told=f"nothing new starts; running steps get {grace:g} s, then they are interrupted",
        kept=f"finished steps are kept; {go_on}",
        within=grace,
    ) as departure:
        result = await _watched(maestro, run_id, drive, watching)
    if departure.asked is not None and (await maestro.run(run_id)).status not in ENDED_RUNS:
        raise Interrupted(
            f"stopped by {departure.asked.name}; finished steps are kept, interrupted ones start "
            f"again; {go_on}",
            departure.asked,
        )
    return result


async def _watched(
    maestro: Maestro, run_id: RunId, drive: Callable[[RunId], Awaitable[T]], watching: Watching
) -> T:
    known = watching.earlier[-1].sequence if watching.earlier else 0
    left: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stream = _until_left(maestro.events(run_id, after=known), known, left)
    shown = asyncio.create_task(
        show(
            _printed(stream) if watching.as_json else stream,
            f"maestro {run_id}  {watching.about}",
            quiet=watching.quiet or watching.as_json,
            earlier=watching.earlier,
            store=watching.store,
        )
    )
    try:
        result = await drive(run_id)
        detail = await maestro.show(run_id)
    except BaseException:
        shown.cancel()
        await asyncio.wait({shown})  # the terminal gets its cursor back
        raise
    left.set_result(detail.events[-1].sequence)
    await shown
    return result


async def _until_left(
    events: AsyncIterator[Event], seen: int, left: asyncio.Future[int]
) -> AsyncIterator[Event]:
    """The events up to the one after which this process left the run.

    The stream of a run that has not ended would go on.
    """
    iterator = aiter(events)
    while not (left.done() and seen >= left.result()):
        upcoming = asyncio.ensure_future(anext(iterator, None))
        try:
            waited: set[asyncio.Future[Any]] = {upcoming, left}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not upcoming.done() and seen >= left.result():
                return
            event = await upcoming
        finally:
            upcoming.cancel()
        if event is None:
            return
        seen = event.sequence
        yield event


async def _printed(stream: AsyncIterator[Event]) -> AsyncIterator[Event]:
    """The events, each told on stdout as a JSON line."""
    async for event in stream:
        render.event(event)
        yield event
