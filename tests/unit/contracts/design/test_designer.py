"""The contracts of a build follow one set of conventions and leave no covered part out."""

from typing import Any

import jsonschema_rs
import pytest

from maestro.contracts.agree import agree
from maestro.contracts.design import design
from maestro.contracts.openapi import from_object, operations
from maestro.contracts.openapi.bundling import compiled, standalone
from maestro.contracts.openapi.lint import lint
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.entities import (
    Capability,
    CapabilityKind,
    DomainModel,
    Entity,
    Field,
    FieldType,
    Service,
)
from maestro.domain.requirement import (
    Analysis,
    Complexity,
    Parallelizability,
    PartKind,
    RequirementPart,
    RequirementType,
)
from maestro.domain.team import Member, Team

PERSONAS = (
    "requirement_analyst",
    "solution_architect",
    "database_designer",
    "backend_developer",
    "frontend_developer",
    "ui_designer",
    "qa_engineer",
    "security_specialist",
    "devops_engineer",
    "technical_writer",
)

PROJECT = Entity(
    name="project",
    plural="projects",
    fields=(
        Field(name="name", type=FieldType.STRING, required=True, unique=True),
        Field(name="homepage", type=FieldType.URL),
    ),
)
TASK = Entity(
    name="task",
    plural="tasks",
    fields=(
        Field(name="title", type=FieldType.STRING, required=True),
        Field(name="description", type=FieldType.TEXT),
        Field(
            name="status",
            type=FieldType.ENUM,
            required=True,
            values=("todo", "doing", "done"),
            default="todo",
        ),
        Field(name="estimate", type=FieldType.DECIMAL, minimum=0),
        Field(name="priority", type=FieldType.INTEGER, minimum=10, maximum=20),
        Field(name="due_date", type=FieldType.DATE),
        Field(name="started", type=FieldType.DATETIME),
        Field(name="urgent", type=FieldType.BOOLEAN),
        Field(name="contact", type=FieldType.EMAIL),
        Field(name="project_id", type=FieldType.REFERENCE, required=True, target="project"),
    ),
)


def team(*personas: str) -> Team:
    members = tuple(Member(role=persona, persona=persona) for persona in personas)
    return Team(blueprint="contract-first", members=members)


def parts_of(domain: DomainModel) -> tuple[RequirementPart, ...]:
    made: list[RequirementPart] = []

    def add(kind: PartKind, **about: Any) -> None:
        made.append(
            RequirementPart(id=f"R{len(made) + 1}", kind=kind, text="x", source="x", **about)
        )

    for entity in domain.entities:
        add(PartKind.ENTITY, entity=entity.name)
        for field in entity.fields:
            add(PartKind.FIELD, entity=entity.name, field=field.name)
    for capability in domain.capabilities:
        add(
            PartKind.CAPABILITY,
            capability=capability.kind,
            entity=capability.entity,
            field=capability.field,
        )
    return tuple(made)


def analysis_of(domain: DomainModel, *more: RequirementPart) -> Analysis:
    return Analysis(
        type=RequirementType.FEATURE_DEVELOPMENT,
        complexity=Complexity.MODERATE,
        parallelizability=Parallelizability.FULLY_PARALLEL,
        expertise=(),
        effort_hours=1.0,
        risks=(),
        dependencies=(),
        rationale="",
        confidence=1.0,
        domain=domain,
        parts=(*parts_of(domain), *more),
    )


DOMAIN = DomainModel(
    title="Task management",
    entities=(PROJECT, TASK),
    capabilities=(
        Capability(kind=CapabilityKind.MANAGE, entity="task"),
        Capability(kind=CapabilityKind.FILTER, entity="task", field="status"),
        Capability(kind=CapabilityKind.FILTER, entity="task", field="title"),
        Capability(kind=CapabilityKind.SEARCH, entity="task"),
        Capability(kind=CapabilityKind.SEARCH, entity="project", field="name"),
        Capability(kind=CapabilityKind.SORT, entity="task", field="due_date"),
        Capability(kind=CapabilityKind.ASSIGN, entity="task", field="project_id"),
        Capability(kind=CapabilityKind.PAGE, entity="task"),
    ),
)


@pytest.fixture
def contracts() -> dict[str, Contract]:
    return {c.id: c for c in design(analysis_of(DOMAIN), team(*PERSONAS))}


