"""YAML that keeps its places: every complaint about a policy names line and column."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Place:
    """A node of a YAML document, with the file it came from."""

    file: str
    node: yaml.Node

    def refuse(self, message: str) -> NoReturn:
        mark = self.node.start_mark
        raise InvalidInput(f"{self.file}:{mark.line + 1}:{mark.column + 1}: {message}")

    def value(self) -> Any:
        """The plain value of a scalar or a sequence of scalars."""
        return yaml.SafeLoader("").construct_object(self.node, deep=True)

    def text(self) -> str:
        found = self.value() if isinstance(self.node, yaml.ScalarNode) else None
        if not isinstance(found, str) or not found.strip():
            self.refuse(f"expected text, got {_shown(self.node)}")
        return found

    def boolean(self) -> bool:
        found = self.value() if isinstance(self.node, yaml.ScalarNode) else None
        if not isinstance(found, bool):
            self.refuse(f"expected true or false, got {_shown(self.node)}")
        return found

    def number(self) -> int | float:
        found = self.value() if isinstance(self.node, yaml.ScalarNode) else None
        if isinstance(found, bool) or not isinstance(found, int | float):
            self.refuse(f"expected a number, got {_shown(self.node)}")
        return found

    def items(self) -> Iterator["Place"]:
        if not isinstance(self.node, yaml.SequenceNode):
            self.refuse(f"expected a list, got {_shown(self.node)}")
        return (Place(self.file, item) for item in self.node.value)

    def entries(self) -> dict[str, "Place"]:
        """Keys and values of a mapping; refuses duplicate keys and keys that are not text."""
        if not isinstance(self.node, yaml.MappingNode):
            self.refuse(f"expected a mapping, got {_shown(self.node)}")
        found: dict[str, Place] = {}
        for key, value in self.node.value:
            place = Place(self.file, key)
            name = place.text()
            if name in found:
                place.refuse(f"key {name!r} is given twice")
            found[name] = Place(self.file, value)
        return found

    def fields(self, required: Mapping[str, object], optional: Mapping[str, object]) -> "Fields":
        """Entries of a mapping with known keys; refuses unknown and missing ones."""
        entries = self.entries()
        known = {*required, *optional}
        for name, place in entries.items():
            if name not in known:
                place.refuse(f"unknown key {name!r}; known: {', '.join(sorted(known))}")
        for name in required:
            if name not in entries:
                self.refuse(f"the key {name!r} is missing")
        return Fields(self, entries)


@dataclass(frozen=True, slots=True)
class Fields:
    place: Place
    entries: Mapping[str, Place]

    def __getitem__(self, name: str) -> Place:
        return self.entries[name]

    def __contains__(self, name: str) -> bool:
        return name in self.entries


def parse(text: str, file: str) -> Place:
    """The root of a YAML document. Raises InvalidInput naming line and column."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        raise InvalidInput(f"{file}:{where}: not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"{file}:1:1: not YAML: {error}") from error
    if node is None:
        raise InvalidInput(f"{file}:1:1: the file is empty")
    return Place(file, node)


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
