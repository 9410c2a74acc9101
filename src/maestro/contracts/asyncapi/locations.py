"""Runtime expressions: `$message.payload#/order/id` reads from a message or writes into one."""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maestro.contracts.openapi.pointers import tokens_of
from maestro.domain.values import JsonObject, JsonValue

_EXPRESSION = re.compile(r"\$message\.(payload|headers?)#(/.*)?")
MISSING = object()
"""Stands for a value that is not there; `None` is a value."""


@dataclass(frozen=True, slots=True)
class MessageLocation:
    part: str
    """`payload` or `headers`."""
    tokens: tuple[str, ...]


def parsed(expression: str) -> MessageLocation | None:
    """None for what is no runtime expression."""
    match = _EXPRESSION.fullmatch(expression.strip())
    if match is None:
        return None
    part = "payload" if match[1] == "payload" else "headers"  # documents write header and headers
    return MessageLocation(part, tuple(tokens_of(f"#{match[2] or ''}")))


def value_at(expression: str, payload: JsonValue, headers: JsonObject) -> JsonValue:
    """What the message holds there, `MISSING` where it holds nothing."""
    location = parsed(expression)
    if location is None:
        return MISSING
    found: Any = payload if location.part == "payload" else headers
    for token in location.tokens:
        if isinstance(found, Mapping) and token in found:
            found = found[token]
        elif isinstance(found, list) and token.isdecimal() and int(token) < len(found):
            found = found[int(token)]
        else:
            return MISSING
    return found


def placed_at(
    expression: str, value: JsonValue, payload: JsonValue, headers: JsonObject
) -> tuple[JsonValue, JsonObject]:
    """Payload and headers with the value written there; unchanged where there is no such place."""
    location = parsed(expression)
    if location is None or not location.tokens:
        return payload, headers
    whole = {"payload": copy.deepcopy(payload), "headers": dict(copy.deepcopy(dict(headers)))}
    target: Any = whole[location.part]
    for token in location.tokens[:-1]:
        if not isinstance(target, dict):
            return payload, headers
        target = target.setdefault(token, {})
    if not isinstance(target, dict):
        return payload, headers
    target[location.tokens[-1]] = value
    return whole["payload"], whole["headers"]
