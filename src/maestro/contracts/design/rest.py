"""The OpenAPI 3.1 document of one component."""

from collections.abc import Mapping
from typing import Any

from maestro.contracts.design.fields import (
    INTEGER_LIMIT,
    filter_fields,
    nullable,
    property_schema,
    search_fields,
    type_schema,
)
from maestro.contracts.design.layout import Component
from maestro.domain.entities import DomainModel, Entity, Field

_CREATED_AT = {
    "type": "string",
    "format": "date-time",
    "description": "When it was created, UTC.",
    "readOnly": True,
    "examples": ["2030-01-15T09:30:00Z"],
}
_ID = {
    "type": "integer",
    "minimum": 1,
    "maximum": INTEGER_LIMIT,
    "description": "Assigned by the server.",
    "readOnly": True,
    "examples": [1],
}
_PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["about:blank"]},
        "title": {"type": "string", "examples": ["Unprocessable Content"]},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "examples": [422]},
        "detail": {"type": "string", "examples": ["The request does not keep to the contract."]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "examples": ["/title"]},
                    "detail": {"type": "string", "examples": ["must not be empty"]},
                },
            },
        },
    },
}
_PROBLEMS = {
    "NotFound": "There is no entry with this id.",
    "Conflict": "A reference leads nowhere, a unique value is taken, or the entry is still in use.",
    "Invalid": "The request does not keep to the contract.",
}


def schema_name(component: Component, entity: Entity, suffix: str) -> str:
    """`TaskList` for the pages of tasks, unless an entity `task_list` has that name already."""
    taken = {other.type_name for other in component.entities}
    name = f"{entity.type_name}{suffix}"
    return f"{name}Schema" if name in taken else name


def _problem_name(component: Component) -> str:
    taken = {other.type_name for other in component.entities}
    return "ProblemDetails" if "Problem" in taken else "Problem"


