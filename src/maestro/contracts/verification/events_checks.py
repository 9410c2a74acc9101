"""What is checked on a provider of events: what it publishes, takes and answers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from maestro.contracts.asyncapi.checking import Judge, Judgement
from maestro.contracts.asyncapi.model import Direction, EventMessage
from maestro.contracts.asyncapi.samples import EventSampler, SampleMessage
from maestro.contracts.asyncapi.wire import decoded
from maestro.contracts.verification.events_places import EventPlace, text_of, wrong_messages
from maestro.contracts.verification.events_probe import (
    EventsProbe,
    HeardMessage,
    Hearing,
    listening_command,
    saying_command,
)
from maestro.contracts.verification.probe import clipped
from maestro.domain.contract import Finding, Severity
from maestro.errors import InvalidInput

_NO = ("error", "reject", "problem", "fail", "refus", "invalid", "denied")
"""An answer with such a name says that a message was not taken."""


@dataclass(slots=True, kw_only=True)
class EventEvidence:
    """What the checks have shown so far."""

    findings: list[Finding] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)
    """Address and pointer of the valid messages the provider really published."""
    taken: set[tuple[str, str]] = field(default_factory=set)
    """Likewise of messages the provider took."""
    turned_down: int = 0
    unanswered: int = 0
    """Wrong messages the provider neither took nor refused in a way that can be seen."""
    answered: set[str] = field(default_factory=set)
    """Keys of operations whose requests were answered."""
    unverified: list[str] = field(default_factory=list)


Check = Callable[[], Awaitable[list[Finding]]]


async def confirmed(check: Check) -> list[Finding]:
    """Findings that come again; what was seen only once is told as a warning."""
    first = await check()
    if not first:
        return []
    again = {(f.rule, f.operation, f.expected) for f in await check()}
    return [
        finding
        if (finding.rule, finding.operation, finding.expected) in again
        else replace(finding, severity=Severity.WARNING, message=f"{finding.message} (seen once)")
        for finding in first
    ]


def judged(heard: HeardMessage, messages: Sequence[EventMessage]) -> Judgement | None:
    """None for a text that should be JSON and is none."""
    named = heard.name if any(m.name == heard.name for m in messages) else ""
    chosen = [m for m in messages if not named or m.name == named]
    try:
        payload, headers = decoded(heard.text, chosen)
    except ValueError:
        return None
    return Judge(chosen).judge(payload, headers)


async def check_published(
    probe: EventsProbe, place: EventPlace, evidence: EventEvidence
) -> list[Finding]:
    """Every message that comes is one of the contract; stops when each was seen."""
    served = place.served
    allowed = (*served.sent, *served.answers)
    wanted = {(place.title, m.pointer) for m in served.sent if not m.unverifiable}
    found: dict[tuple[str, str], Finding] = {}
    looked_at = 0

    def look(hearing: Hearing) -> bool:
        nonlocal looked_at
        for heard in hearing.heard[looked_at:]:
            looked_at += 1
            judgement = judged(heard, allowed)
            if judgement is not None and judgement.fits and judgement.message is not None:
                evidence.seen.add((place.title, judgement.message.pointer))
            elif judgement is None or not judgement.unverifiable:
                finding = _published_finding(place, hearing, heard, judgement)
                found.setdefault((finding.operation, finding.expected), finding)
        met = len(wanted & evidence.seen) + len(found)  # a wrong message stands for a right one
        return met >= len(wanted) and looked_at >= len(wanted)

    hearing = await probe.listen(served, place.path, look)
    ended = hearing.closed is not None and not wanted <= evidence.seen
    if hearing.failure or hearing.broke or ended:
        unreached = _unreached(place, hearing)
        found.setdefault((unreached.operation, unreached.expected), unreached)
    return list(found.values())


def _published_finding(
    place: EventPlace, hearing: Hearing, heard: HeardMessage, judgement: Judgement | None
) -> Finding:
    message = judgement.message if judgement else None
    problem = judgement.problems[0] if judgement else None
    rule = problem.rule if problem else "json"
    return Finding(
        rule="message_schema",
        message=f"a published message breaks the contract: {problem or 'it is not JSON'}",
        operation=place.served.title(message, Direction.SEND) or place.title,
        expected=f"{message.name if message else 'a message'} by its schema ({rule})",
        seen=clipped(heard.text),
        reproduce=listening_command(hearing),
    )


def _unreached(place: EventPlace, hearing: Hearing) -> Finding:
    seen = hearing.failure or f"closed with {hearing.closed}"
    return Finding(
        rule="channel_reachable",
        message="the channel cannot be listened to, or is closed while one listens",
        operation=place.served.title(None, Direction.SEND) or place.title,
        expected="an open WebSocket or text/event-stream",
        seen=clipped(seen),
        reproduce=listening_command(hearing),
    )


async def check_taken(
    probe: EventsProbe, place: EventPlace, message: EventMessage, evidence: EventEvidence
) -> list[Finding]:
    """A message that fits the contract is taken."""
    try:
        sample = EventSampler(message).sample()
    except InvalidInput as error:
        evidence.unverified.append(str(error))
        return []
    finding = await send_valid(probe, place, sample, rule="valid_publish_accepted")
    if finding is not None:
        return [finding]
    evidence.taken.add((place.title, message.pointer))
    return []


async def send_valid(
    probe: EventsProbe, place: EventPlace, sample: SampleMessage, *, rule: str
) -> Finding | None:
    """Publishes a right message; what is wrong with the provider's reaction."""
    text = text_of(sample)
    allowed = (*place.served.sent, *place.served.answers)
    strange: list[str] = []
    answers = {m.pointer for m in place.served.answers}

    def enough(hearing: Hearing) -> bool:
        if hearing.transport != "websocket" or not hearing.heard:
            return False
        judgement = judged(hearing.heard[-1], allowed) if allowed else None
        if judgement is None or not (judgement.fits or judgement.unverifiable):
            strange.append(hearing.heard[-1].text)
            return True
        return judgement.message is not None and judgement.message.pointer in answers

    hearing = await probe.say(place.served, place.path, text, enough)
    seen = hearing.failure or (strange[0] if strange else "")
    if hearing.refused or hearing.broke:
        seen = f"status {hearing.status}" if hearing.status else f"closed with {hearing.closed}"
        seen = f"{seen} {hearing.heard[-1].text}" if hearing.heard else seen
    if not seen:
        return None
    return Finding(
        rule=rule,
        message=f"the message {sample.message.name!r} fits the contract but was not taken",
        operation=place.served.title(sample.message, Direction.RECEIVE) or place.title,
        expected="taken, and answered by messages of the contract only",
        seen=clipped(seen),
        reproduce=saying_command(hearing, text),
    )


