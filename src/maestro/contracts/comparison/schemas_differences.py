"""What a comparison of two schemas finds, before a direction of travel gives it a meaning."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from maestro.domain.values import JsonValue


class SchemaDirection(StrEnum):
    """Who sends what a schema describes."""

    REQUEST = "request"
    """Consumers send: whatever the earlier schema allowed has to stay allowed."""
    RESPONSE = "response"
    """The provider sends: whatever the later schema allows has to have been allowed before."""

    @property
    def flipped(self) -> "SchemaDirection":
        if self is SchemaDirection.REQUEST:
            return SchemaDirection.RESPONSE
        return SchemaDirection.REQUEST


class Harm(IntEnum):
    """Whether the receiver can get something that it did not agree to."""

    NONE = 0
    RISK = 1
    """Sets of values do not show it: meanings, defaults, fields people count on."""
    PERHAPS = 2
    """Depends on what stands around it; a value that proves it is searched for."""
    CERTAIN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    rule: str
    """Slug without the side, e.g. `property-removed`."""
    pointer: str
    text: str
    """What happened, a predicate to the place: `is now required`."""
    harm: Harm
    before: JsonValue = None
    after: JsonValue = None
    path: tuple[str, ...] = ()
    """Steps from the compared schema to the place, for people."""

    @property
    def place(self) -> str:
        """`items[].price`, or `the value` for the schema itself."""
        made = ""
        for step in self.path:
            made += step if step.startswith("[") or not made else f".{step}"
        return f"`{made}`" if made else "the value"


def below(step: str, found: Iterable[Difference]) -> list[Difference]:
    """The same differences, seen from one level further up."""
    return [replace(difference, path=(step, *difference.path)) for difference in found]


def doubted(found: Iterable[Difference]) -> list[Difference]:
    """Certainty is lost where a neighbour may have ruled the values out before."""
    return [
        replace(difference, harm=Harm.PERHAPS) if difference.harm is Harm.CERTAIN else difference
        for difference in found
    ]


def when(condition: bool, harm: Harm = Harm.CERTAIN) -> Harm:
    return harm if condition else Harm.NONE