def test_all_contracts_of_a_full_team(contracts: dict[str, Contract]) -> None:
    assert set(contracts) == {
        "backend-api",
        "backend-schema",
        "web-page",
        "ui-tokens",
        "contract-tests",
        "operations",
        "documentation",
        "security-review",
        "requirements-document",
        "architecture-document",
    }
    api = contracts["backend-api"]
    assert (api.kind, api.provider, api.component) == (
        ContractKind.REST,
        "backend_developer",
        "backend",
    )
    assert api.consumers == ("frontend_developer", "qa_engineer")
    assert all(contract.deliverables and contract.acceptance for contract in contracts.values())


def test_only_personas_of_the_team_provide_and_consume() -> None:
    made = design(analysis_of(DOMAIN), team("backend_developer", "qa_engineer"))
    assert {c.provider for c in made} == {"backend_developer", "qa_engineer"}
    assert made[0].consumers == ("qa_engineer",)


def test_every_covered_part_is_named_by_a_criterion(contracts: dict[str, Contract]) -> None:
    named = {
        p for c in contracts.values() for made in c.acceptance for p in made.parts if made.check
    }
    assert named == {part.id for part in analysis_of(DOMAIN).parts}


def test_the_api_alone_is_evidence_for_all_but_the_page() -> None:
    api = design(analysis_of(DOMAIN), team("backend_developer"))[0]
    checked = {part for made in api.acceptance for part in made.parts if made.check}
    page = {p.id for p in analysis_of(DOMAIN).parts if p.capability == CapabilityKind.PAGE}
    assert checked == {part.id for part in analysis_of(DOMAIN).parts} - page
    filters = {
        (a.parameters["field"], a.parts) for a in api.acceptance if a.check == "filter_narrows"
    }
    assert {parts for field, parts in filters if field in ("status", "title")} == {
        parts
        for part in analysis_of(DOMAIN).parts
        if part.capability == CapabilityKind.FILTER
        for parts in [(part.id,)]
    }


def test_a_part_nobody_can_check_stays_unverified() -> None:
    part = RequirementPart(id="R99", kind=PartKind.QUALITY, text="it is fast", source="fast")
    gone = RequirementPart(
        id="R98", kind=PartKind.UNKNOWN, text="voice", source="voice", covered=False
    )
    made = design(analysis_of(DOMAIN, part, gone), team(*PERSONAS))
    naming = [a for c in made for a in c.acceptance if {"R99", "R98"} & set(a.parts)]
    assert [(a.check, a.parts) for a in naming] == [(None, ("R99",))]


def test_criteria_ids_are_unique(contracts: dict[str, Contract]) -> None:
    ids = [made.id for c in contracts.values() for made in c.acceptance]
    assert len(ids) == len(set(ids))


def test_the_api_is_valid_and_agreed_without_any_finding(contracts: dict[str, Contract]) -> None:
    api = contracts["backend-api"]
    assert lint(from_object(api.specification)) == ()
    assert agree(api).digest.startswith("sha256:")


def test_the_five_operations(contracts: dict[str, Contract]) -> None:
    found = {
        o.operation_id: o for o in operations(from_object(contracts["backend-api"].specification))
    }
    assert {o.key for o in found.values() if "task" in o.path} == {
        "GET /tasks",
        "POST /tasks",
        "GET /tasks/{task_id}",
        "PATCH /tasks/{task_id}",
        "DELETE /tasks/{task_id}",
    }
    listing = found["list_tasks"]
    assert [p.name for p in listing.parameters] == [
        "limit", "offset", "q", "sort", "title", "status", "due_date", "urgent", "project_id",
    ]  # fmt: skip
    assert list(found["create_task"].responses) == ["201", "409", "422"]
    assert "Location" in found["create_task"].responses["201"].headers
    assert list(found["delete_task"].responses) == ["204", "404", "409", "422"]


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        ({"title": "A", "project_id": 1}, True),
        ({"title": "A", "project_id": 1, "estimate": 0.25, "status": "done"}, True),
        ({"title": "A", "project_id": 1, "due_date": None, "contact": None}, True),
        ({"title": "", "project_id": 1}, False),
        ({"title": "A" * 256, "project_id": 1}, False),
        ({"project_id": 1}, False),
        ({"title": "A", "project_id": 0}, False),
        ({"title": "A", "project_id": 1, "status": "x"}, False),
        ({"title": "A", "project_id": 1, "status": None}, False),
        ({"title": "A", "project_id": 1, "estimate": 0.125}, False),
        ({"title": "A", "project_id": 1, "priority": 9}, False),
        ({"title": "A", "project_id": 1, "due_date": "tomorrow"}, False),
        ({"title": "A", "project_id": 1, "contact": "nobody"}, False),
        ({"title": "A", "project_id": 1, "other": 1}, False),
        ({"title": "A", "project_id": 1, "id": 1}, False),
    ],
)
def test_bodies_are_limited(
    contracts: dict[str, Contract], body: dict[str, object], valid: bool
) -> None:
    document = from_object(contracts["backend-api"].specification)
    schema = standalone(document, {"$ref": "#/components/schemas/TaskCreate"})
    assert compiled(schema).is_valid(body) is valid


