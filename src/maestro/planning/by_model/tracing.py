"""The requirement's parts when a model has planned: what became of each passage of the text."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from maestro.domain.entities import Capability, CapabilityKind, DomainModel
from maestro.domain.requirement import PartKind, RequirementPart
from maestro.planning.by_model.forms import NotCovered
from maestro.planning.by_model.proposals import plain, stated
from maestro.planning.lexicon import load_lexicon
from maestro.planning.naming import joined
from maestro.planning.parts import field_sentence
from maestro.planning.text import passages

_OVERLOOKED = "nothing in the model's plan refers to it"
_VERBS = {
    CapabilityKind.FILTER: "filter",
    CapabilityKind.SORT: "sort",
    CapabilityKind.SEARCH: "search",
}


def traced(
    domain: DomainModel, missing: Sequence[NotCovered], text: str
) -> tuple[RequirementPart, ...]:
    """What is built, what the model says cannot be, and passages that nothing refers to: none is
    dropped without a word.
    """
    found = [*_built(domain), *_missing(missing, text)]
    found += _overlooked(found, text)
    distinct = {(part.kind, part.text, part.source): part for part in found}
    return tuple(
        replace(part, id=f"R{number}") for number, part in enumerate(distinct.values(), start=1)
    )


def assumptions(domain: DomainModel, model: str) -> tuple[str, ...]:
    """What the requirement does not say, one sentence each."""
    told = [
        f"The requirement does not name {entity.name.replace('_', ' ')}; {model} added it."
        for entity in domain.entities
        if not entity.source
    ]
    for entity in domain.entities:
        names = [f.name.replace("_", " ") for f in entity.fields if f.inferred]
        if names:
            has = f"{entity.name.replace('_', ' ')} has {joined(names)}"
            told.append(f"The requirement does not say that {has}; {model} added it.")
    return tuple(told)


def unplanned(text: str, reason: str) -> tuple[RequirementPart, ...]:
    """Every passage, built by nobody."""
    return tuple(
        replace(_uncovered(passage, reason), id=f"R{number}")
        for number, passage in enumerate(_passages(text), start=1)
    )


def _built(domain: DomainModel) -> Iterator[RequirementPart]:
    for entity in domain.entities:
        label = entity.plural.replace("_", " ")
        if entity.source:
            yield _part(PartKind.ENTITY, f"keep {label}", entity.source, entity=entity.name)
        for field in entity.fields:
            if not field.inferred:
                sentence = field_sentence(entity, field)
                yield replace(
                    _part(PartKind.FIELD, sentence, field.source, entity=entity.name),
                    field=field.name,
                )
    for capability in domain.capabilities:
        if capability.source and capability.kind in _VERBS:
            yield _offered(capability, domain)


def _offered(capability: Capability, domain: DomainModel) -> RequirementPart:
    entity = domain.entity(capability.entity)
    label = (entity.plural if entity is not None else capability.entity).replace("_", " ")
    by = f" by {capability.field.removesuffix('_id').replace('_', ' ')}" if capability.field else ""
    text = f"{_VERBS[capability.kind]} {label}{by}"
    return replace(
        _part(PartKind.CAPABILITY, text, capability.source, entity=capability.entity),
        field=capability.field,
        capability=capability.kind.value,
    )


def _missing(missing: Sequence[NotCovered], text: str) -> Iterator[RequirementPart]:
    for item in missing:
        source = stated(item.quote, text)
        if source:  # what the text does not say was not asked for either
            yield _uncovered(source, item.reason or "the model says that it cannot be built")


def _overlooked(found: Sequence[RequirementPart], text: str) -> Iterator[RequirementPart]:
    quotes = [plain(part.source) for part in found]
    for passage in _passages(text):
        said = plain(passage)
        if not any(quote in said or said in quote for quote in quotes):
            yield _uncovered(passage, _OVERLOOKED)


def _passages(text: str) -> list[str]:
    found = passages(text, load_lexicon())
    return [p.text for p in found if not p.heading] or [p.text for p in found]


def _uncovered(text: str, reason: str) -> RequirementPart:
    part = _part(PartKind.UNKNOWN, text, text)
    return replace(part, covered=False, reason=reason)


def _part(kind: PartKind, text: str, source: str, entity: str | None = None) -> RequirementPart:
    return RequirementPart(id="", kind=kind, text=text, source=source, entity=entity)
