"""One contract played to one consumer: what was published where, and what was recorded."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from maestro.contracts.asyncapi.addresses import ServedAddress, base_path
from maestro.contracts.asyncapi.model import Direction
from maestro.contracts.asyncapi.samples import SampleMessage
from maestro.contracts.asyncapi.wire import encoded
from maestro.contracts.mocks.events.player import EventPlayer, TakenMessage
from maestro.contracts.mocks.events.topics import Published, Topic, Topics, Watch
from maestro.contracts.mocks.messages import Refused, Violation, dump
from maestro.contracts.mocks.surface import MockBehaviour, Record
from maestro.domain.contract import Contract
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

_SECRET = ("authorization", "cookie", "proxy-authorization", "x-api-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """One address that somebody came to, and what is known of it."""

    served: ServedAddress
    values: Mapping[str, str]
    path: str
    """Below the server, base path left out."""
    topic: Topic


class EventStage:
    """Knows no protocol; everything that speaks one asks here."""

    def __init__(
        self,
        contract: Contract,
        behaviour: MockBehaviour,
        record: Record,
        consumer: str = "",
        *,
        player: EventPlayer | None = None,
    ) -> None:
        """Raises InvalidInput for what is no readable AsyncAPI contract with channels."""
        self.contract = contract
        self.behaviour = behaviour
        self.record = record
        self.consumer = consumer
        self.player = player or EventPlayer(
            contract, seed=behaviour.seed, dynamic=behaviour.dynamic
        )
        self.base = base_path(self.player.model)
        self._topics = Topics()

    def watched(self, watch: Watch) -> AbstractContextManager[None]:
        """Tells of everything that the application publishes, on any address."""
        return self._topics.watched(watch)

    def reset(self) -> None:
        """Forgets what was published; listeners stay."""
        self._topics.forget()

    def publish(
        self,
        path: str,
        *,
        named: str = "",
        payload: JsonValue = None,
        headers: JsonObject | None = None,
        given: bool = False,
        count: int = 1,
    ) -> tuple[Published, ...]:
        """Lets the application publish on an address.

        Args:
            path: as a client would ask for it, base path included.
            named: only this message.
            payload: taken instead of a sample where `given`.
            headers: of the message, likewise.
            given: payload and headers count.
            count: how many samples.

        Raises:
            InvalidInput: nothing is there, or the message is none the application may send.
            Refused: somebody who watches cannot take it.
        """
        try:
            meeting = self.meeting(path)
        except Refused as refused:
            raise InvalidInput(refused.detail) from None
        if not given:
            return tuple(self.drawn(meeting, named) for _ in range(count))
        judgement = meeting.served.outbound.judge(payload, headers or {}, named=named)
        if not judgement.fits or judgement.message is None:
            raise InvalidInput(f"{meeting.path}: {judgement.text}")
        sample = SampleMessage(message=judgement.message, payload=payload, headers=headers or {})
        return (meeting.topic.publish(sample),)

    def drawn(self, meeting: Meeting, named: str = "") -> Published:
        """The next sample of an address, published. Raises InvalidInput."""
        topic = meeting.topic
        sample = self.player.sample(meeting.served, topic.drawn, meeting.values, named=named)
        published = topic.publish(sample)
        topic.drawn += 1
        return published

    def welcome(self, meeting: Meeting) -> list[Published]:
        """What a listener gets first: the last message, a sample where there is none yet."""
        if not meeting.served.sent:
            return []
        if not meeting.topic.kept:
            self.drawn(meeting)
        return [meeting.topic.kept[-1]]

    def take(
        self,
        meeting: Meeting,
        payload: JsonValue,
        headers: JsonObject,
        *,
        anyone: bool = False,
        forward: bool = True,
    ) -> TakenMessage:
        """Judges what was published; an answer for another address goes there. Raises InvalidInput
        for an answer that cannot be made. `forward=False` leaves answers to the caller.
        """
        taken = self.player.take(meeting.served, payload, headers, anyone=anyone)
        if forward and taken.reply is not None and taken.reply.address:
            found = self.player.at(taken.reply.address)
            if found is not None:
                served, values = found
                path = served.template.filled({**meeting.values, **values})
                self._topics.of(path).publish(taken.reply.sample)
        return taken

    def is_heard(self, address: str, asking: Meeting) -> bool:
        """Whether somebody listens on the address an answer goes to."""
        found = self.player.at(address)
        if found is None:
            return False
        served, values = found
        return bool(self._topics.of(served.template.filled({**asking.values, **values})).listeners)

    def keep(
        self,
        meeting: Meeting | None,
        *,
        method: str,
        protocol: str,
        status: int,
        valid: bool,
        path: str = "",
        operation: str = "",
        problem: str = "",
        payload: JsonValue = None,
        headers: JsonObject | None = None,
        answer: JsonValue = None,
    ) -> None:
        """Records one call."""
        shown = {
            str(name).lower(): text if isinstance(text, str) else dump(text).decode()
            for name, text in (headers or {}).items()
            if str(name).lower() not in _SECRET
        }
        self.record(
            RecordedCall(
                at=datetime.now(UTC),
                method=method,
                path=meeting.path if meeting else path,
                operation=operation,
                status=status,
                valid=valid,
                problem=problem,
                request_body=payload,
                request_headers=shown,
                reply_body=answer,
                contract=self.contract.id,
                consumer=self.consumer,
                protocol=protocol,
                version=self.contract.version,
            )
        )

    def meeting(self, path: str) -> Meeting:
        """What is at a path, base path included. Raises Refused."""
        if path == self.base or path.startswith(f"{self.base}/"):
            return self.arrived(path.removeprefix(self.base) or "/")
        raise self._unknown(path)

    def arrived(self, address: str) -> Meeting:
        """What is at an address. Raises Refused."""
        found = self.player.at(address)
        if found is None:
            raise self._unknown(address)
        served, values = found
        violations = served.parameter_problems(values)
        if violations:
            told = tuple(Violation(p.pointer, f"{p.detail} ({p.rule})") for p in violations)
            raise Refused(404, str(violations[0]), told)
        if served.unverifiable:
            raise Refused(501, f"{address}: {served.unverifiable}")
        own = served.template.filled(values)
        return Meeting(served=served, values=values, path=own, topic=self._topics.of(own))

    def _unknown(self, path: str) -> Refused:
        known = ", ".join(self.base + s.template.path for s in self.player.addresses[:20])
        return Refused(404, f"there is no channel at {path!r}; there are {known}")


def wire_text(sample: SampleMessage) -> str:
    return encoded(sample.message, sample.payload, sample.headers)


def listened(served: ServedAddress) -> str:
    """The operation of whoever listens."""
    return served.title(served.sent[0] if served.sent else None, Direction.SEND)
