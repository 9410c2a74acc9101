"""The web page's view: which entries people see, over which API, with which controls."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from maestro.agents.executors.offline.openapi_nodes import snake, words
from maestro.agents.executors.offline.view_resources import (
    PageField,
    PageOperation,
    PageResource,
    page_resources,
)
from maestro.agents.executors.offline.view_tokens import palette
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.entities import DomainModel, FieldType
from maestro.domain.work import Assignment, NotBuilt

_ACTIONS = {"list": "list", "create": "create", "edit": "update", "delete": "remove"}
"""Actions of a page contract and the operation each needs."""

_TITLES = ("name", "title", "label", "subject", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEntity:
    """One kind of entry on the page."""

    name: str
    plural: str
    route: str
    label: str
    label_plural: str
    component: str
    title_field: str | None
    resource: PageResource
    fields: tuple[PageField, ...]


def frontend_view(assignment: Assignment) -> Mapping[str, object]:
    """What the package `web-frontend` is rendered from.

    Works from the REST contracts the assignment consumes and, where it provides one, from the page
    contract. What the page contract asks for and the API does not offer is listed in `not_built`.
    """
    contracts = {
        consumed.contract.component: consumed.contract
        for consumed in assignment.consumes
        if consumed.contract.kind is ContractKind.REST
    }
    page = next((c for c in assignment.provides if c.kind is ContractKind.PAGE), None)
    views = _views(page)
    names: set[str] = set()
    entities = tuple(
        entity
        for contract in contracts.values()
        for entity in _entities(contract, names, assignment.domain, views)
    )
    colours = palette(assignment.domain.title)
    ordered = _known_targets(_in_order(entities, views, assignment.domain))
    return {
        "page": ordered,
        "components": tuple(sorted(contracts)),
        "model": [_for_script(entity) for entity in ordered],
        "operations": tuple(_operations(ordered)),
        "accent": next(c.light for c in colours if c.name == "accent").removeprefix("#"),
        "has_tokens": any(c.id == "ui-tokens" for c in assignment.contracts),
        "not_built": (*_missing(views, ordered), *_without_sign_in(contracts)),
    }


def _views(page: Contract | None) -> Mapping[str, Mapping[str, Any]]:
    if page is None:
        return {}
    return {str(view["entity"]): view for view in page.specification.get("views") or ()}


def _entities(
    contract: Contract, names: set[str], domain: DomainModel, views: Mapping[str, Mapping[str, Any]]
) -> Iterator[PageEntity]:
    resources = page_resources(contract.specification, names)
    seen: set[str] = set()
    for resource in sorted(resources, key=lambda found: -len(found.operations)):
        name = _entity_name(resource, domain, views)
        if name in seen or (views and name not in views):
            continue
        seen.add(name)
        yield _entity(resource, name, contract.component, domain, views.get(name, {}))


def _entity_name(
    resource: PageResource, domain: DomainModel, views: Mapping[str, Mapping[str, Any]]
) -> str:
    """The name other documents use for the resource; its schema's name where nobody names it."""
    for entity in domain.entities:
        if entity.path == resource.path:
            return entity.name
    segment, schema = snake(resource.path.rsplit("/", 1)[-1]), snake(resource.schema_name)
    known = {*(entity.name for entity in domain.entities), *views}
    plurals = {e.plural: e.name for e in domain.entities} | {
        snake(str(view.get("path", "")).rsplit("/", 1)[-1]): name for name, view in views.items()
    }
    for candidate in (schema, plurals.get(segment), segment, _one_of(segment)):
        if candidate and candidate in known:
            return candidate
    return schema or _one_of(segment)


def _one_of(plural: str) -> str:
    """`visits` as `visit`, `categories` as `category`; good enough for a label."""
    if plural.endswith("ies"):
        return plural.removesuffix("ies") + "y"
    if plural.endswith(("ses", "xes", "ches", "shes")):
        return plural.removesuffix("es")
    return plural if plural.endswith("ss") else plural.removesuffix("s")


def _entity(
    resource: PageResource,
    name: str,
    component: str,
    domain: DomainModel,
    view: Mapping[str, Any],
) -> PageEntity:
    known = domain.entity(name)
    plural = known.plural if known else snake(resource.path.rsplit("/", 1)[-1])
    fields = tuple(_refined(field, name, domain) for field in resource.fields)
    titles = [f.name for f in fields if f.type in ("string", "email")]
    title = next((t for t in _TITLES if t in titles), titles[0] if titles else None)
    if known and known.title_field in titles:
        title = known.title_field
    allowed = {_ACTIONS[action] for action in view.get("actions") or _ACTIONS if action in _ACTIONS}
    operations = {
        kind: operation
        for kind, operation in resource.operations.items()
        if kind in allowed or kind == "read"
    }
    if resource.id_field is None:
        operations = {kind: op for kind, op in operations.items() if kind in ("list", "create")}
    label = known.label if known else words(name).capitalize()
    return PageEntity(
        name=name,
        plural=plural,
        route=str(view.get("path") or plural).removeprefix("#").strip("/"),
        label=label,
        label_plural=words(plural).capitalize(),
        component=component,
        title_field=title,
        resource=replace(resource, operations=operations),
        fields=fields,
    )


