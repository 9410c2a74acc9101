"""Holds a really started provider of events against its AsyncAPI contract."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import httpx
from websockets.version import version

from maestro.contracts.asyncapi.addresses import AddressTemplate, served_addresses
from maestro.contracts.asyncapi.document import from_object
from maestro.contracts.asyncapi.events import events_of
from maestro.contracts.asyncapi.lint import errors_of
from maestro.contracts.asyncapi.model import Direction, EventMessage, EventModel
from maestro.contracts.asyncapi.samples import SampleMessage
from maestro.contracts.verification.acceptance import result_of
from maestro.contracts.verification.binding import RanChecks, bound
from maestro.contracts.verification.deliverables import examine_deliverables
from maestro.contracts.verification.events_checks import (
    EventEvidence,
    check_published,
    check_taken,
    check_turned_down,
    confirmed,
    send_valid,
)
from maestro.contracts.verification.events_places import EventPlace, place_of
from maestro.contracts.verification.events_probe import EventsProbe
from maestro.contracts.verification.events_replies import check_answered
from maestro.domain.contract import (
    AcceptanceCriterion,
    CheckResult,
    Contract,
    Finding,
    Severity,
    Verification,
)
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall, Report, VerificationTarget

REPLAY = "consumer_replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsVerifier:
    """Listens, publishes right and wrong messages, asks, and repeats what consumers did."""

    patience_seconds: float = 10.0
    """How long declared messages and answers are waited for."""
    quiet_seconds: float = 1.0
    """How long a WebSocket has to stay silent before silence is the answer."""

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        """Raises InvalidInput for a mock, a target without URL or an unreadable document."""
        if target.url is None:
            raise InvalidInput(f"contract {contract.id!r}: events need the provider's URL")
        started = time.monotonic()
        document = from_object(contract.specification, name=contract.id)
        model = events_of(document)
        places = [place_of(s) for s in served_addresses(model) if not s.unverifiable]
        files = await asyncio.to_thread(examine_deliverables, contract, target.sandbox.root)
        evidence = EventEvidence(findings=list(files.findings))
        evidence.findings += [
            Finding(rule=f.rule, message=str(f), operation=f.pointer) for f in errors_of(document)
        ]
        timeout = httpx.Timeout(self.patience_seconds, connect=10.0)
        async with httpx.AsyncClient(timeout=timeout, trust_env=False) as http:
            probe = EventsProbe(
                target.url, http, patience=self.patience_seconds, quiet=self.quiet_seconds
            )
            await probe.refuse_mock([place.path for place in places])
            await report(f"contract {contract.id}: listening on {len(places)} addresses")
            await self._listen(probe, places, evidence)
            await report(f"contract {contract.id}: publishing right and wrong messages")
            await self._publish(probe, places, evidence)
            replayed = await self._replay(probe, places, target.replay, evidence)
        tested = _tested(model, evidence)
        checks = (*_checks(model, evidence), *replayed)
        operations = {operation.key: operation.key in tested for operation in model.operations}
        ran = RanChecks(
            checks=checks,
            findings=evidence.findings,
            tested=operations,
            names={operation.key: operation.title for operation in model.operations},
        )
        return Verification(
            contract=contract.id,
            target=target.description,
            operations_total=len(model.operations) or len(places),
            operations_tested=len(tested) if model.operations else _met(places, evidence),
            checks=(
                *files.checks,
                *checks,
                *_criteria(contract.acceptance, model, evidence, ran),
            ),
            findings=tuple(evidence.findings),
            requests=probe.requests,
            duration_seconds=time.monotonic() - started,
            tool=f"maestro events, websockets {version}",
            operations=operations,
        )

    async def _listen(
        self, probe: EventsProbe, places: Sequence[EventPlace], evidence: EventEvidence
    ) -> None:
        """All addresses at once: each may need all the patience there is."""
        speaking = [place for place in places if place.served.sent]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(confirmed(partial(check_published, probe, place, evidence)))
                for place in speaking
            ]
        for task in tasks:
            evidence.findings += task.result()

    async def _publish(
        self, probe: EventsProbe, places: Sequence[EventPlace], evidence: EventEvidence
    ) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_on_place(probe, place, evidence)) for place in places]
        for task in tasks:
            evidence.findings += task.result()

    async def _replay(
        self,
        probe: EventsProbe,
        places: Sequence[EventPlace],
        calls: Sequence[RecordedCall],
        evidence: EventEvidence,
    ) -> tuple[CheckResult, ...]:
        """Repeats what consumers published on the mock, where it kept to the contract."""
        if not calls:
            return ()
        repeated = failed = 0
        for call in calls:
            found = _place_of_call(places, call)
            if found is None:
                continue
            place, sample = found
            repeated += 1

            async def again(p: EventPlace = place, s: SampleMessage = sample) -> list[Finding]:
                finding = await send_valid(probe, p, s, rule=REPLAY)
                return [finding] if finding else []

            findings = await confirmed(again)
            failed += bool(findings)
            evidence.findings += findings
        if not repeated:  # which shows nothing, so that a criterion bound to it stays unverified
            return ()
        return (
            CheckResult(
                id=REPLAY,
                statement="Every message that consumers published on the mock is taken by the "
                "provider.",
                passed=not failed,
                detail=f"{repeated - failed} of {repeated} messages taken; "
                f"{len(calls) - repeated} calls left out, as they published nothing valid",
            ),
        )


async def _on_place(
    probe: EventsProbe, place: EventPlace, evidence: EventEvidence
) -> list[Finding]:
    """Right messages, wrong ones, and right ones again in the form of questions."""
    found: list[Finding] = []
    for operation, message in place.told():
        if message.unverifiable:
            continue
        if operation is None or operation.reply is None:
            found += await confirmed(partial(check_taken, probe, place, message, evidence))
        else:
            found += await confirmed(
                partial(check_answered, probe, place, operation, message, evidence)
            )
        found += await confirmed(partial(check_turned_down, probe, place, message, evidence))
    return found


def _place_of_call(
    places: Sequence[EventPlace], call: RecordedCall
) -> tuple[EventPlace, SampleMessage] | None:
    if call.method != "PUBLISH" or not call.valid:
        return None
    for place in places:
        if place.served.template.match(call.path) is not None:
            headers = dict(call.request_headers)
            judgement = place.served.inbound.judge(call.request_body, headers)
            if judgement.message is None:
                return None
            sample = SampleMessage(
                message=judgement.message, payload=call.request_body, headers=headers
            )
            return EventPlace(served=place.served, path=call.path), sample
    return None


def _tested(model: EventModel, evidence: EventEvidence) -> set[str]:
    """Operations with evidence: their messages were seen, taken or answered, or a fault was."""
    faulty = {finding.operation for finding in evidence.findings}
    done = set[str]()
    for operation in model.operations:
        address = AddressTemplate(operation.channel.address).path
        pointers = {(address, m.pointer) for m in operation.messages if not m.unverifiable}
        if operation.direction is Direction.SEND:
            met = bool(pointers) and pointers <= evidence.seen
        else:
            met = operation.key in evidence.answered or bool(pointers & evidence.taken)
        if met or operation.title in faulty:
            done.add(operation.key)
    return done


def _met(places: Sequence[EventPlace], evidence: EventEvidence) -> int:
    met = evidence.seen | evidence.taken
    return sum(any((p.title, m.pointer) in met for m in p.served.every) for p in places)


def _checks(model: EventModel, evidence: EventEvidence) -> list[CheckResult]:
    made = []
    for operation in model.operations:
        if operation.direction is Direction.SEND:
            address = AddressTemplate(operation.channel.address).path
            made += [
                _seen_check(operation.key, m, (address, m.pointer) in evidence.seen)
                for m in operation.messages
            ]
    rules = {f.rule for f in evidence.findings if f.severity is Severity.ERROR}
    tried = evidence.turned_down + evidence.unanswered
    if tried or "invalid_publish_rejected" in rules:
        refused = f"{evidence.turned_down} refused, {evidence.unanswered} without any reaction"
        made.append(
            CheckResult(
                id="invalid_publish_rejected",
                statement="Messages that break the contract are refused.",
                passed="invalid_publish_rejected" not in rules and evidence.turned_down > 0,
                detail=refused if evidence.turned_down else f"unverified: {refused}",
            )
        )
    for operation in model.operations:
        if operation.direction is Direction.RECEIVE and operation.reply is not None:
            made.append(
                CheckResult(
                    id=f"answered:{operation.key}",
                    statement=f"{operation.title}: every request gets its own answer.",
                    passed=operation.key in evidence.answered,
                    detail="" if operation.key in evidence.answered else "unverified or refuted",
                )
            )
    made += [
        CheckResult(
            id="unverified", statement=said, passed=False, detail="unverified: no message to try"
        )
        for said in dict.fromkeys(evidence.unverified)
    ]
    return made


def _seen_check(key: str, message: EventMessage, seen: bool) -> CheckResult:
    if message.unverifiable:
        detail = f"unverified: {message.unverifiable}"
    else:
        detail = "" if seen else "unverified: it was not seen within the time limit"
    return CheckResult(
        id=f"published:{key}:{message.name}",
        statement=f"{key}: {message.name} is really published and fits its schema.",
        passed=seen and not message.unverifiable,
        detail=detail,
    )


def _criteria(
    criteria: Sequence[AcceptanceCriterion],
    model: EventModel,
    evidence: EventEvidence,
    ran: RanChecks,
) -> list[CheckResult]:
    """As everywhere, and `event_published` of a message."""
    results = []
    for criterion in criteria:
        if criterion.check == "event_published":
            message = criterion.parameters.get("message")
            known = {m.pointer for c in model.channels for m in c.messages if m.name == message}
            passed = any(pointer in known for _, pointer in evidence.seen)
            detail = "" if passed else f"no valid {message!r} was seen"
            results.append(result_of(criterion, passed=passed, detail=detail))
        else:
            results += bound([criterion], ran)
    return results
