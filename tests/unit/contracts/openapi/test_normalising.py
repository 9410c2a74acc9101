"""Dirty documents are read as they are meant, and what was done is told."""

import datetime
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.contracts.openapi import from_object, load, operations
from maestro.contracts.openapi.bundling import compiled, standalone
from maestro.contracts.openapi.document import plain_root
from maestro.contracts.openapi.lint import lint
from maestro.contracts.openapi.operations import webhooks
from maestro.contracts.openapi.reviewing import notes_of
from maestro.errors import InvalidInput

T = {"$ref": "#/components/schemas/T"}


def with_schema(schema: Any, version: str = "3.1.0", **top: Any) -> dict[str, Any]:
    return {"openapi": version, "components": {"schemas": {"T": schema}}, **top}


def judge(source: dict[str, Any]) -> Any:
    return compiled(standalone(from_object(source), T))


def rules(source: dict[str, Any]) -> set[str]:
    return {note.rule for note in notes_of(from_object(source))}


@pytest.mark.parametrize(
    ("schema", "rule", "good", "bad"),
    [
        ({"type": "int"}, "type-name", 3, "x"),
        ({"type": "String"}, "type-name", "x", 3),
        ({"type": "date"}, "type-name", "2030-01-15", "x"),
        ({"type": ["string", None]}, "type-null", None, 3),
        ({"type": None}, "type-null", None, 3),
        ({"type": "string", "minLength": "3"}, "quoted-number", "abc", "ab"),
        ({"additionalProperties": "false"}, "quoted-boolean", {}, {"a": 1}),
        ({"required": "a"}, "required-list", {"a": 1}, {}),
        ({"required": ["a", "a"]}, "required-twice", {"a": 1}, {}),
        ({"required": True, "type": "string"}, "required-boolean", "x", 3),
        ({"enum": "a"}, "enum-list", "a", "b"),
        ({"type": "string", "pattern": "/^a+$/"}, "pattern-slashes", "aa", "b"),
        ({"type": "string", "description": None}, "null-member", "x", 3),
        ({"properties": {"a": None}, "type": "object"}, "null-schema", {"a": 1}, 3),
        ({"items": [{"type": "string"}]}, "list-of-items", ["a"], [1]),
        ({"minimum": 3, "exclusiveMinimum": True}, "boolean-bound", 4, 3),
        ({"type": "string", "examples": {"a": {"value": "x"}}}, "examples-named", "x", 3),
        ({"properties": {"a": {"$ref": "Other"}}}, "reference-place", {"a": 1}, {"a": "x"}),
        ({"properties": {"a": {"$ref": "#/definitions/Other"}}}, "reference-place", {}, {"a": "x"}),
    ],
)  # fmt: skip
def test_slips_in_schemas(schema: Any, rule: str, good: Any, bad: Any) -> None:
    source = with_schema(schema)
    source["components"]["schemas"]["Other"] = {"type": "integer"}
    validator = judge(source)
    assert validator.is_valid(good)
    assert not validator.is_valid(bad)
    assert rule in rules(source)


def test_a_clean_schema_is_not_remarked_upon() -> None:
    clean = {
        "type": ["object", "null"],
        "properties": {"a": {"enum": [None]}, "b": {"const": None}},
    }
    assert rules(with_schema(clean)) == set()


@pytest.mark.parametrize(
    ("dialect", "schema", "good", "bad"),
    [
        ("http://json-schema.org/draft-04/schema#", {"maximum": 5, "exclusiveMaximum": True}, 4, 5),
        ("http://json-schema.org/draft-07/schema#",
         {"items": [{"type": "string"}], "additionalItems": False}, ["a"], ["a", 1]),
        ("http://json-schema.org/draft-07/schema#", {"dependencies": {"a": ["b"]}}, {}, {"a": 1}),
        ("https://json-schema.org/draft/2019-09/schema",
         {"$recursiveAnchor": True, "properties": {"a": {"$recursiveRef": "#"}},
          "additionalProperties": False}, {"a": {}}, {"a": {"b": 1}}),
    ],
)  # fmt: skip
def test_schemas_that_name_their_dialect(dialect: str, schema: Any, good: Any, bad: Any) -> None:
    named = {"$schema": dialect, "$id": "https://example.com/t", **schema}
    for source in (with_schema(named), with_schema(schema, jsonSchemaDialect=dialect)):
        validator = judge(source)
        assert validator.is_valid(good)
        assert not validator.is_valid(bad)


