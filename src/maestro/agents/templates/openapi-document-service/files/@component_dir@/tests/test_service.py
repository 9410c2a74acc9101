"""Every built operation, on a database of its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from app.document import Operation, load
from app.entries import Entries
from app.main import create_app
from starlette.testclient import TestClient

OPERATIONS = load()
SAMPLES: dict[str, Any] = json.loads(Path(__file__).with_name("samples.json").read_text("utf-8"))
BUILT = [operation for operation in OPERATIONS if operation.built]
NOT_BUILT = [operation for operation in OPERATIONS if not operation.built]
CREATING = [operation for operation in BUILT if operation.action == "create"]


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def other(resource: str, action: str) -> Operation | None:
    found = [o for o in BUILT if o.resource == resource and o.action == action]
    return found[0] if found else None


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    entries = Entries(f"sqlite:///{tmp_path / 'test.db'}")
    with TestClient(create_app(entries), base_url="http://test") as made:
        yield made


def create(client: TestClient, operation: Operation) -> str:
    """The key of a new entry."""
    reply = client.post(f"/api{operation.path}", json=SAMPLES[named(operation)])
    assert reply.status_code == operation.success, reply.text
    return reply.headers["location"].rpartition("/")[2]


def test_it_is_healthy(client: TestClient) -> None:
    assert client.get("/api/health").json() == {"status": "ok"}


def test_there_is_something_to_offer() -> None:
    assert BUILT


@pytest.mark.parametrize("operation", CREATING, ids=named)
def test_a_created_entry_is_kept(client: TestClient, operation: Operation) -> None:
    if operation.id_field is None:
        reply = client.post(f"/api{operation.path}", json=SAMPLES[named(operation)])
        assert reply.status_code == operation.success
        return
    key = create(client, operation)
    reading = other(operation.resource, "get")
    if reading is not None:
        path = reading.path.replace("{%s}" % reading.id_parameter, key)
        reply = client.get(f"/api{path}")
        assert reply.status_code == reading.success
        assert str(reply.json()[operation.id_field]) == key
    listing = other(operation.resource, "list")
    if listing is not None and not any(p.required for p in listing.parameters):
        reply = client.get(f"/api{listing.path}")
        body = reply.json()
        found = body[listing.envelope_items] if listing.envelope_items else body
        assert [str(entry[operation.id_field]) for entry in found] == [key]


@pytest.mark.parametrize("operation", CREATING, ids=named)
def test_a_deleted_entry_is_gone(client: TestClient, operation: Operation) -> None:
    deleting = other(operation.resource, "delete")
    key = create(client, operation) if deleting and operation.id_field else ""
    if deleting is None:
        assert not key
        return
    path = deleting.path.replace("{%s}" % deleting.id_parameter, key)
    assert client.delete(f"/api{path}").status_code == deleting.success
    assert client.delete(f"/api{path}").status_code >= 400


@pytest.mark.parametrize("operation", CREATING, ids=named)
def test_a_body_that_is_no_object_is_refused(client: TestClient, operation: Operation) -> None:
    reply = client.post(f"/api{operation.path}", json="text")
    assert 400 <= reply.status_code < 500


@pytest.mark.parametrize("operation", BUILT, ids=named)
def test_an_undocumented_method_is_refused(client: TestClient, operation: Operation) -> None:
    path = operation.path.replace("{", "").replace("}", "")
    reply = client.request("TRACE", f"/api{path}")
    assert reply.status_code == 405
    assert operation.method in reply.headers["allow"]


def test_what_is_not_built_says_so(client: TestClient) -> None:
    for operation in NOT_BUILT:
        path = operation.path.replace("{", "").replace("}", "")
        assert client.request(operation.method, f"/api{path}").status_code == 501
