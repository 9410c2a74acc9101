"""Names in foreign documents as names of entities and fields."""

import re
from functools import cache

from maestro.domain.inflection import inflector


def snake(name: str) -> str:
    """`shipDate`, `ship-date` and `Ship Date` become `ship_date`."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_") or "thing"


@cache
def singular(word: str) -> str:
    """Singular of the last word of a snake_case name."""
    head, underscore, last = word.rpartition("_")
    return head + underscore + (inflector().singular_noun(last) or last)


@cache
def plural(word: str) -> str:
    """Plural of the last word of a snake_case name that is singular."""
    head, underscore, last = word.rpartition("_")
    return head + underscore + str(inflector().plural_noun(last))
