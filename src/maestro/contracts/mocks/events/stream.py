"""Server-sent events: what the application publishes on one address, over HTTP."""

import asyncio
from collections.abc import AsyncIterator

from maestro.contracts.mocks.events.exchange import (
    EventExchange,
    headers_of,
    pace,
    query_of,
    race,
    start,
)
from maestro.contracts.mocks.events.stage import EventStage, Meeting, listened, wire_text
from maestro.contracts.mocks.events.topics import Published
from maestro.contracts.mocks.messages import Refused, accepted
from maestro.errors import InvalidInput

KIND = "text/event-stream"


class StreamExchange(EventExchange):
    """One listener until it leaves, has enough, or does not keep up."""

    async def run(self) -> None:
        """Raises Refused before anything was sent."""
        headers = headers_of(self._scope)
        if not accepted(headers.get("accept"), [KIND]):
            raise Refused(406, f"events come as {KIND}, not as {headers['accept']!r}")
        every, count = pace(query_of(self._scope))
        opening = self._opening(headers.get("last-event-id", ""))
        self._stage.keep(
            self._meeting,
            method="SUBSCRIBE",
            protocol="sse",
            status=200,
            valid=True,
            operation=listened(self._meeting.served),
            answer=opening[0].sample.payload if opening else None,
        )
        await start(self._send, 200, {"content-type": KIND, "cache-control": "no-store"})
        if self._scope["method"] == "HEAD":
            await self._send({"type": "http.response.body", "body": b""})
            return
        with self._meeting.topic.listening(self._listener):
            jobs = [self._write(opening, count), self._until_gone(), self._listener.overrun.wait()]
            if every is not None:
                jobs.append(tick(self._stage, self._meeting, every))
            await race(*jobs)
        if not self._listener.overrun.is_set():
            await self._send({"type": "http.response.body", "body": b""})

    def _opening(self, last: str) -> list[Published]:
        """Everything after the last event that a listener has seen, else the latest one."""
        if last:
            if not (last.isascii() and last.isdigit() and len(last) < 19):
                raise Refused(400, f"Last-Event-ID is a number of ours, got {last!r}")
            return self._meeting.topic.after(int(last))
        try:
            return self._stage.welcome(self._meeting)
        except InvalidInput as error:
            raise Refused(500, f"no message of the contract can be made: {error}") from None

    async def _write(self, opening: list[Published], count: int | None) -> None:
        # a comment makes proxies and clients see the headers although nothing was published yet
        await self._part(b": listening\n\n")
        left = count
        async for published in self._entries(opening):
            await self._part(event_text(published).encode())
            if left is not None:
                left -= 1
                if left == 0:
                    return

    async def _entries(self, opening: list[Published]) -> AsyncIterator[Published]:
        for published in opening:
            yield published
        async for entry in self._listener.entries():
            if isinstance(entry, Published):
                yield entry

    async def _part(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def event_text(published: Published) -> str:
    """Fields of one server-sent event; line ends split its data, as the standard wants."""
    name = published.sample.message.name.replace("\n", " ").replace("\r", " ")
    lines = wire_text(published.sample).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    data = "".join(f"data: {line}\n" for line in lines)
    return f"id: {published.number}\nevent: {name}\n{data}\n"


async def tick(stage: EventStage, meeting: Meeting, seconds: float) -> None:
    """Publishes a sample again and again; ends where none can be made or taken."""
    while True:
        await asyncio.sleep(seconds)
        try:
            stage.drawn(meeting)
        except (InvalidInput, Refused):
            return
