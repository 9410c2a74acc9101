"""The domain model behind a foreign document."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.naming import plural, snake
from maestro.contracts.openapi.resources import Resource, ResourceAction, resources
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.openapi.shapes import kinds_of, object_shape, plain, reference_name
from maestro.domain.entities import (
    Capability,
    CapabilityKind,
    DomainModel,
    Entity,
    Field,
    FieldType,
    Service,
)

_IMPLIED = ("id", "created_at")
_FORMATS = {
    "date": FieldType.DATE,
    "date-time": FieldType.DATETIME,
    "email": FieldType.EMAIL,
    "uri": FieldType.URL,
    "url": FieldType.URL,
}
_SEARCH = ("q", "query", "search", "text")


def domain_from(document: OpenApiDocument, title: str) -> DomainModel:
    """Entities and fields of the recognised resources; nested objects and lists are left out.

    A page is not asked for: our page's conventions do not fit other people's interfaces.
    """
    found = resources(document)
    entities = tuple(_entity(document, resource, found) for resource in found)
    return DomainModel(
        title=title,
        entities=entities,
        capabilities=tuple(_capabilities(found, entities)),
        services=(Service(name="backend", entities=tuple(e.name for e in entities)),),
        has_page=False,
    )


def _entity(document: OpenApiDocument, resource: Resource, found: Sequence[Resource]) -> Entity:
    shape = object_shape(document, resource.item_schema)
    properties = shape.properties if shape else {}
    required = shape.required if shape else frozenset()
    word = snake(resource.collection_path.rpartition("/")[2])
    fields: dict[str, Field] = {}
    for name, schema in properties.items():
        made = _field(document, resource, name, schema, name in required, found)
        if made is not None:
            fields.setdefault(made.name, made)
    return Entity(
        name=resource.name,
        plural=word if word != resource.name else plural(word),
        fields=tuple(fields.values()),
        source=f"{resource.collection_path} in the document",
    )


def _field(
    document: OpenApiDocument,
    resource: Resource,
    name: str,
    schema: Schema,
    required: bool,
    found: Iterable[Resource],
) -> Field | None:
    own = snake(name)
    value = plain(document, schema)
    if own in _IMPLIED or not isinstance(value, Mapping):
        return None
    target = _target(own, value, schema, found)
    if target is not None:
        named = own if own.endswith("_id") else f"{own}_id"
        return Field(
            name=named,
            type=FieldType.REFERENCE,
            required=required,
            target=target,
            source=name,
        )
    kind = _field_type(value)
    if kind is None:
        return None
    return Field(
        name=own,
        type=kind,
        required=required,
        values=tuple(str(v) for v in _list(value.get("enum")) if v is not None),
        default=_scalar(value.get("default")),
        unique=name == resource.id_field,
        max_length=_whole(value.get("maxLength")),
        minimum=_whole(value.get("minimum")),
        maximum=_whole(value.get("maximum")),
        source=name,
    )


def _target(
    own: str, value: Mapping[str, Any], schema: Schema, found: Iterable[Resource]
) -> str | None:
    """The resource a property leads to: marked, embedded, or named by `<resource>_id`."""
    marked = value.get("x-references")
    for other in found:
        embedded = reference_name(other.item_schema)
        if embedded is not None and reference_name(schema) == embedded:
            return other.name
        by_name = own == f"{other.name}_id" and kinds_of(value) == {"integer"}
        if marked == other.name or by_name:
            return other.name
    return None


def _field_type(value: Mapping[str, Any]) -> FieldType | None:
    kinds = kinds_of(value)
    if kinds == {"string"}:
        if value.get("enum"):
            return FieldType.ENUM
        long = isinstance(value.get("maxLength"), int) and value["maxLength"] > 255
        ordinary = FieldType.TEXT if long else FieldType.STRING
        return _FORMATS.get(str(value.get("format")), ordinary)
    for kind, made in (
        ("integer", FieldType.INTEGER),
        ("number", FieldType.DECIMAL),
        ("boolean", FieldType.BOOLEAN),
    ):
        if kinds == {kind}:
            return made
    return None


def _capabilities(found: Sequence[Resource], entities: Sequence[Entity]) -> Iterable[Capability]:
    for resource, entity in zip(found, entities, strict=True):
        if ResourceAction.CREATE in resource.operations:
            source = resource.collection_path
            yield Capability(kind=CapabilityKind.MANAGE, entity=entity.name, source=source)
        listing = resource.operation(ResourceAction.LIST)
        lists = ([listing] if listing else []) + list(resource.finds)
        for parameter in (p for operation in lists for p in operation.in_location("query")):
            name = snake(parameter.name)
            if name in _SEARCH:
                yield Capability(
                    kind=CapabilityKind.SEARCH, entity=entity.name, source=parameter.name
                )
            elif entity.field(name) is not None:
                yield Capability(
                    kind=CapabilityKind.FILTER,
                    entity=entity.name,
                    field=name,
                    source=parameter.name,
                )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _scalar(value: Any) -> str | int | float | bool | None:
    return value if isinstance(value, str | int | float | bool) else None


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value == int(value) else None
