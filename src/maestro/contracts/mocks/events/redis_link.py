"""Redis by publish and subscribe; a queue is a list that readers pop from."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from maestro.contracts.mocks.events.brokers import BrokerDelivery, Destination

_POLL_SECONDS = 1.0
_SPECIAL = re.compile(r"([*?\[\]\\^])")


class RedisLink:
    carries_headers = False

    def __init__(self, library: Any, client: Any) -> None:
        self._client = client
        self.losses: tuple[type[Exception], ...] = (OSError, library.RedisError)

    @classmethod
    async def opened(cls, library: Any, url: str) -> "RedisLink":
        """Raises OSError when nothing answers."""
        client = library.from_url(url)
        try:
            await client.ping()
        except library.ConnectionError as error:
            await client.aclose()
            raise OSError(str(error)) from None
        return cls(library, client)

    async def publish(
        self, destination: Destination, body: bytes, headers: Mapping[str, str]
    ) -> None:
        if destination.queue:
            await self._client.rpush(destination.address, body)
        else:
            await self._client.publish(destination.address, body)

    @asynccontextmanager
    async def subscribe(
        self, destination: Destination
    ) -> AsyncIterator[AsyncIterator[BrokerDelivery]]:
        if destination.queue:
            yield self._popped(destination.address)
            return
        async with self._client.pubsub() as hearing:
            await hearing.psubscribe(_pattern(destination.address))
            await hearing.get_message(timeout=_POLL_SECONDS)  # the confirmation
            yield _heard(hearing)

    async def close(self) -> None:
        await self._client.aclose()

    async def _popped(self, address: str) -> AsyncIterator[BrokerDelivery]:
        while True:
            found = await self._client.blpop([address], timeout=_POLL_SECONDS)
            if found is not None:
                yield BrokerDelivery(address=address, body=found[1])
            await asyncio.sleep(0)


async def _heard(hearing: Any) -> AsyncIterator[BrokerDelivery]:
    async for message in hearing.listen():
        if message["type"] == "pmessage":
            yield BrokerDelivery(address=message["channel"].decode(), body=message["data"])


def _pattern(address: str) -> str:
    pieces = re.split(r"\{[^{}]+\}", address)
    return "*".join(_SPECIAL.sub(r"\\\1", piece) for piece in pieces)
