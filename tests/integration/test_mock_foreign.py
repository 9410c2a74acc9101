"""A mock of somebody else's document, over real HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from maestro.contracts.mocks import LiveMockProvider
from maestro.contracts.openapi import from_object, operations
from maestro.contracts.openapi.bundling import compiled, standalone
from maestro.contracts.roundtrip import ProviderReply, live_through, resource_of
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId, JsonValue
from maestro.ports import MockServer

PET = {
    "type": "object",
    "required": ["name", "photoUrls"],
    "properties": {
        "id": {"type": "integer", "format": "int64"},
        "name": {"type": "string", "example": "doggie"},
        "photoUrls": {"type": "array", "items": {"type": "string"}},
        "tags": {"type": "array", "items": {"$ref": "#/definitions/Tag"}},
        "status": {"type": "string", "enum": ["available", "sold"]},
    },
}


def json_reply(schema: Any) -> dict[str, Any]:
    return {"description": "ok", "schema": schema}


PET_ID = {"name": "petId", "in": "path", "required": True, "type": "integer", "minimum": 1}
PETS: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Pets", "version": "1"},
    "basePath": "/v2",
    "consumes": ["application/json"],
    "produces": ["application/json", "application/xml"],
    "paths": {
        "/pet": {
            "post": {
                "parameters": [
                    {
                        "name": "b",
                        "in": "body",
                        "required": True,
                        "schema": {"$ref": "#/definitions/Pet"},
                    }
                ],
                "responses": {"405": {"description": "Invalid input"}},
            },
            "put": {
                "parameters": [
                    {
                        "name": "b",
                        "in": "body",
                        "required": True,
                        "schema": {"$ref": "#/definitions/Pet"},
                    }
                ],
                "responses": {
                    "200": json_reply({"$ref": "#/definitions/Pet"}),
                    "400": {"description": "bad"},
                    "404": {"description": "none"},
                },
            },
        },
        "/pet/findByStatus": {
            "get": {
                "parameters": [
                    {
                        "name": "status",
                        "in": "query",
                        "required": True,
                        "type": "array",
                        "collectionFormat": "multi",
                        "items": {"type": "string", "enum": ["available", "sold"]},
                    }
                ],
                "responses": {
                    "200": json_reply({"type": "array", "items": {"$ref": "#/definitions/Pet"}}),
                    "400": json_reply({"$ref": "#/definitions/Error"}),
                },
            }
        },
        "/pet/findByTags": {
            "get": {
                "parameters": [
                    {"name": "tags", "in": "query", "type": "array", "items": {"type": "string"}}
                ],
                "responses": {
                    "200": json_reply({"type": "array", "items": {"$ref": "#/definitions/Pet"}})
                },
            }
        },
        "/pet/{petId}": {
            "parameters": [PET_ID],
            "get": {
                "responses": {
                    "200": json_reply({"$ref": "#/definitions/Pet"}),
                    "400": {"description": "bad"},
                    "404": json_reply({"$ref": "#/definitions/Error"}),
                }
            },
            "delete": {"responses": {"200": {"description": "gone"}}},
            "post": {
                "consumes": ["application/x-www-form-urlencoded"],
                "parameters": [
                    {"name": "age", "in": "formData", "type": "integer", "required": True}
                ],
                "responses": {"200": {"description": "ok"}},
            },
        },
        "/pet/{petId}/picture": {
            "post": {
                "consumes": ["multipart/form-data"],
                "parameters": [
                    PET_ID,
                    {"name": "file", "in": "formData", "type": "file", "required": True},
                ],
                "responses": {"200": json_reply({"$ref": "#/definitions/Error"})},
            }
        },
        "/inventory": {
            "get": {
                "responses": {
                    "200": {
                        "description": "ok",
                        "headers": {"X-Rate": {"type": "integer"}},
                        "schema": {"type": "object", "additionalProperties": {"type": "integer"}},
                        "examples": {"application/json": {"available": 3}},
                    }
                }
            }
        },
    },
    "definitions": {
        "Pet": PET,
        "Tag": {"type": "object", "properties": {"name": {"type": "string"}}},
        "Error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
        },
    },
}


def contract(specification: dict[str, Any]) -> Contract:
    return Contract(
        id=ContractId("backend-api"),
        name="Pets",
        kind=ContractKind.REST,
        version="1.0.0",
        provider="backend_developer",
        component="backend",
        consumers=(),
        format=SpecificationFormat.OPENAPI,
        specification=specification,
        deliverables=(),
        acceptance=(),
    )


def with_mock(
    use: Callable[[httpx.AsyncClient, MockServer], Awaitable[None]],
    specification: dict[str, Any] = PETS,
) -> None:
    async def run() -> None:
        async with LiveMockProvider().serve(contract(specification), consumer="x") as mock:
            async with httpx.AsyncClient(base_url=mock.url, timeout=10) as client:
                await use(client, mock)

    asyncio.run(run())


def test_the_pet_store_remembers_pets() -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        assert mock.url == f"http://127.0.0.1:{mock.port}/v2"
        for number, status in ((11, "sold"), (12, "available")):
            body = {"id": number, "name": "a", "photoUrls": [], "status": status,
                    "tags": [{"name": f"t{number}"}]}  # fmt: skip
            made = await client.post("/pet", json=body)
            assert made.status_code == 201
        got = await client.get("/pet/11")
        assert got.json()["status"] == "sold"

        async def ids(path: str) -> list[int]:
            return [pet["id"] for pet in (await client.get(path)).json()]

        assert await ids("/pet/findByStatus?status=sold") == [11]
        assert await ids("/pet/findByStatus?status=sold&status=available") == [11, 12]
        assert await ids("/pet/findByTags?tags=t12,t99") == [12]
        changed = await client.put("/pet", json={"id": 11, "name": "b", "photoUrls": ["x"]})
        assert changed.json()["name"] == "b"
        assert (await client.get("/pet/11")).json()["photoUrls"] == ["x"]
        missing = await client.put("/pet", json={"id": 99, "name": "b", "photoUrls": []})
        assert missing.status_code == 404
        assert (await client.delete("/pet/11")).status_code == 200
        gone = await client.get("/pet/11")
        assert gone.status_code == 404
        assert gone.json() == {"code": 404, "message": "there is no pet '11'"}

    with_mock(use)


def test_bad_requests_get_the_answers_of_the_document() -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        bad_id = await client.get("/pet/x")
        assert (bad_id.status_code, bad_id.json()["errors"][0]["pointer"]) == (400, "path/petId")
        query = await client.get("/pet/findByStatus?status=unknown")
        assert query.status_code == 400
        assert query.json()["code"] == 400
        assert "query/status/0" in query.json()["message"]
        no_name = await client.post("/pet", json={"photoUrls": []})
        assert no_name.status_code == 422
        assert '"name" is a required property (required)' in no_name.json()["errors"][0]["detail"]
        form = await client.post("/pet/1", data={"age": "old"})
        assert (form.status_code, form.json()["errors"][0]["pointer"]) == (422, "/age")
        assert (await client.post("/pet/1", data={"age": "3"})).status_code == 200
        upload = await client.post("/pet/1/picture", files={"file": b"\x89PNG"})
        assert upload.status_code == 200
        no_file = await client.post("/pet/1/picture", files={"other": b"x"})
        assert no_file.status_code == 422
        unknown = await client.get("/inventory?anything=1")
        assert unknown.status_code == 200
        assert unknown.json() == {"available": 3}
        assert [call.valid for call in mock.calls()] == [
            False, False, False, False, True, True, False, True,
        ]  # fmt: skip

    with_mock(use)


def test_xml_only_for_those_who_want_it() -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        reply = await client.get("/inventory", headers={"accept": "application/xml"})
        assert reply.headers["content-type"] == "application/xml"
        assert reply.text.startswith('<?xml version="1.0" encoding="UTF-8"?><reply>')
        both = await client.get(
            "/inventory", headers={"accept": "application/xml;q=0.5, application/json"}
        )
        assert both.headers["content-type"] == "application/json"

    with_mock(use)


def test_replies_without_memory_fit_their_schemas() -> None:
    schemas: list[Any] = [
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "^[A-Z]{4}$"}}},
        {"type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 2},
        {"oneOf": [{"type": "integer"}, {"type": "string", "maxLength": 2}]},
        {"type": ["string", "null"], "example": 7},
        True,
    ]
    paths = {
        f"/r{n}": {
            "get": {
                "responses": {
                    "200": {"description": "", "content": {"application/json": {"schema": s}}}
                }
            }
        }
        for n, s in enumerate(schemas)
    }
    source = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths}

    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        document = from_object(source)
        for operation in operations(document):
            first = await client.get(operation.path)
            assert first.status_code == 200
            schema = operation.responses["200"].content["application/json"].schema
            assert compiled(standalone(document, schema)).is_valid(first.json())
            assert (await client.get(operation.path)).content == first.content

    with_mock(use, source)


def test_a_reply_that_nothing_can_satisfy_says_so() -> None:
    anything = {"type": "object", "properties": {"a": {"type": "string"}}}
    reply = {"content": {"application/json": {"schema": {"oneOf": [anything, anything]}}}}
    source = {"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {"200": reply}}}}}

    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        got = await client.get("/a")
        assert got.status_code == 200
        assert got.json() == {"a": "Sample a"}
        assert "no value satisfies" in got.headers["x-maestro-warning"]

    with_mock(use, source)


def test_one_broken_schema_spoils_one_operation() -> None:
    good = {"description": "", "content": {"application/json": {"schema": {"type": "integer"}}}}
    bad = {"content": {"application/json": {"schema": {"$ref": "other.json#/X"}}}}
    deep = {"name": "x", "in": "query", "schema": {"$ref": "#/no"}}
    source = {
        "openapi": "3.1.0",
        "paths": {
            "/good": {"get": {"responses": {"200": good}}},
            "/bad": {"get": {"responses": {"200": bad}}},
            "/deep": {"get": {"parameters": [deep], "responses": {"200": good}}},
        },
    }  # fmt: skip

    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        assert (await client.get("/good")).json() == 1
        for path in ("/bad", "/deep"):
            broken = await client.get(path)
            assert broken.status_code == 500
            assert "$ref" in broken.json()["detail"]

    with_mock(use, source)


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ({"schema": {"type": "array", "items": {"type": "integer"}}}, "p=1&p=2", "p=1&p=x"),
        ({"schema": {"items": {"type": "integer"}}, "explode": False}, "p=1,2", "p=a"),
        ({"schema": {"type": "array", "maxItems": 2}, "style": "pipeDelimited", "explode": False},
         "p=a|b", "p=a|b|c"),
        ({"schema": {"type": "object", "properties": {"a": {"type": "integer"}}},
          "style": "deepObject"}, "p[a]=1", "p[a]=x"),
        ({"schema": {"type": "boolean"}}, "p=true", "p=1"),
        ({"schema": {"type": "number"}}, "p=-1.5e2", "p=1,5"),
        ({"schema": {"type": ["integer", "null"]}}, "p=4", "p=x"),
        ({"content": {"application/json": {"schema": {"type": "object"}}}}, 'p={"a":1}', "p=[1]"),
        ({"schema": {"type": "string"}, "required": True}, "p=a", "x=1"),
        ({"schema": {"type": "integer", "format": "int64"}}, "p=9223372036854775807",
         "p=9223372036854775808"),
        ({"schema": {"type": "integer"}, "allowEmptyValue": True}, "p=", "p=x"),
    ],
)  # fmt: skip
def test_parameter_styles(parameter: dict[str, Any], good: str, bad: str) -> None:
    operation = {
        "parameters": [{"name": "p", "in": "query", **parameter}],
        "responses": {"200": {"description": ""}},
    }
    source = {"openapi": "3.1.0", "paths": {"/a": {"get": operation}}}

    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        assert (await client.get(f"/a?{good}")).status_code == 200
        assert (await client.get(f"/a?{bad}")).status_code == 422

    with_mock(use, source)


def test_headers_cookies_and_literal_paths_first() -> None:
    ok = {"responses": {"200": {"description": ""}}}
    header = {"name": "X-Tenant", "in": "header", "required": True, "schema": {"minLength": 2}}
    cookie = {"name": "n", "in": "cookie", "required": True, "schema": {"type": "integer"}}
    number = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    source = {
        "openapi": "3.1.0",
        "paths": {
            "/a/{id}": {"get": {**ok, "parameters": [number]}},
            "/a/mine": {"get": {**ok, "parameters": [header, cookie]}},
            "/a/{id}.{kind}": {"get": {**ok, "parameters": [number]}},
        },
    }

    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        sent = {"x-tenant": "ab", "cookie": "m=1; n=3"}
        assert (await client.get("/a/mine", headers=sent)).status_code == 200
        refused = await client.get("/a/mine", headers={"x-tenant": "a"})
        pointers = [e["pointer"] for e in refused.json()["errors"]]
        assert pointers == ["header/X-Tenant", "cookie/n"]
        assert (await client.get("/a/3")).status_code == 200
        assert mock.calls()[-1].operation == "GET /a/{id}"

    with_mock(use, source)


def test_a_provider_can_be_lived_through() -> None:
    """The mock stands in for a provider here: the round trip has to pass on it."""
    created = {**PETS["paths"]["/pet"]["post"], "responses": {"201": {"description": "made"}}}
    paths = {**PETS["paths"], "/pet": {**PETS["paths"]["/pet"], "post": created}}
    source = {**PETS, "paths": paths}

    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        async def ask(method: str, path: str, body: JsonValue) -> ProviderReply:
            reply = await client.request(method, path, json=body)
            value = reply.json() if reply.content else None
            location = reply.headers.get("location", "")
            return ProviderReply(status=reply.status_code, value=value, location=location)

        document = from_object(source)
        tried = await live_through(document, resource_of(document, "pet"), ask)
        assert tried == ("POST /pet", "GET /pet/{petId}", "PUT /pet", "DELETE /pet/{petId}")
        assert all(call.valid for call in mock.calls())

    with_mock(use, source)


def test_a_version_is_served_as_it_is_written() -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        assert (await client.get("/inventory")).status_code == 200

    with_mock(use, {**PETS, "host": "example.com", "basePath": "/"})
    assert replace(contract(PETS), name="x").specification is PETS
