from dataclasses import replace

import pytest

from maestro.domain.entities import DomainModel, Entity, Field, FieldType
from maestro.domain.requirement import (
    Analysis,
    Complexity,
    Constraints,
    Parallelizability,
    Preference,
    RequirementType,
)
from maestro.errors import InvalidInput
from maestro.planning.catalogue import load_catalogue
from maestro.planning.estimate import estimate
from maestro.planning.match import match

CATALOGUE = load_catalogue()
BOOK = Entity(
    name="book",
    plural="books",
    fields=(Field(name="title", type=FieldType.STRING, required=True, source="title"),),
    source="books",
)


def analysis(*, has_page: bool = True, entities: tuple[Entity, ...] = (BOOK,)) -> Analysis:
    domain = DomainModel(title="Books", entities=entities, has_page=has_page)
    guess = estimate(RequirementType.FEATURE_DEVELOPMENT, domain, (), "Made up.")
    return Analysis(
        type=RequirementType.FEATURE_DEVELOPMENT,
        complexity=guess.complexity,
        parallelizability=guess.parallelizability,
        expertise=guess.expertise,
        effort_hours=guess.effort_hours,
        risks=guess.risks,
        dependencies=guess.dependencies,
        rationale=guess.rationale,
        confidence=0.9,
        domain=domain,
        parts=(),
    )


@pytest.mark.parametrize("complexity", list(Complexity))
@pytest.mark.parametrize("has_page", [True, False])
def test_a_new_application_is_built_contract_first(complexity: Complexity, has_page: bool) -> None:
    wanted = replace(analysis(has_page=has_page), complexity=complexity)
    assert match(wanted, CATALOGUE, Constraints())[0].blueprint == "parallel-contract-first"


def test_scores_follow_the_documented_formula() -> None:
    wanted = replace(
        analysis(),
        parallelizability=Parallelizability.PARTIALLY_PARALLEL,
        complexity=Complexity.COMPLEX,
    )
    by_id = {found.blueprint: found for found in match(wanted, CATALOGUE, Constraints())}
    # parallel 0.9, 9 of 11 expertises (no architecture, no api_design), one level away, made for it
    expected = 0.30 * 0.9 + 0.30 * 9 / 11 + 0.20 * 0.7 + 0.20 * 1.0
    assert by_id["parallel-basic"].score == pytest.approx(expected, abs=1e-4)
    assert "not architecture, api design" in by_id["parallel-basic"].reasons[1]


def test_is_sorted_and_gives_reasons() -> None:
    found = match(analysis(), CATALOGUE, Constraints())
    scores = [item.score for item in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < item.score <= 1 and len(item.reasons) == 4 for item in found)
    assert len(found) == len(CATALOGUE.blueprints)


def test_preference_restricts_the_choice() -> None:
    sequential = match(analysis(), CATALOGUE, Constraints(preference=Preference.SEQUENTIAL))
    assert all(not CATALOGUE.blueprint(item.blueprint).parallel for item in sequential)
    assert sequential[0].blueprint.startswith("sequential-")
    parallel = match(analysis(), CATALOGUE, Constraints(preference=Preference.PARALLEL))
    assert all(CATALOGUE.blueprint(item.blueprint).parallel for item in parallel)


def test_a_named_blueprint_is_taken() -> None:
    found = match(analysis(), CATALOGUE, Constraints(blueprint="specialized-security"))
    assert [item.blueprint for item in found] == ["specialized-security"]
    assert found[0].reasons[0] == "asked for by name"
    with pytest.raises(InvalidInput, match=r"unknown blueprint 'x'; known: collaborative"):
        match(analysis(), CATALOGUE, Constraints(blueprint="x"))


@pytest.mark.parametrize(
    ("kind", "expertise", "expected"),
    [
        (RequirementType.BUG_FIX, ("backend_development", "testing"), "specialized-bug-fix"),
        (RequirementType.SECURITY_AUDIT, ("security",), "specialized-security"),
        (
            RequirementType.PERFORMANCE_OPTIMIZATION,
            ("backend_development", "testing"),
            "sequential-performance",
        ),
    ],
)
def test_other_work_gets_its_own_team(
    kind: RequirementType, expertise: tuple[str, ...], expected: str
) -> None:
    wanted = replace(
        analysis(),
        type=kind,
        expertise=expertise,
        complexity=Complexity.MODERATE,
        parallelizability=Parallelizability.FULLY_SEQUENTIAL,
    )
    assert match(wanted, CATALOGUE, Constraints())[0].blueprint == expected
