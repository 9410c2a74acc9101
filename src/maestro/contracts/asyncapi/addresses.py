"""Addresses of channels as paths of a server."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from urllib.parse import quote, unquote

from maestro.contracts.asyncapi.checking import Judge, MessageProblem, schema_problems
from maestro.contracts.asyncapi.model import (
    Direction,
    EventChannel,
    EventMessage,
    EventModel,
    EventOperation,
)
from maestro.domain.values import JsonValue

_PARAMETER = re.compile(r"\{([^{}]+)\}")
_SERVED = ("ws", "wss", "http", "https", "sse", "mercure")
MAX_PATH = 2048


class AddressTemplate:
    """`orders.{id}` as `/orders.{id}`: what it matches and how it is filled."""

    def __init__(self, address: str) -> None:
        local = address.partition("://")[2].partition("/")[2] if "://" in address else address
        text = local.partition("?")[0].partition("#")[0]
        self.path = "/" + text.strip("/")
        pieces = _PARAMETER.split(self.path)
        self.names = tuple(pieces[1::2])
        pattern = "".join(
            "([^/]+)" if number % 2 else re.escape(piece) for number, piece in enumerate(pieces)
        )
        self._pattern = re.compile(pattern)

    def match(self, path: str) -> dict[str, str] | None:
        """Values of the parameters in a decoded path, None where it is another address."""
        found = self._pattern.fullmatch("/" + path.strip("/")) if len(path) <= MAX_PATH else None
        if found is None:
            return None
        return {name: unquote(text) for name, text in zip(self.names, found.groups(), strict=True)}

    def filled(self, values: Mapping[str, object]) -> str:
        return _PARAMETER.sub(
            lambda match: quote(str(values.get(match[1], match[1])), safe=""), self.path
        )

    @property
    def root(self) -> str:
        """The path before the first segment with a parameter, without a slash at the end."""
        static = self.path.partition("{")[0]
        return (static if static == self.path else static.rpartition("/")[0]).rstrip("/")


class ServedAddress:
    """Every channel that a document puts on one address; judges are compiled when first used."""

    def __init__(
        self, template: AddressTemplate, channels: Sequence[EventChannel], m: EventModel
    ) -> None:
        self.template = template
        self.channels = tuple(channels)
        self.sent = tuple(x for c in channels for x in m.sent_on(c))
        self.answers = tuple(x for c in channels for x in m.answered_on(c))
        self.received = tuple(x for c in channels for x in m.received_on(c))
        self.every = tuple({x.pointer: x for c in channels for x in c.messages}.values())
        self.operations = tuple(o for c in channels for o in m.of_channel(c))
        self.undirected = any(m.undirected(c) for c in channels)

    @property
    def listens(self) -> bool:
        return bool(self.received)

    @property
    def speaks(self) -> bool:
        return bool(self.sent or self.answers)

    @property
    def unverifiable(self) -> str:
        """Why nothing here can be served, empty where something can."""
        said = [message.unverifiable for message in self.every]
        return said[0] if said and all(said) else ""

    @cached_property
    def inbound(self) -> Judge:
        return Judge(self.received)

    @cached_property
    def outbound(self) -> Judge:
        return Judge((*self.sent, *self.answers))

    @cached_property
    def anyone(self) -> Judge:
        return Judge(self.every)

    def parameter_problems(self, values: Mapping[str, str]) -> tuple[MessageProblem, ...]:
        """What is wrong with the parameters in an address."""
        found: list[MessageProblem] = []
        for parameter in (p for c in self.channels for p in c.parameters):
            if parameter.name in values:
                text = values[parameter.name]
                start = f"path/{parameter.name}"
                problems = schema_problems(parameter.schema, text, start)
                if problems and schema_problems(parameter.schema, number_of(text), start):
                    found += problems
        return tuple(dict.fromkeys(found))

    def title(self, message: EventMessage | None, direction: Direction) -> str:
        """The operation that a message belongs to."""
        operations = [o for o in self.operations if o.direction is direction]
        for operation in operations:
            if message is not None and message in operation.messages:
                return operation.title
        return operations[0].title if operations else ""


def base_path(model: EventModel) -> str:
    """Path of the first server that is not a broker."""
    return next((server.path for server in model.servers if server.protocol in _SERVED), "")


def served_addresses(model: EventModel) -> tuple[ServedAddress, ...]:
    """Every address once, those with the fewest parameters first."""
    grouped: dict[str, list[EventChannel]] = {}
    for channel in model.channels:
        grouped.setdefault(AddressTemplate(channel.address).path, []).append(channel)
    ordered = sorted(grouped.items(), key=lambda item: item[0].count("{"))
    return tuple(ServedAddress(AddressTemplate(p), channels, model) for p, channels in ordered)


def answer_address(operation: EventOperation) -> str:
    """The address of answers, empty where it is the address of requests too."""
    channel = operation.reply.channel if operation.reply else None
    if channel is None or channel.open_address:
        return ""
    same = AddressTemplate(channel.address).path == AddressTemplate(operation.channel.address).path
    return "" if same else channel.address


def number_of(text: str) -> JsonValue:
    """`7` as 7: parameters of an address may be numbers by their schema."""
    try:
        return json.loads(text)
    except ValueError:
        return text
