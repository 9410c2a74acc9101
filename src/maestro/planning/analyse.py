"""A requirement's text into an analysis, without a language model.

The road: passages -> words (spaCy) -> chunks -> statements -> findings -> draft -> domain model,
then parts, type and estimate. Each step is a module of its own.
"""

import asyncio
from collections.abc import Sequence

from maestro.domain.entities import DomainModel, Service
from maestro.domain.requirement import (
    Analysis,
    PartKind,
    Requirement,
    RequirementPart,
    RequirementType,
)
from maestro.planning.capabilities import Offered, offered, usual_capabilities
from maestro.planning.classify import Classification, Seen, classify
from maestro.planning.deciding import decide, service_entity
from maestro.planning.draft import Draft
from maestro.planning.estimate import estimate
from maestro.planning.findings import Findings
from maestro.planning.given import adopt
from maestro.planning.lexicon import Lexicon, load_lexicon
from maestro.planning.naming import joined, snake
from maestro.planning.parts import requirement_parts
from maestro.planning.reading import Reading, read
from maestro.planning.relating import relate
from maestro.planning.shaping import (
    Shaped,
    add_conventions,
    add_fields,
    add_narrowing_fields,
    named,
)
from maestro.planning.text import looks_foreign
from maestro.planning.titles import title_of

_SURE = 0.5
_CONFIGURE = (
    "The offline team builds new applications only; to work on existing code, configure a model "
    "executor and give it the code."
)


async def analyse(requirement: Requirement, domain: DomainModel | None = None) -> Analysis:
    """What is asked for, cut into parts, with a domain model and what follows from it.

    Args:
        requirement: the text may be anything people type.
        domain: used instead of the text's entities, e.g. read from the caller's own contract.

    Raises:
        InvalidInput: the text is empty or too long, or the language data is not installed.
    """
    return await asyncio.to_thread(_analyse, requirement.text, domain)


def _analyse(text: str, given: DomainModel | None) -> Analysis:
    lexicon = load_lexicon()
    reading = read(text, lexicon)
    findings = reading.findings
    foreign = looks_foreign(text, lexicon)
    draft = _draft(findings, lexicon)
    shaped = named(draft)
    if given is None:
        model = _domain(findings, draft, shaped, text)
        offers = offered(draft, findings, shaped)
        model = _with_capabilities(model, offers, shaped)
        parts = requirement_parts(findings, draft, shaped, offers, model)
        assumptions = (*findings.assumptions, *draft.assumptions)
    else:
        model = given
        parts, assumptions = adopt(findings, draft, shaped, given)
    kind = classify(_seen(reading, draft, given), lexicon)
    return _analysis(kind, model, parts, assumptions, draft, foreign=foreign)


def _draft(findings: Findings, lexicon: Lexicon) -> Draft:
    draft = decide(findings, lexicon)
    add_fields(draft, findings, lexicon)
    relate(draft, findings, lexicon)
    add_narrowing_fields(draft, findings, lexicon)
    add_conventions(draft, lexicon)
    return draft


def _domain(findings: Findings, draft: Draft, shaped: Shaped, text: str) -> DomainModel:
    names = {entity.name for entity in shaped.entities}
    roles = tuple(name for role in findings.roles if (name := snake(role)))
    return DomainModel(
        title=title_of(findings, shaped, text),
        entities=shaped.entities,
        roles=tuple(dict.fromkeys(roles)),
        services=_services(findings, draft, shaped) if names else (),
        has_page=bool(findings.page_wanted) or not findings.api_only,
    )


def _services(findings: Findings, draft: Draft, shaped: Shaped) -> tuple[Service, ...]:
    """One per named service; a thing goes where what it belongs to is, else to the first."""
    order = tuple(entity.name for entity in shaped.entities)
    if len(findings.services) < 2:
        return (Service(name="backend", entities=order),)
    homes: dict[str, str] = {}
    sources: dict[str, str] = {}
    for found in findings.services:
        service = snake(found.name) or "service"
        sources.setdefault(service, found.source)
        key = draft.resolve(service_entity(found.name))
        if key in shaped.names:
            homes.setdefault(shaped.names[key], service)
    for entity in shaped.entities:
        homes.setdefault(entity.name, _home(entity.name, shaped, homes) or next(iter(sources)))
    return tuple(
        Service(
            name=service,
            entities=tuple(name for name in order if homes[name] == service),
            source=source,
        )
        for service, source in sources.items()
        if service in homes.values()
    )


def _home(name: str, shaped: Shaped, homes: dict[str, str]) -> str | None:
    """The service of the first thing it belongs to, or of the first that refers to it."""
    entity = next(e for e in shaped.entities if e.name == name)
    for field in sorted(entity.references, key=lambda f: not f.required):
        if field.target in homes:
            return homes[field.target]
    for other in shaped.entities:
        if any(f.target == name for f in other.references) and other.name in homes:
            return homes[other.name]
    return None


