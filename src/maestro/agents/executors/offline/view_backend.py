"""What the service templates are given: the contract's rules as Python type expressions."""

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maestro.agents.executors.offline.entity_views import ColumnView, TableView, table_views
from maestro.agents.executors.offline.render import python_text
from maestro.agents.executors.offline.service_samples import FieldSamples, samples_of
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.entities import Entity, FieldType
from maestro.domain.work import Assignment
from maestro.errors import InvalidInput

_BODY: Mapping[FieldType, str] = {
    FieldType.INTEGER: "WholeNumber",
    FieldType.REFERENCE: "WholeNumber",
    FieldType.DECIMAL: "Hundredths",
    FieldType.BOOLEAN: "Flag",
    FieldType.DATE: "Day",
    FieldType.DATETIME: "Moment",
    FieldType.EMAIL: "Email",
}
_QUERY: Mapping[FieldType, str] = {
    **_BODY,
    FieldType.INTEGER: "QueryWholeNumber",
    FieldType.REFERENCE: "QueryWholeNumber",
    FieldType.DECIMAL: "QueryHundredths",
    FieldType.BOOLEAN: "QueryFlag",
}
_PYTHON: Mapping[FieldType, str] = {
    FieldType.INTEGER: "int",
    FieldType.REFERENCE: "int",
    FieldType.DECIMAL: "float",
    FieldType.BOOLEAN: "bool",
    FieldType.DATE: "dt.date",
    FieldType.DATETIME: "dt.datetime",
}
_RULES = {
    "minLength": "min_length",
    "maxLength": "max_length",
    "minimum": "ge",
    "maximum": "le",
    "pattern": "pattern",
}
_PAGING = ("limit", "offset", "sort", "q")

_TAKEN_ATTRIBUTES = frozenset({
    "bool", "copy", "dict", "dt", "float", "int", "json", "list", "metadata", "registry", "sa",
    "schema", "str", "validate", "construct", "from_orm", "parse_obj", "parse_raw", "parse_file",
    "schema_json", "update_forward_refs", "limit", "offset", "sort", "q",
})  # fmt: skip
"""Names with a meaning of their own in the bodies of the generated classes."""

_TAKEN_CLASSES = frozenset({
    "Annotated", "Any", "APIRouter", "Base", "Id", "Mapped", "Path", "Query", "Reading",
    "Response", "UtcDateTime", "Writing",
})  # fmt: skip

