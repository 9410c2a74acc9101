"""Plays the application of an AsyncAPI contract: what it would send, and what it answers."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from maestro.contracts.asyncapi.addresses import (
    ServedAddress,
    answer_address,
    number_of,
    served_addresses,
)
from maestro.contracts.asyncapi.checking import Judgement
from maestro.contracts.asyncapi.document import from_object
from maestro.contracts.asyncapi.events import events_of
from maestro.contracts.asyncapi.locations import MISSING, value_at
from maestro.contracts.asyncapi.model import (
    Direction,
    EventMessage,
    EventOperation,
)
from maestro.contracts.asyncapi.samples import EventSampler, SampleMessage, with_value
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedReply:
    sample: SampleMessage
    address: str
    """Where the contract wants it to go; empty where it goes back the way the request came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenMessage:
    """What somebody published, judged, and what the application answers."""

    judgement: Judgement
    operation: str
    """`receive placeOrder`; empty where no operation is meant."""
    reply: PlayedReply | None = None


class EventPlayer:
    """Compiled from one contract; knows nothing of connections."""

    def __init__(self, contract: Contract, *, seed: int = 0, dynamic: bool = False) -> None:
        """Raises InvalidInput for what is no readable AsyncAPI contract with channels."""
        if contract.format is not SpecificationFormat.ASYNCAPI:
            raise InvalidInput(
                f"contract {contract.id!r} is {contract.format.value!r}; events are made from "
                "AsyncAPI documents"
            )
        self.document = from_object(contract.specification, name=contract.id)
        self.model = events_of(self.document)
        if not self.model.channels:
            raise InvalidInput(f"{contract.id}: /channels describes no channel; nothing to serve")
        self._seed = seed
        self._random = random.Random(seed) if dynamic else None  # noqa: S311 - samples, no secrets
        self._samplers: dict[str, EventSampler] = {}
        self.addresses = served_addresses(self.model)

    def specification(self) -> bytes:
        return json.dumps(self.document.root, ensure_ascii=False, default=str).encode()

    def at(self, path: str) -> tuple[ServedAddress, dict[str, str]] | None:
        """The address a path belongs to, with the values of its parameters."""
        for served in self.addresses:
            values = served.template.match(path)
            if values is not None:
                return served, values
        return None

    def sample(
        self, served: ServedAddress, number: int, values: Mapping[str, str], *, named: str = ""
    ) -> SampleMessage:
        """The `number`-th message the application sends there, one kind after the other.

        Raises:
            InvalidInput: it sends nothing there, or nothing that can be made.
        """
        kinds = [m for m in served.sent or served.answers if not named or m.name == named]
        usable = [m for m in kinds if not m.unverifiable]
        if not usable:
            reason = (
                kinds[0].unverifiable if kinds else f"the application sends no {named}".rstrip()
            )
            raise InvalidInput(f"{served.template.path}: {reason}")
        turn, place = divmod(number, len(usable))
        problem: InvalidInput | None = None
        for step in range(len(usable)):
            message = usable[(place + step) % len(usable)]
            try:
                return self._placed(served, self._drawn(message, turn), values)
            except InvalidInput as error:
                problem = problem or error
        raise problem or InvalidInput(f"{served.template.path}: nothing can be sent")

    def take(
        self,
        served: ServedAddress,
        payload: JsonValue,
        headers: JsonObject,
        *,
        number: int = 0,
        anyone: bool = False,
    ) -> TakenMessage:
        """Judges what was published; `anyone` allows the application's own messages too."""
        judge = served.anyone if anyone else served.inbound
        judgement = judge.judge(payload, headers)
        title = served.title(judgement.message, Direction.RECEIVE)
        if not judgement.fits or judgement.message is None:
            return TakenMessage(judgement=judgement, operation=title)
        message = judgement.message
        operation = next((o for o in served.operations if _answers(o, message)), None)
        if operation is None:
            return TakenMessage(judgement=judgement, operation=title)
        reply = self._reply(operation, message, payload, headers, number)
        return TakenMessage(judgement=judgement, operation=operation.title, reply=reply)

    def examine(self) -> Iterator[str]:
        """Tries every message once; yields what is wrong with each, empty where nothing is."""
        for message in {m.pointer: m for c in self.model.channels for m in c.messages}.values():
            if message.unverifiable:
                yield f"{message.pointer}: {message.unverifiable}; nothing is sent or accepted"
                continue
            sampler = self._sampler(message)
            try:
                sampler.sample()
            except InvalidInput as error:
                yield f"{message.pointer}: {error}"
                continue
            for example, problem in sampler.unfit_examples():
                yield f"{example.pointer}: the example is replaced, as it does not fit at {problem}"
            yield ""

    def _reply(
        self,
        operation: EventOperation,
        request: EventMessage,
        payload: JsonValue,
        headers: JsonObject,
        number: int,
    ) -> PlayedReply | None:
        """Raises InvalidInput where no reply can be made."""
        reply = operation.reply
        usable = [m for m in reply.messages if not m.unverifiable] if reply else []
        if reply is None or not usable:
            return None
        identity = (
            value_at(request.correlation, payload, headers) if request.correlation else MISSING
        )
        expecting = [m for m in usable if m.correlation] or usable
        message = (expecting if identity is not MISSING else usable)[0]
        made = self._drawn(message, number)
        if identity is not MISSING:
            made = _correlated(made, message.correlation or request.correlation, identity)
        address = answer_address(operation)
        if reply.address_location:
            told = value_at(reply.address_location, payload, headers)
            address = told if isinstance(told, str) else address
        return PlayedReply(sample=made, address=address)

    def _sampler(self, message: EventMessage) -> EventSampler:
        if message.pointer not in self._samplers:
            self._samplers[message.pointer] = EventSampler(message)
        return self._samplers[message.pointer]

    def _drawn(self, message: EventMessage, number: int) -> SampleMessage:
        drawn = self._random.randrange(1000) if self._random else self._seed + number
        return self._sampler(message).sample(drawn)

    def _placed(
        self, served: ServedAddress, sample: SampleMessage, values: Mapping[str, str]
    ) -> SampleMessage:
        """Address parameters that the message repeats have the value of the address."""
        for parameter in (p for c in served.channels for p in c.parameters):
            if parameter.location and parameter.name in values:
                text = values[parameter.name]
                for value in (text, number_of(text)):
                    changed = with_value(sample, parameter.location, value)
                    if changed is not None:
                        sample = changed
                        break
        return sample


def _answers(operation: EventOperation, message: EventMessage) -> bool:
    return (
        operation.direction is Direction.RECEIVE
        and operation.reply is not None
        and message in operation.messages
    )


def _correlated(sample: SampleMessage, location: str, identity: JsonValue) -> SampleMessage:
    """Raises InvalidInput where the answer has no room for the request's id."""
    made = with_value(sample, location, identity)
    if made is not None:
        return made
    if sample.message.correlation:
        raise InvalidInput(
            f"message {sample.message.name!r}: the request's id {identity!r} does not fit at "
            f"{location!r}"
        )
    return sample
