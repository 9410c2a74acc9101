"""Plays the application of an AsyncAPI contract on a real broker."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from maestro.contracts.asyncapi.addresses import ServedAddress
from maestro.contracts.asyncapi.checking import header_values
from maestro.contracts.asyncapi.model import EventMessage
from maestro.contracts.asyncapi.samples import SampleMessage
from maestro.contracts.asyncapi.wire import decoded, encoded
from maestro.contracts.mocks.events.brokers import BrokerDelivery, BrokerLink, Destination
from maestro.contracts.mocks.events.player import EventPlayer
from maestro.contracts.mocks.events.stage import EventStage, Meeting
from maestro.contracts.mocks.messages import Refused, dump
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput, SandboxFailed
from maestro.settings import without_password

MAX_LEAVING = 1000
"""Messages that wait for the broker; with so many, publishing is refused."""
MAX_OWN = 1000
"""Messages of its own that it remembers, to know them when they come back."""


class BrokerMock:
    """Judges and records what others publish, answers requests, publishes on demand."""

    def __init__(
        self,
        stage: EventStage,
        link: BrokerLink,
    ) -> None:
        """What the stage publishes, for whomever, goes to the broker too."""
        self._stage = stage
        self._link = link
        self._leaving: asyncio.Queue[tuple[str, SampleMessage]] = asyncio.Queue(MAX_LEAVING)
        self._own: deque[tuple[str, bytes]] = deque(maxlen=MAX_OWN)

    @property
    def player(self) -> EventPlayer:
        return self._stage.player

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listens on every address that others may publish on until it is left.

        Raises:
            SandboxFailed: the broker is gone; whoever holds the context open is cancelled before.
        """
        try:
            async with AsyncExitStack() as stack:
                heard = [
                    (served, await stack.enter_async_context(self._link.subscribe(where)))
                    for served in self.heard()
                    for where in (destination_of(served),)
                ]
                stack.enter_context(self._stage.watched(self._leave))
                group = await stack.enter_async_context(asyncio.TaskGroup())
                work = [self._listen(*pair) for pair in heard]
                tasks = [group.create_task(self._kept_up(one)) for one in (*work, self._carry())]
                try:
                    yield
                finally:
                    for task in tasks:
                        task.cancel()
        except* SandboxFailed as lost:
            raise lost.exceptions[0] from None

    def heard(self) -> list[ServedAddress]:
        """Where it listens."""
        return [s for s in self.player.addresses if s.listens and not s.undirected]

    async def _kept_up(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that ends only when the broker is gone."""
        problem = "it closed the connection"
        try:
            await work
        except self._link.losses as error:
            problem = without_password(str(error)) or type(error).__name__
        raise SandboxFailed(f"the broker is gone: {problem}")

    def _leave(self, path: str, sample: SampleMessage) -> Callable[[], None]:
        if self._leaving.full():
            raise Refused(
                503,
                f"{MAX_LEAVING} messages wait for the broker, which is too slow; nothing was "
                "published: try again when it has taken some",
                keeps_contract=True,
            )
        return partial(self._leaving.put_nowait, (path, sample))

    async def _carry(self) -> None:
        while True:
            path, sample = await self._leaving.get()
            found = self.player.at(path)
            if found is not None:
                await self._send(found[0], _address(found[0], path), sample)
            self._leaving.task_done()

    async def publish(self, address: str, *, named: str = "") -> SampleMessage:
        """Publishes the application's next message there.

        Raises:
            InvalidInput: no such address, or nothing the application sends there, or too much
                waits for the broker.
        """
        try:
            meeting = self._stage.arrived(address)
            sample = self._stage.drawn(meeting, named).sample
        except Refused as refused:
            raise InvalidInput(refused.detail) from None
        await self._leaving.join()
        return sample

    async def _listen(
        self, served: ServedAddress, deliveries: AsyncIterator[BrokerDelivery]
    ) -> None:
        async for delivery in deliveries:
            # brokers' patterns are wider than ours: what is meant for another address is not ours
            if served.template.match(delivery.address) is None or self._is_own(delivery):
                continue
            try:
                meeting = self._stage.arrived(delivery.address)
            except Refused as refused:
                self._keep(None, delivery, refused.status, refused.detail)
                continue
            await self._take(meeting, delivery)

    def _is_own(self, delivery: BrokerDelivery) -> bool:
        """A broker hands out to its publisher, too, what was published where it listens."""
        sent = (delivery.address, delivery.body)
        if sent not in self._own:
            return False
        self._own.remove(sent)
        return True

    async def _take(self, meeting: Meeting, delivery: BrokerDelivery) -> None:
        messages = meeting.served.received
        try:
            payload, inside = decoded(delivery.body.decode(), messages)
            headers = {**_headers(delivery.headers, messages), **inside}
            taken = self._stage.take(meeting, payload, headers, forward=False)
        except (ValueError, InvalidInput) as error:
            self._keep(meeting, delivery, 400, f"the message cannot be read: {error}")
            return
        judgement, answer = taken.judgement, taken.reply
        status = 202 if judgement.fits else 422
        self._keep(meeting, delivery, status, judgement.text, payload, headers, taken.operation)
        if answer is not None:
            goes = answer.address or delivery.reply_to or delivery.address
            served = self.player.at(goes)
            await self._send(served[0] if served else meeting.served, goes, answer.sample)

    async def _send(self, served: ServedAddress, address: str, sample: SampleMessage) -> None:
        where = destination_of(served, address)
        texts: dict[str, str] = {}
        if not self._link.carries_headers:
            text = encoded(sample.message, sample.payload, sample.headers)
        else:
            plain = not sample.message.is_json and isinstance(sample.payload, str)
            text = sample.payload if plain else dump(sample.payload).decode()
            texts = {
                name: value if isinstance(value, str) else dump(value).decode()
                for name, value in sample.headers.items()
            }
        if served.listens:
            self._own.append((address, text.encode()))
        await self._link.publish(where, text.encode(), texts)

    def _keep(
        self,
        meeting: Meeting | None,
        delivery: BrokerDelivery,
        status: int,
        problem: str,
        payload: JsonValue = None,
        headers: JsonObject | None = None,
        operation: str = "",
    ) -> None:
        self._stage.keep(
            meeting,
            path=f"/{delivery.address}",
            method="PUBLISH",
            protocol="bus",
            status=status,
            valid=status < 400,
            operation=operation,
            problem=problem,
            payload=payload,
            headers=headers,
        )


def _address(served: ServedAddress, path: str) -> str:
    """As the contract spells it."""
    return path if served.channels[0].address.startswith("/") else path.removeprefix("/")


def destination_of(served: ServedAddress, address: str = "") -> Destination:
    """Where the contract's bindings put an address."""
    channel = served.channels[0]
    binding = channel.bindings.get("amqp")
    binding = binding if isinstance(binding, Mapping) else {}
    exchange = binding.get("exchange")
    named = exchange.get("name") if isinstance(exchange, Mapping) else None
    return Destination(
        address=address or channel.address,
        queue=binding.get("is") == "queue",
        exchange=named if isinstance(named, str) and named != "default" else "",
    )


def _headers(given: Mapping[str, str], messages: tuple[EventMessage, ...]) -> dict[str, JsonValue]:
    made: dict[str, JsonValue] = dict(given)
    for message in messages:
        if message.has_headers:
            made |= header_values(given, message.headers)
    return made
