"""What kind of work a requirement asks for, how sure that is, and what else it may be.

Every clause votes by the roles of its words (main verb, what it is done to, remarks), not by words
anywhere; a description of things to keep votes for a feature. Votes are counted, never thresholded
away: close calls come out as low confidence with alternatives, and the caller asks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from maestro.domain.requirement import RequirementType
from maestro.errors import InvalidInput
from maestro.planning.chunks import Noun
from maestro.planning.clauses import Statement
from maestro.planning.datafiles import DATA, mapping, read_yaml, words
from maestro.planning.lexicon import Lexicon

_VERB, _OBJECT, _WORD = 2.0, 1.5, 1.0
_EXISTING = 1.0
"""Added where the text speaks of `our`, `the` or `existing` software rather than of a new one."""
_NEW_PRODUCT, _THING = 3.0, 0.9
_OWNED = ("our", "the", "this", "these", "my", "their", "existing", "current")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signs:
    verbs: frozenset[str]
    objects: frozenset[str]
    words: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    type: RequirementType
    confidence: float
    alternatives: tuple[RequirementType, ...]
    evidence: tuple[str, ...]
    """Words that spoke for the chosen type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the reader found that bears on the type."""

    statements: Sequence[Statement]
    words: frozenset[str]
    """Every lemma and every surface word."""
    new_product: bool
    things: int
    """Entities, fields and operations that the text states."""


@cache
def _signs() -> Mapping[RequirementType, _Signs]:
    where = "requirement_types.yaml"
    data = mapping(read_yaml(DATA / where), where)
    expected = {t.value for t in RequirementType} - {RequirementType.FEATURE_DEVELOPMENT.value}
    if set(data) != expected:
        raise InvalidInput(f"{where}: missing or unknown types {sorted(set(data) ^ expected)}")
    found = {}
    for name, entry in data.items():
        lists = mapping(entry, f"{where}: {name}")
        if set(lists) != {"verbs", "objects", "words"}:
            raise InvalidInput(f"{where}: {name} needs exactly verbs, objects and words")
        found[RequirementType(name)] = _Signs(
            **{k: frozenset(words(v, f"{where}: {name}.{k}")) for k, v in lists.items()}
        )
    return found


def classify(seen: Seen, lexicon: Lexicon) -> Classification:
    """Confidence is the winner's share of all votes, lowered when there were few votes at all."""
    votes: dict[RequirementType, float] = dict.fromkeys(RequirementType, 0.0)
    evidence: dict[RequirementType, list[str]] = {kind: [] for kind in RequirementType}
    existing = any(_speaks_of_existing(s) for s in seen.statements) and not seen.new_product
    for kind, signs in _signs().items():
        for weight, word in _votes(seen, signs):
            votes[kind] += weight
            evidence[kind].append(word)
        if kind is RequirementType.BUG_FIX:
            broken = any(_does_not_work(s) for s in seen.statements)
            if broken or _wrong_behaviour(seen.statements):
                votes[kind] += _VERB
        if existing and votes[kind] > 0:
            votes[kind] += _EXISTING
        if seen.new_product:
            votes[kind] *= 0.25  # "with tests and documentation": wishes about a new thing
    feature = RequirementType.FEATURE_DEVELOPMENT
    votes[feature] = _NEW_PRODUCT * seen.new_product
    weight = _THING * (0.5 if existing and not seen.new_product else 1.0)
    votes[feature] += weight * min(seen.things, 10)
    return _chosen(votes, evidence)


def _votes(seen: Seen, signs: _Signs) -> list[tuple[float, str]]:
    found: dict[str, float] = {}
    for statement in seen.statements:
        if statement.verb is not None and statement.verb.lemma in signs.verbs:
            found[statement.verb.lemma] = _VERB
        for noun in statement.nouns:
            for name in _names(noun):
                if name in signs.objects:
                    found.setdefault(name, _OBJECT)
    for word in sorted(seen.words & signs.words):
        found.setdefault(word, _WORD)
    return [(weight, word) for word, weight in found.items()]


def _names(noun: Noun) -> tuple[str, ...]:
    return (noun.head, noun.phrase, "_".join([*noun.modifiers[-1:], noun.head]))


def _speaks_of_existing(statement: Statement) -> bool:
    return any(
        noun.determiner in _OWNED or any(m in ("existing", "current") for m in noun.modifiers)
        for noun in statement.nouns
    )


def _does_not_work(statement: Statement) -> bool:
    """`the export does not work`, `users cannot save`: something that should be is not."""
    verb = statement.verb
    return verb is not None and verb.negated and verb.modal not in ("should", "must")


def _wrong_behaviour(statements: Sequence[Statement]) -> bool:
    """`the form accepts anything, it should refuse it`: what is, against what should be."""
    happens = any(
        s.verb is not None
        and not s.verb.modal
        and any(n.determiner in ("the", "our") and not n.plural for n in s.subject)
        for s in statements
    )
    wanted = any(
        s.verb is not None
        and s.verb.modal in ("should", "must")
        and any(n.head in ("it", "this", "that", "they") for n in s.subject)
        for s in statements
    )
    return happens and wanted


def _chosen(
    votes: Mapping[RequirementType, float], evidence: Mapping[RequirementType, list[str]]
) -> Classification:
    ranked = sorted(votes, key=lambda kind: -votes[kind])
    best, total = ranked[0], sum(votes.values())
    if total == 0:
        return Classification(
            type=RequirementType.FEATURE_DEVELOPMENT,
            confidence=0.2,
            alternatives=(),
            evidence=(),
        )
    share = votes[best] / total
    amount = min(1.0, votes[best] / 3.0)
    return Classification(
        type=best,
        confidence=round(min(0.95, share * (0.5 + 0.5 * amount)), 2),
        alternatives=tuple(k for k in ranked[1:4] if votes[k] >= 0.25 * votes[best] and votes[k]),
        evidence=tuple(dict.fromkeys(evidence[best])),
    )
