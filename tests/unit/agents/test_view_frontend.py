"""The page's view: what is read from API documents, designed and foreign, and what is rendered."""

import importlib.util
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.executors.offline.interpreters import node_binary
from maestro.agents.executors.offline.view_frontend import frontend_view
from maestro.agents.executors.offline.view_resources import page_resources
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.work import Assignment

SUPPORT = Path(__file__).parents[2] / "data" / "support"


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(SUPPORT / "builds.py", "support_builds")


def assignment(name: str) -> Assignment:
    made: Assignment = builds.assignment_of("frontend_developer", builds.DOMAINS[name])
    return made


def model(made: Assignment) -> dict[str, Any]:
    view: Any = frontend_view(made)
    return {entity["name"]: entity for entity in view["model"]}


def field(entity: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(f for f in entity["fields"] if f["name"] == name)
    return found


def test_designed_entities_come_in_their_order_with_all_operations() -> None:
    found = model(assignment("tasks"))
    assert list(found) == ["project", "member", "task"]
    assert found["task"]["operations"] == {
        "list": "listTasks",
        "create": "createTask",
        "read": "getTask",
        "update": "updateTask",
        "remove": "deleteTask",
    }
    assert found["task"]["titleField"] == "title"
    listing = found["task"]["listing"]
    assert (listing["items"], listing["total"], listing["search"]) == ("items", "total", "q")
    assert "-created_at" in listing["sortValues"]
    assert {"status", "project_id", "assignee_id", "archived"} <= set(listing["filters"])
    assert frontend_view(assignment("tasks"))["not_built"] == ()


def test_fields_keep_type_limits_and_target() -> None:
    task = model(assignment("tasks"))["task"]
    assert field(task, "description")["type"] == "text"
    assert field(task, "status")["values"] == ["todo", "doing", "done"]
    assert not field(task, "status")["required"], "a default makes it optional when creating"
    assert field(task, "title")["required"]
    assert (field(task, "priority")["minimum"], field(task, "priority")["maximum"]) == (1, 5)
    assert field(task, "estimate")["step"] == 0.01
    assert field(task, "project_id") | {"x": 1} == {
        "name": "project_id",
        "label": "Project",
        "type": "reference",
        "required": True,
        "nullable": False,
        "creatable": True,
        "updatable": True,
        "target": "project",
        "minimum": 1,
        "maximum": 2147483647,
        "x": 1,
    }
    assert not field(task, "id")["creatable"]
    assert not field(task, "created_at")["updatable"]


def test_references_across_services_are_choices_too() -> None:
    found = model(assignment("shop"))
    assert {entity["component"] for entity in found.values()} == {"catalogue", "orders", "payments"}
    assert field(found["order_item"], "product_id")["target"] == "product"
    assert found["order_item"]["route"] == "order-items"
    assert found["order"]["titleField"] is None


def test_a_field_named_like_a_control_parameter_is_no_filter() -> None:
    data_set = model(assignment("awkward"))["data_set"]
    assert data_set["listing"]["limit"] == "limit"
    assert "limit" not in data_set["listing"]["filters"]


def with_page(made: Assignment, **changes: Any) -> Assignment:
    page = next(c for c in made.provides if c.kind is ContractKind.PAGE)
    other = replace(page, specification={**page.specification, **changes})
    return replace(made, provides=(other,))


def test_what_the_page_contract_does_not_ask_for_is_not_offered() -> None:
    view = {"entity": "task", "path": "#/tasks", "actions": ["list", "create"], "fields": []}
    found = model(with_page(assignment("tasks"), views=[view]))
    assert list(found) == ["task"]
    assert set(found["task"]["operations"]) == {"list", "create", "read"}
    assert field(found["task"], "project_id")["type"] == "integer", "nothing lists the choices"


def test_what_the_api_cannot_do_is_said_to_be_not_built() -> None:
    made = assignment("tasks")
    api = made.consumes[0].contract
    paths = {p: dict(item) for p, item in api.specification["paths"].items() if "member" not in p}
    del paths["/tasks/{task_id}"]["patch"]
    poorer: Contract = replace(api, specification={**api.specification, "paths": paths})
    view: Any = frontend_view(replace(made, consumes=(replace(made.consumes[0], contract=poorer),)))
    told = {entry.what: entry.reason for entry in view["not_built"]}
    assert set(told) == {"the page for member", "edit task on the page"}
    assert "'/tasks'" in told["edit task on the page"]


def test_a_foreign_document_is_read_without_our_conventions() -> None:
    view: Any = frontend_view(builds.clinic_assignment("frontend_developer"))
    pet, visit = view["model"]
    assert (pet["name"], pet["plural"], visit["name"]) == ("pet", "pets", "visit")
    assert pet["replaces"], "PUT replaces the whole entry"
    assert pet["listing"]["items"] is None
    assert visit["listing"]["items"] == "data"
    assert "update" not in visit["operations"], "there is no path for one visit"
    assert field(pet, "photoUrls")["type"] == "json"
    assert field(pet, "owner")["example"] == {}
    functions = [entry["operation"].function for entry in view["operations"]]
    assert functions[:5] == ["listPets", "addPet", "getPet", "replacePet", "deletePet"]
    assert functions[5:] == ["listVisits", "addVisit"]


def test_a_scheme_the_page_cannot_sign_in_with_is_listed() -> None:
    made = builds.clinic_assignment("frontend_developer")
    api = made.consumes[0].contract
    parts = {**api.specification["components"], "securitySchemes": {"key": {"type": "apiKey"}}}
    locked = replace(api, specification={**api.specification, "components": parts})
    view: Any = frontend_view(replace(made, consumes=(replace(made.consumes[0], contract=locked),)))
    assert [entry.what for entry in view["not_built"]] == ["signing in to the API of backend"]


def document(paths: dict[str, Any], **schemas: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}}


