"""Three versions of OpenAPI become one model."""

import copy
from typing import Any

import pytest

from maestro.contracts.openapi import from_object, load, operations
from maestro.contracts.openapi.bundling import compiled, standalone
from maestro.contracts.openapi.operations import Operation
from maestro.errors import InvalidInput

SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Pets", "version": "1"},
    "host": "example.com",
    "basePath": "/v2",
    "schemes": ["https"],
    "consumes": ["application/json"],
    "produces": ["application/json", "application/xml"],
    "parameters": {
        "Tag": {"name": "tag", "in": "query", "type": "array", "items": {"type": "string"}},
        "PetBody": {
            "name": "body",
            "in": "body",
            "required": True,
            "schema": {"$ref": "#/definitions/Pet"},
        },
    },
    "responses": {"Missing": {"description": "none", "schema": {"type": "string"}}},
    "definitions": {
        "Pet": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "x-nullable": True, "example": "Rex"},
                "age": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
                "friend": {"$ref": "#/definitions/Pet"},
            },
        }
    },
    "paths": {
        "/pets": {
            "get": {
                "parameters": [
                    {"$ref": "#/parameters/Tag"},
                    {
                        "name": "state",
                        "in": "query",
                        "type": "array",
                        "collectionFormat": "multi",
                        "items": {"type": "string", "enum": ["a", "b"]},
                    },
                ],
                "responses": {
                    200: {
                        "description": "ok",
                        "schema": {"type": "array", "items": {"$ref": "#/definitions/Pet"}},
                        "examples": {"application/json": [{"name": "Rex"}]},
                    },
                    "404": {"$ref": "#/responses/Missing"},
                },
            },
            "post": {
                "parameters": [{"$ref": "#/parameters/PetBody"}],
                "responses": {"201": {"description": "made"}},
            },
        },
        "/pets/{id}/picture": {
            "parameters": [{"name": "id", "in": "path", "required": True, "type": "integer"}],
            "post": {
                "consumes": ["multipart/form-data"],
                "parameters": [
                    {"name": "file", "in": "formData", "type": "file", "required": True},
                    {"name": "note", "in": "formData", "type": "string"},
                ],
                "responses": {"default": {"description": "ok"}},
            },
        },
    },
}


def by_key(source: dict[str, Any]) -> dict[str, Operation]:
    return {o.key: o for o in operations(from_object(source))}


@pytest.fixture
def swagger() -> dict[str, Any]:
    source = copy.deepcopy(SWAGGER)
    get = source["paths"]["/pets"]["get"]
    get["responses"] = {str(status): value for status, value in get["responses"].items()}
    return source


def test_swagger_becomes_the_new_shape(swagger: dict[str, Any]) -> None:
    document = from_object(swagger)
    assert (document.version, document.base_path, document.title) == ("2.0", "/v2", "Pets")
    found = by_key(swagger)
    listing = found["GET /pets"]
    assert [(p.name, p.location, p.explode) for p in listing.parameters] == [
        ("tag", "query", False),
        ("state", "query", True),
    ]
    assert list(listing.responses["200"].content) == ["application/json", "application/xml"]
    assert listing.responses["200"].content["application/json"].examples == ([{"name": "Rex"}],)
    assert listing.responses["404"].content["application/json"].schema == {"type": "string"}
    body = found["POST /pets"].body
    assert body is not None
    assert body.required
    assert body.content["application/json"].schema == {"$ref": "#/components/schemas/Pet"}
    upload = found["POST /pets/{id}/picture"]
    assert upload.parameters[0].schema == {"type": "integer"}
    assert upload.body is not None
    form = upload.body.content["multipart/form-data"].schema
    assert form["properties"]["file"] == {"type": "string", "format": "binary"}
    assert form["required"] == ["file"]


def test_old_schemas_mean_the_same_in_2020_12(swagger: dict[str, Any]) -> None:
    schema = standalone(from_object(swagger), {"$ref": "#/components/schemas/Pet"})
    validator = compiled(schema)
    assert validator.is_valid({"name": None, "age": 0.5, "friend": {"name": "a"}})
    assert not validator.is_valid({"name": "a", "age": 0})
    assert not validator.is_valid({"name": "a", "friend": {"age": 1}})


