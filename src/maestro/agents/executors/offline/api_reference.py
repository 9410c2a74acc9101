"""The operations of an API as a reference describes them, read from its OpenAPI document."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from maestro.agents.executors.offline.openapi_nodes import (
    body_schema,
    example_value,
    resolve,
    words,
)
from maestro.domain.contract import Contract

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
MAX_DEPTH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceParameter:
    """A parameter or a property of a body."""

    name: str
    place: str
    """`path`, `query`, `header`, `cookie` or `body`."""
    type: str
    required: bool
    rules: str
    """Limits, members and default in words."""
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceReply:
    status: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceOperation:
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[ReferenceParameter, ...]
    properties: tuple[ReferenceParameter, ...]
    """Of the request body, where it is an object."""
    replies: tuple[ReferenceReply, ...]
    curl: str
    status: str
    """The first documented success."""
    example: str
    """Its body as indented JSON; empty when it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceApi:
    component: str
    name: str
    url: str
    """Base address when the application runs at its default port."""
    operations: tuple[ReferenceOperation, ...]


def documented_api(contract: Contract, url: str) -> ReferenceApi:
    """Every operation of the contract, in the order of its document."""
    document = contract.specification
    return ReferenceApi(
        component=contract.component,
        name=contract.name,
        url=url,
        operations=tuple(
            _operation(document, url, method, str(path), resolve(document, item))
            for path, item in (document.get("paths") or {}).items()
            for method in METHODS
            if method in resolve(document, item)
        ),
    )


def _operation(
    document: Mapping[str, Any], url: str, method: str, path: str, item: Mapping[str, Any]
) -> ReferenceOperation:
    operation = resolve(document, item[method])
    raw = [*(item.get("parameters") or ()), *(operation.get("parameters") or ())]
    parameters = [resolve(document, entry) for entry in raw]
    body = body_schema(document, operation)
    replies = {
        str(code): resolve(document, reply)
        for code, reply in (operation.get("responses") or {}).items()
    }
    success = next((code for code in sorted(replies) if code.startswith("2")), "")
    return ReferenceOperation(
        method=method.upper(),
        path=path,
        summary=_summary(operation, method, path),
        description=str(operation.get("description") or ""),
        parameters=tuple(_parameter(document, entry) for entry in parameters if "name" in entry),
        properties=tuple(_properties(document, body)),
        replies=tuple(
            ReferenceReply(status=code, description=str(reply.get("description") or ""))
            for code, reply in sorted(replies.items())
        ),
        curl=_curl(document, url, method, path, parameters, body),
        status=success,
        example=_reply_example(document, replies.get(success, {})),
    )


def _summary(operation: Mapping[str, Any], method: str, path: str) -> str:
    """The operation's own summary, else its id in words."""
    named = words(str(operation.get("operationId") or f"{method} {path}"))
    return str(operation.get("summary") or named[:1].upper() + named[1:]).rstrip(". ")


def _json_schema(document: Mapping[str, Any], owner: Mapping[str, Any]) -> dict[str, Any]:
    for media, content in (owner.get("content") or {}).items():
        if "json" in media or media == "*/*":
            return resolve(document, content.get("schema"))
    return {}


def _parameter(document: Mapping[str, Any], entry: Mapping[str, Any]) -> ReferenceParameter:
    schema = resolve(document, entry.get("schema"))
    return ReferenceParameter(
        name=str(entry["name"]),
        place=str(entry.get("in") or ""),
        type=_type(document, schema),
        required=bool(entry.get("required")),
        rules=_rules(schema),
        description=str(entry.get("description") or schema.get("description") or ""),
    )


