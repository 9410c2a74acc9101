"""Which blueprint fits: four shares that anybody can recompute, and the reasons in words.

score = .30 x parallelizability fit    how much of the work can overlap against how the team works
      + .30 x expertise coverage       share of the needed expertises that its roles bring
      + .20 x complexity               1, .7, .4, .2 for 0, 1, 2, 3 levels from the nearest it suits
      + .20 x requirement type         1 when it was made for this type, else .2
"""

from maestro.domain.requirement import (
    Analysis,
    Complexity,
    Constraints,
    Parallelizability,
    Preference,
)
from maestro.domain.team import Blueprint, BlueprintMatch, Family
from maestro.errors import InvalidInput
from maestro.planning.catalogue import Catalogue

_PARALLEL_FIT = {
    Parallelizability.FULLY_PARALLEL: 1.0,
    Parallelizability.PARTIALLY_PARALLEL: 0.9,
    Parallelizability.MOSTLY_SEQUENTIAL: 0.5,
    Parallelizability.FULLY_SEQUENTIAL: 0.2,
}
_HYBRID_FIT = {
    Parallelizability.FULLY_PARALLEL: 0.8,
    Parallelizability.PARTIALLY_PARALLEL: 0.8,
    Parallelizability.MOSTLY_SEQUENTIAL: 0.6,
    Parallelizability.FULLY_SEQUENTIAL: 0.4,
}
_SEQUENTIAL_FIT = {
    Parallelizability.FULLY_PARALLEL: 0.3,
    Parallelizability.PARTIALLY_PARALLEL: 0.5,
    Parallelizability.MOSTLY_SEQUENTIAL: 1.0,
    Parallelizability.FULLY_SEQUENTIAL: 1.0,
}
_BY_DISTANCE = (1.0, 0.7, 0.4, 0.2)


def match(
    analysis: Analysis, catalogue: Catalogue, constraints: Constraints
) -> tuple[BlueprintMatch, ...]:
    """Every admissible blueprint, best first; equal scores keep the order of their ids.

    Raises:
        InvalidInput: the constraints force a blueprint that does not exist.
    """
    if constraints.blueprint is not None:
        forced = catalogue.blueprint(constraints.blueprint)
        scored = _score(forced, analysis)
        reason = "asked for by name"
        return (
            BlueprintMatch(
                blueprint=forced.id, score=scored.score, reasons=(reason, *scored.reasons)
            ),
        )
    candidates = [
        _score(blueprint, analysis)
        for _, blueprint in sorted(catalogue.blueprints.items())
        if _admitted(blueprint, constraints.preference)
    ]
    if not candidates:
        raise InvalidInput(f"no blueprint fits the preference {constraints.preference.value!r}")
    return tuple(sorted(candidates, key=lambda found: -found.score))


def _admitted(blueprint: Blueprint, preference: Preference) -> bool:
    if preference is Preference.PARALLEL:
        return blueprint.parallel
    if preference is Preference.SEQUENTIAL:
        return not blueprint.parallel
    return True


def _score(blueprint: Blueprint, analysis: Analysis) -> BlueprintMatch:
    parts = (
        (0.30, *_parallelizability(blueprint, analysis)),
        (0.30, *_expertise(blueprint, analysis)),
        (0.20, *_complexity(blueprint, analysis)),
        (0.20, *_type(blueprint, analysis)),
    )
    return BlueprintMatch(
        blueprint=blueprint.id,
        score=round(sum(weight * value for weight, value, _ in parts), 4),
        reasons=tuple(f"{reason} ({weight:.2f} x {value:.2f})" for weight, value, reason in parts),
    )


def _parallelizability(blueprint: Blueprint, analysis: Analysis) -> tuple[float, str]:
    if blueprint.family is Family.HYBRID:
        table, manner = _HYBRID_FIT, "partly side by side"
    elif blueprint.parallel:
        table, manner = _PARALLEL_FIT, "side by side"
    else:
        table, manner = _SEQUENTIAL_FIT, "one after the other"
    kind = analysis.parallelizability.value.replace("_", " ")
    return table[analysis.parallelizability], f"the work is {kind}; this team works {manner}"


def _expertise(blueprint: Blueprint, analysis: Analysis) -> tuple[float, str]:
    brought = {name for role in blueprint.roles for name in role.expertise}
    missing = [name for name in analysis.expertise if name not in brought]
    needed = len(analysis.expertise)
    if not needed:
        return 1.0, "no particular expertise is needed"
    share = (needed - len(missing)) / needed
    if not missing:
        return share, f"brings all {needed} needed expertises"
    names = ", ".join(name.replace("_", " ") for name in missing)
    return share, f"brings {needed - len(missing)} of {needed} needed expertises, not {names}"


def _complexity(blueprint: Blueprint, analysis: Analysis) -> tuple[float, str]:
    levels = list(Complexity)
    wanted = levels.index(analysis.complexity)
    distance = min(abs(wanted - levels.index(Complexity(c))) for c in blueprint.complexities)
    name = analysis.complexity.value.replace("_", " ")
    verdict = "suits" if distance == 0 else f"is {distance} level(s) away from"
    return _BY_DISTANCE[distance], f"{verdict} {name} work"


def _type(blueprint: Blueprint, analysis: Analysis) -> tuple[float, str]:
    name = analysis.type.value.replace("_", " ")
    if analysis.type.value in blueprint.requirement_types:
        return 1.0, f"made for {name}"
    return 0.2, f"not made for {name}"
