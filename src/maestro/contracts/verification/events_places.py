"""Concrete addresses of a contract, and messages to try on them."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from maestro.contracts.asyncapi.addresses import ServedAddress
from maestro.contracts.asyncapi.model import Direction, EventMessage, EventOperation
from maestro.contracts.asyncapi.samples import EventSampler, SampleMessage, with_value
from maestro.contracts.asyncapi.wire import encoded
from maestro.contracts.samples import Sampler
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

MAX_WRONG = 4
"""Wrong messages tried for each right one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlace:
    """One address with its parameters filled in."""

    served: ServedAddress
    path: str

    @property
    def title(self) -> str:
        return self.served.template.path

    def told(self) -> tuple[tuple[EventOperation | None, EventMessage], ...]:
        """What others may publish of their own accord, with the operation that takes it."""
        found = [
            (operation, message)
            for operation in self.served.operations
            if operation.direction is Direction.RECEIVE
            for message in operation.messages
        ]
        if found:
            return tuple(found)
        alone = self.served.received if self.served.undirected else ()
        return tuple((None, message) for message in alone)


def place_of(served: ServedAddress) -> EventPlace:
    """Raises InvalidInput where no value fits a parameter."""
    values: dict[str, str] = {}
    for parameter in (p for channel in served.channels for p in channel.parameters):
        if parameter.name not in values:
            values[parameter.name] = str(Sampler(parameter.schema, name=parameter.name).sample())
    return EventPlace(served=served, path=served.template.filled(values))


def text_of(sample: SampleMessage) -> str:
    return encoded(sample.message, sample.payload, sample.headers)


def wrong_messages(place: EventPlace, message: EventMessage) -> Iterator[tuple[str, str]]:
    """What is wrong, and the text to send; each is none of the messages allowed there."""
    try:
        right = EventSampler(message).sample()
    except InvalidInput:
        return
    judge = place.served.inbound
    found = 0
    for payload in _spoilt(right.payload):
        judgement = judge.judge(payload, right.headers)
        if judgement.fits or judgement.unverifiable:
            continue
        spoilt = SampleMessage(message=message, payload=payload, headers=right.headers)
        yield str(judgement.problems[0]), text_of(spoilt)
        found += 1
        if found >= MAX_WRONG:
            return


def with_identity(sample: SampleMessage, number: int) -> tuple[SampleMessage, JsonValue] | None:
    """The request with an id of its own, None where its schema has no room for ours."""
    location = sample.message.correlation
    candidates: tuple[JsonValue, ...] = (
        f"maestro-{number}",
        4_000 + number,
        f"6f1d2c3b-4a5e-4f60-8172-{number:012x}",
        str(4_000 + number),
    )
    for candidate in candidates:
        made = with_value(sample, location, candidate)
        if made is not None and made != sample:
            return made, candidate
    return None


def _spoilt(payload: JsonValue) -> Iterator[JsonValue]:
    """Payloads that are wrong in one place; the caller keeps those that really are."""
    if isinstance(payload, Mapping):
        spoilers = (_mistyped(payload), _lacking(payload), _unknown(payload))
        for several in itertools.zip_longest(*spoilers):
            yield from (made for made in several if made is not None)
    wrong: tuple[Any, ...] = ("no such message", 12345, [], {}, None)
    yield from wrong


def _mistyped(payload: Mapping[str, Any]) -> Iterator[JsonValue]:
    for name, value in payload.items():
        yield {**payload, name: 17 if isinstance(value, str) else {"wrong": ["type"]}}


def _lacking(payload: Mapping[str, Any]) -> Iterator[JsonValue]:
    for name in payload:
        yield {key: value for key, value in payload.items() if key != name}


def _unknown(payload: Mapping[str, Any]) -> Iterator[JsonValue]:
    yield {**payload, "maestro_unknown": True}