@pytest.mark.parametrize(
    ("old", "good", "bad"),
    [
        ({"type": "string", "nullable": True}, [None, "a"], [1]),
        ({"type": "string", "nullable": True, "enum": ["a"]}, [None, "a"], ["b"]),
        ({"allOf": [{"type": "string"}], "nullable": True}, [None, "a"], [1]),
        ({"type": "integer", "maximum": 5, "exclusiveMaximum": True}, [4], [5]),
        ({"type": "integer", "maximum": 5, "exclusiveMaximum": False}, [5], [6]),
        ({"type": "integer", "format": "int32"}, [2**31 - 1], [2**31]),
        ({"type": "integer", "format": "int64"}, [2**63 - 1], [2**63]),
        ({"type": "string", "pattern": "^(?:{[0-9]{4}})$"}, ["anything"], [1]),
    ],
)
def test_version_3_0_schemas(old: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    source = {"openapi": "3.0.3", "components": {"schemas": {"T": old}}, "paths": {}}
    validator = compiled(standalone(from_object(source), {"$ref": "#/components/schemas/T"}))
    assert [validator.is_valid(value) for value in good + bad] == [True] * len(good) + [
        False
    ] * len(bad)


def test_version_3_1_schemas_are_taken_as_they_are() -> None:
    tuple_of_two = {"type": "array", "prefixItems": [{"type": "integer"}], "items": False}
    source = {"openapi": "3.1.0", "components": {"schemas": {"T": tuple_of_two}}}
    validator = compiled(standalone(from_object(source), {"$ref": "#/components/schemas/T"}))
    assert validator.is_valid([1])
    assert not validator.is_valid([1, 2])


def test_parameters_of_the_path_are_overridden_by_the_operation() -> None:
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer"}}
    source = {
        "openapi": "3.1.0",
        "paths": {
            "/a": {
                "parameters": [limit, {"name": "x", "in": "header"}],
                "get": {"parameters": [{**limit, "required": True}], "responses": {}},
            }
        },
    }
    found = by_key(source)["GET /a"].parameters
    assert [(p.name, p.required) for p in found] == [("limit", True), ("x", False)]


def test_circular_schemas_are_kept_as_circles() -> None:
    node = {
        "type": "object",
        "properties": {"next": {"$ref": "#/components/schemas/Node"}},
        "additionalProperties": False,
    }
    source = {"openapi": "3.1.0", "components": {"schemas": {"Node": node}}}
    validator = compiled(standalone(from_object(source), {"$ref": "#/components/schemas/Node"}))
    assert validator.is_valid({"next": {"next": {}}})
    assert not validator.is_valid({"next": {"next": {"other": 1}}})


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("https://example.com/a.json#/X", "leads outside this document"),
        ("other.yaml#/X", "leads outside this document"),
        ("#/components/schemas/Nothing", "leads nowhere"),
        ("#/components/schemas/Loop", "in a circle"),
        ("#nothing", "leads nowhere"),
        ("#/info/title", "no schema"),
    ],
)
def test_bad_references_are_refused_with_their_place(reference: str, message: str) -> None:
    loop = {"$ref": "#/components/schemas/Loop"}
    source = {
        "openapi": "3.1.0",
        "info": {"title": "T"},
        "components": {"schemas": {"Loop": loop}},
    }
    with pytest.raises(InvalidInput, match=message) as error:
        standalone(from_object(source), {"$ref": reference}, where="/paths/~1a/get")
    assert str(error.value).startswith("/paths/~1a/get: ")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "neither `openapi` nor `swagger`"),
        ({"openapi": "4.0.0"}, "versions 2.0, 3.0 and 3.1"),
        ({"swagger": "1.2"}, "versions 2.0, 3.0 and 3.1"),
        ({"openapi": "3.1.0", "x": float("inf")}, "not a finite number"),
        ({"openapi": "3.1.0", "x": {1, 2}}, "/x is a set"),
    ],
)
def test_what_is_no_openapi_document(source: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_object(source)


@pytest.mark.parametrize(
    ("paths", "pointer"),
    [
        ([], "/paths"),
        ({"/a": 1}, "/paths/~1a"),
        ({"/a": {"get": []}}, "/paths/~1a/get"),
        ({"/a": {"get": {"parameters": {}}}}, "/paths/~1a/get"),
        ({"/a": {"get": {"parameters": [{"in": "query"}]}}}, "/paths/~1a/get/parameters/0"),
        ({"/a": {"get": {"parameters": [3]}}}, "/paths/~1a/get/parameters/0"),
        ({"/a": {"get": {"responses": {"200": 1}}}}, "/paths/~1a/get/responses/200"),
        ({"/a": {"get": {"requestBody": "x"}}}, "/paths/~1a/get/requestBody"),
        ({"/a": {"$ref": "#/nowhere"}}, "/paths/~1a"),
    ],
)
@pytest.mark.parametrize("version", ["3.0.0", "3.1.0"])
def test_wrong_shapes_are_named_by_pointer(paths: Any, pointer: str, version: str) -> None:
    with pytest.raises(InvalidInput) as error:
        operations(from_object({"openapi": version, "paths": paths}), strict=True)
    assert str(error.value).startswith(f"{pointer}: ")


@pytest.mark.parametrize(
    "paths", [[], {"/a": 1}, {"/a": {"get": []}}, {"/a": {"get": {"responses": {"200": 1}}}}]
)
def test_wrong_shapes_in_swagger(paths: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^/paths.*must be an object"):
        operations(from_object({"swagger": "2.0", "paths": paths}), strict=True)


def test_base_paths() -> None:
    def base(url: str, **variables: str) -> str:
        values = {name: {"default": value} for name, value in variables.items()}
        servers = [{"url": url, "variables": values}]
        return from_object({"openapi": "3.1.0", "servers": servers}).base_path

    assert base("https://example.com/v1/") == "/v1"
    assert base("https://example.com") == ""
    assert base("/api") == "/api"
    assert base("{scheme}://x/{v}", scheme="https", v="v3") == "/v3"
    assert from_object({"openapi": "3.1.0"}).base_path == ""
    assert load("openapi: 3.1.0\nservers: 7").base_path == ""
