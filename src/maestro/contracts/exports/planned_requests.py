"""One valid request for every operation of a REST contract, made of sampled values.

Each is held against our own mock before it is handed out.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from maestro.contracts.exports.request_encoding import (
    form_text,
    header_text,
    multipart_text,
    path_text,
    query_text,
)
from maestro.contracts.mocks.compiling import RawOperation
from maestro.contracts.mocks.credentials import schemes_of
from maestro.contracts.mocks.messages import MockReply, MockRequest, dump
from maestro.contracts.mocks.rest import RestSurface
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.mocks.validation import validator_of
from maestro.contracts.openapi.bundling import standalone, without_marked
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import Operation, OperationParameter
from maestro.contracts.openapi.resources import Resource, resources
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.openapi.shapes import is_json
from maestro.contracts.samples import Sampler, sample
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

BOUNDARY = "maestro-form-boundary"
SECRET = "sample:secret"  # noqa: S105 - stands where a credential belongs
_VARIANTS = 4
_IGNORED = ("accept", "content-type", "authorization")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequest:
    """A request that keeps to the contract, and what our mock answers to it."""

    operation: Operation
    path: str
    """Percent-encoded, without the base path."""
    query: str
    headers: Mapping[str, str]
    """Besides content type and credentials."""
    credentials: Mapping[str, str]
    """Header -> value; `cookie` among them."""
    content_type: str
    value: JsonValue
    """What the body says; None where there is none."""
    body: bytes
    reply: MockReply = field(default_factory=lambda: MockReply(status=0), compare=False)

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def sent_headers(self) -> dict[str, str]:
        kind = {"content-type": self.content_type} if self.content_type else {}
        return {**self.headers, **self.credentials, **kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPlan:
    requests: tuple[PlannedRequest, ...]
    """In the order of the document."""
    notes: tuple[str, ...]
    """Operations for which no valid request was found, and why."""

    @property
    def in_turn(self) -> tuple[PlannedRequest, ...]:
        """As people try them one after the other: what is deleted is needed by nothing later."""
        return tuple(sorted(self.requests, key=lambda one: one.operation.method == "DELETE"))


class RestContract:
    """An OpenAPI contract with our own stateless mock of it."""

    def __init__(self, contract: Contract, *, what: str) -> None:
        """Raises InvalidInput for another kind of contract or an unreadable document."""
        if contract.format is not SpecificationFormat.OPENAPI:
            raise InvalidInput(
                f"contract {contract.id!r} is {contract.format.value}; {what} made from OpenAPI"
            )
        self.contract = contract
        self.mock = RestSurface(contract, MockBehaviour(stateful=False), _forget)
        self.api = self.mock.api
        self.document = self.api.document
        self.resources = self._resources()
        self._schemes = schemes_of(self.document)

    def _resources(self) -> tuple[Resource, ...]:
        try:
            return tuple(found for found in resources(self.document) if found.grows)
        except InvalidInput:
            return ()

    def operations(self) -> Iterator[tuple[RawOperation, Operation | str]]:
        """Every operation, or why it cannot be used."""
        for raw in self.api.raw:
            try:
                yield raw, self.api.ready(raw).operation
            except InvalidInput as error:
                yield raw, str(error)

    def plan(self) -> RequestPlan:
        requests, notes = [], []
        for raw, operation in self.operations():
            if isinstance(operation, str):
                notes.append(f"{raw.key}: {operation}")
                continue
            made = self.planned(operation)
            if isinstance(made, str):
                notes.append(f"{raw.key}: {made}")
            else:
                requests.append(made)
        return RequestPlan(requests=tuple(requests), notes=tuple(notes))

    def planned(self, operation: Operation) -> PlannedRequest | str:
        """A request our mock takes, or why none was found."""
        why = "no values satisfy its schemas"
        for whole in (False, True):
            for variant in range(_VARIANTS):
                try:
                    made = self._made(operation, variant, whole=whole)
                except InvalidInput as error:
                    why = str(error)
                    continue
                handled = self.mock.answered(self.asked(made))
                if handled.valid and handled.operation == operation.key:
                    return replace(made, reply=handled.reply)
                why = handled.problem or why
        return why

    def asked(self, planned: PlannedRequest) -> MockRequest:
        """The request as a server sees it."""
        headers = {n.encode(): v.encode("utf-8") for n, v in planned.sent_headers.items()}
        path = self.api.written_base + planned.path
        return MockRequest(planned.operation.method, path, planned.query, headers, planned.body)

    def sampled(self, operation: Operation, *, variant: int = 0) -> tuple[str, JsonValue]:
        """Media type and value of a request body. Raises InvalidInput when there is none."""
        assert operation.body is not None
        content = operation.body.content
        ranked = sorted(content, key=lambda k: (not is_json(k), "form" not in k))
        kind = ranked[0]
        media = content[kind]
        schema = without_marked(standalone(self.document, media.schema), "readOnly")
        sampler = Sampler(schema)
        if variant == 0:
            validator = self._validator(operation, kind)
            for example in media.examples:
                if validator.is_valid(example):
                    return kind, example
        return kind, sampler.sample(variant=variant)

    def _validator(self, operation: Operation, kind: str) -> Any:
        assert operation.body is not None
        schema = operation.body.content[kind].schema
        return validator_of(self.document, schema, operation.pointer, marker="readOnly")

    def _made(self, operation: Operation, variant: int, *, whole: bool) -> PlannedRequest:
        values = {
            (p.location, p.name): self._value(p, variant)
            for p in operation.parameters
            if (p.required or whole) and not (p.location == "header" and p.name.lower() in _IGNORED)
        }
        path, query, cookies = operation.path, [], []
        headers: dict[str, str] = {}
        for parameter in operation.parameters:
            if (parameter.location, parameter.name) not in values:
                continue
            value = values[parameter.location, parameter.name]
            if parameter.location == "path":
                path = path.replace(f"{{{parameter.name}}}", path_text(parameter, value))
            elif parameter.location == "query":
                query.append(query_text(parameter, value))
            elif parameter.location == "header":
                headers[parameter.name.lower()] = header_text(parameter, value)
            else:
                cookies.append(query_text(parameter, value).replace("&", "; "))
        credentials, more = self._credentials(operation)
        cookies += [credentials.pop("cookie")] if "cookie" in credentials else []
        if cookies:
            headers["cookie"] = "; ".join(cookies)
        kind, sent, body = "", None, b""
        if operation.body is not None and (operation.body.required or whole or variant == 0):
            kind, sent, body = self._body(operation, variant)
        _check_headers({**headers, **credentials})
        return PlannedRequest(
            operation=operation,
            path=_encoded(path),
            query="&".join(part for part in (*query, *more) if part),
            headers=headers,
            credentials=credentials,
            content_type=kind,
            value=sent,
            body=body,
        )

    def _value(self, parameter: OperationParameter, variant: int) -> JsonValue:
        schema = standalone(self.document, parameter.schema, where=parameter.pointer)
        sampler = Sampler(schema, name=parameter.name)
        if parameter.examples and variant == 0:
            return parameter.examples[0]
        return sampler.sample(variant=variant)

    def _body(self, operation: Operation, variant: int) -> tuple[str, JsonValue, bytes]:
        assert operation.body is not None
        if not operation.body.content:
            return "", None, b""
        kind, value = self.sampled(operation, variant=variant)
        sent = kind if "*" not in kind else "application/json"
        plain = sent.partition(";")[0].strip().lower()
        if is_json(plain):
            return sent, value, dump(value)
        if isinstance(value, Mapping) and plain == "application/x-www-form-urlencoded":
            return sent, value, form_text(value).encode()
        if isinstance(value, Mapping) and plain == "multipart/form-data":
            text = multipart_text(value, BOUNDARY)
            return f"{plain}; boundary={BOUNDARY}", value, text.encode()
        return sent, value, value.encode() if isinstance(value, str) else dump(value)

    def _credentials(self, operation: Operation) -> tuple[dict[str, str], list[str]]:
        """Headers and query pairs of the first complete way in."""
        headers: dict[str, str] = {}
        query: list[str] = []
        alternatives = [a for a in operation.security if all(n in self._schemes for n in a)]
        for name in alternatives[0] if alternatives else ():
            scheme = self._schemes[name]
            secret = str(scheme.get("x-test-credential") or SECRET)
            place, key = str(scheme.get("in")), str(scheme.get("name"))
            if scheme.get("type") != "apiKey":
                headers["authorization"] = _authorization(scheme, secret)
            elif place == "header":
                headers[key.lower()] = secret
            elif place == "cookie":
                headers["cookie"] = f"{key}={secret}"
            else:
                query.append(f"{key}={secret}")
        return headers, query


def satisfiable(document: OpenApiDocument, schema: Schema) -> bool:
    """Whether the sampler finds a value at all."""
    try:
        sample(document, schema)
    except InvalidInput:
        return False
    return True


def recorded(contract: Contract, planned: PlannedRequest) -> RecordedCall:
    """The call as if a consumer had made it on our mock."""
    reply: JsonValue = None
    if planned.reply.body and is_json(planned.reply.content_type):
        reply = orjson.loads(planned.reply.body)
    return RecordedCall(
        at=datetime(2030, 1, 1, tzinfo=UTC),
        method=planned.operation.method,
        path=planned.path,
        operation=planned.operation.key,
        status=planned.reply.status,
        valid=True,
        request_body=planned.value,
        query=planned.query,
        request_headers={
            name: text for name, text in planned.sent_headers.items() if name == "content-type"
        },
        reply_body=reply,
        contract=contract.id,
        consumer=next(iter(contract.consumers), ""),
        version=contract.version,
    )


def _authorization(scheme: Mapping[str, Any], secret: str) -> str:
    kind = str(scheme.get("scheme", "bearer")) if scheme.get("type") == "http" else "bearer"
    if kind.lower() != "basic":
        return f"{kind.capitalize()} {secret}"
    return f"Basic {b64encode(secret.encode()).decode()}"


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, text in headers.items():
        if not (name.isascii() and text.isascii() and text.isprintable()) or not name.strip():
            raise InvalidInput(f"the header {name!r} cannot carry the sampled value {text!r:.80}")


def _encoded(path: str) -> str:
    """Whatever else stands in a template, escaped as in a URL; escapes stay as they are."""
    return "".join(c if c.isascii() and c.isprintable() and c not in ' "<>\\^`{|}#?' else
                   "".join(f"%{byte:02X}" for byte in c.encode()) for c in path)  # fmt: skip


def _forget(call: RecordedCall) -> None:
    """Nobody reads what is asked here."""
