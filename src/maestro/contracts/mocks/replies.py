"""Replies of one operation that keep to its contract, compiled when first needed."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

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
from maestro.contracts.mocks.writing import concrete, written_as
from maestro.contracts.openapi.bundling import compiled, standalone, without_marked
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.indifference import is_indifferent
from maestro.contracts.openapi.operations import MediaType, Operation, OperationResponse
from maestro.contracts.openapi.resources import ResourceAction
from maestro.contracts.openapi.schemas import Schema, rebuild
from maestro.contracts.openapi.shapes import is_json, success_status
from maestro.contracts.samples import Sampler
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

_USUAL = {ResourceAction.CREATE: 201, ResourceAction.DELETE: 204}

Headers = tuple[tuple[str, str], ...]

UNSATISFIABLE = ("x-maestro-warning", "no value satisfies the schema of this reply")


_MAX_KEPT = 512
"""Replies that are kept as they were last written; entries are read more often than changed."""


@dataclass(slots=True)
class _Content:
    """One media type of one response, ready to be used."""

    schema: Schema
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


class ReplyForm:
    """How replies of one status are written for one Accept header."""

    __slots__ = ("content", "content_type", "headers", "located", "status", "write")

    def __init__(
        self, status: int, kind: str, content: _Content | None, headers: Headers, located: Headers
    ) -> None:
        """
        Args:
            status: of all replies.
            kind: media type of their body.
            content: None for replies without a body.
            headers: what the contract requires besides what every reply has.
            located: the same for replies that tell where an entry is.
        """
        self.status = status
        self.content = content
        self.content_type = concrete(kind)
        self.headers = headers
        self.located = located
        self.write = written_as(kind)
        """How a value that the schema takes becomes a body."""

    @property
    def tells_location(self) -> bool:
        return self.status in (201, 202)

    def body(self, value: JsonValue) -> bytes:
        """The value as it is written; what comes nearest where the schema does not take it."""
        content = self.content
        if content is None:
            return b""
        if value is not content.sampled and not content.is_valid(value):
            value = _fitting(content, value)
        return self.write(value)

    def takes_later(self, value: JsonValue, names: Collection[str]) -> bool:
        """Whether the schema takes a value, and all that have later ids and moments in these
        properties.
        """
        content = self.content
        return (
            content is not None
            and content.is_valid(value)
            and is_indifferent(content.schema, names)
        )

    def reply(self, value: JsonValue, location: str = "") -> MockReply:
        headers = self.headers
        if location and self.tells_location:
            headers = (("location", location), *self.located)
        return MockReply(self.status, self.body(value), self.content_type, headers)


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
        self._forms: dict[tuple[int, str | None], ReplyForm] = {}
        self._successes: dict[str | None, tuple[ResourceAction | None, ReplyForm]] = {}
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
        form = self.form(accept, action)
        if action is None or value is None:
            return self._sampled(form)
        if action is not ResourceAction.GET:
            return form.reply(value, location)
        return _kept(form, value)

    def form(self, accept: str | None, action: ResourceAction | None) -> ReplyForm:
        """How the success of an action is told.

        Raises:
            Refused: 406.
        """
        known = self._successes.get(accept)
        if known is not None and known[0] is action:
            return known[1]
        form = self._form(self._success_status(action), accept)
        if len(self._successes) >= _MAX_KEPT:
            self._successes.clear()
        self._successes[accept] = (action, form)
        return form

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
        form = self._form(status, accept)
        if not wish.example:
            return self._sampled(form, dynamic=wish.dynamic)
        return form.reply(self._example(response, accept, wish))

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
        if accept not in self._successes:
            self.form(accept, None)

    def _success_status(self, action: ResourceAction | None) -> int:
        status = success_status(self._operation)
        usual = _USUAL.get(action, 200) if action else 200
        if status is None or status == "default":
            return usual
        declared = self._operation.responses
        if str(usual) in declared:
            return usual
        return int(status) if status.isdigit() else usual

    def _sampled(self, form: ReplyForm, *, dynamic: bool = False) -> MockReply:
        content = form.content
        if content is None:
            return form.reply(None)
        if not (dynamic or self._behaviour.dynamic):
            return _kept(form, content.sampled)
        self._drawn += 1
        return form.reply(content.drawn(self._behaviour.seed + self._drawn))

    def _form(self, status: int, accept: str | None) -> ReplyForm:
        known = self._forms.get((status, accept))
        if known is not None:
            return known
        response = self._operation.response_for(status)
        kind, content = "", None
        if response is not None and response.content and status not in NO_BODY:
            kind = self._chosen(response, accept)
            content = self._content(response, kind)
        headers = self._headers(response, content)
        located = tuple(pair for pair in headers if pair[0] != "location")
        made = ReplyForm(status, kind, content, headers, located)
        if len(self._forms) >= _MAX_KEPT:
            self._forms.clear()
        self._forms[status, accept] = made
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

    def _headers(self, response: OperationResponse | None, content: _Content | None) -> Headers:
        """What the contract requires besides the headers that every reply has."""
        made = []
        if content is not None and not content.satisfiable:
            made.append(UNSATISFIABLE)
        for name, header in response.headers.items() if response else ():
            if header.required and name.lower() != "content-type":
                value = Sampler(standalone(self._document, header.schema), name=name).sample()
                text = value if isinstance(value, str) else dump(value).decode()
                made.append((name.lower(), text))
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
            return _Content(schema, validator.is_valid, None, good[0] if good else _nearest(schema))
        if good:
            value = good[self._behaviour.seed % len(good)]
        return _Content(schema, validator.is_valid, sampler, value)

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


def _kept(form: ReplyForm, value: JsonValue) -> MockReply:
    """The same reply for the same value."""
    content = form.content
    known = content.kept.get(id(value)) if content is not None else None
    if known is not None and known[0] is value and known[1].status == form.status:
        return known[1]
    reply = form.reply(value)
    if content is not None:
        content.keep(value, reply)
    return reply


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
