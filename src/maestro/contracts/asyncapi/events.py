"""Channels and operations of AsyncAPI 2 and 3 as one model."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.asyncapi.dialects import UnverifiableSchema, message_schema
from maestro.contracts.asyncapi.document import AsyncApiDocument
from maestro.contracts.asyncapi.messages import MessageReader
from maestro.contracts.asyncapi.model import (
    AddressParameter,
    Direction,
    EventChannel,
    EventMessage,
    EventModel,
    EventOperation,
    EventReply,
    EventServer,
)
from maestro.contracts.asyncapi.places import DocumentPart, entries, members, place, with_traits
from maestro.contracts.openapi.pointers import join
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput


def events_of(document: AsyncApiDocument) -> EventModel:
    """What the document promises.

    Raises:
        InvalidInput: a shape or a reference that leaves open what is meant; names the place. A
            schema that cannot be used spoils its own message only.
    """
    reader = _Reader(document)
    channels, operations = reader.read()
    return EventModel(
        title=document.title,
        servers=tuple(servers_of(document)),
        channels=channels,
        operations=operations,
        notes=reader.notes,
    )


def servers_of(document: AsyncApiDocument) -> Iterator[EventServer]:
    """Raises InvalidInput."""
    for name, found in members(document.root, _top(document, "servers"), "/servers"):
        variables = found.object("variables")
        if document.has_operations_apart:
            host = _filled(found.text("host"), variables)
            path = _filled(found.text("pathname"), variables)
        else:
            url = _filled(found.text("url"), variables)
            host, slash, path = url.rpartition("://")[2].partition("/")
            path = slash + path.partition("?")[0].partition("#")[0]
        yield EventServer(
            name=name,
            protocol=found.text("protocol").lower(),
            host=host,
            path="/" + path.strip("/") if path.strip("/") else "",
        )


class _Reader:
    def __init__(self, document: AsyncApiDocument) -> None:
        self._document = document
        self._root = document.root
        self._messages = MessageReader(document)
        self._protocols = {s.name: s.protocol for s in servers_of(document)}
        self._channels: list[EventChannel] = []
        self._identities: dict[str, EventChannel] = {}
        self._places: dict[str, dict[str, EventMessage]] = {}
        """By channel: every pointer under which one of its messages is known."""

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(str(note) for note in self._messages.notebook.notes)

    def read(self) -> tuple[tuple[EventChannel, ...], tuple[EventOperation, ...]]:
        found = list(members(self._root, _top(self._document, "channels"), "/channels"))
        if self._document.has_operations_apart:
            for key, channel in found:
                self._take_channel(key, channel)
            named = members(self._root, _top(self._document, "operations"), "/operations")
            operations = [self._operation(key, one) for key, one in named]
            return tuple(self._channels), tuple(operations)
        operations = [o for key, channel in found for o in self._inside(key, channel)]
        return tuple(self._channels), tuple(operations)

    # Version 3: channels hold messages, operations refer to channels.

    def _take_channel(self, key: str, found: DocumentPart) -> None:
        known: dict[str, EventMessage] = {}
        messages = []
        for name, one in members(
            self._root, found.object("messages"), join(found.pointer, "messages")
        ):
            message = self._messages.read(one, one.text("name", name))
            messages.append(message)
            known |= dict.fromkeys(one.trail, message)
            known |= {join(p, "messages", name): message for p in found.trail}
        protocols = [
            self._protocols.get(p.trail[1].rpartition("/")[2] if p.trail[1:] else "", "")
            for p in entries(self._root, found.value.get("servers"), f"{found.pointer}/servers")
        ]
        channel = self._channel(key, found, found.value.get("address"), tuple(messages), protocols)
        self._channels.append(channel)
        self._places[key] = known
        for pointer in found.trail:
            self._identities.setdefault(pointer, channel)
        self._identities[found.trail[0]] = channel

    def _operation(self, key: str, raw: DocumentPart) -> EventOperation:
        found = with_traits(self._root, raw, target_wins=True)
        pointer = raw.trail[0]
        action = found.value.get("action")
        if action not in ("send", "receive"):
            raise InvalidInput(
                f"{join(pointer, 'action')}: must be send or receive, got {action!r}"
            )
        channel = self._named_channel(found, pointer)
        return EventOperation(
            key=key,
            direction=Direction(action),
            channel=channel,
            messages=self._chosen(found, channel, pointer),
            pointer=pointer,
            reply=self._reply(found, channel, pointer),
            summary=found.text("summary", found.text("description")),
            bindings=found.object("bindings"),
        )

    def _named_channel(self, found: DocumentPart, pointer: str) -> EventChannel:
        where = join(pointer, "channel")
        if not isinstance(found.value.get("channel"), Mapping):
            raise InvalidInput(
                f"{where}: must refer to a channel, got {found.value.get('channel')!r}"
            )
        target = place(self._root, found.value["channel"], where)
        for identity in target.trail:
            if identity in self._identities:
                return self._identities[identity]
        raise InvalidInput(
            f"{where}: refers to {target.pointer!r}, which is no channel of /channels"
        )

    def _chosen(
        self, found: DocumentPart, channel: EventChannel, pointer: str
    ) -> tuple[EventMessage, ...]:
        """All messages of the channel where the operation names none."""
        if "messages" not in found.value:
            return channel.messages
        known = self._places[channel.key]
        made = []
        where = join(pointer, "messages")
        for one in entries(self._root, found.value["messages"], where):
            message = next((known[p] for p in one.trail if p in known), None)
            if message is None:
                raise InvalidInput(
                    f"{one.trail[0]}: {one.pointer!r} is no message of channel {channel.key!r}"
                )
            made.append(message)
        return tuple(made)

    def _reply(self, found: DocumentPart, channel: EventChannel, pointer: str) -> EventReply | None:
        if found.value.get("reply") is None:
            return None
        where = join(pointer, "reply")
        reply = place(self._root, found.value["reply"], where)
        target = self._named_channel(reply, where) if "channel" in reply.value else None
        address = place(self._root, reply.value.get("address", {}), join(where, "address"))
        return EventReply(
            channel=target,
            messages=self._chosen(reply, target or channel, where) if target else (),
            address_location=address.text("location"),
        )

    # Version 2: operations stand inside channels and hold the messages.

    def _inside(self, key: str, found: DocumentPart) -> Iterator[EventOperation]:
        # "subscribe" is what others can do: the application sends
        read = []
        for word, direction in (("subscribe", Direction.SEND), ("publish", Direction.RECEIVE)):
            if word in found.value:
                where = join(found.pointer, word)
                raw = place(self._root, found.value[word], where)
                operation = with_traits(self._root, raw, target_wins=False)
                value, at = operation.value.get("message"), join(where, "message")
                messages = self._messages.alternatives(value, at, f"{word} {key}")
                read.append((word, direction, operation, messages))
        every = tuple({m.pointer: m for *_, messages in read for m in messages}.values())
        named = found.value.get("servers")
        on = [self._protocols.get(str(n), "") for n in named] if isinstance(named, list) else []
        channel = self._channel(key, found, key, every, on)
        self._channels.append(channel)
        for word, direction, operation, messages in read:
            yield EventOperation(
                key=operation.text("operationId", f"{word} {key}"),
                direction=direction,
                channel=channel,
                messages=messages,
                pointer=join(found.pointer, word),
                summary=operation.text("summary", operation.text("description")),
                bindings=operation.object("bindings"),
            )

    def _channel(
        self,
        key: str,
        found: DocumentPart,
        address: Any,
        messages: tuple[EventMessage, ...],
        protocols: list[str],
    ) -> EventChannel:
        open_address = not isinstance(address, str) or not address
        listed = protocols or list(self._protocols.values())
        return EventChannel(
            key=key,
            address=key if open_address else str(address),
            pointer=found.trail[0],
            messages=messages,
            parameters=tuple(self._parameters(found)),
            protocols=tuple(dict.fromkeys(p for p in listed if p)),
            bindings=found.object("bindings"),
            summary=found.text("summary", found.text("description")),
            open_address=open_address,
        )

    def _parameters(self, found: DocumentPart) -> Iterator[AddressParameter]:
        pointer = join(found.pointer, "parameters")
        for name, one in members(self._root, found.object("parameters"), pointer):
            schema = _plain_schema(one.value)
            if "schema" in one.value:
                try:
                    where = join(one.pointer, "schema")
                    schema = message_schema(self._root, one.value["schema"], "", where=where)
                except UnverifiableSchema as error:
                    raise InvalidInput(f"{one.pointer}: {error}") from None
            yield AddressParameter(
                name=name, pointer=one.pointer, schema=schema, location=one.text("location")
            )


def _plain_schema(parameter: Mapping[str, Any]) -> JsonObject:
    """Since version 3 a parameter is a text, with its rules beside it."""
    kept = {k: parameter[k] for k in ("enum", "default", "examples") if k in parameter}
    if not (isinstance(kept.get("enum"), list) and kept["enum"]):
        kept.pop("enum", None)
    return {"type": "string", **kept}


def _top(document: AsyncApiDocument, key: str) -> Mapping[str, Any]:
    return place(document.root, document.root.get(key, {}), f"/{key}").value


def _filled(text: str, variables: Mapping[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        variable = variables.get(match[1])
        if not isinstance(variable, Mapping):
            return match[1]
        enum = variable.get("enum")
        first = enum[0] if isinstance(enum, list) and enum else match[1]
        return str(variable.get("default", first))

    return re.sub(r"\{([^{}]*)\}", value, text)
