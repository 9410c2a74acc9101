import json
from typing import Any

import pytest

from maestro.contracts.openapi.document import from_object
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.verification.trials.api import ApiUnderTest
from maestro.contracts.verification.trials.bodies import BodyMaker, broken

FIELDS: dict[str, Any] = {
    "id": {"type": "integer", "readOnly": True},
    "code": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"},
    "sku": {"type": "string", "pattern": "^[A-Z0-9-]{3,20}$", "examples": ["AB-1"]},
    "name": {"type": "string", "minLength": 2, "maxLength": 30},
    "mail": {"type": "string", "format": "email"},
    "kind": {"type": "string", "enum": ["a", "b"]},
    "price": {"type": "number", "minimum": 0, "maximum": 10},
    "note": {"type": ["string", "null"]},
    "lines": {
        "type": "array",
        "minItems": 1,
        "maxItems": 3,
        "items": {
            "type": "object",
            "required": ["count"],
            "properties": {"count": {"type": "integer", "minimum": 1}},
        },
    },
}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "paths": {
        "/things": {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["id", "code", "name", "kind", "lines"],
                                "properties": FIELDS,
                            }
                        }
                    },
                },
                "responses": {"201": {"description": "Made."}},
            }
        }
    },
}


@pytest.fixture
def api() -> ApiUnderTest:
    return ApiUnderTest(from_object(DOCUMENT))


@pytest.fixture
def create(api: ApiUnderTest) -> Operation:
    return api.operations[0]


def test_fresh_bodies_are_valid_and_never_the_same(api: ApiUnderTest, create: Operation) -> None:
    maker = BodyMaker(api, first=1_000_000)
    bodies = [maker.fresh(create) for _ in range(40)]
    assert all(maker.valid(create, body) for body in bodies)
    assert all("id" not in body for body in bodies), "the provider sets what is read-only"
    for name in ("sku", "name", "mail"):
        assert len({body[name] for body in bodies}) == 40, name
    assert len({body["code"] for body in bodies}) > 10
    assert {body["kind"] for body in bodies} == {"a", "b"}


def test_another_run_makes_other_texts(api: ApiUnderTest, create: Operation) -> None:
    first, second = BodyMaker(api, first=0), BodyMaker(api, first=20_000)
    ours = {first.fresh(create)["name"] for _ in range(50)}
    assert not ours & {second.fresh(create)["name"] for _ in range(50)}


def test_edges_are_valid_and_at_the_limits(api: ApiUnderTest, create: Operation) -> None:
    maker = BodyMaker(api, first=0)
    edges = list(maker.edges(create))
    assert all(maker.valid(create, edge.value) for edge in edges)
    found = {(edge.pointer, edge.rule) for edge in edges}
    assert {
        ("/name", "maxLength"),
        ("/name", "minLength"),
        ("/price", "minimum"),
        ("/price", "maximum"),
        ("/kind", "enum"),
        ("/note", "type"),
        ("", "required"),
    } <= found
    longest = next(e for e in edges if e.rule == "maxLength")
    assert len(longest.value["name"]) == 30


def test_broken_bodies_are_invalid_each_for_one_reason(
    api: ApiUnderTest, create: Operation
) -> None:
    maker = BodyMaker(api, first=0)
    body = maker.fresh(create)
    before = json.dumps(body)
    found = list(broken(api, create, body))
    assert not any(maker.valid(create, wrong.value) for wrong in found)
    assert json.dumps(body) == before
    assert {
        ("required", "/name"),
        ("type", "/name"),
        ("maxLength", "/name"),
        ("minLength", "/name"),
        ("pattern", "/code"),
        ("format", "/mail"),
        ("enum", "/kind"),
        ("minimum", "/price"),
        ("maximum", "/price"),
        ("minItems", "/lines"),
        ("maxItems", "/lines"),
        ("minimum", "/lines/count"),
        ("additionalProperties", "/maestro_unknown"),
    } <= {(wrong.rule, wrong.pointer) for wrong in found}


def test_another_value_of_a_field(api: ApiUnderTest, create: Operation) -> None:
    maker = BodyMaker(api, first=0)
    body = maker.fresh(create)
    found, value = maker.another(create, body, "kind")
    assert found
    assert {value, body["kind"]} == {"a", "b"}
    found, value = maker.another(create, body, "code")
    assert found
    assert value != body["code"]
    assert maker.valid(create, {**body, "code": value})
