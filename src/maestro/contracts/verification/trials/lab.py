"""Where trials work: entries are made and taken away again, every reply is looked at."""

import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from maestro.contracts.openapi.naming import singular, snake
from maestro.contracts.openapi.operations import Operation, OperationParameter
from maestro.contracts.openapi.resources import Resource, ResourceAction
from maestro.contracts.samples import sample
from maestro.contracts.verification.trials.api import Admission, ApiUnderTest
from maestro.contracts.verification.trials.bodies import BodyMaker
from maestro.contracts.verification.trials.replies import reply_findings
from maestro.contracts.verification.trials.wire import (
    Answer,
    Asking,
    Complaint,
    Pairs,
    Wire,
    filled,
    text_of,
)
from maestro.contracts.verification.values import kinds
from maestro.domain.contract import Finding
from maestro.errors import InvalidInput

MAX_DEPTH = 4
MAX_PAGES = 60
TRAIL = 6
"""Exchanges shown before the one that went wrong."""


class Untestable(Exception):
    """The document, or what is known, does not allow the trial: unverified, never passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeEntry:
    """A stored entry as the provider answered its creation."""

    resource: Resource
    id: Any
    values: Mapping[str, Any]
    """Path parameters of its address, its own among them."""
    sent: Any
    shown: Mapping[str, Any]
    answer: Answer


@dataclass(slots=True)
class Lab:
    """One run of trials on one provider."""

    api: ApiUnderTest
    wire: Wire
    bodies: BodyMaker
    findings: list[Finding] = field(default_factory=list)
    """Of the present trial."""
    created: list[MadeEntry] = field(default_factory=list)
    shared: dict[str, MadeEntry] = field(default_factory=dict)
    confirmed: set[tuple[str, str]] = field(default_factory=set)
    """Rule and operation of what has shown twice."""
    rule: str = ""
    """Of the present trial."""
    blamed: str = ""
    """The operation the present trial is about; it may show on another one."""
    looked_at: set[str] = field(default_factory=set)
    """Operations of which a reply was held against the document."""

    def complain(self, finding: Finding) -> None:
        known = {(f.rule, f.operation, f.message) for f in self.findings}
        if (finding.rule, finding.operation, finding.message) not in known:
            self.findings.append(finding)

    async def ask(
        self,
        operation: Operation,
        values: Mapping[str, Any] | None = None,
        *,
        query: Pairs = (),
        body: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: Admission | None = None,
        inside: bool = True,
        path: str | None = None,
    ) -> Answer:
        """One request; its reply is held against the document. `path` is sent as it is."""
        if body is not None or (content is None and operation.body and operation.body.required):
            content = json.dumps(body).encode()
        if inside and path is None:
            self._must_fit(operation, values or {})
        place = filled(operation.path, values or {}) if path is None else path
        answer = await self.wire.send(
            Asking(
                operation=operation,
                path=place,
                query=[*query, *self._required_query(operation, query)],
                headers={**self._required_headers(operation), **(headers or {})},
                content=content,
                credentials=credentials,
                inside=inside,
            )
        )
        self.looked_at.add(operation.key)
        for finding in reply_findings(self.api, answer):
            self.complain(finding)
        return answer

    def _must_fit(self, operation: Operation, values: Mapping[str, Any]) -> None:
        """Raises Untestable for an id that replies bring and the document forbids to send."""
        for parameter in operation.in_location("path"):
            value = values.get(parameter.name)
            if value is not None and not self.api.answers(parameter.schema).is_valid(value):
                raise Untestable(f"{operation.key}: {parameter.name} may not be {value!r}")

    def _required_headers(self, operation: Operation) -> dict[str, str]:
        made = {}
        for parameter in operation.in_location("header"):
            if parameter.required and parameter.name.lower() not in ("authorization", "accept"):
                made[parameter.name.lower()] = str(first_value(self.api, parameter))
        return made

    def _required_query(self, operation: Operation, given: Pairs) -> Pairs:
        known = {name for name, _ in given}
        missing = [p for p in operation.in_location("query") if p.required and p.name not in known]
        return [(p.name, text_of(first_value(self.api, p))) for p in missing]

    def wrong(
        self, answer: Answer, rule: str, message: str, *, expected: str, seen: str = ""
    ) -> Complaint:
        """A complaint about an answer, with the steps that led to it."""
        also = [a.curl() for a in self.wire.trail if a is not answer][-TRAIL:]
        made = answer.finding(rule, message, expected=expected, seen=seen, also=also)
        if rule == self.rule:
            made = replace(made, operation=self.blamed)
        return Complaint(made)

    # entries

    def need(self, resource: Resource, action: ResourceAction) -> Operation:
        """Raises Untestable when the document does not offer the operation."""
        operation = self.api.action(resource, action)
        if operation is None:
            raise Untestable(f"the document has no operation to {action.value} a {resource.name}")
        return operation

    async def fresh_body(self, resource: Resource, *, depth: int = 0) -> Any:
        """A valid body for creation whose references lead to existing entries."""
        create = self.need(resource, ResourceAction.CREATE)
        try:
            body = self.bodies.fresh(create)
        except InvalidInput as error:
            raise Untestable(f"no body can be made for {create.key}: {error}") from error
        return await self.referring(resource, body, depth=depth)

    async def create(
        self,
        resource: Resource,
        given: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        depth: int = 0,
    ) -> MadeEntry:
        """Raises Complaint when a valid entry is refused, Untestable where none can be made."""
        create = self.need(resource, ResourceAction.CREATE)
        values = await self.places(resource, depth=depth)
        body = await self.fresh_body(resource, depth=depth)
        if isinstance(body, Mapping):
            body = {**body, **(given or {})}
        answer = await self.ask(create, values, body=body, headers=headers)
        return self.made(resource, values, body, answer)

    def made(
        self, resource: Resource, values: Mapping[str, Any], body: Any, answer: Answer
    ) -> MadeEntry:
        """The entry behind the answer to a creation."""
        self._must_succeed(answer)
        shown = answer.json()
        shown = shown if isinstance(shown, Mapping) else {}
        name = resource.id_field or ""
        located = answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
        sent = body if isinstance(body, Mapping) else {}
        identifier = shown.get(name, sent.get(name, self._located(resource, located)))
        if identifier is None:
            raise self.wrong(
                answer, "create_tells_id", "the reply to a creation does not tell the id",
                expected=f"{name or 'an id'} in the body, or Location",
            )  # fmt: skip
        own = {**values, resource.id_parameter: identifier} if resource.id_parameter else values
        entry = MadeEntry(
            resource=resource, id=identifier, values=own, sent=body, shown=shown, answer=answer
        )
        self.created.append(entry)
        return entry

    def _located(self, resource: Resource, text: str) -> Any:
        """The id at the end of a Location, in the type that entries have it in."""
        known = self.api.properties(resource.item_schema).get(resource.id_field or "", {})
        whole = "integer" in kinds(known) and text.isdecimal()
        return int(text) if whole else text or None

    def _must_succeed(self, answer: Answer) -> None:
        if answer.ok:
            return
        if answer.status in (401, 403):
            raise Untestable(f"{answer.operation.key} wants credentials that are not known")
        unresolved = _looks_like_reference(answer)
        if answer.status in (404, 409) and unresolved:
            raise Untestable(f"{answer.operation.key}: {unresolved!r} may refer to something")
        if answer.status == 501:
            raise Untestable(f"{answer.operation.key} answers 501")
        raise self.wrong(
            answer, "positive_data_acceptance", "a valid request is refused", expected="2xx"
        )

    async def some(self, resource: Resource, *, depth: int = 0) -> MadeEntry:
        """An entry that stays until the end of the trial."""
        if depth > MAX_DEPTH:
            raise Untestable(f"{resource.name}: references go in a circle")
        if resource.name not in self.shared:
            self.shared[resource.name] = await self.create(resource, depth=depth)
        return self.shared[resource.name]

    async def places(self, resource: Resource, *, depth: int = 0) -> dict[str, Any]:
        """Path parameters of the collection: ids of existing parents."""
        values: dict[str, Any] = {}
        for name in re.findall(r"\{([^{}]+)\}", resource.collection_path):
            prefix = resource.collection_path.partition(f"{{{name}}}")[0] + f"{{{name}}}"
            parent = next((r for r in self.api.resources if r.item_path == prefix), None)
            if parent is None:
                raise Untestable(f"{resource.name}: what {{{name}}} stands for is not known")
            values |= (await self.some(parent, depth=depth + 1)).values
        return values

    async def referring(self, resource: Resource, body: Any, *, depth: int = 0) -> Any:
        """The body with ids of existing entries where it refers to other resources."""
        create = self.need(resource, ResourceAction.CREATE)
        schema = self.api.body(create)
        for place in references(self.api, schema, body):
            if place.target.name == resource.name:
                continue  # a parent of its own kind is mostly optional, and never the first
            with contextlib.suppress(Untestable):
                place.owner[place.name] = (await self.some(place.target, depth=depth + 1)).id
        return body

    def naming(self, entry: MadeEntry, body: Any) -> Any:
        """The body with the entry's id in it, for operations whose path does not tell it."""
        name = entry.resource.id_field
        return {**body, name: entry.id} if name and isinstance(body, Mapping) else body

    async def read(self, entry: MadeEntry) -> Answer:
        return await self.ask(self.need(entry.resource, ResourceAction.GET), entry.values)

    async def stored(self, entry: MadeEntry) -> tuple[Answer, Mapping[str, Any]]:
        """The entry as reading gives it."""
        answer = await self.read(entry)
        shown = answer.json()
        if not answer.ok or not isinstance(shown, Mapping):
            raise self.wrong(
                answer, "created_is_readable", "a stored entry cannot be read", expected="2xx"
            )
        return answer, shown

    async def clean(self) -> None:
        """Takes away what was made, newest first; what refuses to go stays."""
        for entry in reversed(self.created):
            delete = self.api.action(entry.resource, ResourceAction.DELETE)
            if delete is not None:
                with contextlib.suppress(Complaint):
                    path = filled(delete.path, entry.values)
                    await self.wire.send(Asking(operation=delete, path=path))
        self.created.clear()
        self.shared.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyReference:
    """A place in a body that holds the id of another entry."""

    owner: dict[str, Any]
    name: str
    target: Resource
    declared: bool
    """Told by `x-references`, not guessed from the name."""


