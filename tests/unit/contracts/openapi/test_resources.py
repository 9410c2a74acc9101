"""Resources are recognised in other people's documents."""

import copy
from typing import Any

from maestro.contracts.openapi import from_object
from maestro.contracts.openapi.domain_reading import domain_from
from maestro.contracts.openapi.resources import ListEnvelope, Resource, resources, survey
from maestro.domain.entities import CapabilityKind, FieldType


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def reply(schema: Any = None, status: str = "200") -> dict[str, Any]:
    content = {"application/json": {"schema": schema}} if schema is not None else {}
    return {status: {"description": "", "content": content}}


def body(schema: Any, kind: str = "application/json") -> dict[str, Any]:
    return {"required": True, "content": {kind: {"schema": schema}}}


def path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


PETSTORE: dict[str, Any] = {
    "openapi": "3.0.0",
    "info": {"title": "Pet store", "version": "1"},
    "paths": {
        "/pet": {
            "post": {"requestBody": body(ref("Pet")), "responses": reply(ref("Pet"))},
            "put": {"requestBody": body(ref("Pet")), "responses": reply(ref("Pet"))},
        },
        "/pet/findByStatus": {
            "get": {
                "parameters": [{"name": "status", "in": "query", "schema": {"type": "string"}}],
                "responses": reply({"type": "array", "items": ref("Pet")}),
            }
        },
        "/pets": {"get": {"responses": reply({"type": "array", "items": ref("Pet")})}},
        "/pet/{petId}": {
            "parameters": [path_parameter("petId")],
            "get": {"responses": reply(ref("Pet"))},
            "delete": {"responses": reply(status="204")},
            "post": {
                "requestBody": body({"type": "object"}, "application/x-www-form-urlencoded"),
                "responses": reply(),
            },
        },
        "/store/inventory": {
            "get": {
                "responses": reply({"type": "object", "additionalProperties": {"type": "integer"}})
            }
        },
        "/store/order": {
            "post": {"requestBody": body(ref("Order")), "responses": reply(ref("Order"))}
        },
        "/store/order/{orderId}": {
            "parameters": [path_parameter("orderId")],
            "get": {"responses": reply(ref("Order"))},
            "delete": {"responses": reply()},
        },
        "/user": {"post": {"requestBody": body(ref("User")), "responses": reply()}},
        "/user/createWithList": {
            "post": {
                "requestBody": body({"type": "array", "items": ref("User")}),
                "responses": reply(),
            }
        },
        "/user/login": {"get": {"responses": reply({"type": "string"})}},
        "/user/{username}": {
            "parameters": [path_parameter("username")],
            "get": {"responses": reply(ref("User"))},
            "put": {"requestBody": body(ref("User")), "responses": reply()},
        },
    },
    "components": {
        "schemas": {
            "Category": {"type": "object", "properties": {"id": {"type": "integer"}}},
            "Pet": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "id": {"type": "integer", "format": "int64"},
                    "category": ref("Category"),
                    "name": {"type": "string", "example": "doggie"},
                    "photoUrls": {"type": "array", "items": {"type": "string"}},
                    "status": {"type": "string", "enum": ["available", "sold"]},
                },
            },
            "Order": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "petId": {"type": "integer"},
                    "shipDate": {"type": "string", "format": "date-time"},
                    "complete": {"type": "boolean", "default": False},
                },
            },
            "User": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "username": {"type": "string"},
                    "email": {"type": "string", "format": "email"},
                },
            },
        }
    },
}


def named(source: dict[str, Any]) -> dict[str, Resource]:
    return {resource.name: resource for resource in resources(from_object(source))}


def test_the_pet_store() -> None:
    found = named(PETSTORE)
    assert set(found) == {"pet", "order", "user"}
    pet = found["pet"]
    assert (pet.collection_path, pet.item_path) == ("/pet", "/pet/{petId}")
    assert (pet.id_parameter, pet.id_field) == ("petId", "id")
    assert {action: o.key for action, o in pet.operations.items()} == {
        "create": "POST /pet",
        "upsert": "PUT /pet",
        "list": "GET /pets",
        "get": "GET /pet/{petId}",
        "delete": "DELETE /pet/{petId}",
    }
    assert [o.key for o in pet.finds] == ["GET /pet/findByStatus"]
    assert pet.envelope == ListEnvelope(items=None)
    assert found["user"].id_field == "username"
    assert found["order"].collection_path == "/store/order"


def test_the_rest_has_reasons() -> None:
    rest = {u.operation.key: u.reason for u in survey(from_object(PETSTORE)).unrecognised}
    assert set(rest) == {
        "POST /pet/{petId}",
        "GET /store/inventory",
        "POST /user/createWithList",
        "GET /user/login",
    }
    assert rest["POST /user/createWithList"] == "takes several entries at once"
    assert "x-www-form-urlencoded" in rest["POST /pet/{petId}"]
    assert "no fixed properties" in rest["GET /store/inventory"]


def test_envelopes_and_nested_collections() -> None:
    item = {
        "type": "object",
        "properties": {"uuid": {"type": "string"}, "label": {"type": "string"}},
    }
    page = {
        "allOf": [
            {"type": "object", "properties": {"totalCount": {"type": "integer"}}},
            {"type": "object", "properties": {"results": {"type": "array", "items": item}}},
        ]
    }
    source = {
        "openapi": "3.1.0",
        "paths": {
            "/owners/{ownerId}/Boxes": {
                "parameters": [path_parameter("ownerId")],
                "get": {"responses": reply(page)},
                "post": {"requestBody": body(item), "responses": reply(item, "201")},
            },
            "/owners/{ownerId}/Boxes/{boxId}": {
                "parameters": [path_parameter("ownerId"), path_parameter("boxId")],
                "get": {"responses": reply(item)},
                "patch": {"requestBody": body(item), "responses": reply(item)},
            },
        },
    }
    box = named(source)["box"]
    assert box.parents == ("ownerId",)
    assert box.envelope == ListEnvelope(items="results", total="totalCount")
    assert box.id_field == "uuid"
    assert set(box.operations) == {"list", "create", "get", "update"}


def test_collections_of_the_same_name_are_told_apart() -> None:
    source = copy.deepcopy(PETSTORE)
    for path in ("/store/order", "/store/order/{orderId}"):
        source["paths"][path.replace("/store", "/admin")] = source["paths"][path]
    assert set(named(source)) == {"pet", "user", "store_order", "admin_order"}


def test_the_domain_of_a_foreign_document() -> None:
    domain = domain_from(from_object(PETSTORE), "Pet store")
    assert not domain.has_page
    assert domain.services[0].entities == ("pet", "order", "user")
    pet, order, user = domain.entities
    assert (pet.name, pet.plural) == ("pet", "pets")
    assert [(f.name, f.type, f.required) for f in pet.fields] == [
        ("name", FieldType.STRING, True),
        ("status", FieldType.ENUM, False),
    ]
    status = pet.field("status")
    assert status is not None
    assert status.values == ("available", "sold")
    assert [(f.name, f.type, f.target) for f in order.fields] == [
        ("pet_id", FieldType.REFERENCE, "pet"),
        ("ship_date", FieldType.DATETIME, None),
        ("complete", FieldType.BOOLEAN, None),
    ]
    assert [f.name for f in user.fields if f.unique] == ["username"]
    kinds = {(c.kind, c.entity, c.field) for c in domain.capabilities}
    assert (CapabilityKind.MANAGE, "pet", None) in kinds
    assert (CapabilityKind.FILTER, "pet", "status") in kinds
