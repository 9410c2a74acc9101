"""Text to JSON values: JSON and YAML, read as the JSON data model and within limits.

YAML is read from its events, without recursion and without constructing Python objects. Plain
scalars follow the YAML 1.2 core schema, so that `no` is a text, `2030-01-15` is a text, and keys
are always text.
"""

import json
import math
import re
from collections.abc import Hashable
from typing import Any, cast

import yaml

from maestro.contracts.openapi.pointers import join
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

MAX_BYTES = 10 * 1024 * 1024
MAX_DEPTH = 200
MAX_VALUES = 3_000_000
"""Values after all YAML aliases are written out."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_HEX_OR_OCTAL = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_TAGS = ("str", "int", "float", "bool", "null", "seq", "map", "timestamp")


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
    reader = _YamlReader(name)
    try:
        for event in yaml.parse(content, Loader=_Loader):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InvalidInput(f"{name}{place}: is neither JSON nor YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = str(error).partition("\n")[0]
        raise InvalidInput(f"{name}: is neither JSON nor YAML: {first}") from None
    return reader.result


class _Container:
    """An open mapping or sequence while its events arrive."""

    __slots__ = ("anchor", "key", "merges", "start", "value")

    def __init__(self, value: dict[str, Any] | list[Any], anchor: str | None, start: int) -> None:
        self.value = value
        self.anchor = anchor
        self.start = start
        self.key: str | None = None
        self.merges: list[Any] = []


class _YamlReader:
    """Builds values from YAML events with a stack of its own."""

    def __init__(self, name: str) -> None:
        self.result: Any = None
        self._name = name
        self._open: list[_Container] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._start(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._refuse(event, "several YAML documents in one file; keep one")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._grow(event, 1)
        if self._at_key():
            self._set_key(event, event.value)
            return
        value = self._scalar_value(event)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._put(value)

    def _scalar_value(self, event: yaml.ScalarEvent) -> Any:
        self._check_tag(event)
        text = event.value
        quoted = not event.implicit[0] or event.style in ('"', "'", "|", ">")
        if quoted and event.tag in (None, "!", "tag:yaml.org,2002:str"):
            return text
        if _NOT_FINITE.fullmatch(text):
            raise self._refuse(event, f"{text!r} is not a number JSON has")
        return plain_value(text)

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        self._check_tag(event)
        self._grow(event, 1)
        if self._at_key():
            raise self._refuse(event, "a mapping or list used as a key; keys are text")
        if len(self._open) >= MAX_DEPTH:
            raise self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
        value: dict[str, Any] | list[Any]
        value = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Container(value, event.anchor, self._count))

    def _end(self) -> None:
        done = self._open.pop()
        if isinstance(done.value, dict):
            for merged in done.merges:
                done.value = {**merged, **done.value}
        if done.anchor:
            self._anchors[done.anchor] = (done.value, self._count - done.start + 1)
        self._put(done.value)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._at_key():
            raise self._refuse(event, "an alias used as a key; keys are text")
        known = self._anchors.get(str(event.anchor))
        if known is None:
            raise self._refuse(event, f"alias *{event.anchor} has no finished anchor before it")
        self._grow(event, known[1])
        self._put(known[0])

    def _at_key(self) -> bool:
        top = self._open[-1] if self._open else None
        return top is not None and isinstance(top.value, dict) and top.key is None

    def _set_key(self, event: yaml.ScalarEvent, key: str) -> None:
        top = self._open[-1]
        if key in top.value:
            raise self._refuse(event, f"the key {key!r} occurs twice in one mapping")
        top.key = key

    def _put(self, value: Any) -> None:
        if not self._open:
            self.result = value
            return
        top = self._open[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            return
        key = cast(str, top.key)
        top.key = None
        if key == "<<" and isinstance(value, dict | list):
            top.merges += [m for m in _as_list(value) if isinstance(m, dict)]
        else:
            top.value[key] = value

    def _grow(self, event: yaml.Event, amount: int) -> None:
        self._count += amount
        if self._count > MAX_VALUES:
            raise self._refuse(event, f"more than {MAX_VALUES} values with aliases written out")

    def _check_tag(self, event: Any) -> None:
        tag = event.tag or "!"
        if tag != "!" and tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
            raise self._refuse(event, f"the tag {tag!r} stands for nothing JSON has")

    def _refuse(self, event: yaml.Event, problem: str) -> InvalidInput:
        line = event.start_mark.line + 1 if event.start_mark else 0
        return InvalidInput(f"{self._name}, line {line}: {problem}")


def plain_value(text: str) -> Any:
    """What an unquoted YAML scalar stands for in the core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _HEX_OR_OCTAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


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


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
