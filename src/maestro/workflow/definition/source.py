"""Workflow text to JSON values that know the line they stand on.

YAML is read from its events, without recursion and without constructing Python objects. Plain
scalars follow the YAML 1.2 core schema, so that `no` and `2030-01-15` are texts. Aliases may be
used; what they unfold to is counted.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 200_000
"""Values after all YAML aliases are written out."""
FORMATS = ("yaml", "json")

Pointer = tuple[str | int, ...]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_TAGS = ("str", "int", "float", "bool", "null", "seq", "map", "timestamp")
_UNSPEAKABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A spot in a workflow file; `place / "steps" / 0` is a spot below it."""

    source: str
    pointer: Pointer = ()
    lines: Mapping[Pointer, int] = field(default_factory=dict, repr=False)

    def __truediv__(self, key: str | int) -> "FilePlace":
        return FilePlace(self.source, (*self.pointer, key), self.lines)

    def __str__(self) -> str:
        line = next(
            (
                self.lines[self.pointer[:length]]
                for length in range(len(self.pointer), -1, -1)
                if self.pointer[:length] in self.lines
            ),
            None,
        )
        where = self.source if line is None else f"{self.source}, line {line}"
        return f"{where}: {_path(self.pointer)}" if self.pointer else where

    def refused(self, problem: str) -> InvalidInput:
        """The error to raise for what stands here."""
        return InvalidInput(f"{self}: {problem}")


@dataclass(frozen=True, slots=True)
class Source:
    """What a workflow text says, and where."""

    value: JsonValue
    place: FilePlace


def read_source(text: str | bytes, *, name: str, format: str) -> Source:  # noqa: A002
    """The value of a YAML or JSON text.

    Raises:
        InvalidInput: too large, not UTF-8, malformed, duplicate keys, aliases that blow up, nested
            too deep, or values JSON does not have; names the place.
    """
    if format not in FORMATS:
        raise InvalidInput(f"{name}: format {format!r} is not one of {', '.join(FORMATS)}")
    content = _decoded(text, name)
    if format == "json":
        value = _read_json(content, name)
        source = Source(value, FilePlace(name))
    else:
        reader = _YamlReader(name)
        _feed(reader, content, name)
        source = Source(reader.result, FilePlace(name, (), reader.lines))
    _check(source)
    return source


def _decoded(text: str | bytes, name: str) -> str:
    try:
        raw = text if isinstance(text, bytes) else text.encode()
        content = raw.decode("utf-8-sig")
    except UnicodeError as error:
        raise InvalidInput(f"{name}: is not UTF-8 text ({error.__class__.__name__})") from None
    if len(raw) > MAX_BYTES:
        raise InvalidInput(f"{name}: has {len(raw)} bytes; at most {MAX_BYTES} are read")
    return content


