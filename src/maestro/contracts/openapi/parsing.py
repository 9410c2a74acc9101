"""Text to JSON values: JSON and YAML, read as the JSON data model and within limits."""

import json
import math
from collections.abc import Iterator
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
    waiting: list[tuple[Any, _Way | None, int]] = [(value, None, 0)]
    while waiting:
        current, way, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise InvalidInput(f"{name}: is nested deeper than {MAX_DEPTH} levels")
        entries: Iterator[tuple[Any, Any]]
        if isinstance(current, dict):
            for key in current:
                if not _is_harmless(key):
                    _check_scalar(key, name, way)
            entries = iter(current.items())
        elif isinstance(current, list | tuple):
            entries = enumerate(current)
        else:
            _check_scalar(current, name, way)
            continue
        waiting += [(e, (way, key), depth + 1) for key, e in entries if not _is_harmless(e)]


def _is_harmless(value: Any) -> bool:
    """Almost all that documents consist of, told at a glance."""
    kind = type(value)
    return kind is int or kind is bool or value is None or (kind is str and value.isascii())


_Way = tuple[Any, Any]
"""A key and the way to it; made into a pointer only where something is wrong."""


def _pointer(way: "_Way | None") -> str:
    keys = []
    while way is not None:
        way, key = way
        keys.append(key)
    return join("", *reversed(keys))


def _check_scalar(value: Any, name: str, way: "_Way | None") -> None:
    problem = _problem(value)
    if problem:
        raise InvalidInput(f"{name}: {_pointer(way) or '/'} {problem}")


def _problem(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "is not a finite number"
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "holds half a surrogate pair"
    known = value is None or isinstance(value, str | int | float | bool)
    return "" if known else f"is a {_kind(value)}, which JSON does not have"


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
