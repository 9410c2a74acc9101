"""What things usually are made of and belong to, for what a text leaves unsaid."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from maestro.domain.encoding import decode
from maestro.domain.entities import Field
from maestro.errors import InvalidInput
from maestro.planning.datafiles import DATA, mapping, read_yaml, words
from maestro.planning.lexicon import Lexicon


@dataclass(frozen=True, slots=True, kw_only=True)
class Archetype:
    id: str
    nouns: frozenset[str]
    supersenses: frozenset[str]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    name: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    whole: str
    part: str
    name: str
    quantity: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    belongs: Mapping[str, tuple[Parent, ...]]
    shared: frozenset[str]
    joins: tuple[Join, ...]
    collections: Mapping[str, str]

    def join_of(self, first: str, second: str) -> Join | None:
        return next(
            (j for j in self.joins if {j.whole, j.part} == {first, second}),
            None,
        )


@cache
def archetypes() -> tuple[Archetype, ...]:
    """In the file's order, `generic` last. Raises InvalidInput naming the entry."""
    where = "archetypes.yaml"
    found = []
    for name, entry in mapping(read_yaml(DATA / where), where).items():
        data = mapping(entry, f"{where}: {name}")
        unknown = set(data) - {"nouns", "supersenses", "fields"}
        if unknown:
            raise InvalidInput(f"{where}: {name}: unknown key {sorted(unknown)[0]!r}")
        found.append(
            Archetype(
                id=name,
                nouns=frozenset(words(data.get("nouns", []), f"{where}: {name}.nouns")),
                supersenses=frozenset(
                    words(data.get("supersenses", []), f"{where}: {name}.supersenses")
                ),
                fields=_fields(data.get("fields"), f"{where}: {name}.fields"),
            )
        )
    if not found or found[-1].id != "generic":
        raise InvalidInput(f"{where}: the last entry must be 'generic'")
    return tuple(found)


def _fields(value: object, where: str) -> tuple[Field, ...]:
    if not isinstance(value, list) or not value:
        raise InvalidInput(f"{where}: expected a list of fields, got {value!r}")
    return tuple(decode(Field, entry, where=f"{where}[{i}]") for i, entry in enumerate(value))


def archetype_of(key: str, lexicon: Lexicon) -> Archetype:
    """By whole name, then by head word, then by the head's WordNet sense, else generic."""
    head = key.rsplit("_", 1)[-1]
    known = archetypes()
    for name in (key, head):
        for archetype in known:
            if name in archetype.nouns:
                return archetype
    sense = lexicon.senses.get(head)
    for archetype in known:
        if sense in archetype.supersenses:
            return archetype
    return known[-1]


@cache
def usual_relations() -> Relations:
    """Raises InvalidInput naming the entry."""
    where = "relations.yaml"
    data = mapping(read_yaml(DATA / where), where)
    expected = {"belongs", "shared", "joins", "collections"}
    if set(data) != expected:
        raise InvalidInput(f"{where}: missing or unknown keys {sorted(set(data) ^ expected)}")
    return Relations(
        belongs={
            child: _parents(entry, f"{where}: belongs.{child}")
            for child, entry in mapping(data["belongs"], f"{where}: belongs").items()
        },
        shared=frozenset(words(data["shared"], f"{where}: shared")),
        joins=tuple(
            decode(Join, entry, where=f"{where}: joins[{i}]")
            for i, entry in enumerate(_list(data["joins"], f"{where}: joins"))
        ),
        collections=mapping(data["collections"], f"{where}: collections"),
    )


def _parents(entry: object, where: str) -> tuple[Parent, ...]:
    return tuple(
        Parent(name=word.removesuffix("!"), required=word.endswith("!"))
        for word in words(entry, where)
    )


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput(f"{where}: expected a list, got {value!r}")
    return value