def _read_json(content: str, name: str) -> JsonValue:
    def pairs(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in entries:
            if key in made:
                raise InvalidInput(f"{name}: the key {key!r} occurs twice in one object")
            made[key] = value
        return made

    def constant(word: str) -> NoReturn:
        raise InvalidInput(f"{name}: {word} is not a number JSON has")

    try:
        return json.loads(content, object_pairs_hook=pairs, parse_constant=constant)
    except RecursionError:
        raise InvalidInput(f"{name}: is nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{name}, line {error.lineno}: is not JSON: {error.msg}") from None
    except ValueError as error:  # a number of thousands of digits
        raise InvalidInput(f"{name}: is not JSON: {error}") from None


def _feed(reader: "_YamlReader", content: str, name: str) -> None:
    try:
        for event in yaml.parse(content, Loader=_Loader):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InvalidInput(f"{name}{line}: is not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInput(f"{name}: is not YAML: {str(error).partition(chr(10))[0]}") from None


class _Container:
    """An open mapping or sequence while its events arrive."""

    __slots__ = ("anchor", "key", "pointer", "start", "value")

    def __init__(
        self, value: dict[str, Any] | list[Any], anchor: str | None, start: int, pointer: Pointer
    ) -> None:
        self.value = value
        self.anchor = anchor
        self.start = start
        self.pointer = pointer
        self.key: str | None = None


class _YamlReader:
    """Builds values from YAML events with a stack of its own."""

    def __init__(self, name: str) -> None:
        self.result: JsonValue = None
        self.lines: dict[Pointer, int] = {}
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
                raise self._refused(event, "several YAML documents in one file; keep one")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._grow(event, 1)
        if self._at_key():
            self._set_key(event)
            return
        self._mark(event)
        value = self._scalar_value(event)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._put(value)

    def _scalar_value(self, event: yaml.ScalarEvent) -> JsonValue:
        self._check_tag(event)
        text = event.value
        quoted = not event.implicit[0] or event.style in ('"', "'", "|", ">")
        if quoted and event.tag in (None, "!", "tag:yaml.org,2002:str"):
            return text
        if _NOT_FINITE.fullmatch(text):
            raise self._refused(event, f"{text!r} is not a number JSON has")
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            if len(text) > 100:
                raise self._refused(event, f"a number of {len(text)} digits")
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        self._check_tag(event)
        self._grow(event, 1)
        if self._at_key():
            raise self._refused(event, "a mapping or list used as a key; keys are text")
        if len(self._open) >= MAX_DEPTH:
            raise self._refused(event, f"nested deeper than {MAX_DEPTH} levels")
        self._mark(event)
        value: dict[str, Any] | list[Any]
        value = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Container(value, event.anchor, self._count, self._here()))

    def _end(self) -> None:
        done = self._open.pop()
        if done.anchor:
            self._anchors[done.anchor] = (done.value, self._count - done.start + 1)
        self._put(done.value)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._at_key():
            raise self._refused(event, "an alias used as a key; keys are text")
        known = self._anchors.get(str(event.anchor))
        if known is None:
            raise self._refused(event, f"alias *{event.anchor} has no finished anchor before it")
        self._grow(event, known[1])
        self._mark(event)
        self._put(known[0])

    def _at_key(self) -> bool:
        top = self._open[-1] if self._open else None
        return top is not None and isinstance(top.value, dict) and top.key is None

    def _set_key(self, event: yaml.ScalarEvent) -> None:
        top = self._open[-1]
        if event.value in top.value:
            raise self._refused(event, f"the key {event.value!r} occurs twice in one mapping")
        top.key = event.value
        self.lines[(*top.pointer, event.value)] = _line(event)

    def _here(self) -> Pointer:
        """Where the value that begins now will stand."""
        if not self._open:
            return ()
        top = self._open[-1]
        return (*top.pointer, len(top.value) if isinstance(top.value, list) else str(top.key))

    def _mark(self, event: yaml.Event) -> None:
        self.lines.setdefault(self._here(), _line(event))

    def _put(self, value: JsonValue) -> None:
        if not self._open:
            self.result = value
            return
        top = self._open[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        else:
            top.value[str(top.key)] = value
            top.key = None

    def _grow(self, event: yaml.Event, amount: int) -> None:
        self._count += amount
        if self._count > MAX_VALUES:
            raise self._refused(event, f"more than {MAX_VALUES} values with aliases written out")

    def _check_tag(self, event: Any) -> None:
        tag = event.tag or "!"
        if tag != "!" and tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
            raise self._refused(event, f"the tag {tag!r} stands for nothing JSON has")

    def _refused(self, event: yaml.Event, problem: str) -> InvalidInput:
        return InvalidInput(f"{self._name}, line {_line(event)}: {problem}")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _check(source: Source) -> None:
    """Refuses what the journal could not keep, and depths that later walks could not bear."""
    waiting: list[tuple[JsonValue, FilePlace]] = [(source.value, source.place)]
    while waiting:
        value, place = waiting.pop()
        if len(place.pointer) > MAX_DEPTH:
            raise InvalidInput(f"{source.place}: is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            for key, entry in value.items():
                _check_text(key, place)
                waiting.append((entry, place / key))
        elif isinstance(value, list):
            waiting += [(entry, place / index) for index, entry in enumerate(value)]
        elif isinstance(value, str):
            _check_text(value, place)
        elif isinstance(value, float) and not math.isfinite(value):
            raise place.refused("is not a finite number")


def _check_text(text: str, place: FilePlace) -> None:
    if _UNSPEAKABLE.search(text):
        raise place.refused("holds a NUL character or half a surrogate pair; write plain text")


def _path(pointer: Pointer) -> str:
    """`steps[3].needs[0]`."""
    text = ""
    for key in pointer:
        if isinstance(key, int):
            text += f"[{key}]"
        elif re.fullmatch(r"[A-Za-z_][\w-]{0,80}", key):
            text += f".{key}" if text else key
        else:
            text += f"[{key[:80]!r}]"
    return text
