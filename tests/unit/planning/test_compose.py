from collections import Counter
from dataclasses import replace

from maestro.domain.entities import DomainModel, Entity, Field, FieldType, Service
from maestro.domain.requirement import Analysis, RequirementType
from maestro.domain.team import Team
from maestro.planning.catalogue import load_catalogue
from maestro.planning.compose import compose
from maestro.planning.estimate import estimate

CATALOGUE = load_catalogue()


def entity(name: str) -> Entity:
    title = Field(name="title", type=FieldType.STRING, required=True, source="title")
    return Entity(name=name, plural=f"{name}s", fields=(title,), source=name)


def analysis(*services: str, has_page: bool = True) -> Analysis:
    names = services or ("backend",)
    domain = DomainModel(
        title="Shop",
        entities=tuple(entity(f"{name}_thing") for name in names),
        services=tuple(Service(name=name, entities=(f"{name}_thing",)) for name in names),
        has_page=has_page,
    )
    kind = RequirementType.FEATURE_DEVELOPMENT
    guess = estimate(kind, domain, (), "Made up.")
    return Analysis(
        type=kind,
        complexity=guess.complexity,
        parallelizability=guess.parallelizability,
        expertise=guess.expertise,
        effort_hours=guess.effort_hours,
        risks=(),
        dependencies=(),
        rationale=guess.rationale,
        confidence=0.9,
        domain=domain,
        parts=(),
    )


def team(wanted: Analysis, blueprint: str = "parallel-contract-first") -> Team:
    return compose(CATALOGUE.blueprint(blueprint), wanted, CATALOGUE)


def test_builders_of_a_service_are_there_once_per_service() -> None:
    found = team(analysis("catalogue", "orders", "payments"))
    places = Counter(member.persona for member in found.members)
    assert places["backend_developer"] == places["database_designer"] == 3
    assert places["frontend_developer"] == places["qa_engineer"] == 1
    backends = [m.component for m in found.members if m.persona == "backend_developer"]
    assert backends == ["catalogue", "orders", "payments"]
    assert all(member.reason for member in found.members)


def test_nobody_builds_a_page_that_is_not_wanted() -> None:
    found = team(analysis(has_page=False))
    assert not {m.persona for m in found.members} & {"frontend_developer", "ui_designer"}
    assert "frontend developer: the requirement asks for no page" in found.omitted


def test_optional_roles_are_filled_only_when_asked_for() -> None:
    full = team(analysis())
    assert "security_specialist" in {m.persona for m in full.members}
    assert any(text.startswith("integration tester: not needed") for text in full.omitted)
    without = replace(analysis(), expertise=("backend_development",))
    lean = team(without)
    assert "security_specialist" not in {m.persona for m in lean.members}
    assert "security specialist: the analysis asks for no security" in lean.omitted
    assert "qa_engineer" in {m.persona for m in lean.members}


def test_every_blueprint_makes_a_team_that_can_build_an_application() -> None:
    needed = {"backend_developer", "database_designer", "qa_engineer", "devops_engineer"}
    for blueprint in CATALOGUE.blueprints:
        found = team(analysis(), blueprint)
        assert needed <= {m.persona for m in found.members}, blueprint
        assert "frontend_developer" in {m.persona for m in found.members}, blueprint
