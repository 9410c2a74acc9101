"""The user's own document stays the specification."""

import json
from typing import Any

import pytest

from maestro.contracts.agree import agree
from maestro.contracts.design import adopt
from maestro.domain.requirement import PartKind, RequirementPart
from maestro.domain.team import Member, Team
from maestro.errors import InvalidInput

PET = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}
SOURCE: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Pets", "version": "1"},
    "basePath": "/v2",
    "paths": {
        "/pets": {
            "post": {
                "parameters": [
                    {"name": "b", "in": "body", "schema": {"$ref": "#/definitions/Pet"}}
                ],
                "responses": {"201": {"description": "", "schema": {"$ref": "#/definitions/Pet"}}},
            }
        },
        "/pets/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "type": "integer"}],
                "responses": {"200": {"description": "", "schema": {"$ref": "#/definitions/Pet"}}},
            }
        },
    },
    "definitions": {"Pet": PET},
}
TEAM = Team(
    blueprint="x",
    members=tuple(
        Member(role=name, persona=name)
        for name in ("backend_developer", "qa_engineer", "technical_writer")
    ),
)


def test_the_document_is_the_contract() -> None:
    made = {str(c.id): c for c in adopt(json.dumps(SOURCE), "pets.json", TEAM)}
    assert set(made) == {"backend-api", "contract-tests", "documentation"}
    api = made["backend-api"]
    assert api.specification["openapi"].startswith("3.1")
    assert set(api.specification["paths"]) == set(SOURCE["paths"])
    assert (api.name, api.provider) == ("Pets", "backend_developer")
    assert api.consumers == ("qa_engineer",)
    assert [(a.check, a.parameters) for a in api.acceptance] == [
        ("resource_roundtrip", {"entity": "pet"})
    ]
    assert agree(api).digest
    documented = {a.parameters.get("path"): a for a in made["documentation"].acceptance}
    assert documented["docs/api.md"].parameters["phrases"] == ["/pets", "/pets/{id}"]


def test_parts_are_traced() -> None:
    pet = RequirementPart(id="R1", kind=PartKind.ENTITY, text="pets", source="pets", entity="pet")
    field = RequirementPart(
        id="R2", kind=PartKind.FIELD, text="name", source="name", entity="pet", field="name"
    )
    api = adopt(json.dumps(SOURCE), "pets.json", TEAM, (pet, field))[0]
    assert [(a.check, a.parts) for a in api.acceptance] == [
        ("resource_roundtrip", ("R1", "R2")),
    ]


def test_a_faulty_document_is_refused_with_place_and_rule() -> None:
    broken = json.loads(json.dumps(SOURCE))
    del broken["paths"]["/pets/{id}"]["get"]["parameters"]
    with pytest.raises(InvalidInput, match=r"^pets.json has errors: .*path-parameter-declared"):
        adopt(json.dumps(broken), "pets.json", TEAM)


def test_yaml_with_comments_is_fine() -> None:
    text = "# mine\nopenapi: 3.0.0\ninfo: {title: T, version: '1'}\npaths:\n" + (
        "  /a:\n    get:\n      responses:\n        200: {description: ok}\n"
    )
    api = adopt(text, "a.yaml", TEAM)[0]
    assert api.specification["paths"]["/a"]["get"]["responses"] == {"200": {"description": "ok"}}
