"""Rules over meaning that the meta-schemas cannot express."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from maestro.contracts.asyncapi.document import AsyncApiDocument
from maestro.contracts.asyncapi.locations import parsed
from maestro.contracts.asyncapi.model import EventMessage, EventModel
from maestro.contracts.asyncapi.samples import EventSampler
from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.schemas import Schema
from maestro.domain.contract import Severity
from maestro.errors import InvalidInput

Problem = tuple[str, str]
"""JSON pointer and what is wrong there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    name: str
    severity: Severity
    check: Callable[[AsyncApiDocument, EventModel], Iterator[Problem]]


def _channels(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    if not model.channels:
        yield "/channels", "no channel is described, so nothing can be served or checked"


def _braces(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    for channel in model.channels:
        rest = re.sub(r"\{[^{}]+\}", "", channel.address)
        if "{" in rest or "}" in rest:
            yield channel.pointer, f"braces in the address {channel.address!r} do not match"


def _parameters(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    for channel in model.channels:
        wanted = re.findall(r"\{([^{}]+)\}", channel.address)
        declared = {parameter.name for parameter in channel.parameters}
        for name in wanted:
            if name not in declared:
                yield channel.pointer, f"the address has {{{name}}}, but no parameter {name!r}"
        for parameter in channel.parameters:
            if parameter.name not in wanted and not channel.open_address:
                yield parameter.pointer, f"parameter {parameter.name!r} is not in the address"


def _open_addresses(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    for channel in model.channels:
        if channel.open_address:
            yield channel.pointer, f"has no address; it is served at its name, {channel.key!r}"


def _unique_operations(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for operation in model.operations:
        if operation.key in first:
            yield operation.pointer, f"{operation.key!r} is also used at {first[operation.key]}"
        first.setdefault(operation.key, operation.pointer)


def _directions(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    for channel in model.channels:
        if model.undirected(channel):
            yield channel.pointer, "no operation says who publishes on it; both sides may"


def _messages_present(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    for operation in model.operations:
        if not operation.messages:
            yield operation.pointer, "no message is described"


def _server_names(document: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    if document.has_operations_apart:
        return  # there they are references, which other rules follow
    names = {server.name for server in model.servers}
    channels = document.root.get("channels")
    for key, channel in channels.items() if isinstance(channels, Mapping) else ():
        listed = channel.get("servers") if isinstance(channel, Mapping) else None
        for number, name in enumerate(listed if isinstance(listed, list) else ()):
            if name not in names:
                yield join("/channels", key, "servers", number), f"there is no server {name!r}"


def _usable(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    for message in _every(model):
        if message.broken:
            yield message.pointer, message.unverifiable


def _verifiable(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    for message in _every(model):
        if message.unverifiable and not message.broken:
            yield message.pointer, f"{message.unverifiable}; its messages are never checked"


def _correlations(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    for message in _every(model):
        if not message.correlation:
            continue
        location = parsed(message.correlation)
        if location is None:
            yield message.pointer, f"correlation location {message.correlation!r} cannot be read"
            continue
        schema = message.payload if location.part == "payload" else message.headers
        if not message.unverifiable and not _allows(schema, location.tokens):
            yield message.pointer, f"its schema has no {message.correlation}"


def _allows(schema: Schema, tokens: tuple[str, ...]) -> bool:
    """Whether the schema may hold something there; only plain properties are followed."""
    definitions = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
    for token in tokens:
        seen = 0
        while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str) and seen < 50:
            schema = definitions.get(schema["$ref"].rpartition("/")[2])
            seen += 1
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        if not isinstance(properties, Mapping):
            return True
        if token not in properties:
            return schema.get("additionalProperties", True) is not False
        schema = properties[token]
    return True


def _replies(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    for operation in model.operations:
        if operation.reply is None:
            continue
        if operation.reply.channel is None and not operation.reply.address_location:
            yield join(operation.pointer, "reply"), "names neither a channel nor an address"
        elif not any(message.correlation for message in operation.messages):
            yield (
                operation.pointer,
                "its request has no correlationId, so answers cannot be told apart",
            )


def _examples(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    for message in _every(model):
        if message.examples and not message.unverifiable:
            with suppress(InvalidInput):  # a schema that nothing fits is reported elsewhere
                for example, problem in EventSampler(message).unfit_examples():
                    yield example.pointer, f"the example does not fit its schema at {problem}"


def _satisfiable(_: AsyncApiDocument, model: EventModel) -> Iterator[Problem]:
    for message in _every(model):
        if not message.unverifiable:
            try:
                EventSampler(message).sample()
            except InvalidInput as error:
                yield message.pointer, str(error)


def _every(model: EventModel) -> Iterator[EventMessage]:
    seen: set[str] = set()
    for channel in model.channels:
        for message in channel.messages:
            if message.pointer not in seen:
                seen.add(message.pointer)
                yield message


SEMANTIC_RULES = (
    EventRule(name="channels-present", severity=Severity.ERROR, check=_channels),
    EventRule(name="address-braces", severity=Severity.ERROR, check=_braces),
    EventRule(name="address-parameter-declared", severity=Severity.ERROR, check=_parameters),
    EventRule(name="operation-id-unique", severity=Severity.ERROR, check=_unique_operations),
    EventRule(name="server-declared", severity=Severity.ERROR, check=_server_names),
    EventRule(name="schema-usable", severity=Severity.ERROR, check=_usable),
    EventRule(name="schema-verifiable", severity=Severity.WARNING, check=_verifiable),
    EventRule(name="schema-satisfiable", severity=Severity.WARNING, check=_satisfiable),
    EventRule(name="message-present", severity=Severity.WARNING, check=_messages_present),
    EventRule(name="address-known", severity=Severity.WARNING, check=_open_addresses),
    EventRule(name="direction-known", severity=Severity.WARNING, check=_directions),
    EventRule(name="correlation-readable", severity=Severity.WARNING, check=_correlations),
    EventRule(name="reply-addressed", severity=Severity.WARNING, check=_replies),
    EventRule(name="example-valid", severity=Severity.WARNING, check=_examples),
)
