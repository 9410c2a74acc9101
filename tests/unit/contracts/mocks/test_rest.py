"""Replies of the REST surface to single requests, without a server."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.exports.planned_requests import RestContract
from maestro.contracts.mocks.messages import MockReply, MockRequest
from maestro.contracts.mocks.rest import RestSurface
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contract
from maestro.domain.contract import Contract

SHOP = read_contract(Path(__file__).parents[4] / "examples" / "contracts" / "shop.yaml")
OBJECT = {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}}
PATHS = {
    "matrix": (";a=1;a=2", ";x=1;y=2", ";a=1;a=z"),
    "label": (".1.2", ".x=1.y=2", ".1.z"),
    "simple": ("1,2", "x=1,y=2", "1,z"),
}


def contract(paths: dict[str, Any], **more: Any) -> Contract:
    info = {"title": "Things", "version": "1"}
    return replace(SHOP, specification={"openapi": "3.1.0", "info": info, "paths": paths, **more})


def answer(
    made: Contract, method: str, path: str, headers: dict[bytes, bytes] | None = None
) -> MockReply:
    surface = RestSurface(made, MockBehaviour(), lambda call: None)
    return surface.answered(MockRequest(method, path, "", headers or {}, b"")).reply


def replying(*statuses: str) -> dict[str, Any]:
    return {"responses": {status: {"description": ""} for status in statuses}}


@pytest.mark.parametrize("style", PATHS)
def test_exploded_lists_and_objects_in_paths(style: str) -> None:
    shared = {"in": "path", "required": True, "style": style, "explode": True}
    listed = {**shared, "name": "a", "schema": {"type": "array", "items": {"type": "integer"}}}
    named = {**shared, "name": "o", "schema": OBJECT}
    made = contract({"/t/{a}/{o}": {"get": {**replying("204"), "parameters": [listed, named]}}})
    array, whole, bad = PATHS[style]
    assert answer(made, "GET", f"/t/{array}/{whole}").status == 204
    assert answer(made, "GET", f"/t/{bad}/{whole}").status == 422
    assert answer(made, "GET", f"/t/{array}/{whole.replace('x', 'z')}").status == 422
    plan = RestContract(made, what="requests are").plan()
    assert plan.notes == ()
    assert plan.requests[0].reply.status == 204


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("302", "default"), 302),
        (("400", "303"), 303),
        (("200", "302"), 200),
        (("default", "304"), 200),
        (("304", "404"), 304),
        (("400",), 200),  # errors only: the success goes without saying
    ],
)
def test_what_counts_as_success(statuses: tuple[str, ...], expected: int) -> None:
    assert answer(contract({"/a": {"get": replying(*statuses)}}), "GET", "/a").status == expected


def test_what_nobody_can_create_is_there_all_the_same() -> None:
    thing = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    media = {"content": {"application/json": {"schema": thing}}}
    reading = {"parameters": [parameter], "responses": {"200": {"description": "", **media}}}
    paths: dict[str, Any] = {"/things/{id}": {"get": reading}}
    assert answer(contract(paths), "GET", "/things/7").status == 200
    making = {"requestBody": media, "responses": {"201": {"description": "", **media}}}
    paths["/things"] = {"post": making}
    assert answer(contract(paths), "GET", "/things/7").status == 404


def test_one_authorization_header_is_enough_for_schemes_that_share_it() -> None:
    schemes = {
        "basic": {"type": "http", "scheme": "basic"},
        "token": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    }
    guarded = {**replying("204"), "security": [{"basic": [], "token": [], "key": []}]}
    made = contract({"/a": {"get": guarded}}, components={"securitySchemes": schemes})
    token = {b"authorization": b"Bearer t"}
    assert answer(made, "GET", "/a", {**token, b"x-key": b"k"}).status == 204
    assert answer(made, "GET", "/a", token).status == 401
    assert answer(made, "GET", "/a", {b"x-key": b"k"}).status == 401


def test_an_error_whose_schema_is_broken_is_still_told() -> None:
    broken = {"description": "", "content": {"application/json": {"schema": {"$ref": "#/no"}}}}
    fine = {"description": "", "content": {"application/json": {"schema": {"const": 1}}}}
    made = contract({"/a": {"get": {"responses": {"200": fine, "default": broken}}}})
    refused = answer(made, "GET", "/a", {b"accept": b"text/nothing"})
    assert (refused.status, refused.content_type) == (406, "application/problem+json")


def test_only_replies_that_end_with_their_head_have_no_length() -> None:
    for status, length in ((204, False), (304, False), (205, True), (200, True)):
        reply = MockReply(status=status)
        assert (b"content-length: 0" in reply.head()) is length
        assert ((b"content-length", b"0") in reply.start_message()["headers"]) is length
