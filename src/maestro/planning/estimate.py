"""Complexity, parallelism, effort, expertise and risks: computed from the model, said in words.

points = 1 per entity + .1 per field + .5 per reference + .3 per stated capability + 2 per service
         beyond the first + 1 for a page + .5 per part that cannot be built
simple below 6, moderate below 15, complex below 35, very complex from there.

hours  = requirements 2 + .1 per part; design 2 + .5 per entity; database .5 per entity; backend
         2 + 1.5 per entity + .5 per stated capability; page 3 + 1.5 per entity; tests 1 + 1 per
         entity; security 1.5; operations 2; documents 1 + .3 per entity; integration 1 + 1 per
         service.
Everything but requirements, design and integration waits for contracts only, so that share of the
hours can overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from maestro.domain.entities import DomainModel
from maestro.domain.requirement import (
    Complexity,
    Parallelizability,
    PartKind,
    RequirementPart,
    RequirementType,
)
from maestro.planning.naming import joined, plural

_EXPERTISE = {
    RequirementType.BUG_FIX: ("debugging", "backend_development", "testing", "code_review"),
    RequirementType.REFACTORING: ("refactoring", "code_review", "testing", "architecture"),
    RequirementType.PERFORMANCE_OPTIMIZATION: ("performance", "backend_development", "testing"),
    RequirementType.SECURITY_AUDIT: ("security", "code_review", "testing"),
    RequirementType.TESTING: ("testing", "integration_testing"),
    RequirementType.DOCUMENTATION: ("technical_writing",),
    RequirementType.DEPLOYMENT: ("devops", "security"),
    RequirementType.MAINTENANCE: ("devops", "backend_development", "testing"),
}
_OVERLAP = {
    RequirementType.BUG_FIX: 0.05,
    RequirementType.REFACTORING: 0.3,
    RequirementType.PERFORMANCE_OPTIMIZATION: 0.2,
    RequirementType.SECURITY_AUDIT: 0.4,
    RequirementType.TESTING: 0.6,
    RequirementType.DOCUMENTATION: 0.3,
    RequirementType.DEPLOYMENT: 0.2,
    RequirementType.MAINTENANCE: 0.2,
}
"""Share of work that can overlap, where there is no model to compute it from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    complexity: Complexity
    parallelizability: Parallelizability
    expertise: tuple[str, ...]
    effort_hours: float
    risks: tuple[str, ...]
    dependencies: tuple[str, ...]
    rationale: str


def estimate(
    kind: RequirementType, domain: DomainModel, parts: Sequence[RequirementPart], why: str
) -> Estimate:
    """`why` says in words how the type was found; it opens the rationale."""
    points = _points(domain, parts)
    complexity = _complexity(points)
    hours, overlap = _hours(kind, domain, parts)
    return Estimate(
        complexity=complexity,
        parallelizability=_parallelizability(overlap),
        expertise=_expertise(kind, domain),
        effort_hours=round(hours, 1),
        risks=_risks(domain, parts),
        dependencies=_dependencies(domain),
        rationale=_rationale(why, domain, parts, points, complexity, overlap),
    )


def _points(domain: DomainModel, parts: Sequence[RequirementPart]) -> float:
    references = sum(len(entity.references) for entity in domain.entities)
    fields = sum(len(entity.fields) for entity in domain.entities)
    stated = sum(1 for capability in domain.capabilities if capability.source)
    return (
        len(domain.entities)
        + 0.1 * fields
        + 0.5 * references
        + 0.3 * stated
        + 2.0 * max(0, len(domain.services) - 1)
        + (1.0 if domain.has_page else 0.0)
        + 0.5 * sum(not part.covered for part in parts)
    )


def _complexity(points: float) -> Complexity:
    for limit, level in (
        (6, Complexity.SIMPLE),
        (15, Complexity.MODERATE),
        (35, Complexity.COMPLEX),
    ):
        if points < limit:
            return level
    return Complexity.VERY_COMPLEX


