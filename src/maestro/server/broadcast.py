"""One reader per run that is watched, however many watch it.

Watchers pull: each has its own cursor, takes from what the reader keeps of late, and pages in the
store for what is older. Nothing is queued for a slow one, so nothing has to be dropped.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from maestro.delivery.run_desk import RunDesk
from maestro.domain.encoding import encode
from maestro.domain.run import ENDED_RUNS, Event, RunStatus
from maestro.domain.values import RunId
from maestro.server.problems import contained

KEPT = 2000
"""Events of a run that are kept at hand while it is watched."""
PAGE = 500
POLL_SECONDS = 0.1
QUIET_POLL_SECONDS = 0.4
AWAY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """An event as it goes over the wire."""

    sequence: int
    kind: str
    text: str
    """JSON, on one line."""
    message: str
    """The same as a message of a WebSocket: one text, however many it is sent to."""


@dataclass(slots=True)
class _Channel:
    """A run that is watched."""

    at: int
    """The last event the reader has seen."""
    kept: deque[ToldEvent] = field(default_factory=lambda: deque(maxlen=KEPT))
    status: RunStatus = RunStatus.RUNNING
    watchers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    reader: asyncio.Task[object] | None = None

    def announce(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def behind(self, after: int) -> Sequence[ToldEvent] | None:
        """What follows `after`; None where that is no longer at hand."""
        first = self.kept[0].sequence if self.kept else self.at + 1
        if after + 1 < first:
            return None if after < self.at else ()
        if after >= self.at:
            return ()
        return list(self.kept)[after + 1 - first :]


class Broadcast:
    """Events of runs for any number of watchers of this process."""

    def __init__(self, desk: RunDesk) -> None:
        self._desk = desk
        self._channels: dict[RunId, _Channel] = {}
        self._group: asyncio.TaskGroup | None = None
        self.watchers = 0
        self.lag_seconds = 0.0
        """Between the last event's writing and its being read here."""

    def begin(self, group: asyncio.TaskGroup) -> None:
        """From now on readers can be started; they belong to `group`."""
        self._group = group

    def end(self) -> None:
        for channel in self._channels.values():
            if channel.reader is not None:
                channel.reader.cancel()

    async def follow(self, run_id: RunId, after: int) -> AsyncIterator[Sequence[ToldEvent]]:
        """Events behind `after`, in order and each once, until the run has ended.

        Raises NotFound.
        """
        channel = await self._join(run_id)
        try:
            while True:
                changed = channel.changed
                found = channel.behind(after)
                if found is None:
                    events, _, _ = await self._desk.events(run_id, after, PAGE)
                    found = [told(event) for event in events]
                if found:
                    after = found[-1].sequence
                    yield found
                elif channel.status in ENDED_RUNS:
                    return
                else:
                    await changed.wait()
        finally:
            self._leave(run_id, channel)

    async def _join(self, run_id: RunId) -> _Channel:
        channel = self._channels.get(run_id)
        if channel is None or channel.status in ENDED_RUNS:
            status, last = await self._desk.head(run_id)
            channel = self._channels.get(run_id, channel)
            if channel is None or channel.status in ENDED_RUNS:
                channel = _Channel(at=last, status=status)
                self._channels[run_id] = channel
        channel.watchers += 1
        self.watchers += 1
        if channel.reader is None and channel.status not in ENDED_RUNS and self._group is not None:
            channel.reader = self._group.create_task(
                contained(self._read(run_id, channel), f"reading the events of {run_id}"),
                name=f"events of {run_id}",
            )
        return channel

    def _leave(self, run_id: RunId, channel: _Channel) -> None:
        channel.watchers -= 1
        self.watchers -= 1
        if channel.watchers == 0:
            if channel.reader is not None:
                channel.reader.cancel()
            if self._channels.get(run_id) is channel:
                del self._channels[run_id]

    async def _read(self, run_id: RunId, channel: _Channel) -> None:
        pause = POLL_SECONDS
        while channel.status not in ENDED_RUNS:
            before = channel.at
            error = await contained(self._advance(run_id, channel), f"events of {run_id}")
            pause = min(QUIET_POLL_SECONDS, pause * 1.5)
            if error is not None:
                pause = AWAY_SECONDS
            elif channel.at > before:
                pause = POLL_SECONDS
            await asyncio.sleep(pause)

    async def _advance(self, run_id: RunId, channel: _Channel) -> None:
        while True:
            events, status, last = await self._desk.events(run_id, channel.at, PAGE)
            for event in events:
                channel.kept.append(told(event))
                channel.at = event.sequence
            if events:
                self.lag_seconds = _age(events[-1])
            if channel.at >= last:
                ended = status in ENDED_RUNS and channel.status not in ENDED_RUNS
                channel.status = status
                if events or ended:
                    channel.announce()
                return


def told(event: Event) -> ToldEvent:
    text = json.dumps(encode(event), ensure_ascii=False, separators=(",", ":"))
    message = '{"type":"event",' + text[1:]
    return ToldEvent(event.sequence, event.kind.value, text, message)


def _age(event: Event) -> float:
    return max(0.0, time.time() - event.at.timestamp())
