"""Domain models and assignments for the tests of the offline executor and its backend."""

from maestro.contracts.design.layout import components
from maestro.contracts.design.rest import openapi_document
from maestro.contracts.design.tables import schema_document
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.entities import (
    Capability,
    CapabilityKind,
    DomainModel,
    Entity,
    Field,
    FieldType,
    Service,
)
from maestro.domain.requirement import Constraints
from maestro.domain.team import Persona
from maestro.domain.values import ContractId, JsonScalar, RunId, StepId
from maestro.domain.work import Assignment, Budget, ConsumedContract

PROVIDES = {"backend_developer": "rest_api", "database_designer": "database_schema"}
T = FieldType


def field(
    name: str,
    kind: FieldType = T.STRING,
    required: bool = False,
    *,
    values: tuple[str, ...] = (),
    default: JsonScalar = None,
    unique: bool = False,
    target: str | None = None,
    minimum: int | None = None,
    maximum: int | None = None,
) -> Field:
    return Field(
        name=name,
        type=kind,
        required=required,
        values=values,
        default=default,
        unique=unique,
        target=target,
        minimum=minimum,
        maximum=maximum,
    )


def refer(
    target: str, required: bool = False, *, name: str | None = None, unique: bool = False
) -> Field:
    return field(name or f"{target}_id", T.REFERENCE, required, target=target, unique=unique)


def entity(name: str, plural: str, *fields: Field) -> Entity:
    return Entity(name=name, plural=plural, fields=fields)


def filters(entity_name: str, *names: str) -> tuple[Capability, ...]:
    return tuple(
        Capability(kind=CapabilityKind.FILTER, entity=entity_name, field=name) for name in names
    )


TASKS = DomainModel(
    title="Task management",
    entities=(
        entity(
            "task",
            "tasks",
            field("title", required=True),
            field("description", T.TEXT),
            field("status", T.ENUM, True, values=("todo", "doing", "done"), default="todo"),
            field("due_date", T.DATE),
            refer("project", True),
            refer("member", name="assignee_id"),
        ),
        entity("project", "projects", field("name", required=True)),
        entity(
            "member",
            "members",
            field("name", required=True),
            field("email", T.EMAIL, True, unique=True),
        ),
    ),
)

SHOP = DomainModel(
    title="Shop",
    entities=(
        entity(
            "category",
            "categories",
            field("name", required=True, unique=True),
            refer("category", name="parent_id"),
        ),
        entity(
            "product",
            "products",
            field("name", required=True),
            field("price", T.DECIMAL, True, minimum=0),
            field("stock", T.INTEGER, True, minimum=0, default=0),
            field("active", T.BOOLEAN, True, default=True),
            field("image", T.URL),
            refer("category", True),
        ),
        entity(
            "customer",
            "customers",
            field("email", T.EMAIL, True, unique=True),
            field("seen_at", T.DATETIME),
        ),
        entity("cart", "carts", refer("customer", True, unique=True)),
        entity(
            "cart_item",
            "cart_items",
            refer("cart", True),
            refer("product", True),
            field("quantity", T.INTEGER, True, minimum=1, maximum=99),
        ),
    ),
    capabilities=filters("product", "name", "price", "stock") + filters("customer", "seen_at"),
)

HOSTILE_VALUES = ("a b", 'it\'s "q"', "x:y%z", "\\", "日本")
_TYPED = tuple(
    field(
        f"{kind.value}_{'needed' if required else 'optional'}{'_unique' if unique else ''}",
        kind,
        required,
        unique=unique,
        values=HOSTILE_VALUES if kind is T.ENUM else (),
        target="thing" if kind is T.REFERENCE else None,
    )
    for kind in FieldType
    for required in (True, False)
    for unique in (False, True)
    if not (unique and kind in (T.BOOLEAN, T.ENUM, T.REFERENCE))
    and not (required and kind is T.REFERENCE)
)
TYPES = DomainModel(
    title='All """ types" \\ \n of {{ 7 * 7 }} fields',
    entities=(entity("thing", "things", *_TYPED),),
    capabilities=filters("thing", *(f.name for f in _TYPED)),
)

AWKWARD = DomainModel(
    title="Awkward",
    entities=(
        entity(
            "class",
            "classes",
            field("from"),
            field("metadata", required=True),
            field("model_config"),
            field("copy", T.INTEGER),
            field("date", T.DATE),
            field("datetime", T.DATETIME),
            field("str", T.BOOLEAN, True, default=False),
            field("int", T.INTEGER, unique=True),
            field("order", T.INTEGER, minimum=1, maximum=9),
            refer("list"),
        ),
        entity(
            "list",
            "lists",
            field("list", required=True),
            field("update"),
            refer("class", name="import_id"),
        ),
        entity(
            "order",
            "orders",
            field("group", T.ENUM, True, values=("select", "from")),
            refer("text", True),
        ),
        entity("text", "texts", field("text", T.TEXT, True), field("day", T.DATE)),
        entity("query", "queries", field("flag", T.BOOLEAN), refer("response")),
        entity("response", "responses", field("any")),
        entity("mapped", "mappeds", field("sa"), field("dt", T.DATE)),
    ),
    capabilities=filters("class", "from", "metadata", "copy", "int"),
)

SERVICES = DomainModel(
    title="Orders",
    entities=(
        entity("product", "products", field("name", required=True)),
        entity("order", "orders", refer("product", True), field("amount", T.INTEGER, True)),
    ),
    services=(
        Service(name="catalogue", entities=("product",)),
        Service(name="ordering", entities=("order",)),
    ),
)

DOMAINS = {"tasks": TASKS, "shop": SHOP, "types": TYPES, "awkward": AWKWARD}


def contracts(domain: DomainModel) -> tuple[Contract, ...]:
    return tuple(
        Contract(
            id=ContractId(f"{component.name}-{suffix}"),
            name=f"{component.name} {suffix}",
            kind=kind,
            version="1.0.0",
            provider=provider,
            component=component.name,
            consumers=(),
            format=form,
            specification=specification,
            deliverables=(),
            acceptance=(),
        )
        for component in components(domain)
        for suffix, kind, provider, form, specification in (
            (
                "api",
                ContractKind.REST,
                "backend_developer",
                SpecificationFormat.OPENAPI,
                openapi_document(domain, component),
            ),
            (
                "schema",
                ContractKind.DATA_SCHEMA,
                "database_designer",
                SpecificationFormat.JSON_SCHEMA,
                schema_document(component),
            ),
        )
    )


def assignment(
    persona: str,
    domain: DomainModel = TASKS,
    *,
    component: str = "backend",
    constraints: Constraints | None = None,
    expertise: tuple[str, ...] = ("backend",),
    consumed_url: str | None = None,
) -> Assignment:
    known = contracts(domain)
    return Assignment(
        run_id=RunId("run-1"),
        step_id=StepId("work"),
        attempt=1,
        persona=Persona(
            id=persona,
            name=persona,
            summary="",
            expertise=expertise,
            phase="backend_implementation",
            provides=(PROVIDES.get(persona, "document"),),
            instructions="",
        ),
        component=component,
        goal="",
        requirement="",
        domain=domain,
        parts=(),
        provides=tuple(c for c in known if (c.provider, c.component) == (persona, component)),
        consumes=()
        if consumed_url is None
        else (ConsumedContract(contract=known[0], url=consumed_url),),
        constraints=constraints or Constraints(),
        budget=Budget(wall_seconds=600),
        contracts=known,
    )
