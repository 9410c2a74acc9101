"""What differs between two versions of a contract, and which version number is due."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

_VERSION = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:[-+][0-9A-Za-z.+-]{1,100})?")


class ChangeKind(StrEnum):
    BREAKING = "breaking"
    """A consumer that kept to the earlier version can fail."""
    DANGEROUS = "dangerous"
    """It cannot be decided from the contract alone, or breaks what is built on the contract."""
    COMPATIBLE = "compatible"


_RANK = {kind: rank for rank, kind in enumerate(ChangeKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One place where two versions differ."""

    kind: ChangeKind
    rule: str
    """Stable slug, e.g. `request-property-became-required`."""
    pointer: str
    """JSON pointer into the later document, or into the earlier one for what is gone; other
    languages name the element, e.g. `Query.product`."""
    message: str
    """A sentence for people."""
    operation: str = ""
    """`GET /tasks/{task_id}`, a channel, a method; empty where none is concerned."""
    before: JsonValue = None
    after: JsonValue = None

    def __str__(self) -> str:
        place = f"{self.operation}: " if self.operation else ""
        return f"{self.kind} {self.rule} at {self.pointer or '/'}: {place}{self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that differs between two versions, worst first."""

    changes: tuple[Change, ...]
    edited: bool = False
    """The specification differs at all, be it in a description."""

    @classmethod
    def of(cls, changes: Iterable[Change], *, edited: bool = False) -> "Comparison":
        """Sorts by kind, operation, pointer and rule; one that occurs twice is kept once."""
        kept: dict[tuple[str, ...], Change] = {}
        for change in changes:
            key = (change.kind, change.rule, change.pointer, change.operation, change.message)
            kept.setdefault(key, change)
        found = tuple(sorted(kept.values(), key=_order))
        return cls(changes=found, edited=edited or bool(found))

    def of_kind(self, kind: ChangeKind) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind is kind)

    @property
    def breaking(self) -> tuple[Change, ...]:
        return self.of_kind(ChangeKind.BREAKING)

    @property
    def dangerous(self) -> tuple[Change, ...]:
        return self.of_kind(ChangeKind.DANGEROUS)

    @property
    def compatible(self) -> tuple[Change, ...]:
        return self.of_kind(ChangeKind.COMPATIBLE)

    @property
    def kind(self) -> ChangeKind:
        """The worst of the changes; compatible where there is none."""
        return self.changes[0].kind if self.changes else ChangeKind.COMPATIBLE

    def next_version(self, current: str) -> str:
        """The semantic version that is due after `current`: a break asks for a new major one,
        every other change for a minor one, an edit that changes nothing for a patch. Before 1.0.0
        every other change is a patch, as a minor number promises nothing there.

        Raises:
            InvalidInput: `current` is no semantic version.
        """
        major, minor, patch = version_numbers(current)
        if self.breaking:
            return f"{major + 1}.0.0"
        if self.changes and major:
            return f"{major}.{minor + 1}.0"
        return f"{major}.{minor}.{patch + 1}" if self.edited or self.changes else current


def version_numbers(version: str) -> tuple[int, int, int]:
    """Major, minor and patch number; `1` and `1.2` are filled up with zeros.

    Raises:
        InvalidInput: `version` is no semantic version.
    """
    found = _VERSION.fullmatch(version.strip().removeprefix("v"))
    if found is None:
        raise InvalidInput(
            f"version {version!r} is no semantic version; write it like 1.4.0 (major.minor.patch)"
        )
    major, minor, patch = (int(part or 0) for part in found.groups())
    return major, minor, patch


def keeps_promises(later: str, earlier: str) -> bool:
    """Whether the numbers say that `later` breaks nothing of `earlier`: the same major number, and
    before 1.0.0 the same minor one, too. What is no semantic version says nothing.
    """
    try:
        new, old = version_numbers(later), version_numbers(earlier)
    except InvalidInput:
        return False
    kept = 1 if new[0] else 2
    return new[:kept] == old[:kept] and old <= new


def _order(change: Change) -> tuple[int, str, str, str, str]:
    return (_RANK[change.kind], change.operation, change.pointer, change.rule, change.message)
