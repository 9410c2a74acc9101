"""The parts behind the operations, on an API of the tests' own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from app import main
from app.document import Operation, Parameter, Reply
from app.entries import Entries
from starlette.testclient import TestClient

PET: dict[str, Any] = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string", "minLength": 1},
        "tags": {"type": "array", "items": {"type": "string"}},
        "status": {"type": "string", "default": "free"},
    },
}
BODY = {**PET, "required": ["name"]}
ERROR = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
}
REPLIES = (
    Reply("200", "application/json", PET),
    Reply("404", "application/json", ERROR),
    Reply("422", "application/json", ERROR),
    Reply("400", "application/json", ERROR),
)
ID = Parameter("petId", "path", True, {"type": "integer", "minimum": 1}, True)


def query(name: str, schema: dict[str, Any]) -> Parameter:
    return Parameter(name, "query", False, schema, True)


def operation(method: str, path: str, action: str, *parameters: Parameter) -> Operation:
    return Operation(
        method=method,
        path=path,
        action=action,
        reason="" if action else "nobody knows what it does",
        resource="pet",
        id_parameter="petId",
        id_field="id",
        envelope_items="items" if action == "list" else None,
        envelope_total="total" if action == "list" else None,
        parameters=parameters,
        body=BODY if method in ("POST", "PUT", "PATCH") else None,
        body_required=True,
        entry=PET,
        replies=REPLIES,
    )


NUMBER = {"type": "integer", "minimum": 0}
TEXTS = {"type": "array", "items": {"type": "string"}}
OPERATIONS = (
    operation("GET", "/pets", "list", query("limit", NUMBER), query("offset", NUMBER)),
    operation("GET", "/pets/find", "find", query("status", {"type": "string"}), query("tags", TEXTS)),
    operation("POST", "/pets", "create"),
    operation("PUT", "/pets", "upsert"),
    operation("GET", "/pets/{petId}", "get", ID),
    operation("PUT", "/pets/{petId}", "replace", ID),
    operation("PATCH", "/pets/{petId}", "update", ID),
    operation("DELETE", "/pets/{petId}", "delete", ID),
    operation("POST", "/pets/{petId}/wash", "", ID),
)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(main.document, "load", lambda: OPERATIONS)
    entries = Entries(f"sqlite:///{tmp_path / 'test.db'}")
    with TestClient(main.create_app(entries), base_url="http://test") as made:
        yield made


def test_the_life_of_an_entry(client: TestClient) -> None:
    made = client.post("/api/pets", json={"name": "Rex", "tags": ["big"]})
    assert made.json() == {"id": 1, "name": "Rex", "tags": ["big"], "status": "free"}
    assert made.headers["location"] == "/api/pets/1"
    assert client.patch("/api/pets/1", json={"name": "Max"}).json()["name"] == "Max"
    replaced = client.put("/api/pets/1", json={"name": "Bo", "status": "sold"})
    assert replaced.json() == {"id": 1, "name": "Bo", "status": "sold"}
    assert client.put("/api/pets", json={"id": 1, "name": "Al"}).json()["name"] == "Al"
    assert client.get("/api/pets/1").json() == {"id": 1, "name": "Al"}
    assert client.delete("/api/pets/1").status_code == 200
    assert client.get("/api/pets/1").json()["code"] == 404


def test_lists_are_cut_and_narrowed(client: TestClient) -> None:
    for name, tag in (("a", "big"), ("b", "small"), ("c", "big")):
        client.post("/api/pets", json={"name": name, "tags": [tag]})
    page = client.get("/api/pets", params={"limit": 1, "offset": 1}).json()
    assert [pet["name"] for pet in page["items"]] == ["b"]
    assert page["total"] == 3
    found = client.get("/api/pets/find", params={"tags": ["big"], "status": "free"}).json()
    assert [pet["name"] for pet in found] == ["a", "c"]
    assert client.get("/api/pets/find", params={"status": "sold"}).json() == []


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/pets", {"json": {}}, 422),
        ("POST", "/pets", {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/pets", {"content": b"\xff", "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/pets", {"content": b"NaN", "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/pets", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 400),
        ("POST", "/pets", {}, 400),
        ("PUT", "/pets", {"json": {"name": "nobody"}}, 422),
        ("PUT", "/pets", {"json": {"id": 7, "name": "nobody"}}, 404),
        ("GET", "/pets", {"params": {"limit": "many"}}, 400),
        ("GET", "/pets", {"params": {"nonsense": "1"}}, 400),
        ("GET", "/pets", {"params": {"limit": ["1", "2"]}}, 400),
        ("GET", "/pets/0", {}, 400),
        ("GET", "/pets/one", {}, 400),
        ("DELETE", "/pets/7", {}, 404),
    ],
)
def test_refusals_are_in_the_words_of_the_document(
    client: TestClient, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    reply = client.request(method, f"/api{path}", **options)
    assert reply.status_code == status
    assert reply.json()["code"] == status
    assert reply.json()["message"]


def test_what_is_not_built_and_what_is_unknown(client: TestClient) -> None:
    assert client.post("/api/pets/1/wash", json={"name": "x"}).status_code == 501
    assert client.get("/api/nowhere").status_code == 404
    assert client.request("TRACE", "/api/pets").headers["allow"] == "GET, POST, PUT"


def test_data_survive_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    first = Entries(url)
    first.put("pet", "1", {"id": 1})
    first.close()
    second = Entries(url)
    assert second.get("pet", "1") == {"id": 1}
    assert second.next_number("pet") == 2
    second.close()


def test_the_operations_are_those_of_the_document() -> None:
    text = Path(main.document.FILE).read_text(encoding="utf-8")
    assert len(main.document.load()) == len(json.loads(text))
