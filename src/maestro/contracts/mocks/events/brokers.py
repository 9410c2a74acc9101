"""The port to real brokers, and which adapter speaks to which."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import urlsplit

from maestro.errors import InvalidInput
from maestro.settings import without_password

_ADAPTERS = {
    "redis": ("redis", "redis.asyncio", "redis_link", "RedisLink"),
    "rediss": ("redis", "redis.asyncio", "redis_link", "RedisLink"),
    "amqp": ("rabbitmq", "aio_pika", "rabbitmq_link", "RabbitLink"),
    "amqps": ("rabbitmq", "aio_pika", "rabbitmq_link", "RabbitLink"),
    "nats": ("nats", "nats", "nats_link", "NatsLink"),
    "tls": ("nats", "nats", "nats_link", "NatsLink"),
}
"""By scheme: extra, library, module and class of the adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a message goes in a broker."""

    address: str
    """May have `{parameters}` where it is listened to."""
    queue: bool = False
    """One of its readers gets each message; otherwise every reader gets every one."""
    exchange: str = ""
    """Of RabbitMQ, where the contract names one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerDelivery:
    address: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    reply_to: str = ""


class BrokerLink(Protocol):
    """One connection to a broker."""

    @property
    def carries_headers(self) -> bool:
        """Otherwise headers stand in the body, as they do on a WebSocket."""
        ...

    @property
    def losses(self) -> tuple[type[Exception], ...]:
        """What is raised when the broker is gone."""
        ...

    async def publish(
        self, destination: Destination, body: bytes, headers: Mapping[str, str]
    ) -> None: ...

    def subscribe(
        self, destination: Destination
    ) -> AbstractAsyncContextManager[AsyncIterator[BrokerDelivery]]:
        """Messages that arrive while the context is open; it listens from the start."""
        ...

    async def close(self) -> None: ...


async def connected(url: str) -> BrokerLink:
    """A link to the broker at `redis://`, `amqp://` or `nats://`; the caller closes it.

    Raises:
        InvalidInput: another scheme, the adapter's library is not installed, or nothing answers.
    """
    scheme, shown = urlsplit(url).scheme, without_password(url)
    if scheme not in _ADAPTERS:
        raise InvalidInput(f"{shown!r}: brokers are spoken to by {', '.join(sorted(_ADAPTERS))}")
    extra, library, module, name = _ADAPTERS[scheme]
    try:
        loaded = import_module(library)
    except ImportError:
        raise InvalidInput(
            f"{shown!r} needs the extra {extra!r}, which is not installed; "
            f"run: pip install 'maestro-conductor[{extra}]'"
        ) from None
    adapter: Any = getattr(import_module(f"{__package__}.{module}"), name)
    try:
        link: BrokerLink = await adapter.opened(loaded, url)
    except OSError as error:  # the libraries' own connection errors are of this kind
        told = without_password(str(error))
        raise InvalidInput(f"no broker answers at {shown!r}: {told}") from None
    return link
