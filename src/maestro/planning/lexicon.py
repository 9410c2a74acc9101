"""What the offline reader knows about English words: data files, loaded once and checked.

Nothing in them is about one requirement; they hold closed word classes, WordNet's coarse senses of
nouns, and conventions about fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from maestro.errors import InvalidInput
from maestro.planning.datafiles import DATA, mapping, read_yaml, words

Words = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbWords:
    """Verb lemmas by what they do in a requirement."""

    build: Words
    manage: Words
    have: Words
    keep: Words
    belong: Words
    relate: Words
    made: Words
    look: Words
    filter: Words
    search: Words
    sort: Words
    assign: Words
    permissive: Words
    chain: Words
    mark: Words
    be: Words
    setting: Words
    empty: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleWords:
    generic: Words
    """Words for whoever uses the software; several of them are one and the same entity."""
    staff: Words
    never_entity: Words
    organisations: Words
    pronouns: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductWords:
    generic: Words
    named: Words
    api: Words
    page: Words
    no_page: Words
    topic: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    verbs: VerbWords
    people: PeopleWords
    products: ProductWords
    containers: Words
    counts: Words
    fields_words: Words
    features_words: Words
    filler: Words
    drop_adjectives: Words
    modifier_keep_heads: Words
    uncountable: Words
    other_languages: Words
    function_words: Words
    join_words: Mapping[str, str]
    rewrite: Mapping[str, str]
    senses: Mapping[str, str]
    """Noun -> WordNet's coarse sense of its most frequent meaning (`person`, `artifact`, ...)."""
    mostly_verbs: Words
    sometimes_verbs: Words
    associations: Mapping[str, Mapping[str, str]]
    actions: Words
    """Verbs for what the offline team cannot build."""

    def is_verb(self, lemma: str) -> bool:
        stored = lemma in self.mostly_verbs or lemma in self.sometimes_verbs
        return stored or lemma in self.known or lemma in self.associations.keys() | self.actions

    @property
    def known(self) -> Words:
        """Verbs the reader has a meaning for."""
        return self.verbs.manage | self.verbs.filter | self.verbs.search | self.verbs.sort

    def is_noun(self, lemma: str) -> bool:
        return lemma in self.senses

    def is_person(self, lemma: str) -> bool:
        last = lemma.rsplit("_", 1)[-1]
        return (
            last in self.people.generic
            or last in self.people.staff
            or last in self.people.never_entity
            or self.senses.get(last) == "person"
        )


@cache
def load_lexicon(folder: Path = DATA) -> Lexicon:
    """Raises InvalidInput naming file and entry."""
    where = "lexicon.yaml"
    data = mapping(read_yaml(folder / where), where)
    lists = [
        "containers",
        "counts",
        "fields_words",
        "features_words",
        "filler",
        "drop_adjectives",
        "modifier_keep_heads",
        "uncountable",
        "other_languages",
        "function_words",
    ]
    expected = {*lists, "verbs", "people", "products", "join_words", "rewrite"}
    if set(data) != expected:
        raise InvalidInput(f"{where}: missing or unknown keys {sorted(set(data) ^ expected)}")
    verb_lists = _word_lists(folder / "wordnet" / "verbs.txt")
    return Lexicon(
        verbs=VerbWords(**_classes(data, "verbs", VerbWords)),
        people=PeopleWords(**_classes(data, "people", PeopleWords)),
        products=ProductWords(**_classes(data, "products", ProductWords)),
        join_words=_texts(data["join_words"], f"{where}: join_words"),
        rewrite=_texts(data["rewrite"], f"{where}: rewrite"),
        senses={
            noun: sense
            for sense, nouns in _word_lists(folder / "wordnet" / "nouns.txt").items()
            for noun in nouns
        },
        mostly_verbs=frozenset(verb_lists["mostly"]),
        sometimes_verbs=frozenset(verb_lists["sometimes"]),
        associations=mapping(read_yaml(folder / "associations.yaml"), "associations.yaml"),
        actions=_actions(folder / "capabilities.yaml"),
        **{name: frozenset(words(data[name], f"{where}: {name}")) for name in lists},
    )


def _actions(path: Path) -> Words:
    found: set[str] = set()
    for name, entry in mapping(read_yaml(path), path.name).items():
        data = mapping(entry, f"{path.name}: {name}")
        found |= set(words(data.get("verbs", []), f"{path.name}: {name}.verbs"))
        found |= set(data.get("verb_objects", {}))
    return frozenset(found)


def _classes(data: Mapping[str, Any], key: str, kind: type) -> dict[str, Words]:
    where = f"lexicon.yaml: {key}"
    entries = mapping(data[key], where)
    expected = set(kind.__slots__)  # type: ignore[attr-defined]  # a slotted dataclass
    if set(entries) != expected:
        raise InvalidInput(f"{where}: missing or unknown keys {sorted(set(entries) ^ expected)}")
    return {name: frozenset(words(entries[name], f"{where}.{name}")) for name in entries}


def _texts(value: object, where: str) -> dict[str, str]:
    entries = mapping(value, where)
    for key, text in entries.items():
        if not isinstance(text, str):
            raise InvalidInput(f"{where}.{key}: expected a text, got {text!r}")
    return entries


def _word_lists(path: Path) -> dict[str, list[str]]:
    """`[name]` lines start a list of words; `#` lines are comments."""
    lists: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("[") and line.endswith("]"):
            current = lists.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            if current is None:
                raise InvalidInput(f"{path.name}:{number}: words before the first [name]")
            current.extend(line.split())
    return lists