def _hours(
    kind: RequirementType, domain: DomainModel, parts: Sequence[RequirementPart]
) -> tuple[float, float]:
    """All hours, and the share of them that can overlap."""
    entities = len(domain.entities)
    if kind is not RequirementType.FEATURE_DEVELOPMENT or not entities:
        return 4.0 + 2.0 * len(parts), _OVERLAP.get(kind, 0.3)
    stated = sum(1 for capability in domain.capabilities if capability.source)
    serial = 2.0 + 0.1 * len(parts) + 2.0 + 0.5 * entities + 1.0 + max(1, len(domain.services))
    side_by_side = (0.5 * entities) + (2.0 + 1.5 * entities + 0.5 * stated) + (1.0 + entities)
    side_by_side += 1.5 + 2.0 + 1.0 + 0.3 * entities
    if domain.has_page:
        side_by_side += 3.0 + 1.5 * entities
    total = serial + side_by_side
    return total, side_by_side / total


def _parallelizability(overlap: float) -> Parallelizability:
    for limit, level in (
        (0.9, Parallelizability.FULLY_PARALLEL),
        (0.5, Parallelizability.PARTIALLY_PARALLEL),
        (0.1, Parallelizability.MOSTLY_SEQUENTIAL),
    ):
        if overlap >= limit:
            return level
    return Parallelizability.FULLY_SEQUENTIAL


def _expertise(kind: RequirementType, domain: DomainModel) -> tuple[str, ...]:
    if kind is not RequirementType.FEATURE_DEVELOPMENT:
        return _EXPERTISE[kind]
    page = ("frontend_development", "ui_design") if domain.has_page else ()
    return (
        "requirements_analysis",
        "architecture",
        "api_design",
        "database_design",
        "backend_development",
        *page,
        "testing",
        "security",
        "devops",
        "technical_writing",
    )


def _risks(domain: DomainModel, parts: Sequence[RequirementPart]) -> tuple[str, ...]:
    risks = []
    missing = [part for part in parts if not part.covered]
    if missing:
        risks.append(f"{len(missing)} of {len(parts)} parts will not be built by the offline team.")
    if any(part.kind is PartKind.UNKNOWN for part in parts):
        risks.append("Some words of the requirement were not understood; they may matter.")
    if domain.roles:
        names = joined(plural(role).replace("_", " ") for role in domain.roles)
        risks.append(f"There is no login: {names} can see and change everything.")
    inferred = sum(field.inferred for entity in domain.entities for field in entity.fields)
    if inferred:
        risks.append(f"{inferred} fields were added by convention and may not be what is meant.")
    return tuple(risks)


def _dependencies(domain: DomainModel) -> tuple[str, ...]:
    """Services that keep ids of another service's things."""
    found = []
    for service in domain.services:
        for name in service.entities:
            entity = domain.entity(name)
            for field in entity.references if entity is not None else ():
                other = domain.service_of(field.target or "")
                if other != service.name:
                    found.append(f"{service.name} refers to {field.target} of {other}")
    return tuple(dict.fromkeys(found))


def _rationale(
    why: str,
    domain: DomainModel,
    parts: Sequence[RequirementPart],
    points: float,
    complexity: Complexity,
    overlap: float,
) -> str:
    names = joined(entity.name.replace("_", " ") for entity in domain.entities) or "nothing"
    references = sum(len(entity.references) for entity in domain.entities)
    covered = sum(part.covered for part in parts)
    level = complexity.value.replace("_", " ")
    return (
        f"{why} It keeps {names}, with {references} references between them"
        f"{', shown on a web page' if domain.has_page else ', without a page'}; "
        f"{covered} of {len(parts)} parts can be built. {points:.1f} points make it {level} "
        f"(simple < 6, moderate < 15, complex < 35); {overlap:.0%} of the work waits for contracts "
        "only and can overlap."
    )
