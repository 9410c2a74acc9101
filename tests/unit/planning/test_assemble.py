from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.entities import DomainModel, Entity, Field, FieldType, Service
from maestro.domain.requirement import Analysis, RequirementType
from maestro.domain.team import Team
from maestro.domain.values import ContractId, StepId
from maestro.domain.workflow import OnUnmet, Step, StepKind, Workflow
from maestro.errors import InvalidInput
from maestro.planning.assemble import assemble, expected_groups
from maestro.planning.catalogue import load_catalogue
from maestro.planning.compose import compose
from maestro.planning.estimate import estimate

CATALOGUE = load_catalogue()


def analysis(services: Sequence[str], *, has_page: bool) -> Analysis:
    title = Field(name="title", type=FieldType.STRING, required=True, source="title")
    domain = DomainModel(
        title="Shop",
        entities=tuple(
            Entity(name=f"{name}_thing", plural=f"{name}_things", fields=(title,), source=name)
            for name in services
        ),
        services=tuple(Service(name=name, entities=(f"{name}_thing",)) for name in services),
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
        rationale="",
        confidence=0.9,
        domain=domain,
        parts=(),
    )


def contract(
    name: str, kind: ContractKind, provider: str, *consumers: str, component: str = "app"
) -> Contract:
    return Contract(
        id=ContractId(name),
        name=name,
        kind=kind,
        version="1.0.0",
        provider=provider,
        component=component,
        consumers=consumers,
        format=SpecificationFormat.JSON_SCHEMA,
        specification={},
        deliverables=(),
        acceptance=(),
    )


def contracts(services: Sequence[str], *, has_page: bool) -> list[Contract]:
    document, page = ContractKind.DOCUMENT, ["frontend_developer"] if has_page else []
    found = [
        contract("requirements-document", document, "requirement_analyst"),
        contract("architecture-document", document, "solution_architect"),
    ]
    for name in services:
        users = [*page, "qa_engineer"]
        found += [
            contract(f"{name}-api", ContractKind.REST, "backend_developer", *users, component=name),
            contract(
                f"{name}-schema",
                ContractKind.DATA_SCHEMA,
                "database_designer",
                "backend_developer",
                component=name,
            ),
        ]
    if has_page:
        found += [
            contract("web-page", ContractKind.PAGE, "frontend_developer", "qa_engineer"),
            contract("ui-tokens", document, "ui_designer", "frontend_developer"),
        ]
    return [
        *found,
        contract("contract-tests", document, "qa_engineer"),
        contract("operations", document, "devops_engineer"),
        contract("documentation", document, "technical_writer"),
        contract("security-review", document, "security_specialist"),
    ]


def built(
    *services: str,
    has_page: bool = True,
    parallel: bool = True,
    blueprint: str = "parallel-contract-first",
) -> dict[str, Step]:
    names = services or ("backend",)
    wanted = analysis(names, has_page=has_page)
    team = compose(CATALOGUE.blueprint(blueprint), wanted, CATALOGUE)
    steps = assemble(
        wanted, team, contracts(names, has_page=has_page), CATALOGUE, parallel=parallel
    )
    Workflow(name="build", steps=steps)
    return {step.id: step for step in steps}


def before(steps: dict[str, Step], step_id: str) -> set[str]:
    """Everything a step waits for, directly or not."""
    waiting: list[str] = [*steps[step_id].needs]
    seen: set[str] = set()
    while waiting:
        need = waiting.pop()
        if need not in seen:
            seen.add(need)
            waiting += steps[need].needs
    return seen


def group_of(steps: dict[str, Step]) -> dict[str, int]:
    groups = expected_groups(steps.values())
    return {step_id: level for level, group in enumerate(groups) for step_id in group}


@pytest.mark.parametrize("services", [("backend",), ("catalogue", "orders", "payments")])
def test_no_consumer_waits_for_a_provider(services: tuple[str, ...]) -> None:
    steps = built(*services)
    early = {"work.requirement_analyst", "work.solution_architect"}
    examiners = {"work.security_specialist"}
    for step_id, step in steps.items():
        if step.action != "persona.work" or step_id in early | examiners:
            continue
        waits = {need for need in before(steps, step_id) if need.startswith("work.")}
        assert waits <= early, step_id


def test_builders_start_together() -> None:
    groups = group_of(built())
    builders = ("backend_developer", "database_designer", "frontend_developer", "qa_engineer")
    assert len({groups[f"work.{name}"] for name in builders}) == 1
    several = group_of(built("catalogue", "orders", "payments"))
    names = [f"work.backend_developer.{s}" for s in ("catalogue", "orders", "payments")]
    assert len({several[name] for name in (*names, "work.frontend_developer")}) == 1


def test_a_persona_is_told_its_contracts() -> None:
    steps = built("catalogue", "orders")
    backend = steps["work.backend_developer.orders"].inputs
    assert backend == {
        "persona": "backend_developer",
        "component": "orders",
        "provides": ["orders-api"],
        "consumes": ["orders-schema"],
    }
    front = steps["work.frontend_developer"].inputs
    assert front["provides"] == ["web-page"]
    assert front["consumes"] == ["catalogue-api", "orders-api", "ui-tokens"]
    assert front["component"] == "app"
    assert set(steps["work.frontend_developer"].needs) == {
        "contract.web-page",
        "contract.catalogue-api",
        "contract.orders-api",
        "contract.ui-tokens",
        "gate.requirements",
        "gate.design",
    }