def test_examples_fit_their_own_schemas(contracts: dict[str, Contract]) -> None:
    schemas = contracts["backend-api"].specification["components"]["schemas"]
    seen = 0
    for schema in schemas.values():
        for prop in schema["properties"].values():
            for example in prop.get("examples", ()):
                seen += 1
                assert jsonschema_rs.is_valid(prop, example, validate_formats=True), (prop, example)
    assert seen > 20


def test_an_entity_may_be_called_like_a_schema() -> None:
    names = Entity(name="task_list", plural="task_lists", fields=())
    problem = Entity(name="problem", plural="problems", fields=())
    domain = DomainModel(title="T", entities=(TASK, names, problem, PROJECT))
    api = design(analysis_of(domain), team("backend_developer"))[0]
    schemas = api.specification["components"]["schemas"]
    assert {"TaskList", "TaskListSchema", "Problem", "ProblemDetails"} <= set(schemas)
    assert "items" in schemas["TaskListSchema"]["properties"]
    assert lint(from_object(api.specification)) == ()


def test_services_have_their_own_contracts_and_foreign_references_are_unchecked() -> None:
    domain = DomainModel(
        title="Shop",
        entities=(PROJECT, TASK),
        services=(
            Service(name="planning", entities=("project",)),
            Service(name="work", entities=("task",)),
        ),
    )
    made = {str(c.id): c for c in design(analysis_of(domain), team(*PERSONAS))}
    assert {"planning-api", "planning-schema", "work-api", "work-schema"} <= set(made)
    work = made["work-api"]
    reference = work.specification["components"]["schemas"]["TaskCreate"]["properties"][
        "project_id"
    ]
    assert reference["x-references-external"] == "project"
    assert "x-references" not in reference
    assert "reference_checked" not in {a.check for a in work.acceptance}
    assert work.deliverables[0].paths[0] == "services/work/app/main.py"
    columns = made["work-schema"].specification["tables"][0]["columns"]
    assert next(c for c in columns if c["name"] == "project_id")["references"] is None


def test_the_data_schema(contracts: dict[str, Contract]) -> None:
    tables = contracts["backend-schema"].specification["tables"]
    assert [t["name"] for t in tables] == ["projects", "tasks"]
    columns = {c["name"]: c for c in tables[1]["columns"]}
    assert list(columns)[:3] == ["id", "created_at", "title"]
    assert columns["id"]["primary_key"] is True
    assert columns["project_id"]["references"] == "projects.id"
    assert columns["status"]["enum"] == ["todo", "doing", "done"]
    assert columns["status"]["type"] == "string"
    assert (columns["title"]["nullable"], columns["due_date"]["nullable"]) == (False, True)
    assert tables[0]["columns"][2]["unique"] is True


def test_the_page(contracts: dict[str, Contract]) -> None:
    views = contracts["web-page"].specification["views"]
    assert views[1] == {
        "entity": "task",
        "path": "#/tasks",
        "actions": ["list", "create", "edit", "delete"],
        "filters": ["title", "status", "due_date", "urgent", "project_id"],
        "search": True,
        "fields": [field.name for field in TASK.fields],
    }


def test_no_page_where_none_is_wanted() -> None:
    domain = DomainModel(title="API", entities=(PROJECT,), has_page=False)
    assert "web-page" not in {c.id for c in design(analysis_of(domain), team(*PERSONAS))}
