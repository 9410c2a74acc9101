"""How one message stands in one WebSocket frame or one server-sent event.

AsyncAPI leaves that open for messages with headers, as neither carries any. Here a message is its
payload, and where the document describes headers it is `{"headers": {...}, "payload": ...}`. JSON
payloads are JSON texts, other payloads are the text itself.
"""

import json
from collections.abc import Mapping, Sequence

from maestro.contracts.asyncapi.model import EventMessage
from maestro.contracts.openapi.parsing import parse_json
from maestro.domain.values import JsonObject, JsonValue

MAX_MESSAGE = 1024 * 1024
"""Bytes of one message."""


def encoded(message: EventMessage, payload: JsonValue, headers: JsonObject) -> str:
    if message.has_headers:
        return _dump({"headers": dict(headers), "payload": payload})
    if not message.is_json and isinstance(payload, str):
        return payload
    return _dump(payload)


def decoded(text: str, messages: Sequence[EventMessage]) -> tuple[JsonValue, JsonObject]:
    """Payload and headers. Raises ValueError for a text that should be JSON and is none."""
    try:
        value = parse_json(text)
    except ValueError:
        if any(not message.is_json for message in messages):
            return text, {}
        raise
    if messages and not any(message.is_json for message in messages):
        return text, {}
    return opened(value, messages)


def opened(value: JsonValue, messages: Sequence[EventMessage]) -> tuple[JsonValue, JsonObject]:
    """Payload and headers of a value that may be an envelope."""
    enveloped = any(message.has_headers for message in messages)
    if enveloped and isinstance(value, Mapping) and set(value) <= {"headers", "payload"}:
        headers = value.get("headers")
        if "payload" in value and isinstance(headers, Mapping | None):
            return value["payload"], headers or {}
    return value, {}


def _dump(value: JsonValue) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
