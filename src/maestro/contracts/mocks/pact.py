"""Recorded calls as a Pact (specification 4): what a consumer needs of its provider."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from maestro.domain.values import JsonObject, JsonValue
from maestro.ports import RecordedCall

_OF_THE_MACHINE = frozenset({
    "accept-encoding", "connection", "content-length", "host", "keep-alive", "origin", "referer",
    "te", "transfer-encoding", "upgrade", "user-agent", "x-maestro-consumer",
})  # fmt: skip
"""Request headers that say nothing of what a call is about."""


def pact_of(calls: Sequence[RecordedCall], *, consumer: str, provider: str) -> JsonObject:
    """A Pact of the calls that kept to the contract, each different one once."""
    seen: set[str] = set()
    interactions = []
    for call in calls:
        if not call.valid or not call.operation or call.protocol != "http":
            continue
        made = _interaction(call)
        mark = json.dumps([made["request"], call.status], sort_keys=True, default=str)
        if mark not in seen:
            seen.add(mark)
            interactions.append({**made, "key": f"{len(seen):08x}"})
    return {
        "consumer": {"name": consumer or "consumer"},
        "provider": {"name": provider or "provider"},
        "interactions": interactions,
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }


def _interaction(call: RecordedCall) -> dict[str, Any]:
    request: dict[str, Any] = {"method": call.method, "path": call.path or "/"}
    if call.query:
        request["query"] = _query(call.query)
    headers = {
        name: [text] for name, text in call.request_headers.items() if name not in _OF_THE_MACHINE
    }
    if headers:
        request["headers"] = headers
    sent = call.request_headers.get("content-type", "application/json")
    if call.request_body is not None:
        request["body"] = _body(call.request_body, sent)
    response: dict[str, Any] = {"status": call.status}
    if call.reply_body is not None:
        response["headers"] = {"content-type": ["application/json"]}
        response["body"] = _body(call.reply_body, "application/json")
        response["matchingRules"] = {"body": _by_type(call.reply_body)}
    return {
        "type": "Synchronous/HTTP",
        "description": f"{call.operation} answers {call.status}",
        "request": request,
        "response": response,
    }


def _query(query: str) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        made.setdefault(name, []).append(value)
    return made


def _body(value: JsonValue, content_type: str) -> dict[str, Any]:
    return {"content": value, "contentType": content_type.partition(";")[0], "encoded": False}


def _by_type(value: JsonValue) -> Mapping[str, Any]:
    """The provider answers with values of its own; what a consumer needs is their type."""
    rule = {"combine": "AND", "matchers": [{"match": "type"}]}
    return dict.fromkeys(_paths(value, "$"), rule)


def _paths(value: JsonValue, path: str) -> Iterable[str]:
    if isinstance(value, Mapping) and value:
        for name, entry in value.items():
            step = f".{name}" if name.isidentifier() else f"[{json.dumps(name)}]"
            yield from _paths(entry, path + step)
    elif isinstance(value, list) and value:
        yield path
        yield from _paths(value[0], f"{path}[*]")
    else:
        yield path
