"""Repeats on the provider what consumers did on the mock: the same calls, the same outcome."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from maestro.contracts.mock_marker import ASKED_FOR
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.openapi.resources import Resource, ResourceAction
from maestro.contracts.verification.trials.api import Admission
from maestro.contracts.verification.trials.lab import Lab, Untestable, references
from maestro.contracts.verification.trials.life import stranger
from maestro.contracts.verification.trials.sameness import unique_fields
from maestro.contracts.verification.trials.wire import Answer, Complaint, text_of
from maestro.domain.contract import Finding
from maestro.ports import RecordedCall

RULE = "consumer_replay"
OUTSIDE = "call_outside_contract"
TAKEN_OR_GONE = (404, 409)
OWN_BOUNDS = (406, 408, 413, 431)
"""Refusals by which servers may differ: what they can write, and how much they read how slowly."""
UNADDRESSED = (400, 429)
"""Refusals before it was known whose request it is: a consumer's name that is none, or too many."""
SENT_ALONG = ("accept", "content-type")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsReplayed:
    alike: int
    replayed: int
    outside: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matched:
    call: RecordedCall
    operation: Operation
    values: Mapping[str, str]
    """Path parameters as the mock knew them."""


@dataclass(slots=True)
class CallReplay:
    """Calls in their order; ids of the mock become ids of the provider.

    Every consumer had a memory of its own on the mock, so the same id of two consumers is not the
    same entry.
    """

    lab: Lab
    ids: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    """(consumer, resource, id on the mock) -> id on the provider."""
    gone: set[tuple[str, str, str]] = field(default_factory=set)
    """Those that a repeated call has deleted."""
    values: dict[tuple[str, str, str, str], Any] = field(default_factory=dict)
    """(consumer, resource, unique field, value on the mock) -> value on the provider."""

    async def run(self, calls: Sequence[RecordedCall]) -> CallsReplayed:
        findings: list[Finding] = []
        alike = replayed = outside = 0
        self.lab.findings.clear()
        self.lab.wire.trail.clear()
        for call in calls:
            if call.protocol != "http" or call.method == "OPTIONS" or _wished_for(call):
                continue  # faults a consumer asked the mock for, and other kinds of contract
            matched = self._matched(call)
            if matched is not None and _is_of_the_mock(call, matched.operation):
                continue
            if matched is not None and matched.operation.key in self.lab.api.excluded:
                continue  # the provider says itself that it has not built it
            if matched is None:
                outside += 1
                findings.append(_outside(call))
                continue
            replayed += 1
            found = await self._repeat(matched)
            alike += found is None
            findings += [found] if found is not None else []
        findings += self.lab.findings
        await self.lab.clean()
        return CallsReplayed(
            alike=alike, replayed=replayed, outside=outside, findings=tuple(findings)
        )

    def _matched(self, call: RecordedCall) -> _Matched | None:
        """The operation a path belongs to, with or without a base path; the longest one wins."""
        found = []
        for operation in self.lab.api.every:
            pieces = re.split(r"(\{[^{}]+\})", operation.path)
            pattern = "".join("([^/]+)" if p.startswith("{") else re.escape(p) for p in pieces)
            match = re.fullmatch(f"(?:/.*)?{pattern}", call.path)
            method = "GET" if call.method == "HEAD" else call.method
            if match is not None and operation.method == method:
                names = re.findall(r"\{([^{}]+)\}", operation.path)
                values = dict(zip(names, map(unquote, match.groups()), strict=True))
                found.append(_Matched(call=call, operation=operation, values=values))
        return max(found, key=lambda m: (m.operation.path.count("/"), -len(m.values)), default=None)

    async def _repeat(self, matched: _Matched) -> Finding | None:
        call = matched.call
        try:
            answer = await self._send(matched)
            if not _alike(answer, call) and call.status < 400 and answer.status in TAKEN_OR_GONE:
                # What is stored differs between the servers: with its own entries it must work.
                answer = await self._send(matched, renew=True)
        except Complaint as complaint:
            return replace(complaint.finding, rule=RULE, message=_names(call, "cannot be repeated"))
        except Untestable as error:
            return _unrepeatable(matched, error)
        if _alike(answer, call):
            return None
        return answer.finding(
            RULE,
            _names(call, "is answered differently"),
            expected=f"a {call.status // 100}xx status, as on the mock ({call.status})",
        )

    async def _send(self, matched: _Matched, *, renew: bool = False) -> Answer:
        call, operation = matched.call, matched.operation
        owner = self.lab.api.owner(operation)
        values = {
            name: await self._id(name, text, call, renew=renew)
            for name, text in matched.values.items()
        }
        body = await self._body(operation, call, renew=renew)
        headers = {n: v for n, v in call.request_headers.items() if self._is_sent(operation, n)}
        closed = call.status in (401, 403)
        answer = await self.lab.ask(
            operation,
            values,
            query=parse_qsl(call.query.removeprefix("?"), keep_blank_values=True),
            body=body,
            headers=headers,
            credentials=Admission() if closed else None,
            inside=call.valid,
        )
        if answer.ok and owner is not None and owner[1] is ResourceAction.CREATE:
            self._remember(owner[0], values, body, answer, call)
        if answer.ok and owner is not None and owner[1] is ResourceAction.DELETE:
            text = matched.values.get(owner[0].id_parameter or "", "")
            self.gone.add((call.consumer, owner[0].name, text))
        return answer

    def _is_sent(self, operation: Operation, name: str) -> bool:
        documented = {p.name.lower() for p in operation.in_location("header")}
        return name in SENT_ALONG or name in documented

    def _remember(
        self,
        resource: Resource,
        values: Mapping[str, Any],
        body: Any,
        answer: Answer,
        call: RecordedCall,
    ) -> None:
        with contextlib.suppress(Complaint):
            entry = self.lab.made(resource, values, body, answer)
            mocked = call.reply_body
            if isinstance(mocked, Mapping) and resource.id_field in mocked:
                key = (call.consumer, resource.name, text_of(mocked[resource.id_field]))
                self.ids[key] = entry.id

    async def _id(self, name: str, text: str, call: RecordedCall, *, renew: bool) -> Any:
        """The provider's id for one of the mock; made where the mock brought its own entry."""
        resource = next((r for r in self.lab.api.resources if r.id_parameter == name), None)
        if resource is None or not call.valid:
            return text
        key = (call.consumer, resource.name, text)
        if call.status == 404 and (key not in self.ids or key not in self.gone):
            own = self.lab.api.properties(resource.item_schema).get(resource.id_field or "", {})
            return stranger(own, self.lab.bodies) or text
        if call.status < 400 and (renew or key not in self.ids):
            self.ids[key] = (await self.lab.create(resource)).id
        return self.ids.get(key, text)

    async def _body(self, operation: Operation, call: RecordedCall, *, renew: bool) -> Any:
        body = call.request_body
        owner = self.lab.api.owner(operation)
        if not isinstance(body, dict) or owner is None or not call.valid:
            return body
        sent = _copied(body)
        for place in references(self.lab.api, self.lab.api.body(operation), sent):
            mocked = text_of(place.owner[place.name])
            key = (call.consumer, place.target.name, mocked)
            if call.status < 400 and (renew or key not in self.ids):
                self.ids[key] = (await self.lab.create(place.target)).id
            place.owner[place.name] = self.ids.get(key, place.owner[place.name])
        for name in unique_fields(self.lab, operation):
            if name in sent:
                mocked = text_of(sent[name])
                taken = (call.consumer, owner[0].name, name, mocked)
                sent[name] = self._unique(operation, taken, sent, name, renew=renew)
        return sent

    def _unique(
        self, operation: Operation, key: tuple[str, str, str, str], body: dict[str, Any],
        name: str, *, renew: bool,
    ) -> Any:  # fmt: skip
        if renew:
            found, value = self.lab.bodies.another(operation, body, name)
            if found:
                self.values[key] = value
        return self.values.get(key, body[name])


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(entry) for name, entry in value.items()}
    return [_copied(entry) for entry in value] if isinstance(value, list) else value


