"""What software does that the offline team cannot build, and wishes about the whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from maestro.errors import InvalidInput
from maestro.planning.chunks import Noun
from maestro.planning.clauses import Statement
from maestro.planning.datafiles import DATA, mapping, read_yaml, words

_CLASS_KEYS = {"reason", "verbs", "verb_objects", "nouns", "adjectives"}
_QUALITY_KEYS = {"covered", "words", "text", "reason"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityClass:
    """A kind of feature no offline template provides."""

    id: str
    reason: str
    verbs: frozenset[str] = frozenset()
    verb_objects: Mapping[str, frozenset[str]] = field(default_factory=dict)
    nouns: frozenset[str] = frozenset()
    adjectives: frozenset[str] = frozenset()

    def has_noun(self, noun: Noun) -> bool:
        if any(modifier in self.adjectives for modifier in noun.modifiers):
            return True
        if noun.head in self.adjectives and (noun.adjective or "-" in noun.head):
            return True
        owner = [noun.owner.head] if noun.owner is not None else []
        parts = [*owner, *noun.modifiers, noun.head]
        return any("_".join(parts[i:]) in self.nouns for i in range(len(parts)))

    def has_action(self, statement: Statement) -> bool:
        verb = statement.verb
        if verb is None:
            return False
        phrasal = f"{verb.lemma}_{verb.particle}" if verb.particle else verb.lemma
        if verb.lemma in self.verbs or phrasal in self.verbs:
            return True
        targets = self.verb_objects.get(verb.lemma)
        if targets is None:
            return False
        concerned = [*statement.objects, *(n for p in statement.preps for n in p.nouns)]
        if verb.passive:
            concerned += statement.subject
        names = {name for noun in concerned for name in (noun.head, noun.phrase)}
        return "*" in targets or bool(targets & (names | {verb.particle}))


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityWish:
    id: str
    covered: bool
    words: frozenset[str]
    text: str
    reason: str = ""

    def wished_by(self, noun: Noun) -> bool:
        parts = [*noun.modifiers, noun.head]
        return any(part in self.words for part in parts) or noun.phrase in self.words


@cache
def capability_classes() -> tuple[CapabilityClass, ...]:
    """Raises InvalidInput naming class and key."""
    data = mapping(read_yaml(DATA / "capabilities.yaml"), "capabilities.yaml")
    return tuple(_capability_class(name, entry) for name, entry in data.items())


def _capability_class(name: str, entry: object) -> CapabilityClass:
    where = f"capabilities.yaml: {name}"
    data = mapping(entry, where)
    if not set(data) <= _CLASS_KEYS or not isinstance(data.get("reason"), str):
        raise InvalidInput(f"{where}: needs a reason and only {', '.join(sorted(_CLASS_KEYS))}")
    objects = mapping(data.get("verb_objects", {}), f"{where}.verb_objects")
    return CapabilityClass(
        id=name,
        reason=data["reason"],
        verbs=frozenset(words(data.get("verbs", []), f"{where}.verbs")),
        verb_objects={
            verb: frozenset(words(targets, f"{where}.verb_objects.{verb}"))
            for verb, targets in objects.items()
        },
        nouns=frozenset(words(data.get("nouns", []), f"{where}.nouns")),
        adjectives=frozenset(words(data.get("adjectives", []), f"{where}.adjectives")),
    )


@cache
def qualities() -> tuple[QualityWish, ...]:
    """Raises InvalidInput naming quality and key."""
    found = []
    for name, entry in mapping(read_yaml(DATA / "qualities.yaml"), "qualities.yaml").items():
        where = f"qualities.yaml: {name}"
        data = mapping(entry, where)
        if not {"covered", "words", "text"} <= set(data) <= _QUALITY_KEYS:
            raise InvalidInput(f"{where}: needs covered, words, text and, if not covered, reason")
        found.append(
            QualityWish(
                id=name,
                covered=data["covered"] is True,
                words=frozenset(words(data["words"], f"{where}.words")),
                text=data["text"],
                reason=data.get("reason", ""),
            )
        )
    return tuple(found)


def class_of_action(statement: Statement) -> CapabilityClass | None:
    return next((c for c in capability_classes() if c.has_action(statement)), None)


def class_of_noun(noun: Noun) -> CapabilityClass | None:
    return next((c for c in capability_classes() if c.has_noun(noun)), None)


def quality_of(noun: Noun) -> QualityWish | None:
    return next((quality for quality in qualities() if quality.wished_by(noun)), None)
