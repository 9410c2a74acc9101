"""Words of a requirement put into Markdown so that they stay words."""

import re
from collections.abc import Sequence

from maestro.agents.executors.offline.render import one_line


def heading(text: str) -> str:
    """A title as the text of a heading. Only what Markdown would really interpret is escaped, so
    that the title can be searched for in the document.
    """
    plain = re.sub(r"([\\`*\[\]<])", r"\\\1", one_line(text))
    plain = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", plain)
    plain = re.sub(r"(#+)$", r"\\\1", plain)
    return re.sub(r"&(?=#?\w+;)", r"\\&", plain).strip() or "Application"


def code(text: object) -> str:
    """Text in a code span that also fits a table's cell."""
    plain = one_line(text).replace("|", "¦")
    fence = "`" * (max((len(run) for run in re.findall("`+", plain)), default=0) + 1)
    pad = " " if "`" in plain else ""
    return f"{fence}{pad}{plain or ' '}{pad}{fence}"


def quote(text: str) -> str:
    """A requirement's own words as a block quote, line breaks kept."""
    lines = [one_line(line) for line in text.strip().splitlines()] or [""]
    return "\n".join(f"> {_escaped(line)}".rstrip() for line in lines)


def joined(names: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def a_or_an(words: str) -> str:
    """The words with their indefinite article, by spelling."""
    first = words[:1].lower()
    vowel = first in "aeiou" and not re.match(r"(?i)(one|uni[^nm]|use|usa|eu)", words)
    return f"{'an' if vowel else 'a'} {words}"


def words(name: str) -> str:
    """`cart_item` as people write it."""
    return name.replace("_", " ").replace("-", " ")


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>#|&])", r"\\\1", text)
