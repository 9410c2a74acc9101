"""Which operations of somebody else's document can be built, and why the others cannot."""

from typing import Any

import pytest

from maestro.contracts.openapi import from_object
from maestro.contracts.openapi.recognition import buildable_domain, recognise
from maestro.domain.contract import RecognisedOperation
from maestro.domain.entities import FieldType

PET: dict[str, Any] = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string"},
        "owner_id": {"type": "integer"},
    },
}
BODY = {
    "required": True,
    "content": {"application/json": {"schema": {**PET, "required": ["name"]}}},
}


def reply(schema: Any) -> dict[str, Any]:
    return {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}}


def found(**changes: Any) -> dict[str, RecognisedOperation]:
    """Operations by key of a small document, each operation with `changes` by operationId."""
    parameter = {"name": "petId", "in": "path", "required": True, "schema": {"type": "integer"}}
    listed = {"type": "array", "items": PET}
    paths: dict[str, Any] = {
        "/pets": {
            "get": {"operationId": "list", "responses": reply(listed)},
            "post": {"operationId": "create", "requestBody": BODY, "responses": reply(PET)},
        },
        "/pets/{petId}": {
            "parameters": [parameter],
            "get": {"operationId": "get", "responses": reply(PET)},
            "delete": {"operationId": "delete", "responses": {"204": {"description": "gone"}}},
        },
    }
    for item in paths.values():
        for operation in item.values():
            if isinstance(operation, dict):
                operation.update(changes.get(operation["operationId"], {}))
    document = {"openapi": "3.0.3", "info": {"title": "Pets", "version": "1"}, "paths": paths}
    return {o.key: o for o in recognise(from_object(document, name="pets"))}


def test_entries_that_live_can_be_built() -> None:
    operations = found()
    assert {o.key: (o.action, o.reason) for o in operations.values()} == {
        "GET /pets": ("list", ""),
        "POST /pets": ("create", ""),
        "GET /pets/{petId}": ("get", ""),
        "DELETE /pets/{petId}": ("delete", ""),
    }
    assert operations["GET /pets/{petId}"].id_field == "id"


@pytest.mark.parametrize(
    ("changes", "key", "reason"),
    [
        ({"get": {"security": [{"key": []}]}}, "GET /pets/{petId}", "asks for credentials"),
        (
            {"delete": {"responses": {"404": {"description": "none"}}}},
            "DELETE /pets/{petId}",
            "documents no reply for success",
        ),
        (
            {"create": {"requestBody": {"content": {"text/csv": {"schema": PET}}}}},
            "POST /pets",
            "takes no JSON body",
        ),
    ],
)
def test_what_cannot_be_built_has_a_reason(changes: dict[str, Any], key: str, reason: str) -> None:
    assert reason in found(**changes)[key].reason


def test_a_property_nobody_sends_cannot_be_made_up() -> None:
    schema = {**PET, "required": ["id", "name", "chip"]}
    schema["properties"] = {**PET["properties"], "chip": {"type": "string"}}
    operations = found(get={"responses": reply(schema)})
    assert "'chip', which no request brings" in operations["GET /pets/{petId}"].reason


def test_the_domain_holds_only_what_can_be_kept() -> None:
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Pets", "version": "1"},
        "paths": {
            "/pets": {
                "get": {"responses": reply({"type": "array", "items": PET})},
                "post": {"requestBody": BODY, "responses": reply(PET)},
            },
            "/owners": {
                "get": {
                    "security": [{"key": []}],
                    "responses": reply({"type": "array", "items": PET}),
                },
                "post": {
                    "security": [{"key": []}],
                    "requestBody": BODY,
                    "responses": reply(PET),
                },
            },
        },
    }
    domain = buildable_domain(from_object(document, name="pets"))
    assert [entity.name for entity in domain.entities] == ["pet"]
    assert all(field.type is not FieldType.REFERENCE for field in domain.entities[0].fields)
