"""Entities of a component as rows of tables: what service and migrations have to agree on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from maestro.agents.executors.offline.components import component_entities
from maestro.domain.entities import CapabilityKind, DomainModel, Entity, Field, FieldType
from maestro.domain.work import Assignment
from maestro.errors import InvalidInput

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_INDEXED = (FieldType.ENUM, FieldType.REFERENCE, FieldType.BOOLEAN, FieldType.DATE)
_TEXTS = (FieldType.STRING, FieldType.EMAIL, FieldType.URL)
_TYPES: Mapping[FieldType, str] = {
    FieldType.TEXT: "sa.Text()",
    FieldType.INTEGER: "sa.Integer()",
    FieldType.REFERENCE: "sa.Integer()",
    FieldType.DECIMAL: "sa.Numeric(15, 2, asdecimal=False)",
    FieldType.BOOLEAN: "sa.Boolean()",
    FieldType.DATE: "sa.Date()",
    FieldType.DATETIME: "sa.DateTime()",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnView:
    """One column; `id` and `created_at` are in every table and not listed."""

    field: Field = field(repr=False)
    name: str
    type: str
    """SQLAlchemy type as an expression, with `sqlalchemy` as `sa`."""
    required: bool
    unique: bool
    indexed: bool
    references: str | None
    """Name of the table of the same database whose id it holds."""
    later: bool
    """Whether that table is created after this one, because tables refer in a circle."""
    check: str | None
    """Condition of its CHECK constraint as a SQLAlchemy expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    entity: Entity = field(repr=False)
    name: str
    columns: tuple[ColumnView, ...]

    @property
    def later(self) -> tuple[ColumnView, ...]:
        """Columns whose reference can be kept only when all tables exist."""
        return tuple(column for column in self.columns if column.later)


def table_views(assignment: Assignment) -> tuple[TableView, ...]:
    """The component's tables, each after those it refers to wherever that is possible.

    Raises:
        InvalidInput: a name cannot be a table's, a column's or a module's.
    """
    entities = component_entities(assignment)
    for entity in entities:
        for name in (entity.name, entity.plural, *(f.name for f in entity.fields)):
            if not _NAME.fullmatch(name):
                raise InvalidInput(
                    f"entity {entity.name!r}: {name!r} cannot name a column, a table or a module; "
                    "use small letters, digits and '_', a letter first"
                )
    tables = {entity.name: entity.plural for entity in entities}
    created: set[str] = set()
    views: list[TableView] = []
    for entity in _in_order(entities):
        created.add(entity.plural)
        columns = (_column(assignment.domain, entity, f, tables, created) for f in entity.fields)
        views.append(TableView(entity=entity, name=entity.plural, columns=tuple(columns)))
    return tuple(views)


def _in_order(entities: Sequence[Entity]) -> list[Entity]:
    """Targets before what refers to them; in a circle the optional reference waits."""
    waiting, ordered = list(entities), list[Entity]()
    while waiting:
        names = {entity.name for entity in waiting}
        free = next((e for e in waiting if not _targets(e, names, required=False)), None)
        free = free or next((e for e in waiting if not _targets(e, names, required=True)), None)
        chosen = free or waiting[0]
        waiting.remove(chosen)
        ordered.append(chosen)
    return ordered


def _targets(entity: Entity, names: set[str], *, required: bool) -> set[str]:
    wanted = {f.target for f in entity.references if f.required or not required}
    return {target for target in wanted if target in names and target != entity.name}


def _column(
    domain: DomainModel,
    entity: Entity,
    described: Field,
    tables: Mapping[str, str],
    created: set[str],
) -> ColumnView:
    target = tables.get(described.target or "")
    return ColumnView(
        field=described,
        name=described.name,
        type=_column_type(described),
        required=described.required,
        unique=described.unique,
        indexed=not described.unique and _is_indexed(domain, entity, described),
        references=target,
        later=target is not None and target not in created,
        check=_check(described),
    )


def _column_type(described: Field) -> str:
    if described.type in _TEXTS:
        return f"sa.String({described.max_length or 255})"
    if described.type is FieldType.ENUM:
        return f"sa.String({max((len(value) for value in described.values), default=1)})"
    return _TYPES[described.type]


def _check(described: Field) -> str | None:
    """References and texts are kept by other means; only values and bounds need a CHECK."""
    column = f'sa.column("{described.name}")'
    if described.type is FieldType.ENUM:
        return f"{column}.in_([{', '.join(map(repr, described.values))}])"
    if described.type not in (FieldType.INTEGER, FieldType.DECIMAL):
        return None
    low, high = described.minimum, described.maximum
    if low is not None and high is not None:
        return f"{column}.between({low}, {high})"
    if low is not None:
        return f"{column} >= {low}"
    return f"{column} <= {high}" if high is not None else None


def _is_indexed(domain: DomainModel, entity: Entity, described: Field) -> bool:
    """Columns that lists are narrowed by."""
    asked = any(
        capability.kind is CapabilityKind.FILTER
        and capability.entity == entity.name
        and capability.field == described.name
        for capability in domain.capabilities
    )
    return asked or described.type in _INDEXED
