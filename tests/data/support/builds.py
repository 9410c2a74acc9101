"""Requirements as they come out of planning, and the applications the personas build from them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from maestro.agents.executors.offline.interpreters import resolve
from maestro.agents.executors.offline.packages import built_in_packages, recommend
from maestro.agents.executors.offline.render import RenderedFile, render_package, write_files
from maestro.agents.executors.offline.views import context_of
from maestro.contracts.design import design
from maestro.contracts.design.adoption import adopt
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
    Constraints,
    Parallelizability,
    PartKind,
    RequirementPart,
    RequirementType,
)
from maestro.domain.team import Member, Team
from maestro.domain.values import RunId, StepId
from maestro.domain.work import Assignment, Budget, ConsumedContract
from maestro.planning.catalogue import load_catalogue

CLINIC = Path(__file__).parent / "clinic.yaml"

PERSONAS = (
    "requirement_analyst",
    "solution_architect",
    "database_designer",
    "backend_developer",
    "ui_designer",
    "frontend_developer",
    "qa_engineer",
    "devops_engineer",
    "technical_writer",
    "security_specialist",
)
SUPPORT = (
    "requirement_analyst",
    "solution_architect",
    "qa_engineer",
    "devops_engineer",
    "technical_writer",
    "security_specialist",
)

PROJECT = Entity(
    name="project",
    plural="projects",
    source="projects",
    fields=(
        Field(name="name", type=FieldType.STRING, required=True, unique=True, source="name"),
        Field(name="homepage", type=FieldType.URL),
    ),
)
MEMBER = Entity(
    name="member",
    plural="members",
    source="a member",
    fields=(
        Field(name="name", type=FieldType.STRING, required=True),
        Field(name="email", type=FieldType.EMAIL, required=True, unique=True),
    ),
)
TASK = Entity(
    name="task",
    plural="tasks",
    source="tasks",
    fields=(
        Field(name="title", type=FieldType.STRING, required=True, source="a title"),
        Field(name="description", type=FieldType.TEXT, source="description"),
        Field(
            name="status",
            type=FieldType.ENUM,
            required=True,
            values=("todo", "doing", "done"),
            default="todo",
            source="status",
        ),
        Field(name="priority", type=FieldType.INTEGER, minimum=1, maximum=5, source="priority"),
        Field(name="estimate", type=FieldType.DECIMAL, minimum=0),
        Field(name="due_date", type=FieldType.DATE, source="due date"),
        Field(name="reminder_at", type=FieldType.DATETIME),
        Field(name="archived", type=FieldType.BOOLEAN, required=True, default=False),
        Field(name="code", type=FieldType.STRING, max_length=8, unique=True),
        Field(name="project_id", type=FieldType.REFERENCE, required=True, target="project"),
        Field(name="assignee_id", type=FieldType.REFERENCE, target="member"),
        Field(name="parent_id", type=FieldType.REFERENCE, target="task"),
    ),
)
TASKS = DomainModel(
    title="Task management",
    entities=(PROJECT, MEMBER, TASK),
    capabilities=(
        Capability(kind=CapabilityKind.MANAGE, entity="task"),
        Capability(kind=CapabilityKind.FILTER, entity="task", field="status"),
        Capability(kind=CapabilityKind.SEARCH, entity="task"),
    ),
    services=(Service(name="backend", entities=("project", "member", "task")),),
    roles=("user",),
)

SHOP = DomainModel(
    title="Order platform",
    entities=(
        Entity(
            name="product",
            plural="products",
            source="catalogue",
            fields=(
                Field(name="name", type=FieldType.STRING, required=True),
                Field(name="price", type=FieldType.DECIMAL, required=True, minimum=0),
            ),
        ),
        Entity(
            name="order",
            plural="orders",
            source="orders",
            fields=(
                Field(
                    name="status",
                    type=FieldType.ENUM,
                    required=True,
                    values=("open", "paid"),
                    default="open",
                ),
                Field(name="note", type=FieldType.TEXT),
            ),
        ),
        Entity(
            name="order_item",
            plural="order_items",
            fields=(
                Field(name="order_id", type=FieldType.REFERENCE, required=True, target="order"),
                Field(name="product_id", type=FieldType.REFERENCE, required=True, target="product"),
                Field(name="quantity", type=FieldType.INTEGER, required=True, minimum=1),
            ),
        ),
        Entity(
            name="payment",
            plural="payments",
            source="payments",
            fields=(
                Field(name="order_id", type=FieldType.REFERENCE, required=True, target="order"),
                Field(name="amount", type=FieldType.DECIMAL, required=True, minimum=0),
            ),
        ),
    ),
    services=(
        Service(name="catalogue", entities=("product",)),
        Service(name="orders", entities=("order", "order_item")),
        Service(name="payments", entities=("payment",)),
    ),
)

USERS = DomainModel(
    title="User management",
    entities=(
        Entity(
            name="user",
            plural="users",
            source="user management",
            fields=(
                Field(name="name", type=FieldType.STRING, required=True),
                Field(name="email", type=FieldType.EMAIL, required=True, unique=True),
                Field(name="active", type=FieldType.BOOLEAN, required=True, default=True),
            ),
        ),
    ),
    services=(Service(name="backend", entities=("user",)),),
    has_page=False,
)

HOSTILE = '"""`${x}`\n# <script>alert(1)</script> | {{ 7 * 7 }} \\ \' %} &amp; `` © é'
AWKWARD = DomainModel(
    title=HOSTILE,
    entities=(
        Entity(
            name="class",
            plural="classes",
            source=HOSTILE,
            fields=(
                Field(name="import", type=FieldType.STRING, required=True, source=HOSTILE),
                Field(
                    name="type",
                    type=FieldType.ENUM,
                    values=("it's", 'say "hi"', "a|b", "back`tick", "ünï"),
                    source=HOSTILE,
                ),
                Field(name="lambda", type=FieldType.INTEGER),
                Field(name="body", type=FieldType.TEXT),
                Field(name="path", type=FieldType.STRING, default='de"fault\\'),
            ),
        ),
        Entity(
            name="data_set",
            plural="data_sets",
            fields=(
                Field(name="class_id", type=FieldType.REFERENCE, required=True, target="class"),
                Field(name="metadata", type=FieldType.STRING),
                Field(name="limit", type=FieldType.INTEGER),
            ),
        ),
    ),
    services=(Service(name="backend", entities=("class", "data_set")),),
    roles=(HOSTILE,),
)

