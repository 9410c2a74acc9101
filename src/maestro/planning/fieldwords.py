"""What the words of a field's name and of its brackets say about its type."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from maestro.domain.entities import FieldType
from maestro.errors import InvalidInput
from maestro.planning.datafiles import DATA, mapping, read_yaml, words
from maestro.planning.naming import enum_value, singular

_RANGE = re.compile(r"\b(-?\d{1,9})\s*(?:-|to|\.{2,3}|and|through)\s*(-?\d{1,9})\b")
_LENGTH = re.compile(
    r"\b(?:max|maximum|up to|at_most|at most)?\s*(\d{1,5})\s*(?:characters|chars|letters)"
)
_DIVIDERS = re.compile(r"\s*(?:[,;/|]|\bor\b|\band\b)\s*")
_EXAMPLES = ("e.g", "eg", "for example", "for instance", "like", "including", "i.e", "ie")
_OPTIONAL = ("optional", "not required", "nullable", "if any", "can be empty")
_REQUIRED = ("required", "mandatory", "obligatory", "not null", "non-empty", "compulsory")
_KEYS = {
    "heads",
    "plural_is_text",
    "plural_is_integer",
    "patterns",
    "enum_defaults",
    "status_defaults",
    "limits",
    "type_words",
    "unique",
    "naming",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWords:
    types: Mapping[str, FieldType]
    plural_text: frozenset[str]
    plural_integer: frozenset[str]
    endings: tuple[tuple[str, FieldType], ...]
    beginnings: tuple[tuple[str, FieldType], ...]
    enum_defaults: Mapping[str, tuple[str, ...]]
    status_defaults: Mapping[str, tuple[str, ...]]
    limits: Mapping[str, Mapping[str, Any]]
    type_words: Mapping[str, FieldType]
    unique: frozenset[str]
    naming: frozenset[str]

    def knows(self, key: str) -> bool:
        """Whether the word is commonly an attribute of something."""
        last = key.rsplit("_", 1)[-1]
        return key in self.types or last in self.types or self._by_affix(key) is not None

    def type_of(self, key: str) -> FieldType | None:
        """The type its name suggests, or None."""
        if key in self.types:
            return self.types[key]
        found = self._by_affix(key)
        if found is not None:
            return found
        return self.types.get(key.rsplit("_", 1)[-1])

    def _by_affix(self, key: str) -> FieldType | None:
        for beginning, kind in self.beginnings:
            if key.startswith(beginning):
                return kind
        for ending, kind in self.endings:
            if key.endswith(ending):
                return kind
        return None

    def limit(self, key: str) -> Mapping[str, Any]:
        return self.limits.get(key) or self.limits.get(key.rsplit("_", 1)[-1], {})


@cache
def field_words() -> FieldWords:
    """Raises InvalidInput naming the key."""
    where = "fields.yaml"
    data = mapping(read_yaml(DATA / where), where)
    if set(data) != _KEYS:
        raise InvalidInput(f"{where}: missing or unknown keys {sorted(set(data) ^ _KEYS)}")
    patterns = mapping(data["patterns"], f"{where}: patterns")
    return FieldWords(
        types=_by_word(data["heads"], f"{where}: heads"),
        plural_text=frozenset(words(data["plural_is_text"], f"{where}: plural_is_text")),
        plural_integer=frozenset(words(data["plural_is_integer"], f"{where}: plural_is_integer")),
        endings=_affixes(patterns, "suffixes"),
        beginnings=_affixes(patterns, "prefixes"),
        enum_defaults=_value_lists(data["enum_defaults"], f"{where}: enum_defaults"),
        status_defaults=_value_lists(data["status_defaults"], f"{where}: status_defaults"),
        limits=mapping(data["limits"], f"{where}: limits"),
        type_words=_by_word(data["type_words"], f"{where}: type_words"),
        unique=frozenset(words(data["unique"], f"{where}: unique")),
        naming=frozenset(words(data["naming"], f"{where}: naming")),
    )


def _by_word(value: object, where: str) -> dict[str, FieldType]:
    found: dict[str, FieldType] = {}
    for name, listed in mapping(value, where).items():
        for word in words(listed, f"{where}.{name}"):
            found.setdefault(word, FieldType(name))
    return found


def _affixes(patterns: Mapping[str, Any], key: str) -> tuple[tuple[str, FieldType], ...]:
    return tuple(
        (affix, FieldType(name))
        for name, entry in patterns.items()
        for affix in words(entry.get(key, []), f"fields.yaml: patterns.{name}.{key}")
    )


def _value_lists(value: object, where: str) -> dict[str, tuple[str, ...]]:
    return {key: words(entry, f"{where}.{key}") for key, entry in mapping(value, where).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """What stood in brackets behind a noun, taken apart."""

    items: tuple[str, ...]
    """Everything that is no remark about the noun itself."""
    required: bool | None = None
    unique: bool = False
    type: FieldType | None = None
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    examples: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        """The items as members of an enumeration, distinct and in order."""
        named = (enum_value(item) for item in self.items)
        return tuple(dict.fromkeys(value for value in named if value))


def bracket(text: str | None) -> Bracket:
    """`(optional, max 200 characters)`, `(1-5)`, `(todo, doing, done)`, `(e.g. cats, dogs)`."""
    if not text:
        return Bracket(items=())
    lowered = text.lower().strip()
    examples = lowered.startswith(_EXAMPLES)
    for word in _EXAMPLES:
        lowered = lowered.removeprefix(word).lstrip(" .:,")
    length = _LENGTH.search(lowered)
    lowered = _LENGTH.sub("", lowered)
    span = None if _is_enumeration(lowered) else _RANGE.search(lowered)
    lowered = _RANGE.sub("", lowered) if span else lowered
    items: list[str] = []
    found: dict[str, Any] = {}
    for item in _DIVIDERS.split(_without_typed_pairs(lowered, found)):
        word = re.sub(r"^(?:an?|the|one of|either|in|of|is|are|from)\s+", "", item.strip(" .:'\""))
        if word and not _remark(word, found):
            items.append(word)
    return Bracket(
        items=tuple(items),
        minimum=int(span.group(1)) if span else None,
        maximum=int(span.group(2)) if span else None,
        max_length=int(length.group(1)) if length else None,
        examples=examples,
        **found,
    )


def _is_enumeration(text: str) -> bool:
    """`2 and 3 and 4` or `1, 2, 3` lists values; `1 to 5` is a range."""
    return text.count(",") + text.count("/") >= 1 and "to" not in text and ".." not in text


def _without_typed_pairs(text: str, found: dict[str, Any]) -> str:
    """Type words with a divider in them (`yes/no`) taken out before the text is divided."""
    for word, kind in field_words().type_words.items():
        if "/" in word and word in text:
            found["type"] = kind
            text = text.replace(word, "")
    return text


def _remark(word: str, found: dict[str, Any]) -> bool:
    """Whether the item says something about the field instead of being one of its values."""
    if word in _OPTIONAL:
        found["required"] = False
    elif word in _REQUIRED:
        found["required"] = True
    elif word == "unique":
        found["unique"] = True
    else:
        kind = field_words().type_words.get(word.replace(" ", "_"))
        if kind is None:
            return False
        found.setdefault("type", kind)
    return True


def is_field_plural(word: str) -> bool:
    """Plural words that are one field all the same (`notes`, `servings`)."""
    known = field_words()
    return word in known.plural_text or word in known.plural_integer or word in known.types


def looks_like_field(key: str) -> bool:
    """Whether a word, singular or plural, usually names an attribute."""
    return field_words().knows(key) or field_words().knows(singular(key))