def test_dynamic_references_are_worked_out() -> None:
    schemas = {
        "List": {
            "$id": "list",
            "$defs": {"entry": {"$dynamicAnchor": "entry"}},
            "type": "array",
            "items": {"$dynamicRef": "#entry"},
        },
        "T": {
            "$id": "names",
            "$defs": {"entry": {"$dynamicAnchor": "entry", "type": "string"}},
            "$ref": "list",
        },
    }
    source = {"openapi": "3.1.0", "components": {"schemas": schemas}}
    validator = judge(source)
    assert validator.is_valid(["a"])
    assert not validator.is_valid([1])
    any_list = standalone(from_object(source), {"$ref": "#/components/schemas/List"})
    assert compiled(any_list).is_valid([1])
    assert "$dynamic" not in json.dumps(any_list)


def test_definitions_inside_a_schema_are_found() -> None:
    careless = {"$defs": {"A": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/A"}}}
    assert not judge(with_schema(careless)).is_valid({"a": "x"})


def test_whole_numbers_up_to_the_last() -> None:
    validator = judge(with_schema({"type": "integer", "format": "int64"}))
    assert validator.is_valid(2**63 - 1)
    assert not validator.is_valid(2**63)


REPLY = {"200": {"description": "ok"}}


def test_slips_around_operations() -> None:
    source = {
        "openapi": "3.0.3",
        "paths": {
            " /a/{id}": {
                "GET": {
                    "tags": "one",
                    "security": {"key": []},
                    "parameters": [
                        {"name": "id", "in": "Path", "type": "integer"},
                        {"name": "q", "in": "query", "required": "true", "schema": {}},
                    ],
                    "responses": {
                        "2xx": {"description": "ok", "schema": {"type": "string"}},
                        "oops": {"description": "no status"},
                    },
                }
            }
        },
    }
    document = from_object(source)
    (found,) = operations(document)
    assert (found.key, found.tags, found.security) == ("GET /a/{id}", ("one",), ({"key": []},))
    assert [(p.location, p.required) for p in found.parameters] == [("path", True), ("query", True)]
    assert found.parameters[0].schema == {"type": "integer"}
    assert list(found.responses) == ["2XX"]
    assert found.responses["2XX"].content["application/json"].schema == {"type": "string"}
    assert {note.rule for note in document.notes} == {
        "path-name", "method-case", "list-expected", "parameter-in", "version-2-member",
        "path-required", "quoted-boolean", "status",
    }  # fmt: skip


def test_keys_and_dates_of_other_readers() -> None:
    day = datetime.date(2030, 1, 15)
    source = {
        "openapi": "3.1.0",
        "info": {"version": day},
        "paths": {"/a": {"get": {"responses": {200: {"description": "ok"}}}}},
    }
    document = from_object(source)
    assert list(operations(document)[0].responses) == ["200"]
    assert document.source["info"] == {"version": "2030-01-15"}
    assert {n.rule for n in document.notes} == {"key-text", "date-value"}
    text = "openapi: 3.1.0\ninfo: {version: 2030-01-15}\npaths: {/a: {get: {responses: {200: {}}}}}"
    assert list(operations(load(text))[0].responses) == ["200"]


@pytest.mark.parametrize("source", [{"openapi": "3.1.0"}, {"openapi": "3.1.0", "paths": None}])
def test_documents_without_paths(source: dict[str, Any]) -> None:
    assert operations(from_object(source)) == ()


def test_documents_of_webhooks_only() -> None:
    hook = {"post": {"requestBody": {"content": {"application/json": {}}}, "responses": REPLY}}
    source = {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "webhooks": {"sold": hook},
    }
    document = from_object(source)
    assert operations(document) == ()
    (found,) = webhooks(document)
    assert (found.key, found.pointer) == ("POST sold", "/webhooks/sold/post")
    assert lint(document) == ()


def test_version_3_2_is_read_with_a_note() -> None:
    document = from_object({"openapi": "3.2.0", "paths": {"/a": {"get": {"responses": REPLY}}}})
    assert document.version == "3.2"
    assert [o.key for o in operations(document)] == ["GET /a"]
    assert [n.rule for n in document.notes] == ["version-3-2"]


def body(schema: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"get": {"responses": {"200": {"description": "ok", "content": content}}}}


def test_a_dangling_reference_spoils_its_operation_only() -> None:
    source = {
        "openapi": "3.0.3",
        "paths": {
            "/good": body({"type": "string"}),
            "/parameter": {"get": {"parameters": [{"$ref": "#/nowhere"}], "responses": REPLY}},
            "/schema": body({"items": {"$ref": "#/components/schemas/Gone"}}),
            "/shape": {"get": 3},
            "/item": {"$ref": "#/nowhere"},
        },
    }
    document = from_object(source)
    assert [o.path for o in operations(document)] == ["/good", "/schema"]
    spoiled = {n.pointer: n.message for n in notes_of(document) if n.rule == "spoiled"}
    assert sorted(spoiled) == [
        "/paths/~1item", "/paths/~1parameter/get", "/paths/~1schema/get", "/paths/~1shape/get",
    ]  # fmt: skip
    assert "Gone" in spoiled["/paths/~1schema/get"]


def test_deep_schemas_are_refused_not_fatal() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(180):
        deep = {"items": deep}
    source = with_schema(deep)
    with suppress(InvalidInput):
        assert compiled(standalone(from_object(source), T)).is_valid([])
    assert lint(from_object(source))


def test_the_normalised_document_can_be_written_down() -> None:
    swagger = {
        "swagger": 2.0,
        "paths": {"/a": {"get": {"responses": REPLY}}},
        "definitions": {"T": {"type": "string", "x-nullable": True}},
        "securityDefinitions": {"b": {"type": "basic"}},
    }
    root = plain_root(from_object(swagger))
    assert json.loads(json.dumps(root)) == root
    assert root["components"]["schemas"]["T"] == {"type": ["string", "null"]}
    assert root["components"]["securitySchemes"]["b"] == {"type": "http", "scheme": "basic"}


keywords = st.sampled_from(
    ["$ref", "$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$schema", "$defs", "type", "items",
     "properties", "required", "allOf", "anyOf", "not", "enum", "const", "nullable", "pattern",
     "exclusiveMinimum", "minimum", "minLength", "additionalProperties", "prefixItems", "example",
     "examples", "default", "format", "if", "then", "discriminator"]
)  # fmt: skip
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(
        ["#", "#/components/schemas/T", "#a", "a", "string", "object", "int", "int64",
         "http://json-schema.org/draft-04/schema#", "T", "[", "#/components/schemas/T/items/0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keywords, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(keywords, junk, max_size=5), st.sampled_from(["3.0.0", "3.1.0", "2.0"]))
@settings(max_examples=120, deadline=None)
def test_no_schema_breaks_the_reader(schema: dict[str, Any], version: str) -> None:
    holder = {"swagger": "2.0", "definitions": {"T": schema}} if version == "2.0" else None
    document = from_object(holder or with_schema(schema, version))
    notes_of(document)
    lint(document)
    with suppress(InvalidInput):
        compiled(standalone(document, T))


@given(junk)
@settings(max_examples=80, deadline=None)
def test_reading_twice_changes_nothing(schema: Any) -> None:
    once = plain_root(from_object(with_schema(schema)))
    assert plain_root(from_object(once)) == once
