from typing import Any

import pytest

from maestro.contracts.verification.interface import Interface
from maestro.errors import InvalidInput

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/tasks": {
            "get": {
                "operationId": "list_tasks",
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer"}},
                    {"name": "done", "in": "query", "schema": {"type": "boolean"}},
                ],
                "responses": {"200": {"description": "ok"}},
            },
            "post": {
                "operationId": "create_task",
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/T"}}}
                },
                "responses": {"422": {"description": "no"}, "201": {"description": "made"}},
            },
        },
        "/users/{user-id}/tasks": {"get": {"responses": {"200": {"description": "ok"}}}},
        "/tasks/{task_id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "delete": {"operationId": "delete_task", "responses": {"204": {"description": "x"}}},
        },
    },
    "components": {
        "parameters": {"Id": {"name": "task_id", "in": "path", "schema": {"type": "integer"}}},
        "schemas": {
            "T": {
                "type": "object",
                "required": ["title"],
                "properties": {
                    "title": {"$ref": "#/components/schemas/Title"},
                    "project_id": {"type": "integer", "x-references": "project"},
                },
            },
            "Title": {"type": "string"},
            "Loop": {"$ref": "#/components/schemas/Loop"},
        },
    },
}
API = Interface(DOCUMENT)


def test_operations_carry_their_paths_parameters_and_bodies() -> None:
    assert [o.key for o in API.operations] == [
        "GET /tasks",
        "POST /tasks",
        "GET /users/{user-id}/tasks",
        "DELETE /tasks/{task_id}",
    ]
    delete = API.by_id("delete_task")
    assert delete is not None
    assert [p["name"] for p in delete.parameters] == ["task_id"]
    assert delete.success == 204
    assert API.operations[1].success == 201


def test_an_entity_is_found_by_the_names_of_its_operations() -> None:
    task = API.resource("task")
    assert task.list is not None
    assert task.list.key == "GET /tasks"
    assert task.fields["title"] == {"type": "string"}
    assert task.required == ("title",)
    assert task.references() == {"project_id": "project"}
    assert task.update is None
    assert API.entities() == ("task",)


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/tasks", "GET /tasks", {}),
        ("GET", "/api/tasks", "GET /tasks", {}),
        ("get", "/users/7/tasks", "GET /users/{user-id}/tasks", {"user-id": "7"}),
        ("DELETE", "/v1/tasks/12", "DELETE /tasks/{task_id}", {"task_id": "12"}),
    ],
)
def test_a_request_is_found_with_and_without_a_base_path(
    method: str, path: str, key: str, parameters: dict[str, str]
) -> None:
    found = API.find(method, path)
    assert found is not None
    assert (found[0].key, found[1]) == (key, parameters)
    assert API.find("PUT", path) is None


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://h/api/tasks?limit=5&done=true", True),
        ("http://h/api/tasks?limit=5.0", False),
        ("http://h/api/tasks?limit=%2B5", False),
        ("http://h/api/tasks?done=True", False),
    ],
)
def test_spellings_that_servers_read_differently_are_known(url: str, plain: bool) -> None:
    assert API.operations[0].is_plain(url) is plain


@pytest.mark.parametrize("reference", ["#/components/schemas/None", "other.yaml", "#/x/Loop"])
def test_bad_references_are_refused(reference: str) -> None:
    with pytest.raises(InvalidInput):
        API.resolve({"$ref": reference})
    with pytest.raises(InvalidInput, match="circle"):
        API.resolve({"$ref": "#/components/schemas/Loop"})
