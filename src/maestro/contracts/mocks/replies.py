"""Replies of one operation that keep to its contract, compiled when first needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from maestro.contracts.mocks.examples import named_examples
from maestro.contracts.mocks.messages import (
    NO_BODY,
    MockReply,
    Refused,
    accepted,
    dump,
    problem_reply,
    problem_value,
)
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.openapi.bundling import compiled, standalone, without_marked
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import MediaType, Operation, OperationResponse
from maestro.contracts.openapi.resources import ResourceAction
from maestro.contracts.openapi.schemas import Schema, rebuild
from maestro.contracts.openapi.shapes import is_json, success_status
from maestro.contracts.samples import Sampler
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

_USUAL = {ResourceAction.CREATE: 201, ResourceAction.DELETE: 204}

UNSATISFIABLE = ("x-maestro-warning", "no value satisfies the schema of this reply")


_MAX_KEPT = 512
"""Replies that are kept as they were last written; entries are read more often than changed."""


@dataclass(slots=True)
class _Content:
    """One media type of one response, ready to be used."""

    is_valid: Callable[[JsonValue], bool]
    sampler: Sampler | None
    """None where nothing satisfies the schema."""
    sampled: JsonValue
    kept: dict[int, tuple[JsonValue, MockReply]] = field(default_factory=dict)
    """By the identity of the entry: entries are replaced, never changed in place."""

    @property
    def satisfiable(self) -> bool:
        return self.sampler is not None

    def drawn(self, variant: int) -> JsonValue:
        return self.sampled if self.sampler is None else self.sampler.sample(variant=variant)

    def keep(self, value: JsonValue, reply: MockReply) -> None:
        if len(self.kept) >= _MAX_KEPT:
            self.kept.clear()
        self.kept[id(value)] = (value, reply)


@dataclass(slots=True)
class _Plan:
    """How replies of one status are written for one Accept header."""

    status: int
    response: OperationResponse | None
    content: _Content | None
    """None for replies without a body."""
    content_type: str
    write: Callable[[JsonValue], bytes]
    """How a value is written in the media type."""
    has_more: bool
    """Headers besides those that every reply has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a caller wants a documented reply to be."""

    status: int | None = None
    example: str = ""
    """Name of an example of the contract."""
    dynamic: bool = False


class ReplyWriter:
    """Writes the replies of one operation."""

    def __init__(
        self, document: OpenApiDocument, operation: Operation, behaviour: MockBehaviour
    ) -> None:
        self._document = document
        self._operation = operation
        self._behaviour = behaviour
        self._contents: dict[tuple[str, str], _Content] = {}
        self._kinds: dict[tuple[str, str | None], str | None] = {}
        self._plans: dict[tuple[int, str | None], _Plan] = {}
        self._successes: dict[tuple[ResourceAction | None, str | None], _Plan] = {}
        self._drawn = 0
        self.notes: list[str] = []
        """Examples of the contract that were replaced, and schemas that nothing fits."""

    def examine(self) -> None:
        """Compiles everything that has examples, so that the notes are complete."""
        for response in self._operation.responses.values():
            for kind, media in response.content.items():
                if media.examples:
                    self._content(response, kind)

    def success(
        self,
        accept: str | None,
        action: ResourceAction | None = None,
        value: JsonValue = None,
        location: str = "",
    ) -> MockReply:
        """The reply that means success; a sample where there is no value that fits.

        Raises:
            Refused: 406.
        """
        plan = self._successes.get((action, accept)) or self._success(action, accept)
        headers = (("location", location),) if location and plan.status in (201, 202) else ()
        if action is None or value is None:
            return self._sampled(plan, headers)
        if action is not ResourceAction.GET:
            return self._made(plan, value, headers)
        return self._kept(plan, value, headers)

    def wished(self, wish: Wish, accept: str | None) -> MockReply:
        """The reply that the caller preferred.

        Raises:
            Refused: 400 when the contract does not have it, 406.
        """
        status = wish.status or self._success_status(None)
        response = self._operation.response_for(status)
        if response is None:
            known = ", ".join(self._operation.responses)
            raise Refused(400, f"Prefer: {status} is no answer of this operation; known: {known}")
        plan = self._plan(status, accept)
        if not wish.example:
            return self._sampled(plan, (), dynamic=wish.dynamic)
        return self._made(plan, self._example(response, accept, wish), ())

    def _example(self, response: OperationResponse, accept: str | None, wish: Wish) -> JsonValue:
        kind = self._chosen(response, accept)
        known = named_examples(self._document, self._operation, response, kind)
        if wish.example not in known:
            raise Refused(
                400,
                f"Prefer: {wish.example!r} is no example of this reply; known: "
                f"{', '.join(known) or 'none'}",
            )
        value = known[wish.example]
        if not self._content(response, kind).is_valid(value):
            raise Refused(500, f"the example {wish.example!r} does not fit its own schema")
        return value

    def refusal(self, refused: Refused) -> MockReply:
        """An error in the shape the contract gives it, or as problem details."""
        response = self._operation.response_for(refused.status)
        kind = next((k for k in response.content if is_json(k)), None) if response else None
        if response is None or kind is None:
            return problem_reply(refused)
        try:
            content = self._content(response, kind)
        except InvalidInput:  # the caller is wrong all the same
            return problem_reply(refused)
        value = _overlaid(content, problem_value(refused), refused)
        return MockReply(
            status=refused.status, body=dump(value), content_type=kind, headers=refused.headers
        )

    def check_accept(self, accept: str) -> None:
        """Raises Refused (406) when a success could not be told in a way the caller takes."""
        if (None, accept) not in self._successes:
            self._success(None, accept)

    def _success(self, action: ResourceAction | None, accept: str | None) -> _Plan:
        plan = self._plan(self._success_status(action), accept)
        if len(self._successes) >= _MAX_KEPT:
            self._successes.clear()
        self._successes[action, accept] = plan
        return plan

    def _success_status(self, action: ResourceAction | None) -> int:
        status = success_status(self._operation)
        usual = _USUAL.get(action, 200) if action else 200
        if status is None or status == "default":
            return usual
        declared = self._operation.responses
        if str(usual) in declared:
            return usual
        return int(status) if status.isdigit() else usual

    def _sampled(
        self, plan: _Plan, headers: tuple[tuple[str, str], ...], *, dynamic: bool = False
    ) -> MockReply:
        content = plan.content
        if content is None:
            return MockReply(status=plan.status, headers=self._headers(plan.response, headers))
        if not (dynamic or self._behaviour.dynamic):
            return self._kept(plan, content.sampled, headers)
        self._drawn += 1
        return self._made(plan, content.drawn(self._behaviour.seed + self._drawn), headers)

    def _kept(
        self, plan: _Plan, value: JsonValue, headers: tuple[tuple[str, str], ...]
    ) -> MockReply:
        """The same reply for the same value."""
        content = plan.content
        known = content.kept.get(id(value)) if content is not None else None
        if known is not None and known[0] is value and known[1].status == plan.status:
            return known[1]
        reply = self._made(plan, value, headers)
        if content is not None:
            content.keep(value, reply)
        return reply

    def _made(
        self, plan: _Plan, value: JsonValue, headers: tuple[tuple[str, str], ...]
    ) -> MockReply:
        content = plan.content
        if content is None:
            return MockReply(status=plan.status, headers=self._headers(plan.response, headers))
        if value is not content.sampled and not content.is_valid(value):
            value = _fitting(content, value)
        return MockReply(
            status=plan.status,
            body=plan.write(value),
            content_type=plan.content_type,
            headers=self._headers(plan.response, headers, content) if plan.has_more else headers,
        )

    def _plan(self, status: int, accept: str | None) -> _Plan:
        """What is the same for all replies of a status that are accepted alike."""
        known = self._plans.get((status, accept))
        if known is not None:
            return known
        response = self._operation.response_for(status)
        if response is None or not response.content or status in NO_BODY:
            made = _Plan(status, response, None, "", dump, has_more=True)
        else:
            kind = self._chosen(response, accept)
            content = self._content(response, kind)
            more = not content.satisfiable or any(h.required for h in response.headers.values())
            made = _Plan(status, response, content, _concrete(kind), _written_as(kind), more)
        if len(self._plans) >= _MAX_KEPT:
            self._plans.clear()
        self._plans[status, accept] = made
        return made

    def _chosen(self, response: OperationResponse, accept: str | None) -> str:
        """The media type for an Accept header. Raises Refused (406)."""
        key = (response.status, accept)
        if key not in self._kinds:
            if len(self._kinds) >= _MAX_KEPT:
                self._kinds.clear()
            offered = sorted(response.content, key=lambda kind: not is_json(kind))
            self._kinds[key] = accepted(accept, offered)
        kind = self._kinds[key]
        if kind is None:
            offered = sorted(response.content, key=lambda kind: not is_json(kind))
            raise Refused(406, f"only {', '.join(offered)} can be had here, not {accept!r}")
        return kind

    def _headers(
        self,
        response: OperationResponse | None,
        given: tuple[tuple[str, str], ...],
        content: _Content | None = None,
    ) -> tuple[tuple[str, str], ...]:
        """Required headers of the contract besides those that are given."""
        made = list(given)
        if content is not None and not content.satisfiable:
            made.append(UNSATISFIABLE)
        present = {name.lower() for name, _ in given} | {"content-type"}
        for name, header in response.headers.items() if response else ():
            if header.required and name.lower() not in present:
                value = Sampler(standalone(self._document, header.schema), name=name).sample()
                made.append(
                    (name.lower(), value if isinstance(value, str) else dump(value).decode())
                )
        return tuple(made)

    def _content(self, response: OperationResponse, kind: str) -> _Content:
        key = (response.status, kind)
        known = self._contents.get(key)
        if known is None:
            where = f"{self._operation.key} {response.status} {kind}"
            known = self._contents[key] = self._compiled(response.content[kind], where)
        return known

    def _compiled(self, media: MediaType, where: str) -> _Content:
        schema = standalone(self._document, media.schema, where=self._operation.pointer)
        schema = without_marked(schema, "writeOnly")
        validator = compiled(schema, where=self._operation.pointer)
        good = [example for example in media.examples if validator.is_valid(example)]
        self._note_bad(media, validator, where)
        sampler = Sampler(schema)
        try:
            value = sampler.sample(variant=self._behaviour.seed)
        except InvalidInput:
            self.notes.append(f"{where}: no value satisfies the schema; the nearest is given")
            return _Content(validator.is_valid, None, good[0] if good else _nearest(schema))
        if good:
            value = good[self._behaviour.seed % len(good)]
        return _Content(validator.is_valid, sampler, value)

    def _note_bad(self, media: MediaType, validator: Any, where: str) -> None:
        for number, example in enumerate(media.examples, start=1):
            error = next(iter(validator.iter_errors(example)), None)
            if error is not None:
                place = "/".join(str(part) for part in error.instance_path)
                rule = error.schema_path[-1] if error.schema_path else "schema"
                self.notes.append(
                    f"{where}: example {number} is replaced, /{place} breaks {rule!r}: "
                    f"{error.message[:160]}"
                )


def _nearest(schema: Schema) -> JsonValue:
    """For overlapping `oneOf` branches: a value that fits at least one of them."""
    try:
        return Sampler(_softened(schema)).sample()
    except InvalidInput:
        return None


def _softened(schema: Schema) -> Schema:
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = dict(rebuild(schema, _softened))
    if "oneOf" in made and "anyOf" not in made:
        made["anyOf"] = made.pop("oneOf")
    return made


def _fitting(content: _Content, value: JsonValue) -> JsonValue:
    """For a value that the reply's schema does not take: the sample with its properties."""
    if isinstance(value, Mapping) and isinstance(content.sampled, Mapping):
        known = {k: v for k, v in value.items() if k in content.sampled}
        mixed = {**content.sampled, **known}
        if content.is_valid(mixed):
            return mixed
    return content.sampled