def test_verification_waits_for_what_must_run() -> None:
    steps = built("catalogue", "orders")
    assert set(steps["verify.orders-api"].needs) == {
        "work.backend_developer.orders",
        "work.database_designer.orders",
    }
    assert set(steps["verify.web-page"].needs) == {
        "work.frontend_developer",
        "integrate",
        "verify.catalogue-api",
        "verify.orders-api",
    }
    assert set(steps["recheck.qa_engineer"].needs) == {
        "work.qa_engineer",
        "verify.catalogue-api",
        "verify.orders-api",
    }
    assert steps["recheck.frontend_developer"].inputs["contracts"] == [
        "catalogue-api",
        "orders-api",
    ]
    assert {"work.backend_developer.orders", "work.frontend_developer"} <= set(
        steps["work.security_specialist"].needs
    )


def test_gates_close_their_phases() -> None:
    steps = built()
    design = steps["gate.design"]
    assert {step_id for step_id in steps if step_id.startswith("contract.")} <= set(design.needs)
    backend = steps["gate.backend_implementation"]
    early = {"gate.requirements", "gate.design"}
    assert set(backend.needs) - early == {"work.backend_developer", "verify.backend-api"}
    assert backend.on_unmet is OnUnmet.RUN
    assert "integrate" in steps["gate.testing"].needs
    others = {s for s in steps if s.startswith("gate.")} - {"gate.review"}
    assert others <= set(steps["gate.review"].needs)
    works = {step_id for step_id in steps if step_id.startswith("work.")}
    assert set(steps["integrate"].needs) == works
    assert "gate.requirements" in before(steps, "contract.backend-api")


def test_every_phase_that_a_blueprint_names_is_judged() -> None:
    for blueprint in CATALOGUE.blueprints.values():
        wanted = analysis(("backend",), has_page=True)
        team = compose(blueprint, wanted, CATALOGUE)
        present = {member.persona for member in team.members}
        agreed = [
            replace(c, consumers=tuple(n for n in c.consumers if n in present))
            for c in contracts(("backend",), has_page=True)
            if c.provider in present
        ]
        steps = assemble(wanted, team, agreed, CATALOGUE, parallel=True)
        gates = {step.phase for step in steps if step.action == "quality.gate"}
        worked = {step.phase for step in steps}
        assert worked <= gates, blueprint.id
        assert ("performance" in gates) is ("performance" in blueprint.phases)


def test_performance_is_judged_on_the_integrated_application() -> None:
    steps = built(blueprint="sequential-performance", parallel=False)
    gate = steps["gate.performance"]
    assert "integrate" in gate.needs
    assert gate.inputs == {"phase": "performance"}
    names = list(steps)
    assert names.index("gate.security") < names.index("gate.performance")
    assert names.index("gate.performance") < names.index("gate.deployment")
    assert "gate.performance" in steps["gate.review"].needs


def test_nobody_can_edit_what_was_seen_when_the_application_started() -> None:
    assert built()["integrate"].kind is StepKind.GATE


def test_without_a_page_nobody_works_on_one() -> None:
    steps = built(has_page=False)
    assert not [s for s in steps if "frontend" in s or "web-page" in s]


def test_sequential_work_runs_one_after_the_other() -> None:
    steps = built(parallel=False, blueprint="sequential-basic")
    works = [step_id for step_id in steps if step_id.startswith("work.")]
    for earlier, later in pairwise(works):
        assert earlier in before(steps, later)
    assert works.index("work.database_designer") < works.index("work.backend_developer")


@pytest.mark.parametrize("blueprint", sorted(CATALOGUE.blueprints))
@pytest.mark.parametrize("parallel", [True, False])
def test_every_blueprint_gives_a_graph_that_can_run(blueprint: str, parallel: bool) -> None:
    wanted = analysis(("backend",), has_page=True)
    team = compose(CATALOGUE.blueprint(blueprint), wanted, CATALOGUE)
    present = {member.persona for member in team.members}
    agreed = [
        replace(c, consumers=tuple(n for n in c.consumers if n in present))
        for c in contracts(("backend",), has_page=True)
        if c.provider in present
    ]
    steps = assemble(wanted, team, agreed, CATALOGUE, parallel=parallel)
    assert steps[-1].id == "gate.review"
    assert sum(len(group) for group in expected_groups(steps)) == len(steps)


def test_a_contract_without_its_people_is_refused() -> None:
    wanted = analysis(("backend",), has_page=False)
    team = Team(blueprint="parallel-basic", members=())
    api = contract("backend-api", ContractKind.REST, "backend_developer", component="backend")
    with pytest.raises(InvalidInput, match="its provider 'backend_developer' is not in the team"):
        assemble(wanted, team, [api], CATALOGUE, parallel=True)
    full = compose(CATALOGUE.blueprint("parallel-contract-first"), wanted, CATALOGUE)
    with pytest.raises(InvalidInput, match="contract id 'backend-api' is used twice"):
        assemble(wanted, full, [api, api], CATALOGUE, parallel=True)


def test_limits_come_from_the_persona() -> None:
    step = built()["work.backend_developer"]
    persona = CATALOGUE.persona("backend_developer")
    assert step.timeout_seconds == persona.timeout_seconds
    assert step.retry.max_attempts > 1
    assert step.phase == persona.phase
    assert StepId("work.backend_developer") == step.id