def references(
    api: ApiUnderTest, schema: Any, body: Any, depth: int = 0
) -> Iterator[BodyReference]:
    """Everything in a body that refers to a resource which can be created."""
    if isinstance(body, list):
        inner = api.plain(schema).get("items", True)
        for entry in body:
            yield from references(api, inner, entry, depth + 1)
    if not isinstance(body, dict) or depth > MAX_DEPTH:
        return
    for name, found in api.properties(schema).items():
        if name not in body:
            continue
        target = _referred(api, name, found, body[name])
        if target is not None:
            declared = "x-references" in found
            yield BodyReference(owner=body, name=name, target=target, declared=declared)
        elif isinstance(body[name], dict | list):
            yield from references(api, found, body[name], depth + 1)


def _referred(
    api: ApiUnderTest, name: str, schema: Mapping[str, Any], present: Any
) -> Resource | None:
    named = schema.get("x-references")
    plain = snake(name)
    if not isinstance(named, str):
        if not plain.endswith("_id") or isinstance(present, dict | list):
            return None
        named = plain.removesuffix("_id")
    wanted = singular(snake(named))
    target = next((r for r in api.resources if r.name == wanted), None)
    if target is None or api.action(target, ResourceAction.CREATE) is None:
        return None
    own = api.properties(target.item_schema).get(target.id_field or "", {})
    fits = not kinds(own) or set(kinds(own)) & set(kinds(schema))
    return target if fits else None


def _looks_like_reference(answer: Answer) -> str:
    """The first field of the sent body whose name looks like a foreign key."""
    try:
        sent = json.loads(answer.asking.content or b"null")
    except ValueError:
        return ""
    names = list(sent) if isinstance(sent, Mapping) else []
    return next((n for n in names if snake(str(n)).endswith("_id")), "")


def first_value(api: ApiUnderTest, parameter: OperationParameter) -> Any:
    """A valid value of a parameter."""
    if parameter.examples:
        return parameter.examples[0]
    return sample(api.document, parameter.schema, name=parameter.name)


async def quietly(work: Callable[[], Awaitable[Any]]) -> None:
    """Runs something whose failure another trial reports."""
    with contextlib.suppress(Complaint, Untestable):
        await work()
