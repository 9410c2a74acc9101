"""Reading quality's data files: every mistake is refused with file, line and column."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from maestro.domain.values import JsonValue
from maestro.domain.yaml_text import (
    Pointer,
    Spot,
    YamlFault,
    YamlKeyTwice,
    YamlRules,
    YamlText,
    read_yaml_text,
)
from maestro.errors import InvalidInput

_RULES = YamlRules(depth=64, values=200_000, hex_and_octal=True, text_keys=True, not_finite=True)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a file and where it stands."""

    file: str
    document: YamlText
    value: JsonValue
    pointer: Pointer = ()

    @property
    def place(self) -> str:
        known = self.document.values
        lengths = range(len(self.pointer), -1, -1)
        return _place(
            self.file, next(known[at] for n in lengths if (at := self.pointer[:n]) in known)
        )

    def refuse(self, why: str) -> InvalidInput:
        """The error to raise; it names this place."""
        return InvalidInput(f"{self.place}: {why}")

    def refuse_key(self, why: str) -> InvalidInput:
        """The error to raise; it names the place of the key in front of this value."""
        return InvalidInput(f"{_place(self.file, self.document.keys[self.pointer])}: {why}")

    def plain(self) -> Any:
        """A text, a number, a bool, ..."""
        return self.value

    def text(self) -> str:
        value = self.plain()
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(f"expected a text, got {value!r}")
        return value

    def boolean(self) -> bool:
        value = self.plain()
        if not isinstance(value, bool):
            raise self.refuse(f"expected true or false, got {value!r}")
        return value

    def integer(self) -> int:
        value = self.plain()
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refuse(f"expected a whole number, got {value!r}")
        return value

    def number(self) -> int | float:
        value = self.plain()
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise self.refuse(f"expected a number, got {value!r}")
        return value

    def day(self) -> date:
        value = self.plain()
        if not isinstance(value, str) or _DAY.fullmatch(value) is None:
            raise self.refuse(f"expected a day like 2030-01-31, got {value!r}")
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise self.refuse(f"there is no day {value!r}") from None

    def items(self) -> list["Value"]:
        if not isinstance(self.value, list):
            raise self.refuse("expected a list")
        return [self._below(index, item) for index, item in enumerate(self.value)]

    def entries(self) -> dict[str, "Value"]:
        """A mapping, in the order of the file."""
        if not isinstance(self.value, dict):
            raise self.refuse("expected a mapping")
        return {key: self._below(key, entry) for key, entry in self.value.items()}

    def _below(self, key: str | int, value: JsonValue) -> "Value":
        return Value(self.file, self.document, value, (*self.pointer, key))

    def fields(
        self, required: Collection[str], optional: Collection[str] = ()
    ) -> dict[str, "Value"]:
        """A mapping that has the required keys and no others than the optional ones."""
        found = self.entries()
        for name, value in found.items():
            if name not in required and name not in optional:
                known = ", ".join(sorted({*required, *optional}))
                raise value.refuse_key(f"unknown key {name!r}; known: {known}")
        for name in required:
            if name not in found:
                raise self.refuse(f"the key {name!r} is missing")
        return found

    def one_of(self, known: Collection[str]) -> str:
        value = self.text()
        if value not in known:
            raise self.refuse(f"{value!r} is not one of {', '.join(known)}")
        return value


def read(path: Path) -> Value:
    """The document in the file. Raises InvalidInput when it cannot be read or is not YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name}:1:1: cannot be read: {error}") from error
    return read_text(path.name, text)


def read_text(name: str, text: str) -> Value:
    """The document in a text; `name` is what refusals call it. Raises InvalidInput."""
    try:
        document = read_yaml_text(text, _RULES)
    except YamlFault as fault:
        where = _place(name, fault.spot or Spot(1, 1))
        raise InvalidInput(f"{where}: {_problem(name, fault)}") from fault
    if () not in document.values:
        raise InvalidInput(f"{name}:1:1: the file is empty")
    return Value(name, document, document.value)


def _place(file: str, spot: Spot) -> str:
    return f"{file}:{spot.line}:{spot.column}"


def _problem(file: str, fault: YamlFault) -> str:
    if isinstance(fault, YamlKeyTwice) and fault.first:
        return f"{fault.key!r} stands twice; the first is at {_place(file, fault.first)}"
    return f"not valid YAML: {fault.problem}" if fault.malformed else fault.problem
