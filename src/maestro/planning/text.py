"""A requirement's raw text cut into passages a parser can cope with."""

import re
import unicodedata
from dataclasses import dataclass

from maestro.errors import InvalidInput
from maestro.planning.lexicon import Lexicon

MAX_CHARACTERS = 20_000

_PUNCTUATION = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u2013\u2014\u2212", "-"),
        "\u2026": "...",
        "\u00a0": " ",
    }
)
_BULLET = re.compile(r"^(\s*)(?:[-*+•◦‣▪●·>]|\(?\d{1,2}[.)]|\(?[a-z][.)]|\[[ xX]?\])\s+")
_HEADING = re.compile(r"^\s*#{1,6}\s+|^\s*={2,}\s*|\s*={2,}\s*$")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=\S)|\s*;\s*|(?<=\S)[.!?]+$")
_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|etc|vs|approx|max|min|no|incl|resp|ca)\.(?=[\s,)])", re.I)
_CAMEL = re.compile(r"\b([A-Z][a-z]{2,})([A-Z][a-z]{2,})\b")
_DECORATION = re.compile(r"\*\*|__|`+|~~|<[^<>]{1,80}>|!?\[([^\]]{0,200})\]\([^)]{0,400}\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A sentence, a list item or a heading, in plain text."""

    text: str
    """As the author wrote it, white space and decoration apart."""
    reading: str
    """What is parsed: small letters, known spellings joined."""
    heading: bool = False
    level: int = 0
    """0 outside lists; 1, 2, ... by indentation of list items."""


def passages(text: str, lexicon: Lexicon) -> tuple[Passage, ...]:
    """Raises InvalidInput for an empty text or one above the limit."""
    if len(text) > MAX_CHARACTERS:
        raise InvalidInput(
            f"the requirement has {len(text)} characters; at most {MAX_CHARACTERS} are read. "
            "Shorten it or split it into several requirements"
        )
    clean = _clean(text)
    if not clean.strip():
        raise InvalidInput("the requirement is empty; say in a sentence what should be built")
    found: list[Passage] = []
    for line in _joined_lines(clean):
        found += _line_passages(line, lexicon)
    return tuple(found)


def _clean(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION)
    kept = "".join(c if c in "\n\t" or unicodedata.category(c)[0] != "C" else " " for c in plain)
    return _DECORATION.sub(lambda m: m.group(1) or "", kept)


def _joined_lines(text: str) -> list[str]:
    """Hard-wrapped prose put back together; list items, headings and blank lines stay apart."""
    lines: list[str] = []
    for raw in text.splitlines():
        line = raw.rstrip()
        previous = lines[-1] if lines else ""
        continues = (
            previous.strip()
            and line.strip()
            and not _BULLET.match(line)
            and not (_BULLET.match(previous) and line == line.lstrip())
            and not _HEADING.search(line)
            and not _HEADING.search(previous)
            and not previous.rstrip().endswith((":", ".", "!", "?", ";"))
            and (len(previous) > 60 or line.strip()[0].islower())
        )
        if continues:
            lines[-1] = f"{previous} {line.strip()}"
        else:
            lines.append(line)
    return [line for line in lines if line.strip()]


def _line_passages(line: str, lexicon: Lexicon) -> list[Passage]:
    bullet = _BULLET.match(line)
    level = 1 + len(bullet.group(1).expandtabs(4)) // 2 if bullet else 0
    heading = bool(_HEADING.search(line)) and not bullet
    body = _HEADING.sub("", line[bullet.end() :] if bullet else line).strip(" \t|*")
    body = " ".join(body.split())
    protected = _ABBREVIATION.sub(lambda m: m.group(1).replace(".", ""), body)
    return [
        Passage(text=part, reading=_reading(part, lexicon), heading=heading, level=level)
        for part in (p.strip(" ;") for p in _outside_brackets(protected))
        if any(c.isalnum() for c in part)
    ]


def _outside_brackets(text: str) -> list[str]:
    """Cut at sentence ends, but never inside brackets."""
    parts: list[str] = []
    start = 0
    for cut in _SENTENCE_END.finditer(text):
        before = text[start : cut.start()]
        if before.count("(") > before.count(")"):
            continue
        parts.append(before)
        start = cut.end()
    return [*parts, text[start:]]


def _reading(text: str, lexicon: Lexicon) -> str:
    result = _CAMEL.sub(lambda m: _parted(m.group(1), m.group(2), lexicon), text).lower()
    longest_first = sorted(lexicon.rewrite.items(), key=lambda pair: -len(pair[0]))
    for old, new in (*lexicon.join_words.items(), *longest_first):
        if old in result:
            result = re.sub(rf"(?<![\w-]){re.escape(old)}(?![\w-])", new, result)
    return " ".join(result.replace("&", " and ").replace("_", " ").split()).rstrip(".!?")


def _parted(first: str, second: str, lexicon: Lexicon) -> str:
    """`TaskManager` is two words, `JavaScript` one: cut only between two known nouns."""
    if f"{first}{second}".lower() in lexicon.filler:
        return first + second
    known = lexicon.is_noun(first.lower()) and lexicon.is_noun(second.lower())
    return f"{first} {second}" if known else first + second


def looks_foreign(text: str, lexicon: Lexicon) -> bool:
    """Whether the text is not English: other scripts, or another language's little words."""
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return False
    latin = sum("LATIN" in unicodedata.name(c, "") for c in letters)
    if latin < len(letters) * 0.7:
        return True
    tokens = re.findall(r"[^\W\d_]+", text.lower())
    english = sum(token in lexicon.function_words for token in tokens)
    others = sum(
        token in lexicon.other_languages and token not in lexicon.function_words for token in tokens
    )
    return others > english and others >= 2
