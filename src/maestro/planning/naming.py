"""From words to identifiers that Python, JavaScript, SQL and our own API all accept."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from maestro.domain.inflection import inflector
from maestro.planning.datafiles import DATA, mapping, read_yaml, words
from maestro.planning.lexicon import load_lexicon

MAX_LENGTH = 40
"""Longest entity or field name; longer ones are cut at a word's end."""


@cache
def singular(word: str) -> str:
    """`categories` -> `category`; words that only look plural (`status`) stay."""
    lexicon = load_lexicon()
    if word == "people":
        return "person"
    if word in lexicon.uncountable or len(word) < 3 or not word.isascii() or not word.isalpha():
        return word
    found = inflector().singular_noun(word)
    if not isinstance(found, str) or found == word:
        return word
    if lexicon.is_noun(found):
        return found
    if lexicon.is_noun(word) or word.endswith(("ss", "us", "is")):
        return word
    return str(found)


@cache
def plural(word: str) -> str:
    """Plural of a snake_case singular, always another word than the singular."""
    *before, last = word.split("_")
    if last in load_lexicon().uncountable and last not in _REGULAR_PLURALS:
        return f"{word}_items" if last.endswith("s") or last in _MASS else f"{word}s"
    found = str(inflector().plural_noun(last)) if last.isalpha() else f"{last}s"
    if not re.fullmatch(r"[a-z][a-z0-9]*", found) or found == last:
        return f"{word}_items"
    return "_".join([*before, found])


_MASS = frozenset({"data", "information", "equipment", "software", "hardware", "furniture"})
_REGULAR_PLURALS = frozenset(
    [
        "status",
        "address",
        "access",
        "business",
        "process",
        "class",
        "basis",
        "diagnosis",
        "campus",
        "bus",
        "canvas",
        "atlas",
        "bonus",
        "virus",
        "gas",
        "lens",
        "glass",
        "analysis",
        "thesis",
        "crisis",
    ]
)


def is_plural(word: str, tag: str) -> bool:
    """Whether a noun stands for several; `tag` is the parser's opinion."""
    if word in load_lexicon().uncountable:
        return False
    return singular(word) != word or (tag in ("NNS", "NNPS") and word.endswith("s"))


def snake(text: str, most: int = MAX_LENGTH) -> str:
    """ASCII snake_case, not starting with a digit; may be empty.

    It ends before the word with which it would have more than `most` characters; a first word
    alone may have MAX_LENGTH.
    """
    plain = unicodedata.normalize("NFKD", text)
    ascii_text = plain.encode("ascii", "ignore").decode().lower().replace("'", "")
    parts = [part for part in re.split(r"[^a-z0-9]+", ascii_text) if part]
    while parts and parts[0][0].isdigit():
        number = parts.pop(0)
        letters = number.lstrip("0123456789")
        if letters:
            parts.insert(0, letters)
    kept: list[str] = []
    for part in parts:
        if kept and len("_".join([*kept, part])) > most:
            break
        kept.append(part[:MAX_LENGTH])
    return "_".join(kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    entities: frozenset[str]
    tables: frozenset[str]
    fields: frozenset[str]
    rename_fields: Mapping[str, str]


@cache
def reserved() -> Reserved:
    """Raises InvalidInput when the data file is malformed."""
    where = "reserved.yaml"
    data = mapping(read_yaml(DATA / where), where)
    lists = {
        name: frozenset(words(data[name], f"{where}: {name}"))
        for name in ("python", "javascript", "sql", "generated_entities", "generated_fields")
    }
    code = lists["python"] | lists["javascript"]
    return Reserved(
        entities=code | lists["generated_entities"],
        tables=lists["sql"] | lists["generated_entities"] | code,
        fields=code | lists["sql"] | lists["generated_fields"],
        rename_fields=mapping(data["rename_fields"], f"{where}: rename_fields"),
    )


def entity_name(text: str, taken: Collection[str] = ()) -> str | None:
    """A free, valid singular name, or None when `text` holds nothing to name a thing by."""
    base = snake(text)
    if not base or not re.search(r"[a-z]{2}", base):
        return None
    *before, last = base.split("_")
    base = "_".join([*before, singular(last)])
    words_reserved = reserved()
    if base in words_reserved.entities or plural(base) in words_reserved.tables:
        base = f"{base}_record"
    return _free(base, taken)


def field_name(text: str, taken: Collection[str] = ()) -> str | None:
    """A free, valid field name, or None when `text` holds nothing to name a field by."""
    base = snake(text)
    if not base or not re.search(r"[a-z]", base):
        return None
    words_reserved = reserved()
    base = words_reserved.rename_fields.get(base, base)
    if base in words_reserved.fields or base.startswith("model_"):
        base = f"{base}_value" if not base.startswith("model_") else f"the_{base}"
    return _free(base, taken)


def reference_name(text: str, taken: Collection[str] = ()) -> str | None:
    """The same for a reference: ends in `_id`, also where it was too long or is taken already."""
    name = field_name(text, taken)
    if name is None or name.endswith("_id"):
        return name
    stem = field_name(snake(text.removesuffix("_id"), MAX_LENGTH - len("_id"))) or "other"
    return _free(stem, taken, end="_id")


def enum_value(text: str) -> str:
    """`In Progress` -> `in_progress`; numbers stay (`5`); may be empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:MAX_LENGTH]


def _free(base: str, taken: Collection[str], end: str = "") -> str:
    name, number = f"{base}{end}", 2
    while name in taken:
        name, number = f"{base}_{number}{end}", number + 1
    return name


def one(words: str) -> str:
    """With its article, for sentences: `an order`, `a user`, `a cart item`."""
    text = words.replace("_", " ")
    return str(inflector().a(text)) if text[:1].isalpha() else text


def joined(values: Iterable[str], last: str = "and") -> str:
    """`a, b and c`, for sentences."""
    items = list(values)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"
