"""Names out of foreign documents as names in source code."""

import re
import unicodedata
from collections.abc import Iterable

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_MOST = 60


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return [found.group().lower() for found in _WORDS.finditer(plain)]


def snake(text: str) -> str:
    """`listPets`, `list-pets` and `List pets!` become `list_pets`."""
    return _led("_".join(_words(text))[:_MOST].strip("_"), "x_") or "unnamed"


def camel(text: str) -> str:
    first, *rest = _words(text) or ["unnamed"]
    return _led((first + "".join(word.capitalize() for word in rest))[:_MOST], "x")


def pascal(text: str) -> str:
    return _led("".join(word.capitalize() for word in _words(text))[:_MOST] or "Unnamed", "T")


def _led(name: str, prefix: str) -> str:
    return prefix + name if name[:1].isdigit() else name


class Names:
    """Gives every name once; what is taken or reserved gets an ending."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = set(reserved)

    def take(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}" if "_" in wanted or wanted.islower() else f"{wanted}{count}"
        self._taken.add(name)
        return name


def one_line(text: str, *, most: int = 200) -> str:
    """Text of a document for a comment: printable, in one line."""
    kept = "".join(c if c.isprintable() else " " for c in text)
    flat = " ".join(kept.split())
    return flat if len(flat) <= most else flat[: most - 3].rstrip() + "..."