def _wished_for(call: RecordedCall) -> bool:
    """Whether the mock failed because it was asked to."""
    if call.problem == ASKED_FOR:
        return True
    wish = call.request_headers.get("prefer", "")
    unheard = call.status == 400 and bool(wish)  # a preference that the mock could not follow
    return call.status >= 500 or (call.status >= 400 and "code=" in wish) or unheard


def _is_of_the_mock(call: RecordedCall, operation: Operation) -> bool:
    """Whether a refusal tells of the mock's own bounds, and not of what the contract promises."""
    if not call.contract and not call.operation and call.status in UNADDRESSED:
        return True
    documented = str(call.status) in operation.responses or "4XX" in operation.responses
    return call.status in OWN_BOUNDS and not documented


def _alike(answer: Answer, call: RecordedCall) -> bool:
    return answer.status // 100 == call.status // 100


def _names(call: RecordedCall, what: str) -> str:
    who = f"consumer {call.consumer!r}" if call.consumer else "a consumer"
    return f"the call {call.method} {call.path} of {who} {what}"


def _outside(call: RecordedCall) -> Finding:
    return Finding(
        rule=OUTSIDE,
        message=_names(call, "is none of the contract"),
        operation=f"{call.method} {call.path}",
        expected="an operation of the contract",
        seen=f"{call.status} from the mock",
    )


def _unrepeatable(matched: _Matched, error: Untestable) -> Finding:
    call = matched.call
    return Finding(
        rule=RULE,
        message=_names(call, f"cannot be repeated: {error}"),
        operation=matched.operation.key,
        expected=f"a {call.status // 100}xx status",
        seen=f"{call.method} {call.path}",
    )
