"""An event bus inside one process that lets pass only what the contract allows."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from maestro.contracts.asyncapi.samples import SampleMessage
from maestro.contracts.mocks.events.player import EventPlayer
from maestro.contracts.mocks.events.stage import EventStage, Meeting
from maestro.contracts.mocks.events.topics import MAX_WAITING, Listener, Published
from maestro.contracts.mocks.messages import Refused
from maestro.contracts.mocks.surface import MockBehaviour, Record
from maestro.domain.contract import Contract
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import Conflict, InvalidInput, NotFound
from maestro.ports import RecordedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class BusMessage:
    """One message on the bus."""

    address: str
    name: str
    """Of the message in the contract."""
    payload: JsonValue
    headers: JsonObject = field(default_factory=dict)
    number: int = 0
    """Counts from 1 on each address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusDelivery:
    """What became of a published message."""

    message: BusMessage
    listeners: int
    reply: BusMessage | None = None
    """The answer of the application, which the bus plays."""


def _drop(_: RecordedCall) -> None:
    """Nobody asked for evidence."""


class EventBus:
    """Every participant may publish what the contract has on an address, and nothing else.

    Requests are answered as the contract says, on the address it names; turn that off by
    `answers=False` where a real component answers them.
    """

    def __init__(
        self,
        contract: Contract,
        behaviour: MockBehaviour = MockBehaviour(),
        record: Record = _drop,
        consumer: str = "",
        *,
        answers: bool = True,
        player: EventPlayer | None = None,
    ) -> None:
        """Raises InvalidInput for what is no readable AsyncAPI contract with channels."""
        self._stage = EventStage(contract, behaviour, record, consumer, player=player)
        self._answers = answers

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(c.address for c in self._stage.player.model.channels)

    @asynccontextmanager
    async def listen(
        self, address: str, *, limit: int = MAX_WAITING
    ) -> AsyncIterator[AsyncIterator[BusMessage]]:
        """Everything published on the address while the context is open.

        The iterator raises Conflict when its owner falls more than `limit` messages behind.

        Raises:
            NotFound: the contract has no such address.
        """
        meeting = self._at(address)
        listener = Listener(limit)
        with meeting.topic.listening(listener):
            yield _messages(listener, meeting, limit)

    def publish(
        self, address: str, payload: JsonValue, headers: Mapping[str, JsonValue] | None = None
    ) -> BusDelivery:
        """Hands the message to everyone who listens; never waits for them.

        Raises:
            NotFound: the contract has no such address.
            InvalidInput: the message is none of those on the address; names pointer and rule.
        """
        meeting = self._at(address)
        given = headers or {}
        taken = self._stage.take(meeting, payload, given, anyone=True, forward=self._answers)
        judgement = taken.judgement
        answer = taken.reply if self._answers else None
        self._stage.keep(
            meeting,
            method="PUBLISH",
            protocol="bus",
            status=202 if judgement.fits else 422,
            valid=judgement.fits,
            operation=taken.operation,
            problem=judgement.text,
            payload=payload,
            headers=given,
            answer=answer.sample.payload if answer else None,
        )
        if not judgement.fits or judgement.message is None:
            raise InvalidInput(f"{address}: {judgement.text}")
        sample = SampleMessage(message=judgement.message, payload=payload, headers=given)
        heard = len(meeting.topic.listeners)
        message = _message(meeting, meeting.topic.publish(sample))
        if answer is None:
            return BusDelivery(message=message, listeners=heard)
        if answer.address:
            goes, made = answer.address, answer.sample
            reply = BusMessage(
                address=goes, name=made.message.name, payload=made.payload, headers=made.headers
            )
        else:
            reply = _message(meeting, meeting.topic.publish(answer.sample))
        return BusDelivery(message=message, listeners=heard, reply=reply)

    def play(self, address: str, *, named: str = "") -> BusMessage:
        """Lets the application publish its next sample on the address.

        Raises:
            NotFound: the contract has no such address.
            InvalidInput: the application sends nothing there, or no such message.
        """
        meeting = self._at(address)
        return _message(meeting, self._stage.drawn(meeting, named))

    def reset(self) -> None:
        """Forgets what was published; listeners stay."""
        self._stage.reset()

    def _at(self, address: str) -> Meeting:
        try:
            return self._stage.arrived(address)
        except Refused as refused:
            if refused.status == 501:
                raise InvalidInput(refused.detail) from None
            raise NotFound(refused.detail) from None


def _message(meeting: Meeting, published: Published) -> BusMessage:
    sample = published.sample
    return BusMessage(
        address=meeting.path.removeprefix("/"),
        name=sample.message.name,
        payload=sample.payload,
        headers=sample.headers,
        number=published.number,
    )


async def _messages(listener: Listener, meeting: Meeting, limit: int) -> AsyncIterator[BusMessage]:
    async for entry in listener.entries():
        if isinstance(entry, Published):
            yield _message(meeting, entry)
    raise Conflict(
        f"a listener on {meeting.path!r} is more than {limit} messages behind; read faster, or "
        "listen with a greater limit"
    )
