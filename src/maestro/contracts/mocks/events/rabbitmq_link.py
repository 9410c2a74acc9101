"""RabbitMQ: a topic exchange, or queues where the contract says so."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from maestro.contracts.mocks.events.brokers import BrokerDelivery, Destination

_EXCHANGE = "amq.topic"
_CONNECT_SECONDS = 5


class RabbitLink:
    carries_headers = True

    def __init__(self, library: Any, connection: Any, channel: Any) -> None:
        self._library = library
        self._connection = connection
        self._channel = channel
        self.losses: tuple[type[Exception], ...] = (OSError, library.exceptions.AMQPError)

    @classmethod
    async def opened(cls, library: Any, url: str) -> "RabbitLink":
        """Raises OSError when nothing answers."""
        try:
            connection = await library.connect(url, timeout=_CONNECT_SECONDS)
        except library.exceptions.AMQPError as error:
            raise OSError(str(error)) from None
        return cls(library, connection, await connection.channel())

    async def publish(
        self, destination: Destination, body: bytes, headers: Mapping[str, str]
    ) -> None:
        message = self._library.Message(body, headers=dict(headers))
        exchange = self._channel.default_exchange
        if not destination.queue:
            exchange = await self._exchange(destination)
        await exchange.publish(message, routing_key=destination.address)

    @asynccontextmanager
    async def subscribe(
        self, destination: Destination
    ) -> AsyncIterator[AsyncIterator[BrokerDelivery]]:
        if destination.queue:
            queue = await self._channel.declare_queue(destination.address, auto_delete=True)
        else:
            queue = await self._channel.declare_queue(exclusive=True, auto_delete=True)
            await queue.bind(await self._exchange(destination), _routing(destination.address))
        async with queue.iterator() as messages:
            yield _heard(messages)

    async def close(self) -> None:
        await self._connection.close()

    async def _exchange(self, destination: Destination) -> Any:
        name = destination.exchange or _EXCHANGE
        return await self._channel.get_exchange(name, ensure=True)


async def _heard(messages: Any) -> AsyncIterator[BrokerDelivery]:
    async for message in messages:
        async with message.process():
            yield BrokerDelivery(
                address=message.routing_key,
                body=message.body,
                headers={str(k): str(v) for k, v in (message.headers or {}).items()},
                reply_to=message.reply_to or "",
            )


def _routing(address: str) -> str:
    return ".".join("*" if "{" in part else part for part in address.split("."))