_FIELD_TYPES = (
    "Changes", "Creation", "Day", "Email", "Flag", "Hundredths", "Listing", "Moment", "QueryFlag",
    "QueryHundredths", "QueryWholeNumber", "Stored", "Text", "WholeNumber", "unchanged",
)  # fmt: skip
_TAKEN_ALIASES = frozenset({*_FIELD_TYPES, "Annotated", "BaseModel", "Field", "Literal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasView:
    """A named type of a schema module."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceField:
    name: str
    attribute: str
    """The name in Python code; another one where the field's own name has a meaning there."""
    required: bool
    unique: bool
    has_default: bool
    kind: FieldType
    references: str | None
    """Name of the entity of the same service it refers to."""
    python_type: str
    column: str
    check: str | None
    body_type: str
    create_default: str
    update_default: str
    read_default: str
    samples: FieldSamples


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterView:
    field: ServiceField
    attribute: str
    query_type: str
    query_default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEntity:
    name: str
    plural: str
    """Name of its modules."""
    collection: str
    table: str
    path: str
    words: str
    class_name: str
    type_name: str
    fields: tuple[ServiceField, ...]
    aliases: tuple[AliasView, ...]
    orders: tuple[str, ...]
    searched: tuple[ServiceField, ...]
    filters: tuple[FilterView, ...]
    referrers: tuple[tuple[str, str], ...]
    """(entity, field) of the same service that refer to it."""

    @property
    def checked(self) -> bool:
        """Whether its table has CHECK constraints."""
        return any(described.check for described in self.fields)

    @property
    def schema_imports(self) -> str:
        """Import lines of its schema module: exactly what the module uses."""
        return _schema_imports(self)


def backend_view(assignment: Assignment) -> Mapping[str, object]:
    """The component's entities in the order of their tables.

    Raises:
        InvalidInput: the API contract is missing, does not describe an entity, or an entity could
            never be created because it needs itself first.
    """
    contract = _api(assignment)
    tables = table_views(assignment)
    _check_creatable(tables)
    return {
        "contract": contract.specification,
        "entities": tuple(_entity(table, tables, contract) for table in tables),
    }


def _api(assignment: Assignment) -> Contract:
    for contract in (*assignment.provides, *assignment.contracts):
        if contract.kind is ContractKind.REST and contract.component == assignment.component:
            return contract
    raise InvalidInput(
        f"the service {assignment.component!r} has no REST contract; design or give one"
    )


def _check_creatable(tables: tuple[TableView, ...]) -> None:
    created: set[str] = set()
    for table in tables:
        needed = {c.references for c in table.columns if c.required and c.references}
        if not needed <= created:
            raise InvalidInput(
                f"entity {table.entity.name!r} could never be created: it requires an entry of "
                f"{', '.join(sorted(needed - created))} that cannot exist before; "
                "make one of the references optional"
            )
        created.add(table.name)


def _entity(table: TableView, tables: tuple[TableView, ...], contract: Contract) -> ServiceEntity:
    entity = table.entity
    owners = {other.name: other.entity.name for other in tables}
    properties = _properties(contract, entity)
    aliases: list[AliasView] = []
    fields = tuple(
        _field(entity, column, properties[column.name], owners, aliases) for column in table.columns
    )
    by_name = {described.name: described for described in fields}
    parameters = _parameters(contract, entity)
    return ServiceEntity(
        name=entity.name,
        plural=_attribute(entity.plural) if keyword.iskeyword(entity.plural) else entity.plural,
        collection=entity.plural,
        table=table.name,
        path=entity.path,
        words=entity.plural.replace("_", " "),
        class_name=_class_name(entity),
        type_name=entity.type_name,
        fields=fields,
        aliases=tuple(aliases),
        orders=tuple(parameters["sort"]["enum"]),
        searched=tuple(f for f in fields if _is_text(f.kind)) if "q" in parameters else (),
        filters=tuple(
            _filter(by_name[name], schema, aliases)
            for name, schema in parameters.items()
            if name not in _PAGING and name in by_name
        ),
        referrers=tuple(
            (other.entity.name, column.name)
            for other in tables
            for column in other.columns
            if column.references == table.name
        ),
    )


def _class_name(entity: Entity) -> str:
    return f"{entity.type_name}Row" if entity.type_name in _TAKEN_CLASSES else entity.type_name


def _properties(contract: Contract, entity: Entity) -> Mapping[str, Mapping[str, Any]]:
    schemas = contract.specification.get("components", {}).get("schemas", {})
    properties = schemas.get(f"{entity.type_name}Create", {}).get("properties", {})
    missing = [f.name for f in entity.fields if f.name not in properties]
    if missing:
        raise InvalidInput(
            f"contract {contract.id!r}: schema {entity.type_name}Create has no "
            f"property {missing[0]!r}"
        )
    return {f.name: properties[f.name] for f in entity.fields}


def _parameters(contract: Contract, entity: Entity) -> Mapping[str, Mapping[str, Any]]:
    operation = contract.specification.get("paths", {}).get(entity.path, {}).get("get")
    if operation is None:
        raise InvalidInput(f"contract {contract.id!r} has no operation GET {entity.path}")
    return {p["name"]: p["schema"] for p in operation.get("parameters", []) if p["in"] == "query"}


def _is_text(kind: FieldType) -> bool:
    return kind in (FieldType.STRING, FieldType.TEXT, FieldType.EMAIL, FieldType.URL)


def _attribute(name: str) -> str:
    taken = keyword.iskeyword(name) or name in _TAKEN_ATTRIBUTES or name.startswith("model_")
    return f"{name}_" if taken else name


def _field(
    entity: Entity,
    column: ColumnView,
    schema: Mapping[str, Any],
    owners: Mapping[str, str],
    aliases: list[AliasView],
) -> ServiceField:
    described = column.field
    attribute = _attribute(column.name)
    expression = _type_expression(described.type, schema, _BODY)
    if "[" in expression:
        name = _alias_name(entity, column.name)
        aliases.append(AliasView(name=name, expression=expression))
        expression = name
    alias = None if attribute == column.name else column.name
    return ServiceField(
        name=column.name,
        attribute=attribute,
        required=column.required,
        unique=column.unique,
        has_default=described.default is not None,
        kind=described.type,
        references=owners.get(column.references or ""),
        python_type=_PYTHON.get(described.type, "str"),
        column=_column(column, alias),
        check=column.check,
        body_type=expression if column.required else f"{expression} | None",
        create_default=_create_default(column, alias),
        update_default=_default("None", alias) if not column.required else _unchanged(alias),
        read_default="" if alias is None else f" = Field(serialization_alias={python_text(alias)})",
        samples=samples_of(described, schema),
    )


def _alias_name(entity: Entity, field: str) -> str:
    name = entity.type_name + "".join(word.capitalize() for word in field.split("_"))
    endings = {f"{entity.type_name}{kind}" for kind in _SCHEMA_KINDS}
    return f"{name}Value" if name in endings | _TAKEN_ALIASES else name


_SCHEMA_KINDS = ("Create", "Update", "Read", "List", "Query", "Sort")


def _type_expression(
    kind: FieldType, schema: Mapping[str, Any], names: Mapping[FieldType, str]
) -> str:
    if kind is FieldType.ENUM:
        members = [python_text(value) for value in schema["enum"] if value is not None]
        return f"Literal[{', '.join(members)}]"
    base = names.get(kind, "Text")
    rules = ", ".join(
        f"{rule}={_rule_value(schema[key])}" for key, rule in _RULES.items() if key in schema
    )
    return f"Annotated[{base}, Field({rules})]" if rules else base


def _rule_value(value: object) -> str:
    if isinstance(value, str) and '"' not in value and value.isprintable():
        return f'r"{value}"' if "\\" in value and not value.endswith("\\") else python_text(value)
    return python_text(value)


def _column(column: ColumnView, name: str | None) -> str:
    kind = "UtcDateTime" if column.field.type is FieldType.DATETIME else column.type
    words = [kind] if name is None else [python_text(name), kind]
    if column.references:
        later = ", use_alter=True" if column.later else ""
        words.append(f'sa.ForeignKey("{column.references}.id"{later})')
    words += ["index=True"] * column.indexed + ["unique=True"] * column.unique
    return f"mapped_column({', '.join(words)})"


def _default(value: str, alias: str | None) -> str:
    return value if alias is None else f"Field(default={value}, alias={python_text(alias)})"


def _unchanged(alias: str | None) -> str:
    return "unchanged()" if alias is None else f"unchanged(alias={python_text(alias)})"


def _create_default(column: ColumnView, alias: str | None) -> str:
    default = column.field.default
    if default is None and column.required:
        return "" if alias is None else f" = Field(alias={python_text(alias)})"
    return f" = {_default(python_text(default), alias)}"


def _filter(
    described: ServiceField, schema: Mapping[str, Any], aliases: list[AliasView]
) -> FilterView:
    expression = _type_expression(described.kind, schema, _QUERY)
    shared = next((alias.name for alias in aliases if alias.expression == expression), expression)
    alias = None if described.attribute == described.name else described.name
    return FilterView(
        field=described,
        attribute=described.attribute,
        query_type=shared,
        query_default=_default("None", alias),
    )


def _schema_imports(entity: ServiceEntity) -> str:
    code = " ".join(
        [alias.expression for alias in entity.aliases]
        + [f"{f.body_type} {f.create_default} {f.update_default}" for f in entity.fields]
        + [f"{f.read_default} {f.python_type}" for f in entity.fields]
        + [f"{view.query_type} {view.query_default}" for view in entity.filters]
        + ["Literal BaseModel Changes Creation Listing Stored"]
        + ["Annotated[Text, Field()]"] * bool(entity.searched)
    )
    used = set(re.findall(r"\b[A-Za-z]+\b", re.sub(r'r?"(?:[^"\\]|\\.)*"', "", code)))
    lines = ["import datetime as dt"] if "dt" in used else []
    lines.append(
        f"from typing import {', '.join(n for n in ('Annotated', 'Literal') if n in used)}"
    )
    lines.append("")
    lines.append(
        f"from pydantic import {', '.join(n for n in ('BaseModel', 'Field') if n in used)}"
    )
    lines.append("")
    lines.append(f"from app.fields import {', '.join(n for n in _FIELD_TYPES if n in used)}")
    return "\n".join(lines)
