"""What an AsyncAPI document promises, the same for every version.

Directions are the application's: it *sends* what others hear, it *receives* what others tell it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from maestro.contracts.openapi.schemas import Schema
from maestro.domain.values import JsonObject, JsonValue


class Direction(StrEnum):
    SEND = "send"
    RECEIVE = "receive"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageExample:
    pointer: str
    payload: JsonValue = None
    has_payload: bool = False
    headers: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage:
    name: str
    pointer: str
    """Where it is written."""
    payload: Schema = True
    """Stands alone, JSON Schema 2020-12."""
    headers: Schema = True
    """Likewise; `True` where the document says nothing about headers."""
    content_type: str = "application/json"
    summary: str = ""
    correlation: str = ""
    """`$message.header#/x` or `$message.payload#/x`."""
    examples: tuple[MessageExample, ...] = ()
    unverifiable: str = ""
    """Why nothing can be said about its values: a schema in another language, or a broken one."""
    broken: bool = False
    """The schema is a JSON Schema that cannot be used."""
    bindings: JsonObject = field(default_factory=dict)

    @property
    def has_headers(self) -> bool:
        return self.headers is not True

    @property
    def is_json(self) -> bool:
        kind = self.content_type.partition(";")[0].strip().lower()
        return kind in ("application/json", "text/json") or kind.endswith("+json")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressParameter:
    name: str
    pointer: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    location: str = ""
    """Where messages repeat its value: `$message.payload#/x`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventChannel:
    key: str
    address: str
    """Its key where the document leaves the address open."""
    pointer: str
    messages: tuple[EventMessage, ...]
    parameters: tuple[AddressParameter, ...] = ()
    protocols: tuple[str, ...] = ()
    """Of the servers it is on; empty where the document names no server."""
    bindings: JsonObject = field(default_factory=dict)
    summary: str = ""
    open_address: bool = False
    """The document says that the address is known at run time only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReply:
    channel: EventChannel | None
    """None where the request says where the answer goes."""
    messages: tuple[EventMessage, ...]
    address_location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOperation:
    key: str
    direction: Direction
    channel: EventChannel
    messages: tuple[EventMessage, ...]
    pointer: str
    reply: EventReply | None = None
    summary: str = ""
    bindings: JsonObject = field(default_factory=dict)

    @property
    def title(self) -> str:
        """`send orderPaid`: how people and records name it."""
        return f"{self.direction} {self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventServer:
    name: str
    protocol: str
    host: str
    path: str = ""
    """Path of its URL without a slash at the end; variables take their defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventModel:
    title: str
    servers: tuple[EventServer, ...]
    channels: tuple[EventChannel, ...]
    operations: tuple[EventOperation, ...]
    notes: tuple[str, ...] = ()
    """What was put right in the schemas of a dirty document."""

    def of_channel(self, channel: EventChannel) -> tuple[EventOperation, ...]:
        return tuple(o for o in self.operations if o.channel.key == channel.key)

    def undirected(self, channel: EventChannel) -> bool:
        """Neither operations nor replies say who speaks on it: both sides may."""
        replies = (o.reply for o in self.operations if o.reply is not None)
        answered = any(r.channel is not None and r.channel.key == channel.key for r in replies)
        return not self.of_channel(channel) and not answered

    def sent_on(self, channel: EventChannel) -> tuple[EventMessage, ...]:
        """What the application publishes there of its own accord."""
        if self.undirected(channel):
            return channel.messages
        return _unique(
            message
            for operation in self.of_channel(channel)
            if operation.direction is Direction.SEND
            for message in operation.messages
        )

    def answered_on(self, channel: EventChannel) -> tuple[EventMessage, ...]:
        """What the application publishes there when it is asked."""
        return _unique(self._replies(channel, Direction.RECEIVE))

    def received_on(self, channel: EventChannel) -> tuple[EventMessage, ...]:
        """What others may publish there, answers to the application's requests included."""
        if self.undirected(channel):
            return channel.messages
        told = (
            message
            for operation in self.of_channel(channel)
            if operation.direction is Direction.RECEIVE
            for message in operation.messages
        )
        return _unique((*told, *self._replies(channel, Direction.SEND)))

    def _replies(self, channel: EventChannel, asked: Direction) -> Iterator[EventMessage]:
        for operation in self.operations:
            reply = operation.reply
            if operation.direction is asked and reply is not None:
                goes = reply.channel or operation.channel
                if goes.key == channel.key:
                    yield from reply.messages


def _unique(
    messages: Iterator[EventMessage] | tuple[EventMessage, ...],
) -> tuple[EventMessage, ...]:
    return tuple({message.pointer: message for message in messages}.values())
