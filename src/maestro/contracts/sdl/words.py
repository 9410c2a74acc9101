"""The words in the names of types and fields."""

import re
from functools import lru_cache

_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_IRREGULAR = {
    "people": "person",
    "children": "child",
    "men": "man",
    "women": "woman",
    "feet": "foot",
    "mice": "mouse",
    "indices": "index",
    "statuses": "status",
    "addresses": "address",
    "data": "data",
    "news": "news",
    "series": "series",
    "species": "species",
    "status": "status",
    "address": "address",
    "movies": "movie",
    "cookies": "cookie",
}


@lru_cache(maxsize=8192)
def words(name: str) -> tuple[str, ...]:
    """`createOrderItem2` -> create, order, item, 2."""
    return tuple(part.lower() for part in _PART.findall(name))


@lru_cache(maxsize=8192)
def singular(word: str) -> str:
    """Of one word in small letters; what is singular already stays as it is."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 3 and word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zzes")):
        return word[:-2]
    if len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@lru_cache(maxsize=8192)
def noun(name: str) -> str:
    """What two names of the same thing share: `orderItems` and `OrderItem` -> `orderitem`."""
    parts = words(name)
    if not parts:
        return name.lower()
    return "".join((*parts[:-1], singular(parts[-1])))


def is_plural(name: str) -> bool:
    parts = words(name)
    return bool(parts) and singular(parts[-1]) != parts[-1]
