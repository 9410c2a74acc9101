"""Reading quality's data files: every mistake is refused with file, line and column."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Value:
    """One YAML node and where it stands."""

    file: str
    node: yaml.Node

    @property
    def place(self) -> str:
        mark = self.node.start_mark
        return f"{self.file}:{mark.line + 1}:{mark.column + 1}"

    def refuse(self, why: str) -> InvalidInput:
        """The error to raise; it names this place."""
        return InvalidInput(f"{self.place}: {why}")

    def plain(self) -> Any:
        """What YAML makes of the node: a text, a number, a bool, ..."""
        constructor = yaml.constructor.SafeConstructor()
        try:
            return constructor.construct_object(self.node, deep=True)
        except yaml.constructor.ConstructorError as error:
            raise self.refuse(str(error.problem)) from None

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
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.refuse("expected a list")
        return [Value(self.file, item) for item in self.node.value]

    def entries(self) -> dict[str, "Value"]:
        """A mapping with text keys, none twice, in the order of the file."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.refuse("expected a mapping")
        found: dict[str, Value] = {}
        for key_node, value_node in self.node.value:
            key = Value(self.file, key_node)
            name = key.text()
            if name in found:
                raise key.refuse(f"{name!r} stands twice; the first is at {found[name].place}")
            found[name] = Value(self.file, value_node)
        return found

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
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path.name}:{mark.line + 1}:{mark.column + 1}" if mark else path.name
        raise InvalidInput(f"{where}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path.name}: not valid YAML: {error}") from error
    if node is None:
        raise InvalidInput(f"{path.name}: the file is empty")
    return Value(path.name, node)
