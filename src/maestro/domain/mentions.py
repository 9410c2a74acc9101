"""What a contract says that a document mentions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from maestro.domain.contract import AcceptanceCriterion, Contract

MENTIONS = "document_mentions"
"""The check of such a criterion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    path: str
    """A glob of the files that have to mention the phrases, all of them together."""
    phrases: tuple[str, ...]

    def missing(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Phrases that no text has; capitals and spacing make no difference."""
        whole = _plain(" ".join(texts))
        return tuple(phrase for phrase in self.phrases if _plain(phrase) not in whole)


def mentions_of(criterion: AcceptanceCriterion) -> Mentions | None:
    """None where its parameters do not name a path and phrases."""
    path, phrases = criterion.parameters.get("path"), criterion.parameters.get("phrases")
    if not isinstance(path, str) or not isinstance(phrases, list | tuple) or not phrases:
        return None
    return Mentions(path=path, phrases=tuple(map(str, phrases)))


def mentioning(contracts: Iterable[Contract]) -> tuple[tuple[AcceptanceCriterion, Mentions], ...]:
    """All criteria about what documents mention, with what they demand."""
    return tuple(
        (criterion, demanded)
        for contract in contracts
        for criterion in contract.acceptance
        if criterion.check == MENTIONS and (demanded := mentions_of(criterion)) is not None
    )


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()
