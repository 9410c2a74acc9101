"""NATS: subjects, with queue groups where one reader gets each message."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from maestro.contracts.mocks.events.brokers import BrokerDelivery, Destination

_CONNECT_SECONDS = 5


class NatsLink:
    carries_headers = True

    def __init__(self, library: Any, client: Any) -> None:
        self._client = client
        self.losses: tuple[type[Exception], ...] = (OSError, library.errors.Error)

    @classmethod
    async def opened(cls, library: Any, url: str) -> "NatsLink":
        """Raises OSError when nothing answers."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):  # by itself it would try for minutes
                client = await library.connect(url, allow_reconnect=False, error_cb=_silent)
        except (TimeoutError, library.errors.Error) as error:
            raise OSError(str(error) or type(error).__name__) from None
        return cls(library, client)

    async def publish(
        self, destination: Destination, body: bytes, headers: Mapping[str, str]
    ) -> None:
        await self._client.publish(destination.address, body, headers=dict(headers) or None)

    @asynccontextmanager
    async def subscribe(
        self, destination: Destination
    ) -> AsyncIterator[AsyncIterator[BrokerDelivery]]:
        group = "maestro-mock" if destination.queue else ""
        subscription = await self._client.subscribe(_subject(destination.address), queue=group)
        await self._client.flush()
        try:
            yield _heard(subscription)
        finally:
            if not self._client.is_closed:
                await subscription.unsubscribe()

    async def close(self) -> None:
        if not self._client.is_closed:
            await self._client.drain()


async def _silent(_: Exception) -> None:
    """Errors are raised where they matter; the library would also print them."""


async def _heard(subscription: Any) -> AsyncIterator[BrokerDelivery]:
    async for message in subscription.messages:
        yield BrokerDelivery(
            address=message.subject,
            body=message.data,
            headers=message.headers or {},
            reply_to=message.reply,
        )


def _subject(address: str) -> str:
    """A subject's parts stand between points; a parameter is heard as its whole part."""
    return ".".join("*" if "{" in part else part for part in address.split("."))
