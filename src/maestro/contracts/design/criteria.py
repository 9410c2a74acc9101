"""Acceptance criteria that name an executable check, and the requirement parts they stand for."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from maestro.domain.contract import AcceptanceCriterion, Contract
from maestro.domain.entities import CapabilityKind
from maestro.domain.requirement import PartKind, RequirementPart


class Trace:
    """Finds the covered parts of a requirement that a check is evidence for."""

    def __init__(self, parts: Iterable[RequirementPart]) -> None:
        self._parts = tuple(part for part in parts if part.covered)

    def entity(self, entity: str) -> tuple[str, ...]:
        return self._ids(PartKind.ENTITY, entity=entity)

    def field(self, entity: str, field: str) -> tuple[str, ...]:
        return self._ids(PartKind.FIELD, entity=entity, field=field)

    def capability(
        self, kind: CapabilityKind, entity: str, fields: Collection[str] = ()
    ) -> tuple[str, ...]:
        """A part without entity or field asks for the capability everywhere."""
        return tuple(
            part.id
            for part in self._parts
            if part.kind is PartKind.CAPABILITY
            and part.capability == kind
            and part.entity in (entity, None)
            and (part.field is None or part.field in fields)
        )

    def quality(self, *stems: str) -> tuple[str, ...]:
        """Qualities whose words begin with one of `stems`."""
        return tuple(
            part.id
            for part in self._parts
            if part.kind is PartKind.QUALITY
            and any(re.search(rf"\b{stem}", f"{part.text} {part.source}", re.I) for stem in stems)
        )

    def _ids(
        self, kind: PartKind, *, entity: str | None = None, field: str | None = None
    ) -> tuple[str, ...]:
        return tuple(
            part.id
            for part in self._parts
            if part.kind is kind and part.entity == entity and part.field == field
        )

    def everything(self) -> tuple[RequirementPart, ...]:
        return self._parts


def criterion(
    contract: str,
    check: str,
    statement: str,
    parts: Sequence[str] = (),
    **parameters: str | list[str],
) -> AcceptanceCriterion:
    """A criterion with an id made from its contract, its check and what it is about."""
    about = [value for value in parameters.values() if isinstance(value, str)]
    return AcceptanceCriterion(
        id=".".join([contract, check.replace("_", "-"), *map(_slug, about)]),
        statement=statement,
        check=check,
        parameters=dict(parameters),
        parts=tuple(dict.fromkeys(parts)),
    )


def with_unverified(contracts: Sequence[Contract], trace: Trace) -> tuple[Contract, ...]:
    """Adds a criterion without a check for every covered part that nothing is evidence for.

    Such a criterion never passes: what cannot be checked is shown as unverified, not lost.
    """
    known = {part for c in contracts for made in c.acceptance for part in made.parts}
    orphans = tuple(
        AcceptanceCriterion(
            id=f"unverified.{_slug(part.id)}",
            statement=f"{part.text} (no executable check is known for it)",
            check=None,
            parts=(part.id,),
        )
        for part in trace.everything()
        if part.id not in known
    )
    if not orphans or not contracts:
        return tuple(contracts)
    first = replace(contracts[0], acceptance=contracts[0].acceptance + orphans)
    return (first, *contracts[1:])


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")