def _properties(
    document: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[ReferenceParameter]:
    required = schema.get("required") or ()
    for name, node in (schema.get("properties") or {}).items():
        inner = resolve(document, node)
        yield ReferenceParameter(
            name=str(name),
            place="body",
            type=_type(document, inner),
            required=name in required,
            rules=_rules(inner),
            description=str(inner.get("description") or ""),
        )


def _type(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type")
    names = [str(kind) for kind in kinds] if isinstance(kinds, list) else [str(kinds or "any")]
    if names[0] == "array":
        return f"array of {_type(document, resolve(document, schema.get('items')))}"
    if schema.get("format"):
        names[0] = f"{names[0]} ({schema['format']})"
    if schema.get("nullable"):
        names.append("null")
    return " or ".join(names)


def _rules(schema: Mapping[str, Any]) -> str:
    found = []
    if schema.get("enum"):
        found.append("one of " + ", ".join(str(v) for v in schema["enum"] if v is not None))
    bounds = (
        ("minimum", "at least {}"),
        ("exclusiveMinimum", "more than {}"),
        ("maximum", "at most {}"),
        ("exclusiveMaximum", "less than {}"),
        ("minLength", "at least {} characters"),
        ("maxLength", "at most {} characters"),
        ("multipleOf", "a multiple of {}"),
    )
    found += [text.format(schema[key]) for key, text in bounds if schema.get(key) is not None]
    if schema.get("x-unique"):
        found.append("unique")
    if schema.get("default") is not None:
        found.append(f"default {json.dumps(schema['default'])}")
    return "; ".join(found).replace("at least 1 characters", "not empty")


# --- examples -----------------------------------------------------------------------------------


def full_example(
    document: Mapping[str, Any], schema: Mapping[str, Any], *, request: bool, depth: int = 0
) -> Any:
    """A value with every property, for people to read; its own examples win."""
    node = resolve(document, schema)
    if depth > MAX_DEPTH:
        return None
    properties = node.get("properties")
    if properties and "example" not in node:
        value = {
            name: full_example(document, inner, request=request, depth=depth + 1)
            for name, inner in properties.items()
            if not (request and resolve(document, inner).get("readOnly"))
        }
        first_page = {"total": 1, "limit": 20, "offset": 0}
        return {**value, **first_page} if {"items", *first_page} == value.keys() else value
    if node.get("type") == "array" and "example" not in node:
        inner = node.get("items") or {}
        return [full_example(document, inner, request=request, depth=depth + 1)]
    return _scalar_example(document, node)


def _scalar_example(document: Mapping[str, Any], node: Mapping[str, Any]) -> Any:
    kinds = node.get("type")
    plain = [kind for kind in kinds if kind != "null"] if isinstance(kinds, list) else [kinds]
    value = example_value(document, {**node, "type": plain[0] if plain else None})
    if value is None and plain[:1] in (["integer"], ["number"]):
        return node.get("minimum", 0)
    texts = {"date": "2030-01-15", "date-time": "2030-01-15T09:30:00Z"}
    if value == "text" and node.get("format") in texts:
        return texts[str(node["format"])]
    return value if value is not None or "null" in (kinds or ()) else 1


def _reply_example(document: Mapping[str, Any], reply: Mapping[str, Any]) -> str:
    schema = _json_schema(document, reply)
    if not schema:
        return ""
    return json.dumps(full_example(document, schema, request=False), indent=2, default=str)


def _curl(
    document: Mapping[str, Any],
    url: str,
    method: str,
    path: str,
    parameters: list[dict[str, Any]],
    body: Mapping[str, Any],
) -> str:
    query = []
    for parameter in parameters:
        schema = resolve(document, parameter.get("schema"))
        value = parameter.get("example", _scalar_example(document, schema))
        if parameter.get("in") == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(str(value), safe=""))
        elif parameter.get("in") == "query" and (
            parameter.get("required") or parameter["name"] == "limit"
        ):
            query.append((str(parameter["name"]), str(value)))
    address = f"{url}{path}" + (f"?{urlencode(query)}" if query else "")
    lines = [f"curl -X {method.upper()} {shlex.quote(address)}"]
    if body:
        lines.append("  -H 'Content-Type: application/json'")
        example = full_example(document, body, request=True)
        lines.append(f"  -d {shlex.quote(json.dumps(example, ensure_ascii=False, default=str))}")
    return " \\\n".join(lines)