def _with_capabilities(
    model: DomainModel, offers: Sequence[Offered], shaped: Shaped
) -> DomainModel:
    stated = [offer.capability for offer in offers if offer.capability is not None]
    known = {(c.kind, c.entity, c.field) for c in stated}
    usual = [
        c
        for c in usual_capabilities(shaped, has_page=model.has_page)
        if (c.kind, c.entity, c.field) not in known
    ]
    return DomainModel(
        title=model.title,
        entities=model.entities,
        capabilities=(*stated, *usual),
        roles=model.roles,
        services=model.services,
        has_page=model.has_page,
    )


def _seen(reading: Reading, draft: Draft, given: DomainModel | None) -> Seen:
    findings = reading.findings
    stated = [e for e in draft.entities.values() if e.source]
    things = len(stated) + len(findings.fields) + len(findings.operations)
    return Seen(
        statements=reading.statements,
        words=reading.words,
        new_product=bool(findings.titles) or given is not None,
        things=things,
    )


def _analysis(
    kind: Classification,
    model: DomainModel,
    parts: tuple[RequirementPart, ...],
    assumptions: tuple[str, ...],
    draft: Draft,
    *,
    foreign: bool,
) -> Analysis:
    feature = kind.type is RequirementType.FEATURE_DEVELOPMENT
    if not feature:
        model = _nothing_of(model)
        parts = _refused(parts, kind.type)
        assumptions = ()
    buildable = feature and bool(model.entities) and not foreign
    questions = _questions(kind, model, parts, foreign=foreign) + tuple(draft.questions)
    estimated = estimate(kind.type, model, parts, _why(kind))
    return Analysis(
        type=kind.type,
        complexity=estimated.complexity,
        parallelizability=estimated.parallelizability,
        expertise=estimated.expertise,
        effort_hours=estimated.effort_hours,
        risks=estimated.risks,
        dependencies=estimated.dependencies,
        rationale=estimated.rationale,
        confidence=0.1 if foreign else _confidence(kind, parts, buildable=buildable),
        domain=model,
        parts=parts,
        open_questions=questions,
        assumptions=assumptions,
        buildable=buildable,
        alternatives=tuple(other.value for other in kind.alternatives),
    )


def _nothing_of(model: DomainModel) -> DomainModel:
    """Work on existing code has no model of its own; guessing one would invite a fake app."""
    return DomainModel(title=model.title, entities=(), roles=model.roles, has_page=False)


def _refused(
    parts: tuple[RequirementPart, ...], kind: RequirementType
) -> tuple[RequirementPart, ...]:
    distinct = list({part.source: part for part in parts}.values())
    longest = [p for p in distinct if not any(p.source in o.source and p != o for o in distinct)]
    reason = f"{kind.value.replace('_', ' ')} changes existing code, which the offline team cannot"
    return tuple(
        RequirementPart(
            id=f"R{number}",
            kind=PartKind.UNKNOWN if part.kind is not PartKind.QUALITY else part.kind,
            text=part.source or part.text,
            source=part.source,
            covered=False,
            reason=reason,
        )
        for number, part in enumerate(longest, start=1)
    )


def _questions(
    kind: Classification,
    model: DomainModel,
    parts: tuple[RequirementPart, ...],
    *,
    foreign: bool,
) -> tuple[str, ...]:
    if foreign:
        return ("The text does not seem to be English; can you give it in English?",)
    if kind.type is not RequirementType.FEATURE_DEVELOPMENT:
        name = kind.type.value.replace("_", " ")
        return (f"This reads as {name} of existing code, and no code was given. {_CONFIGURE}",)
    if not model.entities:
        return (
            "What things should the software keep, and what is known about each of them? "
            "For example: 'books have a title, an author and a year; members borrow books'.",
        )
    if kind.confidence < _SURE and kind.alternatives:
        others = joined((k.value.replace("_", " ") for k in kind.alternatives), "or")
        return (f"Should something new be built, or is this {others} of existing code?",)
    return ()


def _why(kind: Classification) -> str:
    name = kind.type.value.replace("_", " ")
    if kind.type is RequirementType.FEATURE_DEVELOPMENT:
        return f"Read as {name}: it describes things to keep and what to do with them."
    return f"Read as {name} because of {joined(repr(word) for word in kind.evidence[:5])}."


def _confidence(
    kind: Classification, parts: tuple[RequirementPart, ...], *, buildable: bool
) -> float:
    """The type's confidence, lowered by the share of parts that were not understood."""
    if not parts:
        return min(kind.confidence, 0.3)
    unknown = sum(part.kind is PartKind.UNKNOWN for part in parts) / len(parts)
    understood = 1.0 - 0.8 * unknown if buildable else 1.0
    return round(kind.confidence * understood, 2)