def _overlaid(content: _Content, problem: dict[str, Any], refused: Refused) -> JsonValue:
    """A problem in somebody else's error shape: the sample with our words in its text fields."""
    if content.is_valid(problem):
        return problem
    if not isinstance(content.sampled, dict):
        return content.sampled
    made = dict(content.sampled)
    texts = dict.fromkeys(("message", "detail", "error", "description"), refused.detail)
    numbers = dict.fromkeys(("status", "code"), refused.status)
    for name, value in {**texts, **numbers}.items():
        if name in made and content.is_valid({**made, name: value}):
            made[name] = value
    return made


def _written_as(kind: str) -> Callable[[JsonValue], bytes]:
    """What writes values of a media type."""
    if is_json(kind) or kind == "*/*":
        return dump
    return _xml_document if kind.endswith("xml") else _text


def _text(value: JsonValue) -> bytes:
    return value.encode() if isinstance(value, str) else dump(value)


def _xml_document(value: JsonValue) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return f'<?xml version="1.0" encoding="UTF-8"?>{_xml("reply", value)}'.encode()


def _xml(tag: str, value: JsonValue) -> str:
    if isinstance(value, Mapping):
        inside = "".join(_xml(name, entry) for name, entry in value.items())
    elif isinstance(value, list):
        inside = "".join(_xml("item", entry) for entry in value)
    else:
        inside = "" if value is None else escape(str(value))
    return f"<{tag}>{inside}</{tag}>"


def _concrete(kind: str) -> str:
    """Ranges are no content type of a reply."""
    if kind == "*/*":
        return "application/json"
    return kind.replace("/*", "/plain") if kind.endswith("/*") else kind
