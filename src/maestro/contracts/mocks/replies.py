"""Replies of one operation that keep to its contract, compiled when first needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from maestro.contracts.mocks.messages import (
    MockReply,
    Refused,
    accepted,
    dump,
    problem_reply,
    problem_value,
)
from maestro.contracts.openapi.bundling import compiled, standalone, without_marked
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import MediaType, Operation, OperationResponse
from maestro.contracts.openapi.resources import ResourceAction
from maestro.contracts.openapi.schemas import Schema, rebuild
from maestro.contracts.openapi.shapes import is_json, success_status
from maestro.contracts.samples import Sampler
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

_NO_BODY = (204, 205, 304)
_USUAL = {ResourceAction.CREATE: 201, ResourceAction.DELETE: 204}

UNSATISFIABLE = ("x-maestro-warning", "no value satisfies the schema of this reply")


@dataclass(frozen=True, slots=True)
class _Content:
    """One media type of one response, ready to be used."""

    media: MediaType
    validator: Any
    sampled: JsonValue
    satisfiable: bool


class ReplyWriter:
    """Writes the replies of one operation."""

    def __init__(self, document: OpenApiDocument, operation: Operation) -> None:
        self._document = document
        self._operation = operation
        self._contents: dict[tuple[str, str], _Content] = {}

    def success(
        self,
        accept: str | None,
        *,
        action: ResourceAction | None = None,
        value: JsonValue = None,
        location: str = "",
    ) -> MockReply:
        """The reply that means success; a sample where there is no value that fits.

        Raises:
            Refused: 406.
        """
        status = self._success_status(action)
        headers = (("location", location),) if location and status in (201, 202) else ()
        response = self._operation.response_for(status)
        stored = value if action is not None else None
        return self._reply(status, response, accept, stored, headers)

    def documented(self, status: int, accept: str | None) -> MockReply:
        """The reply with a status that the caller preferred.

        Raises:
            Refused: 400 when the contract does not have it.
        """
        response = self._operation.response_for(status)
        if response is None:
            known = ", ".join(self._operation.responses)
            raise Refused(400, f"Prefer: {status} is no answer of this operation; known: {known}")
        return self._reply(status, response, accept, None, ())

    def refusal(self, refused: Refused) -> MockReply:
        """An error in the shape the contract gives it, or as problem details."""
        response = self._operation.response_for(refused.status)
        kind = next((k for k in response.content if is_json(k)), None) if response else None
        if response is None or kind is None:
            return problem_reply(refused)
        content = self._content(response, kind)
        value = _overlaid(content, problem_value(refused), refused)
        return MockReply(
            status=refused.status, body=dump(value), content_type=kind, headers=refused.headers
        )

    def _success_status(self, action: ResourceAction | None) -> int:
        status = success_status(self._operation)
        usual = _USUAL.get(action, 200) if action else 200
        if status is None or status == "default":
            return usual
        declared = self._operation.responses
        if str(usual) in declared:
            return usual
        return int(status) if status.isdigit() else usual

    def _reply(
        self,
        status: int,
        response: OperationResponse | None,
        accept: str | None,
        value: JsonValue,
        headers: tuple[tuple[str, str], ...],
    ) -> MockReply:
        if response is None or not response.content or status in _NO_BODY:
            return MockReply(status=status, headers=self._headers(response, headers))
        kinds = sorted(response.content, key=lambda kind: not is_json(kind))
        kind = accepted(accept, kinds)
        if kind is None:
            raise Refused(406, f"only {', '.join(kinds)} can be had here, not {accept!r}")
        content = self._content(response, kind)
        chosen = content.sampled if value is None else _fitting(content, value)
        made = self._headers(response, headers)
        return MockReply(
            status=status,
            body=_written(kind, chosen),
            content_type=_concrete(kind),
            headers=made if content.satisfiable else (*made, UNSATISFIABLE),
        )

    def _headers(
        self, response: OperationResponse | None, given: tuple[tuple[str, str], ...]
    ) -> tuple[tuple[str, str], ...]:
        """Required headers of the contract besides those that are given."""
        made = list(given)
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
        if key not in self._contents:
            self._contents[key] = self._compiled(response.content[kind])
        return self._contents[key]

    def _compiled(self, media: MediaType) -> _Content:
        schema = standalone(self._document, media.schema, where=self._operation.pointer)
        schema = without_marked(schema, "writeOnly")
        validator = compiled(schema, where=self._operation.pointer)
        for example in media.examples:
            if validator.is_valid(example):
                return _Content(media, validator, example, satisfiable=True)
        try:
            value = Sampler(schema).sample()
        except InvalidInput:
            return _Content(media, validator, _nearest(schema), satisfiable=False)
        return _Content(media, validator, value, satisfiable=True)


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
    """The stored value if the reply's schema takes it, else the sample with its properties."""
    if content.validator.is_valid(value):
        return value
    if isinstance(value, Mapping) and isinstance(content.sampled, Mapping):
        known = {k: v for k, v in value.items() if k in content.sampled}
        mixed = {**content.sampled, **known}
        if content.validator.is_valid(mixed):
            return mixed
    return content.sampled


def _overlaid(content: _Content, problem: dict[str, Any], refused: Refused) -> JsonValue:
    """A problem in somebody else's error shape: the sample with our words in its text fields."""
    if content.validator.is_valid(problem):
        return problem
    if not isinstance(content.sampled, dict):
        return content.sampled
    made = dict(content.sampled)
    texts = dict.fromkeys(("message", "detail", "error", "description"), refused.detail)
    numbers = dict.fromkeys(("status", "code"), refused.status)
    for name, value in {**texts, **numbers}.items():
        if name in made and content.validator.is_valid({**made, name: value}):
            made[name] = value
    return made


def _written(kind: str, value: JsonValue) -> bytes:
    if is_json(kind) or kind == "*/*":
        return dump(value)
    if isinstance(value, str):
        return value.encode()
    if kind.endswith("xml"):
        return f'<?xml version="1.0" encoding="UTF-8"?>{_xml("reply", value)}'.encode()
    return dump(value)


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