async def check_turned_down(
    probe: EventsProbe, place: EventPlace, message: EventMessage, evidence: EventEvidence
) -> list[Finding]:
    """Messages that break the contract are refused: by status, by close code, or by an answer."""
    found = []
    for problem, text in wrong_messages(place, message):
        judge = _Reaction(place)
        hearing = await probe.say(place.served, place.path, text, judge.enough)
        verdict = judge.verdict(hearing)
        if verdict == "refused":
            evidence.turned_down += 1
        elif verdict == "silent":
            evidence.unanswered += 1
        else:
            found.append(
                Finding(
                    rule="invalid_publish_rejected",
                    message=f"a message that breaks the contract was {verdict}: {problem}",
                    operation=place.served.title(message, Direction.RECEIVE) or place.title,
                    expected=f"refused ({problem})",
                    seen=clipped(_reaction(hearing)),
                    reproduce=saying_command(hearing, text),
                )
            )
    return found


class _Reaction:
    """Tells a refusal from an answer that only a right message may get."""

    def __init__(self, place: EventPlace) -> None:
        self._answers = place.served.answers
        self._allowed = (*place.served.sent, *place.served.answers)
        self._said = ""

    def enough(self, hearing: Hearing) -> bool:
        if not hearing.heard:
            return False
        judgement = judged(hearing.heard[-1], self._allowed) if self._allowed else None
        if judgement is None or not judgement.fits or judgement.message is None:
            self._said = "refused"
        elif judgement.message in self._answers:
            name = judgement.message.name.lower()
            self._said = "refused" if any(word in name for word in _NO) else "answered"
        return bool(self._said)

    def verdict(self, hearing: Hearing) -> str:
        if hearing.broke:
            return "too much for the provider"
        if hearing.refused:
            return "refused"
        if hearing.status is not None and hearing.status < 400:
            return "accepted"
        return self._said or "silent"


def _reaction(hearing: Hearing) -> str:
    word = f"status {hearing.status}" if hearing.status is not None else ""
    word = word or (f"closed with {hearing.closed}" if hearing.closed is not None else "")
    return f"{word} {hearing.heard[-1].text if hearing.heard else ''}".strip() or hearing.failure
