"""Which checks are evidence for a REST interface, a database and a page."""

from collections.abc import Iterator

from maestro.contracts.design.criteria import Trace, criterion
from maestro.contracts.design.fields import filter_fields, search_fields
from maestro.contracts.design.layout import Component
from maestro.domain.contract import AcceptanceCriterion
from maestro.domain.entities import CapabilityKind, DomainModel, Entity, Field, FieldType


def rest_criteria(
    contract: str, domain: DomainModel, component: Component, trace: Trace
) -> tuple[AcceptanceCriterion, ...]:
    """Everything the schemas alone cannot say about the API."""
    return tuple(
        made
        for entity in component.entities
        for made in (
            *_entity_criteria(contract, entity, trace),
            *_list_criteria(contract, domain, entity, trace),
            *(
                made
                for field in entity.fields
                for made in _field_criteria(contract, component, entity, field, trace)
            ),
        )
    )


def _entity_criteria(contract: str, entity: Entity, trace: Trace) -> Iterator[AcceptanceCriterion]:
    words = _words(entity)
    yield criterion(
        contract,
        "crud_roundtrip",
        f"A {words} can be created, read, listed, changed and deleted; afterwards it is gone.",
        trace.entity(entity.name) + trace.capability(CapabilityKind.MANAGE, entity.name),
        entity=entity.name,
    )
    yield criterion(
        contract,
        "pagination_limits",
        f"The list of {_plural(entity)} keeps to limit and offset and tells the total.",
        entity=entity.name,
    )
    yield criterion(
        contract,
        "sort_orders",
        f"The list of {_plural(entity)} is ordered by every field that `sort` names.",
        trace.capability(CapabilityKind.SORT, entity.name, _stored_names(entity)),
        entity=entity.name,
    )


def _list_criteria(
    contract: str, domain: DomainModel, entity: Entity, trace: Trace
) -> Iterator[AcceptanceCriterion]:
    if search_fields(entity):
        yield criterion(
            contract,
            "search_finds",
            f"Searching {_plural(entity)} finds those that contain the text, and no others.",
            trace.capability(CapabilityKind.SEARCH, entity.name, _stored_names(entity)),
            entity=entity.name,
        )
    for field in filter_fields(entity, domain):
        yield criterion(
            contract,
            "filter_narrows",
            f"Filtering {_plural(entity)} by {field.name} leaves exactly those with that value.",
            trace.capability(CapabilityKind.FILTER, entity.name, [field.name]),
            entity=entity.name,
            field=field.name,
        )


def _field_criteria(
    contract: str, component: Component, entity: Entity, field: Field, trace: Trace
) -> Iterator[AcceptanceCriterion]:
    parts = trace.field(entity.name, field.name)
    assigned = trace.capability(CapabilityKind.ASSIGN, entity.name, [field.name])
    owned = component.owns(field.target)
    place = f"{field.name} of a {_words(entity)}"
    rules = (
        (True, "field_stored", f"The {place} is stored and read back unchanged."),
        (
            field.required and field.default is None,
            "required_enforced",
            f"A {_words(entity)} without {field.name} is refused.",
        ),
        (
            field.type is FieldType.ENUM,
            "enum_enforced",
            f"The {place} is one of {', '.join(field.values)}; anything else is refused.",
        ),
        (field.unique, "unique_enforced", f"The {place} cannot be used twice."),
        (
            field.type is FieldType.REFERENCE and owned,
            "reference_checked",
            f"The {place} must lead to an existing {(field.target or '').replace('_', ' ')}.",
        ),
    )
    for applies, check, statement in rules:
        if applies:
            yield criterion(contract, check, statement, parts, entity=entity.name, field=field.name)
    if field.type is FieldType.REFERENCE:
        yield criterion(
            contract,
            "assign_changes",
            f"The {place} can be set and changed later.",
            parts + assigned,
            entity=entity.name,
            field=field.name,
        )


def schema_criteria(
    contract: str, component: Component, trace: Trace
) -> tuple[AcceptanceCriterion, ...]:
    """Tables and columns as they really are after migrating, and the way back."""
    made = [
        criterion(
            contract,
            "migration_reversible",
            "The migrations run on an empty database, back to nothing, and forward again.",
        )
    ]
    for entity in component.entities:
        table = entity.plural
        statement = f"The migrated database has the table {table}."
        parts = trace.entity(entity.name)
        made.append(criterion(contract, "table_exists", statement, parts, table=table))
        for name in _stored_names(entity):
            statement = f"The column {table}.{name} has the type and the rules of the contract."
            parts = trace.field(entity.name, name)
            made.append(
                criterion(contract, "column_matches", statement, parts, table=table, column=name)
            )
    return tuple(made)


def page_criteria(
    contract: str, domain: DomainModel, trace: Trace
) -> tuple[AcceptanceCriterion, ...]:
    """What a person does on the page, done in a real browser."""
    return tuple(
        made
        for entity in domain.entities
        for made in _view_criteria(contract, domain, entity, trace)
    )


def _view_criteria(
    contract: str, domain: DomainModel, entity: Entity, trace: Trace
) -> Iterator[AcceptanceCriterion]:
    words = _words(entity)
    shown = trace.capability(CapabilityKind.PAGE, entity.name) + trace.entity(entity.name)
    managed = trace.capability(CapabilityKind.MANAGE, entity.name)
    actions = (
        ("page_lists", f"The page shows the stored {_plural(entity)}.", shown),
        ("page_creates", f"A {words} filled in on the page is stored.", managed),
        ("page_edits", f"A change of a {words} made on the page is stored.", managed),
        ("page_deletes", f"A {words} deleted on the page, after asking, is gone.", managed),
    )
    for check, statement, parts in actions:
        yield criterion(contract, check, statement, parts, entity=entity.name)
    if search_fields(entity):
        statement = f"Searching on the page leaves only {_plural(entity)} with the text."
        parts = trace.capability(CapabilityKind.SEARCH, entity.name, _stored_names(entity))
        yield criterion(contract, "page_searches", statement, parts, entity=entity.name)
    for field in filter_fields(entity, domain):
        statement = f"The page narrows {_plural(entity)} by {field.name}."
        parts = trace.capability(CapabilityKind.FILTER, entity.name, [field.name])
        yield criterion(
            contract, "page_filters", statement, parts, entity=entity.name, field=field.name
        )


def _words(entity: Entity) -> str:
    return entity.name.replace("_", " ")


def _plural(entity: Entity) -> str:
    return entity.plural.replace("_", " ")


def _stored_names(entity: Entity) -> list[str]:
    return ["id", "created_at", *(field.name for field in entity.fields)]