DOMAINS = {"tasks": TASKS, "shop": SHOP, "users": USERS, "awkward": AWKWARD}


def parts_of(domain: DomainModel) -> tuple[RequirementPart, ...]:
    """Every entity and field as a part, and one part that nobody can build."""
    made: list[RequirementPart] = []
    for entity in domain.entities:
        made.append(_part(len(made), PartKind.ENTITY, entity.label, entity=entity.name))
        made += [
            _part(
                len(made) + i,
                PartKind.FIELD,
                f"{entity.name} has {field.name}",
                entity=entity.name,
                field=field.name,
            )
            for i, field in enumerate(entity.fields)
        ]
    made.append(
        RequirementPart(
            id=f"R{len(made) + 1}",
            kind=PartKind.UNKNOWN,
            text="voice guidance | in the user's language",
            source="voice guidance",
            covered=False,
            reason="no template package builds speech output",
        )
    )
    return tuple(made)


def _part(
    index: int, kind: PartKind, text: str, *, entity: str, field: str | None = None
) -> RequirementPart:
    return RequirementPart(
        id=f"R{index + 1}", kind=kind, text=text, source=text, entity=entity, field=field
    )


def team_of(personas: Sequence[str] = PERSONAS) -> Team:
    members = tuple(Member(role=persona, persona=persona) for persona in personas)
    return Team(blueprint="contract-first", members=members)


def contracts_of(domain: DomainModel) -> tuple[Contract, ...]:
    analysis = Analysis(
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
        parts=parts_of(domain),
    )
    return design(analysis, team_of())


def assignment_of(
    persona: str,
    domain: DomainModel,
    *,
    component: str = "app",
    urls: dict[str, str] | None = None,
    contracts: tuple[Contract, ...] | None = None,
    document: str | None = None,
    requirement: str = "Build it.\nWith `care` | <b>and</b> *speed*.",
) -> Assignment:
    """One persona's assignment. `urls` are the addresses of APIs by component."""
    known = contracts_of(domain) if contracts is None else contracts
    own = [c for c in known if c.provider == persona and component == c.component]
    return Assignment(
        run_id=RunId("run-test"),
        step_id=StepId(f"work.{persona}"),
        attempt=1,
        persona=load_catalogue().persona(persona),
        component=component,
        goal=f"Deliver what {persona} provides",
        requirement=requirement,
        domain=domain,
        parts=parts_of(domain),
        provides=tuple(own),
        consumes=tuple(
            ConsumedContract(contract=c, url=(urls or {}).get(c.component, ""))
            for c in known
            if persona in c.consumers
        ),
        constraints=Constraints(contract=document, contract_name=CLINIC.name if document else None),
        budget=Budget(wall_seconds=600),
        contracts=known,
    )


def rendered(assignment: Assignment) -> tuple[RenderedFile, ...]:
    """What the recommended package makes of an assignment."""
    best = recommend(assignment)[0].template
    package = next(p for p in built_in_packages() if p.id == best)
    return render_package(package, context_of(package.manifest.view, assignment))


def build(domain: DomainModel, folder: Path, personas: Sequence[str] = PERSONAS) -> Path:
    """The integrated application: the union of what every persona makes."""
    contracts = contracts_of(domain)
    for contract in {(c.provider, c.component): c for c in contracts}.values():
        if contract.provider in personas:
            assignment = assignment_of(
                contract.provider, domain, component=contract.component, contracts=contracts
            )
            write_files(folder, rendered(assignment))
    return folder


def clinic_assignment(persona: str, url: str = "") -> Assignment:
    """An assignment around the user's own document."""
    text = CLINIC.read_text(encoding="utf-8")
    domain = DomainModel(title="Animal clinic", entities=(), has_page=False)
    contracts = adopt(text, CLINIC.name, team_of())
    return assignment_of(persona, domain, urls={"backend": url}, contracts=contracts, document=text)


def checks_of(package: str) -> list[list[str]]:
    """The commands a package checks its own work with."""
    manifest = next(p.manifest for p in built_in_packages() if p.id == package)
    return [list(resolve(check.argv)) for check in manifest.checks]


def without_page(domain: DomainModel) -> DomainModel:
    return replace(domain, has_page=False)


def rest_components(domain: DomainModel) -> tuple[str, ...]:
    return tuple(c.component for c in contracts_of(domain) if c.kind is ContractKind.REST)
