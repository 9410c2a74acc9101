"""Text to JSON values: JSON and YAML, read as the JSON data model and within limits."""

import json
import math
from collections.abc import Hashable
from typing import Any

from maestro.contracts.openapi.pointers import join
from maestro.domain.values import JsonObject
from maestro.domain.yaml_text import YamlFault, YamlRules, read_yaml_text
from maestro.errors import InvalidInput

MAX_BYTES = 10 * 1024 * 1024
MAX_DEPTH = 200
MAX_VALUES = 3_000_000
"""Values after all YAML aliases are written out."""

_RULES = YamlRules(
    depth=MAX_DEPTH, values=MAX_VALUES, hex_and_octal=True, merge_keys=True, spots=False
)


def parse(text: str | bytes, *, name: str = "document") -> JsonObject:
    """The object a JSON or YAML text describes.

    Raises:
        InvalidInput: too large, not UTF-8, malformed, duplicate keys, aliases that blow up,
            nested too deep, values JSON does not have, or not an object; names the place.
    """
    content = _decode(text, name)
    value = _parse_json(content, name) if content.lstrip()[:1] in ("{", "[") else None
    if value is None:
        value = _parse_yaml(content, name)
    if not isinstance(value, dict):
        raise InvalidInput(f"{name}: must be an object at the top, got {_kind(value)}")
    check_values(value, name=name)
    return value


def parse_json(text: str) -> Any:
    """Any JSON value within the limits. Raises ValueError."""
    try:
        value = json.loads(text)
        check_values(value, name="text")
    except (RecursionError, InvalidInput) as error:
        raise ValueError(str(error)) from None
    return value


def _decode(text: str | bytes, name: str) -> str:
    try:
        raw = text if isinstance(text, bytes) else text.encode()
        content = raw.decode("utf-8-sig")
    except UnicodeError as error:
        raise InvalidInput(f"{name}: is not UTF-8 text ({error})") from None
    if len(raw) > MAX_BYTES:
        raise InvalidInput(f"{name}: has {len(raw)} bytes, at most {MAX_BYTES} are read")
    return content


def _parse_json(content: str, name: str) -> Any:
    """None where the text is no JSON at all; it may still be YAML in flow style."""

    def pairs(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(entries)
        if len(made) < len(entries):
            keys = [key for key, _ in entries]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InvalidInput(f"{name}: the key {twice!r} occurs twice in one object")
        return made

    try:
        return json.loads(content, object_pairs_hook=pairs)
    except RecursionError:
        raise InvalidInput(f"{name}: is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:
        return None


def _parse_yaml(content: str, name: str) -> Any:
    try:
        return read_yaml_text(content, _RULES).value
    except YamlFault as fault:
        raise InvalidInput(f"{name}{_complaint(fault)}") from None


def _complaint(fault: YamlFault) -> str:
    spot = fault.spot
    if not fault.malformed:
        return f", line {spot.line if spot else 0}: {fault.problem}"
    place = f", line {spot.line}, column {spot.column}" if spot else ""
    return f"{place}: is neither JSON nor YAML: {fault.problem}"


def check_values(value: Any, *, name: str) -> None:
    """Refuses what a JSON text cannot hold or later walks could not bear.

    Raises:
        InvalidInput: nested too deep, not finite, half a surrogate pair, or not JSON at all.
    """
    waiting: list[tuple[Any, str, int]] = [(value, "", 0)]
    while waiting:
        current, pointer, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise InvalidInput(f"{name}: is nested deeper than {MAX_DEPTH} levels")
        if isinstance(current, dict):
            for key, entry in current.items():
                _check_scalar(key, name, pointer)
                waiting.append((entry, join(pointer, key), depth + 1))
        elif isinstance(current, list | tuple):
            waiting += [(e, join(pointer, i), depth + 1) for i, e in enumerate(current)]
        else:
            _check_scalar(current, name, pointer)


def _check_scalar(value: Hashable, name: str, pointer: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(f"{name}: {pointer or '/'} is not a finite number")
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidInput(f"{name}: {pointer or '/'} holds half a surrogate pair") from None
    if not (value is None or isinstance(value, str | int | float | bool)):
        raise InvalidInput(
            f"{name}: {pointer or '/'} is a {_kind(value)}, which JSON does not have"
        )


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