def openapi_document(domain: DomainModel, component: Component) -> dict[str, Any]:
    """Five operations per entity, with schemas, filters and error shapes."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    problem = _problem_name(component)
    for entity in component.entities:
        paths[entity.path] = _collection(domain, component, entity)
        paths[f"{entity.path}/{{{entity.name}_id}}"] = _item(component, entity)
        schemas |= _schemas(component, entity)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{domain.title} API",
            "version": "1.0.0",
            "description": f"What the component {component.name!r} offers to its consumers.",
        },
        "servers": [{"url": "/api"}],
        "x-unknown-query": "reject",
        "tags": [
            {"name": e.plural, "description": f"{e.label} entries."} for e in component.entities
        ],
        "paths": paths,
        "components": {
            "schemas": {**schemas, problem: _PROBLEM},
            "responses": {name: _problem(text, problem) for name, text in _PROBLEMS.items()},
        },
    }


def _problem(description: str, problem: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{problem}"}
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": schema}},
    }


def _reply(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": _json(schema)}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _errors(*statuses: str) -> dict[str, Any]:
    names = {"404": "NotFound", "409": "Conflict", "422": "Invalid"}
    return {status: {"$ref": f"#/components/responses/{names[status]}"} for status in statuses}


def _collection(domain: DomainModel, component: Component, entity: Entity) -> dict[str, Any]:
    words = entity.name.replace("_", " ")
    body = schema_name(component, entity, "Create")
    created = _reply(f"The created {words}.", entity.type_name)
    created["headers"] = {
        "Location": {"description": "Where it can be read.", "schema": {"type": "string"}}
    }
    return {
        "get": {
            "operationId": f"list_{entity.plural}",
            "summary": f"List {entity.plural.replace('_', ' ')}",
            "tags": [entity.plural],
            "parameters": _list_parameters(domain, entity),
            "responses": {
                "200": _reply("One page of the list.", schema_name(component, entity, "List")),
                **_errors("422"),
            },
        },
        "post": {
            "operationId": f"create_{entity.name}",
            "summary": f"Create a {words}",
            "tags": [entity.plural],
            "requestBody": {"required": True, "content": _json(body)},
            "responses": {"201": created, **_errors("409", "422")},
        },
    }


def _item(component: Component, entity: Entity) -> dict[str, Any]:
    words = entity.name.replace("_", " ")
    body = schema_name(component, entity, "Update")
    identifier = {
        "name": f"{entity.name}_id",
        "in": "path",
        "required": True,
        "schema": {"type": "integer", "minimum": 1, "maximum": INTEGER_LIMIT, "examples": [1]},
    }
    return {
        "parameters": [identifier],
        "get": {
            "operationId": f"get_{entity.name}",
            "summary": f"Read a {words}",
            "tags": [entity.plural],
            "responses": {
                "200": _reply(f"The {words}.", entity.type_name),
                **_errors("404", "422"),
            },
        },
        "patch": {
            "operationId": f"update_{entity.name}",
            "summary": f"Change some fields of a {words}",
            "tags": [entity.plural],
            "requestBody": {"required": True, "content": _json(body)},
            "responses": {
                "200": _reply(f"The changed {words}.", entity.type_name),
                **_errors("404", "409", "422"),
            },
        },
        "delete": {
            "operationId": f"delete_{entity.name}",
            "summary": f"Delete a {words}",
            "tags": [entity.plural],
            "responses": {
                "204": {"description": "It is gone."},
                **_errors("404", "409", "422"),
            },
        },
    }


def _list_parameters(domain: DomainModel, entity: Entity) -> list[dict[str, Any]]:
    parameters = [
        _query(
            "limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "Page size."
        ),
        _query(
            "offset",
            {"type": "integer", "minimum": 0, "maximum": INTEGER_LIMIT, "default": 0},
            "Entries to leave out at the start.",
        ),
    ]
    searched = [field.name for field in search_fields(entity)]
    if searched:
        text = {"type": "string", "minLength": 1, "maxLength": 255}
        note = f"Text to look for in {', '.join(searched)}; capitals make no difference."
        parameters.append(_query("q", text, note))
    names = ["id", "created_at", *(field.name for field in entity.fields)]
    orders = [order for name in names for order in (name, f"-{name}")]
    order_schema = {"type": "string", "enum": orders, "default": "id"}
    parameters.append(_query("sort", order_schema, "Order; `-` reverses it."))
    for field in filter_fields(entity, domain):
        parameters.append(
            _query(field.name, _filter_schema(field), f"Only entries with this {field.name}.")
        )
    return parameters


def _query(name: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": dict(schema),
    }


def _filter_schema(field: Field) -> dict[str, Any]:
    full = type_schema(field, external=False)
    return {key: value for key, value in full.items() if not key.startswith("x-")}


def _schemas(component: Component, entity: Entity) -> dict[str, Any]:
    name = entity.type_name
    plain = {f.name: _property(component, entity, f) for f in entity.fields}
    stored = {
        f.name: plain[f.name] if f.required else nullable(plain[f.name]) for f in entity.fields
    }
    required = [f.name for f in entity.fields if f.required and f.default is None]
    return {
        name: {
            "type": "object",
            "required": ["id", "created_at", *stored],
            "properties": {"id": _ID, "created_at": _CREATED_AT, **stored},
        },
        schema_name(component, entity, "Create"): {
            "type": "object",
            **({"required": required} if required else {}),
            "properties": {f.name: _with_default(f, stored[f.name]) for f in entity.fields},
            "additionalProperties": False,
        },
        schema_name(component, entity, "Update"): {
            "type": "object",
            "minProperties": 1,
            "properties": stored,
            "additionalProperties": False,
        },
        schema_name(component, entity, "List"): _list_schema(name),
    }


def _property(component: Component, entity: Entity, field: Field) -> dict[str, Any]:
    return property_schema(entity, field, external=not component.owns(field.target))


def _with_default(field: Field, schema: Mapping[str, Any]) -> dict[str, Any]:
    return dict(schema) if field.default is None else {**schema, "default": field.default}


def _list_schema(item: str) -> dict[str, Any]:
    count = {"type": "integer", "minimum": 0, "description": "Entries that match, on all pages."}
    return {
        "type": "object",
        "required": ["items", "total", "limit", "offset"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{item}"}},
            "total": count,
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "offset": {"type": "integer", "minimum": 0},
        },
    }
