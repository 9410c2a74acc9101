"""Requests to a provider of events are answered, by the contract and with their own ids."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

import websockets
from websockets.asyncio.client import ClientConnection

from maestro.contracts.asyncapi.addresses import ServedAddress, answer_address
from maestro.contracts.asyncapi.locations import MISSING, value_at
from maestro.contracts.asyncapi.model import EventMessage, EventOperation
from maestro.contracts.asyncapi.samples import EventSampler
from maestro.contracts.asyncapi.wire import decoded
from maestro.contracts.verification.events_checks import EventEvidence, judged
from maestro.contracts.verification.events_places import EventPlace, text_of, with_identity
from maestro.contracts.verification.events_probe import (
    EventsProbe,
    HeardMessage,
    Hearing,
    publishing_transports,
    saying_command,
)
from maestro.contracts.verification.probe import clipped
from maestro.domain.contract import Finding
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

REQUESTS = 2
"""Asked before the first answer is read: answers must not be mixed up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuestion:
    operation: EventOperation
    message: EventMessage
    texts: tuple[str, ...]
    identities: tuple[JsonValue, ...]
    """Empty where requests have no ids."""
    expected: tuple[EventMessage, ...]


async def check_answered(
    probe: EventsProbe,
    place: EventPlace,
    operation: EventOperation,
    message: EventMessage,
    evidence: EventEvidence,
) -> list[Finding]:
    """Each request gets its own answer within the patience of the probe."""
    question = _question(operation, message, evidence)
    if question is None:
        return []
    hearing = Hearing(transport="websocket", url=probe.socket + place.path)
    if publishing_transports(place.served)[0] == "websocket":
        await _ask_by_socket(probe, place, question, hearing)
    if hearing.failure or publishing_transports(place.served)[0] != "websocket":
        hearing = await _ask_by_post(probe, place, question)
    findings = _compared(question, hearing, place.served)
    if not findings:
        evidence.answered.add(operation.key)
    return findings


def _question(
    operation: EventOperation, message: EventMessage, evidence: EventEvidence
) -> AskedQuestion | None:
    """None where nothing can be asked; that is told."""
    reply = operation.reply
    expected = [m for m in reply.messages if not m.unverifiable] if reply else []
    if not expected or (reply is not None and reply.address_location and reply.channel is None):
        evidence.unverified.append(f"{operation.title}: no answer is described that can be judged")
        return None
    try:
        sample = EventSampler(message).sample()
    except InvalidInput as error:
        evidence.unverified.append(f"{operation.title}: {error}")
        return None
    made = [with_identity(sample, number) for number in range(1, REQUESTS + 1)]
    whole = [entry for entry in made if entry is not None] if message.correlation else []
    return AskedQuestion(
        operation=operation,
        message=message,
        texts=tuple(text_of(s) for s, _ in whole) or (text_of(sample),),
        identities=tuple(identity for _, identity in whole),
        expected=tuple(expected),
    )


async def _ask_by_socket(
    probe: EventsProbe, place: EventPlace, question: AskedQuestion, hearing: Hearing
) -> None:
    elsewhere = answer_address(question.operation)
    try:
        async with AsyncExitStack() as stack:
            asking = await stack.enter_async_context(probe.conversation(place.path))
            answering = asking
            if elsewhere and "{" not in elsewhere:
                path = f"/{elsewhere.strip('/')}"
                answering = await stack.enter_async_context(probe.conversation(path))
            for text in question.texts:
                await asking.send(text)
            async with asyncio.timeout(probe.patience):
                await _gather(answering, question, hearing)
    except TimeoutError:
        return
    except websockets.ConnectionClosed as error:
        hearing.closed = error.rcvd.code if error.rcvd else 1006
    except (OSError, websockets.WebSocketException) as error:
        hearing.failure = f"{type(error).__name__}: {error}"


async def _gather(connection: ClientConnection, question: AskedQuestion, hearing: Hearing) -> None:
    """Until as many answers came as were asked for, right or wrong ones."""
    answers = 0
    while answers < len(question.texts):
        text = await connection.recv(decode=True)
        heard = HeardMessage(text=text)
        hearing.heard.append(heard)
        answers += not _is_news(heard, question)


def _is_news(heard: HeardMessage, question: AskedQuestion) -> bool:
    """Something the provider publishes anyway, which is checked elsewhere."""
    others = [m for m in question.operation.channel.messages if m not in question.expected]
    if not others or _fits(heard, question.expected):
        return False
    return _fits(heard, tuple(others))


def _fits(heard: HeardMessage, messages: tuple[EventMessage, ...]) -> bool:
    judgement = judged(heard, messages)
    return judgement is not None and judgement.fits


async def _ask_by_post(probe: EventsProbe, place: EventPlace, question: AskedQuestion) -> Hearing:
    hearing = Hearing(transport="http", url=probe.web + place.path)
    for text in question.texts:
        said = await probe.say_post(place.path, text)
        hearing.status, hearing.failure = said.status, hearing.failure or said.failure
        hearing.heard += said.heard
    return hearing


def _compared(question: AskedQuestion, hearing: Hearing, served: ServedAddress) -> list[Finding]:
    answers = [h for h in hearing.heard if not _is_news(h, question)]
    command = saying_command(hearing, question.texts[0])

    def finding(rule: str, message: str, expected: str, seen: str) -> Finding:
        return Finding(
            rule=rule,
            message=message,
            operation=question.operation.title,
            expected=expected,
            seen=clipped(seen),
            reproduce=command,
        )

    names = " or ".join(message.name for message in question.expected)
    for heard in answers:
        judgement = judged(heard, question.expected)
        if judgement is None or not judgement.fits:
            problem = judgement.problems[0] if judgement and judgement.problems else "is not JSON"
            said = f"an answer breaks the contract: {problem}"
            return [finding("reply_schema", said, f"{names} by its schema", heard.text)]
    if len(answers) < len(question.texts):
        seen = hearing.failure or f"{len(answers)} answers"
        seen = f"{seen}, closed with {hearing.closed}" if hearing.closed else seen
        expected = f"{len(question.texts)} answers, each {names}"
        return [finding("reply_missing", "a request is not answered", expected, seen)]
    got = [_identity(heard, question) for heard in answers]
    if question.identities and sorted(map(str, got)) != sorted(map(str, question.identities)):
        listed = [identity for identity in got if identity is not MISSING]
        said = "answers do not carry the ids of their requests"
        return [finding("reply_correlated", said, f"ids {list(question.identities)}", f"{listed}")]
    return []


def _identity(heard: HeardMessage, question: AskedQuestion) -> JsonValue:
    judgement = judged(heard, question.expected)
    message = judgement.message if judgement else None
    location = (message.correlation if message else "") or question.message.correlation
    payload, headers = decoded(heard.text, question.expected)
    return value_at(location, payload, headers)
