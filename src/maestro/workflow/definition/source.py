"""Workflow text to JSON values that know the line they stand on."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from maestro.domain.values import JsonValue
from maestro.domain.yaml_text import Pointer, YamlFault, YamlRules, read_yaml_text
from maestro.errors import InvalidInput

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 200_000
"""Values after all YAML aliases are written out."""
FORMATS = ("yaml", "json")

_RULES = YamlRules(depth=MAX_DEPTH, values=MAX_VALUES, digits=100)
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
        source = Source(_read_json(content, name), FilePlace(name))
    else:
        source = _read_yaml(content, name)
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


def _read_yaml(content: str, name: str) -> Source:
    try:
        read = read_yaml_text(content, _RULES)
    except YamlFault as fault:
        where = f"{name}, line {fault.spot.line}" if fault.spot else name
        problem = f"is not YAML: {fault.problem}" if fault.malformed else fault.problem
        raise InvalidInput(f"{where}: {problem}") from None
    spots = read.values | read.keys
    return Source(read.value, FilePlace(name, (), {at: spot.line for at, spot in spots.items()}))


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
