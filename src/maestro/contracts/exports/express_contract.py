"""A REST contract as the two data files an exported Express server reads.

Whatever the contract says ends up in these as JSON values; the server's source is always the same.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from maestro.contracts.exports.client_names import one_line
from maestro.contracts.exports.express_resources import resource_data
from maestro.contracts.exports.inlining import dereferenced
from maestro.contracts.exports.planned_requests import RestContract
from maestro.contracts.mocks.compiling import CompiledOperation
from maestro.contracts.mocks.credentials import schemes_of
from maestro.contracts.mocks.entries import is_nullable
from maestro.contracts.mocks.examples import named_examples
from maestro.contracts.mocks.messages import MockReply
from maestro.contracts.mocks.reading import field_kinds
from maestro.contracts.mocks.replies import UNSATISFIABLE, Wish
from maestro.contracts.openapi.bundling import compiled, standalone, without_marked
from maestro.contracts.openapi.operations import (
    MediaType,
    Operation,
    OperationParameter,
    OperationResponse,
)
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.openapi.shapes import (
    is_json,
    object_shape,
    success_schema,
    success_status,
)
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput

_IGNORED = ("accept", "content-type", "authorization")
_PARAMETER = re.compile(r"\{([^{}/]*)\}")
_SPECIAL = re.compile(r"([\\{}()\[\]*:?+!])")
_NOT_THESE = ("content-type", "content-length", "transfer-encoding", "connection")
_CODES = {"default": (500, 400, 299, 599)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressData:
    """The content of `contract.json` and `responses.json`."""

    contract: JsonObject
    responses: JsonObject
    notes: tuple[str, ...]
    """What of the contract could not be taken over."""


def express_data(rest: RestContract) -> ExpressData:
    """Raises InvalidInput when nothing of the contract can be served."""
    notes: list[str] = []
    routes: dict[str, dict[str, Any]] = {}
    responses: dict[str, JsonValue] = {}
    for raw, operation in rest.operations():
        if isinstance(operation, str):
            notes.append(f"{raw.key}: {operation}")
            continue
        ready = rest.api.ready(raw)
        try:
            replies, samples = _replies(rest, ready, notes)
            told = _operation(rest, ready, replies)
        except InvalidInput as error:  # a broken schema spoils its own operation only
            notes.append(f"{raw.key}: {error}")
            continue
        route = routes.setdefault(
            _route(rest.api.written_base, operation.path),
            _empty_route(rest.api.written_base, operation),
        )
        if operation.method not in route["operations"]:
            route["operations"][operation.method] = told
            responses[operation.key] = samples
    if not routes:
        raise InvalidInput(
            f"contract {rest.contract.id!r} has no usable operation; "
            "`maestro contracts lint` tells why"
        )
    ordered = sorted(routes.items(), key=lambda entry: entry[1]["rank"])
    contract = {
        "title": one_line(rest.document.title),
        "contract": rest.contract.id,
        "version": rest.contract.version,
        "basePath": rest.api.written_base,
        "routes": [{"path": path, **_without_rank(route)} for path, route in ordered],
        "resources": [resource_data(rest.document, r) for r in rest.resources],
    }
    return ExpressData(contract=contract, responses=responses, notes=tuple(notes))


def _without_rank(route: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in route.items() if name != "rank"}


def _empty_route(base: str, operation: Operation) -> dict[str, Any]:
    parts = operation.path.split("/")
    rank = [(len(_PARAMETER.findall(part)), -len(_PARAMETER.sub("", part))) for part in parts]
    return {"rank": rank, **_pattern(base, operation.path), "operations": {}}


def _pattern(base: str, path: str) -> dict[str, str]:
    """A regular expression for what a path of Express cannot say: parameters side by side."""
    if "}{" not in path:
        return {}
    made = ""
    parts = _PARAMETER.split(base.replace("{", "%7B") + path)
    for count, part in enumerate(parts):
        literal = re.sub(r"[^\w/%-]", lambda found: f"\\x{ord(found[0]):02x}", _escaped(part))
        made += literal if count % 2 == 0 else f"(?<p{(count + 1) // 2}>[^/]+?)"
    return {"pattern": f"^{made}$"}


def _route(base: str, path: str) -> str:
    """A path of Express 5: `{id}` is `:p1`, everything else is literal."""
    made, place = _literal(base), 0
    for count, found in enumerate(_PARAMETER.finditer(path), start=1):
        made += f"{_literal(path[place : found.start()])}:p{count}"
        place = found.end()
    return (made + _literal(path[place:])) or "/"


def _literal(text: str) -> str:
    """Escaped for the URL, then for Express."""
    return _SPECIAL.sub(r"\\\1", _escaped(text))


def _escaped(text: str) -> str:
    return quote(text, safe="/:@!$&'()*+,;=-._~%[]")


def _operation(
    rest: RestContract, ready: CompiledOperation, replies: Mapping[str, JsonValue]
) -> dict[str, Any]:
    operation = ready.operation
    body = operation.body
    return {
        "key": operation.key,
        "summary": operation.summary,
        "names": _PARAMETER.findall(operation.path),
        "parameters": [
            _parameter(rest, p)
            for p in operation.parameters
            if not (p.location == "header" and p.name.lower() in _IGNORED)
        ],
        "rejectsUnknownQuery": operation.rejects_unknown_query,
        "body": {"required": body.required, "content": _content(rest, operation, body.content)}
        if body is not None and body.content
        else None,
        "security": _security(rest, operation),
        "success": success_status(operation) or "200",
        "replies": dict(replies),
        "wraps": _wraps(rest, operation),
        **_place(rest, operation),
    }


def _place(rest: RestContract, operation: Operation) -> dict[str, JsonValue]:
    """What the operation does to stored entries."""
    for number, resource in enumerate(rest.resources):
        for action, own in resource.operations.items():
            if own.key == operation.key:
                return {"resource": number, "action": action.value}
        if any(find.key == operation.key for find in resource.finds):
            return {"resource": number, "action": "find"}
    return {}


def _wraps(rest: RestContract, operation: Operation) -> list[list[JsonValue]]:
    """Properties of the successful reply: whether each is required, and may be null."""
    shape = object_shape(rest.document, success_schema(operation))
    if shape is None:
        return []
    return [[n, n in shape.required, is_nullable(s)] for n, s in shape.properties.items()]


def _parameter(rest: RestContract, parameter: OperationParameter) -> dict[str, Any]:
    schema = standalone(rest.document, parameter.schema, where=parameter.pointer)
    wrapped = {"type": "object", "properties": {"value": parameter.schema}}
    kinds = field_kinds(rest.document, wrapped).get("value", frozenset())
    return {
        "name": parameter.name,
        "in": parameter.location,
        "required": parameter.required,
        "style": parameter.style,
        "explode": parameter.explode,
        "json": parameter.is_json,
        "allowEmpty": parameter.allow_empty,
        "kinds": sorted(kinds),
        "fields": _kinds(rest, parameter.schema) if "object" in kinds else {},
        "schema": dereferenced(schema),
    }


def _content(
    rest: RestContract, operation: Operation, content: Mapping[str, MediaType]
) -> dict[str, JsonValue]:
    return {
        kind: {
            "schema": _schema(rest, operation, media.schema, "readOnly"),
            "fields": _kinds(rest, media.schema),
        }
        for kind, media in content.items()
    }


def _kinds(rest: RestContract, schema: Schema) -> dict[str, JsonValue]:
    found = field_kinds(rest.document, schema)
    return {name: sorted(kinds) for name, kinds in found.items()}


def _schema(rest: RestContract, operation: Operation, schema: Schema, marker: str) -> JsonValue:
    whole = standalone(rest.document, schema, where=operation.pointer)
    made = dereferenced(without_marked(whole, marker))
    compiled(made, where=operation.pointer)
    return made


def _security(rest: RestContract, operation: Operation) -> list[list[dict[str, str]]]:
    """Alternatives of schemes that go together; none where nothing is demanded."""
    schemes = schemes_of(rest.document)
    made = [
        [_scheme(schemes[name]) for name in alternative if name in schemes]
        for alternative in operation.security
    ]
    return made if all(made) else []


def _scheme(scheme: Mapping[str, Any]) -> dict[str, str]:
    if scheme.get("type") == "apiKey":
        return {"in": str(scheme.get("in")), "name": str(scheme.get("name"))}
    if scheme.get("type") == "mutualTLS":
        return {"in": "connection", "name": ""}
    word = str(scheme.get("scheme", "bearer")) if scheme.get("type") == "http" else "bearer"
    return {"in": "authorization", "name": word.lower()}


def _replies(
    rest: RestContract, ready: CompiledOperation, notes: list[str]
) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    """Schemas and headers of every reply, and beside them their samples."""
    replies: dict[str, JsonValue] = {}
    samples: dict[str, JsonValue] = {}
    operation = ready.operation
    for status, response in operation.responses.items():
        made = _sampled(ready, response)
        if isinstance(made, str):
            notes.append(f"{operation.key} {status}: {made}")
            continue
        code, by_kind = made
        first = next(iter(by_kind.values()))
        samples[status] = {
            kind: {**_value(reply), "examples": _examples(rest, ready, response, kind)}
            for kind, reply in by_kind.items()
            if kind
        }
        notes += [
            f"{operation.key} {status} {kind}: no value satisfies the schema; the nearest is given"
            for kind, reply in by_kind.items()
            if UNSATISFIABLE in reply.headers
        ]
        replies[status] = {
            "code": code,
            "headers": dict(_headers(first)),
            "content": {
                kind: {
                    "type": reply.content_type,
                    "schema": _schema(rest, operation, response.content[kind].schema, "writeOnly"),
                }
                for kind, reply in by_kind.items()
                if kind
            },
        }
    return replies, samples


def _sampled(
    ready: CompiledOperation, response: OperationResponse
) -> tuple[int, dict[str, MockReply]] | str:
    """A status code for the reply and what our mock answers, by media type."""
    code = _code(ready.operation, response.status)
    if code is None:
        return "no status code is left for it"
    made: dict[str, MockReply] = {}
    for kind in sorted(response.content, key=lambda kind: not is_json(kind)) or [""]:
        reply = ready.writer.wished(Wish(status=code), kind or None)
        made[kind if reply.content_type else ""] = reply
    return code, made


def _code(operation: Operation, status: str) -> int | None:
    if status.isdigit():
        return int(status)
    options: Sequence[int] = _CODES.get(status, ())
    if status[1:].upper() == "XX" and status[:1].isdigit():
        options = range(int(status[0]) * 100, int(status[0]) * 100 + 100)
    for code in options:
        found = operation.response_for(code)
        if found is not None and found.status == status:
            return code
    return None


def _value(reply: MockReply) -> dict[str, JsonValue]:
    """JSON as the value it is, everything else as text."""
    if is_json(reply.content_type):
        return {"value": orjson.loads(reply.body)}
    return {"text": reply.body.decode("utf-8", "replace")}


def _examples(
    rest: RestContract,
    ready: CompiledOperation,
    response: OperationResponse,
    kind: str,
) -> dict[str, JsonValue]:
    """Named examples that fit their own schema."""
    found = named_examples(rest.document, ready.operation, response, kind)
    if not found:
        return {}
    schema = _schema(rest, ready.operation, response.content[kind].schema, "writeOnly")
    validator = compiled(schema, where=ready.operation.pointer)
    return {name: value for name, value in found.items() if validator.is_valid(value)}


def _headers(reply: MockReply) -> Iterator[tuple[str, str]]:
    for name, value in reply.headers:
        if name not in _NOT_THESE and (name, value) != UNSATISFIABLE and _sendable(name, value):
            yield name, value


def _sendable(name: str, value: str) -> bool:
    """Node refuses other header names and values."""
    token = re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name)
    return token is not None and re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value) is not None