def answer(schema: dict[str, Any]) -> dict[str, Any]:
    return {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}}


def test_function_names_are_identifiers_and_unique() -> None:
    things = {"type": "array", "items": {"type": "object"}}
    paths = {
        f"/{name}": {"get": {"operationId": "get all-things!", "responses": answer(things)}}
        for name in ("a", "b")
    }
    paths["/9"] = {"get": {"operationId": "9 lives", "responses": answer(things)}}
    found = [r.operations["list"].function for r in page_resources(document(paths), set())]
    assert found == ["getAllThings", "getAllThings2", "call9Lives"]


def test_lists_that_need_to_know_more_and_single_values_are_no_resources() -> None:
    array = {"type": "array", "items": {"type": "object"}}
    needed = [{"name": "tag", "in": "query", "required": True, "schema": {"type": "string"}}]
    one = {"type": "object", "properties": {"id": {}, "tags": {"type": "array", "items": {}}}}
    paths = {
        "/by-tag": {"get": {"parameters": needed, "responses": answer(array)}},
        "/me": {"get": {"responses": answer(one)}},
        "/": {"get": {"responses": answer(array)}},
    }
    assert page_resources(document(paths), set()) == ()


SPELLINGS: dict[str, dict[str, Any]] = {
    "3.0": {"type": "string", "enum": ["a", "b"], "nullable": True},
    "3.1": {"type": ["string", "null"], "enum": ["a", "b", None]},
    "any-of": {"anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "null"}]},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_null_is_understood_in_every_spelling(spelling: str) -> None:
    schema = SPELLINGS[spelling]
    thing = {"type": "object", "properties": {"id": {"type": "integer"}, "kind": schema}}
    listed = {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
    paths = {"/things": {"get": {"responses": answer(listed)}}}
    (resource,) = page_resources(document(paths, Thing=thing), set())
    kind = resource.fields[1]
    assert (kind.type, kind.nullable, kind.values) == ("enum", True, ("a", "b"))
    assert resource.schema_name == "Thing"


def test_a_reference_in_a_circle_ends() -> None:
    node: dict[str, Any] = {
        "type": "object",
        "required": ["next"],
        "properties": {"next": {"$ref": "#/components/schemas/Node"}},
    }
    loop = {"$ref": "#/components/schemas/Loop"}
    listed = {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}
    paths: dict[str, Any] = {
        "/nodes": {"get": {"responses": answer(listed)}, "post": {"requestBody": body}},
        "/loops": {"get": {"responses": answer(loop)}},
    }
    (resource,) = page_resources(document(paths, Node=node, Loop=loop), set())
    assert resource.fields[0].type == "json"


@pytest.mark.parametrize("name", ["tasks", "shop", "awkward"])
def test_rendered_scripts_parse_and_hold_hostile_words_as_data(name: str, tmp_path: Path) -> None:
    builds.write_files(tmp_path, builds.rendered(assignment(name)))
    scripts = sorted((tmp_path / "frontend").rglob("*.*js"))
    assert len(scripts) > 15
    for script in scripts:
        done = subprocess.run(
            [node_binary(), "--check", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    page = (tmp_path / "frontend/index.html").read_text()
    assert "<script>alert" not in page
    assert re.findall(r"(?:src|href)=\"(https?:|//)", page) == []
    title = (
        "const m = await import(process.argv[1]); "
        "process.stdout.write(JSON.stringify(m.APP.title));"
    )
    address = (tmp_path / "frontend/js/model.js").as_uri()
    told = subprocess.run(
        [node_binary(), "--input-type=module", "-e", title, address],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(told.stdout) == builds.DOMAINS[name].title


def test_own_unit_tests_of_the_package_pass(tmp_path: Path) -> None:
    builds.write_files(tmp_path, builds.rendered(assignment("tasks")))
    unit, _ = builds.checks_of("web-frontend")
    done = subprocess.run(unit, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