def _refined(field: PageField, entity: str, domain: DomainModel) -> PageField:
    """The field with what the domain model knows better than the API document."""
    owner = domain.entity(entity)
    known = owner.field(field.name) if owner else None
    if known is None:
        return field
    if known.type is FieldType.TEXT and field.type == "string":
        return replace(field, type="text")
    if known.type is FieldType.REFERENCE and field.type == "integer":
        return replace(
            field,
            type="reference",
            target=known.target,
            label=words(field.name.removesuffix("_id")).capitalize(),
        )
    return field


def _in_order(
    entities: tuple[PageEntity, ...],
    views: Mapping[str, Mapping[str, Any]],
    domain: DomainModel,
) -> tuple[PageEntity, ...]:
    """As the page contract or the domain model lists them, the rest as the API does."""
    wanted = [*views, *(entity.name for entity in domain.entities)]
    place = {name: index for index, name in reversed(list(enumerate(wanted)))}
    return tuple(sorted(entities, key=lambda entity: place.get(entity.name, len(wanted))))


def _known_targets(entities: tuple[PageEntity, ...]) -> tuple[PageEntity, ...]:
    """References to what the page cannot list become plain numbers."""
    listed = {entity.name for entity in entities if "list" in entity.resource.operations}

    def settle(field: PageField) -> PageField:
        lost = field.type == "reference" and field.target not in listed
        return replace(field, type="integer", target=None) if lost else field

    return tuple(replace(e, fields=tuple(settle(f) for f in e.fields)) for e in entities)


def _operations(entities: tuple[PageEntity, ...]) -> Iterator[Mapping[str, object]]:
    """The functions of the API client; the names are unique across all components."""
    for entity in entities:
        for kind, operation in entity.resource.operations.items():
            yield {"kind": kind, "component": entity.component, "operation": operation}


def _for_script(entity: PageEntity) -> dict[str, object]:
    """The entity as the page's own scripts read it (js/model.js)."""
    listing = entity.resource.listing
    operations: Mapping[str, PageOperation] = entity.resource.operations
    update = operations.get("update")
    return {
        "name": entity.name,
        "plural": entity.plural,
        "route": entity.route,
        "label": entity.label,
        "labelPlural": entity.label_plural,
        "component": entity.component,
        "idField": entity.resource.id_field,
        "titleField": entity.title_field,
        "operations": {kind: operation.function for kind, operation in operations.items()},
        "replaces": update is not None and update.method == "PUT",
        "listing": {
            "items": listing.items,
            "total": listing.total,
            "limit": listing.limit,
            "limitMaximum": listing.limit_maximum,
            "offset": listing.offset,
            "page": listing.page,
            "search": listing.search,
            "sort": listing.sort,
            "sortValues": list(listing.sort_values),
            "filters": list(listing.filters),
        },
        "fields": [_field_for_script(field) for field in entity.fields],
    }


def _field_for_script(field: PageField) -> dict[str, object]:
    described: dict[str, object] = {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "required": field.required,
        "nullable": field.nullable,
        "creatable": field.creatable,
        "updatable": field.updatable,
    }
    optional = {
        "unique": field.unique or None,
        "values": list(field.values) or None,
        "target": field.target,
        "default": field.default,
        "example": field.example,
        "minLength": field.min_length,
        "maxLength": field.max_length,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "step": field.step,
        "pattern": field.pattern,
    }
    return described | {key: value for key, value in optional.items() if value is not None}


def _missing(
    views: Mapping[str, Mapping[str, Any]], entities: tuple[PageEntity, ...]
) -> Iterator[NotBuilt]:
    """What the page contract promises and the APIs do not make possible."""
    built = {entity.name: entity for entity in entities}
    for name, view in views.items():
        entity = built.get(name)
        if entity is None:
            reason = "no consumed API has a path that lists or creates it"
            yield NotBuilt(what=f"the page for {words(name)}", reason=reason)
            continue
        for action in view.get("actions") or ():
            if _ACTIONS.get(action) not in entity.resource.operations:
                reason = f"the API has no operation of that kind below {entity.resource.path!r}"
                yield NotBuilt(what=f"{action} {words(name)} on the page", reason=reason)


def _without_sign_in(contracts: Mapping[str, Contract]) -> Iterator[NotBuilt]:
    for component, contract in sorted(contracts.items()):
        schemes = (contract.specification.get("components") or {}).get("securitySchemes") or {}
        if schemes:
            yield NotBuilt(
                what=f"signing in to the API of {component}",
                reason=f"the page sends no credentials ({', '.join(sorted(map(str, schemes)))})",
            )
