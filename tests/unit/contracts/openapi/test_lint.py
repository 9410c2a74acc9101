"""The lint names the place and the rule of every fault."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.contracts.openapi import from_object
from maestro.contracts.openapi.lint import errors_of, lint
from maestro.domain.contract import Severity
from maestro.errors import InvalidInput

GOOD: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "T", "version": "1"},
    "paths": {
        "/pets/{id}": {
            "get": {
                "operationId": "getPet",
                "parameters": [
                    {
                        "name": "id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "integer"},
                        "example": 3,
                    }
                ],
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Pet"},
                                "example": {"id": 1},
                            }
                        },
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {"Pet": {"type": "object", "properties": {"id": {"type": "integer"}}}}
    },
}

GET = "/paths/~1pets~1{id}/get"
REPLY = f"{GET}/responses/200/content/application~1json/schema"


def changed(**edits: Any) -> dict[str, Any]:
    """GOOD with values set at `a.b.c` paths; `/` in a name is written as `|`."""
    source = copy.deepcopy(GOOD)
    for path, value in edits.items():
        *heads, last = [part.replace("|", "/") for part in path.split(".")]
        target: Any = source
        for head in heads:
            target = target[int(head)] if isinstance(target, list) else target[head]
        if value is None:
            del target[last]
        else:
            target[last] = value
    return source


def test_a_good_document_has_no_findings() -> None:
    assert lint(from_object(GOOD)) == ()


ERROR, WARNING = Severity.ERROR, Severity.WARNING
STRUCTURE, DECLARED = "openapi-3.0-structure", "path-parameter-declared"
G = "paths.|pets|{id}.get"


@pytest.mark.parametrize(
    ("edits", "pointer", "rule", "severity"),
    [
        ({"info": None}, "", STRUCTURE, ERROR),
        ({f"{G}.responses.200.description": None}, f"{GET}/responses/200", STRUCTURE, ERROR),
        ({f"{G}.parameters": []}, GET, DECLARED, ERROR),
        ({f"{G}.parameters.0.name": "pet"}, f"{GET}/parameters/0", DECLARED, ERROR),
        ({f"{G}.responses": {}}, GET, "response-present", WARNING),
        ({"paths": {}}, "/paths", "operations-present", WARNING),
        ({"components": {}}, REPLY, "reference-resolves", ERROR),
        (
            {"components.schemas.Pet": {"$ref": "other.json#/Pet"}},
            "/components/schemas/Pet",
            "reference-resolves",
            ERROR,
        ),
        (
            {"components.schemas.Pet.type": "objekt"},
            "/components/schemas/Pet/type",
            "schema-usable",
            ERROR,
        ),
        (
            {f"{G}.responses.200.content.application|json.example": {"id": "x"}},
            REPLY,
            "example-valid",
            WARNING,
        ),
        ({f"{G}.parameters.0.example": "x"}, f"{GET}/parameters/0", "example-valid", WARNING),
        ({f"{G}.requestBody": {"content": {}}}, f"{GET}/requestBody", "body-on-read", WARNING),
        (
            {"components.schemas.Pet.properties.id": {"type": "string", "pattern": "^{a}$"}},
            "/components/schemas/Pet/properties/id/pattern",
            "pattern-readable",
            WARNING,
        ),
        (
            {"paths.|pets|{name}": {"get": {"responses": {"200": {"description": ""}}}}},
            "/paths/~1pets~1{name}",
            "path-unique",
            ERROR,
        ),
    ],
)  # fmt: skip
def test_faults(edits: dict[str, Any], pointer: str, rule: str, severity: Severity) -> None:
    found = lint(from_object(changed(**edits)))
    assert (pointer, rule, severity) in {(f.pointer, f.rule, f.severity) for f in found}, found


def test_a_document_that_describes_nothing_is_told_what_it_needs() -> None:
    said = [str(fault) for fault in errors_of(from_object({"openapi": "3.1.0"}))]
    assert '/: "info" is a required property (openapi-3.1-structure)' in said
    needed = '"paths", "components", "webhooks"'
    assert f"/: one of {needed} is required (openapi-3.1-structure)" in said


def test_operation_ids_are_unique() -> None:
    other = copy.deepcopy(GOOD["paths"]["/pets/{id}"])
    found = errors_of(from_object(changed(**{"paths.|cats|{id}": other})))
    assert [f.rule for f in found] == ["operation-id-unique"]
    assert GET in found[0].message


@pytest.mark.parametrize("version", ["2.0", "3.0.3", "3.1.0"])
def test_every_version_has_its_meta_schema(version: str) -> None:
    name = "swagger" if version == "2.0" else "openapi"
    found = errors_of(from_object({name: version, "paths": {}}))
    assert any(f.rule == f"openapi-{version[:3]}-structure" for f in found)
    assert any("info" in f.message for f in found)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 500) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["$ref", "get", "post", "parameters", "responses", "200", "schema", "content",
                 "name", "in", "type", "properties", "items", "allOf", "required", "a/json",
                 "/a/{b}", "requestBody", "example", "headers", "description", "enum", "pattern"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@given(
    st.sampled_from([("swagger", "2.0"), ("openapi", "3.0.1"), ("openapi", "3.1.0")]),
    st.dictionaries(
        st.sampled_from(["paths", "components", "definitions", "info", "servers", "parameters"]),
        st.dictionaries(st.sampled_from(["/a", "/a/{b}", "schemas", "X", "parameters"]), values),
    ),
)
@settings(max_examples=100, deadline=None)
def test_no_document_breaks_the_lint(version: tuple[str, str], rest: dict[str, Any]) -> None:
    try:
        document = from_object({version[0]: version[1], **rest})
    except InvalidInput:
        return
    assert all(f.rule and f.message for f in lint(document))
