"""Reading quality's data files: every mistake is refused with file, line and column."""

from collections.abc import Collection
from dataclasses import dataclass
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
                raise value.refuse(f"unknown key {name!r}; known: {known}")
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
        raise InvalidInput(f"{path.name}: cannot be read: {error}") from error
    try:
        document = read_yaml_text(text, _RULES)
    except YamlFault as fault:
        where = _place(path.name, fault.spot) if fault.spot else path.name
        raise InvalidInput(f"{where}: {_problem(path.name, fault)}") from fault
    if () not in document.values:
        raise InvalidInput(f"{path.name}: the file is empty")
    return Value(path.name, document, document.value)


def _place(file: str, spot: Spot) -> str:
    return f"{file}:{spot.line}:{spot.column}"


def _problem(file: str, fault: YamlFault) -> str:
    if isinstance(fault, YamlKeyTwice) and fault.first:
        return f"{fault.key!r} stands twice; the first is at {_place(file, fault.first)}"
    return f"not valid YAML: {fault.problem}" if fault.malformed else fault.problem
