"""A mock of a contract of our own design, over real HTTP."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from maestro.contracts.agree import agree
from maestro.contracts.design import design
from maestro.contracts.mocks import LiveMockProvider
from maestro.domain.contract import Contract
from maestro.domain.entities import DomainModel, Entity, Field, FieldType
from maestro.domain.requirement import Analysis, Complexity, Parallelizability, RequirementType
from maestro.domain.team import Member, Team
from maestro.errors import InvalidInput
from maestro.ports import MockServer

DOMAIN = DomainModel(
    title="Task management",
    entities=(
        Entity(
            name="project",
            plural="projects",
            fields=(Field(name="name", type=FieldType.STRING, required=True, unique=True),),
        ),
        Entity(
            name="task",
            plural="tasks",
            fields=(
                Field(name="title", type=FieldType.STRING, required=True),
                Field(name="notes", type=FieldType.TEXT),
                Field(
                    name="status",
                    type=FieldType.ENUM,
                    required=True,
                    values=("todo", "doing", "done"),
                    default="todo",
                ),
                Field(name="estimate", type=FieldType.DECIMAL, minimum=0),
                Field(name="due_date", type=FieldType.DATE),
                Field(name="urgent", type=FieldType.BOOLEAN),
                Field(name="project_id", type=FieldType.REFERENCE, required=True, target="project"),
            ),
        ),
    ),
)


def contracts() -> dict[str, Contract]:
    analysis = Analysis(
        type=RequirementType.FEATURE_DEVELOPMENT,
        complexity=Complexity.MODERATE,
        parallelizability=Parallelizability.FULLY_PARALLEL,
        expertise=(),
        effort_hours=1.0,
        risks=(),
        dependencies=(),
        rationale="",
        confidence=1.0,
        domain=DOMAIN,
        parts=(),
    )
    names = ("backend_developer", "frontend_developer", "qa_engineer", "database_designer")
    team = Team(blueprint="x", members=tuple(Member(role=n, persona=n) for n in names))
    return {c.id: agree(c) for c in design(analysis, team)}


Use = Callable[[httpx.AsyncClient, MockServer], Awaitable[None]]


def with_mock(use: Use, contract: Contract | None = None) -> None:
    async def run() -> None:
        chosen = contract or contracts()["backend-api"]
        async with LiveMockProvider().serve(chosen, consumer="frontend_developer") as mock:
            async with httpx.AsyncClient(base_url=mock.url, timeout=10) as client:
                await use(client, mock)

    asyncio.run(run())


async def made(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    reply = await client.post(path, json=body)
    assert reply.status_code == 201, reply.text
    value: dict[str, Any] = reply.json()
    return value


def test_an_entry_lives_from_its_creation_to_its_end() -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        project = await made(client, "/projects", name="Apollo")
        reply = await client.post("/tasks", json={"title": "Fly", "project_id": project["id"]})
        assert reply.status_code == 201
        task = reply.json()
        assert reply.headers["location"] == f"/api/tasks/{task['id']}"
        assert reply.headers["x-maestro-mock"] == "1"
        assert task == {
            "id": 1,
            "created_at": task["created_at"],
            "title": "Fly",
            "notes": None,
            "status": "todo",
            "estimate": None,
            "due_date": None,
            "urgent": None,
            "project_id": 1,
        }
        assert (await client.get("/tasks/1")).json() == task
        changed = await client.patch("/tasks/1", json={"status": "done", "estimate": 2.5})
        assert changed.status_code == 200
        assert changed.json() == {**task, "status": "done", "estimate": 2.5}
        listed = (await client.get("/tasks")).json()
        assert listed == {"items": [changed.json()], "total": 1, "limit": 20, "offset": 0}
        gone = await client.delete("/tasks/1")
        assert (gone.status_code, gone.content) == (204, b"")
        assert (await client.get("/tasks/1")).status_code == 404
        assert (await client.delete("/tasks/1")).status_code == 404
        assert (await client.get("/tasks")).json()["total"] == 0

    with_mock(use)


def test_lists_are_narrowed_searched_ordered_and_cut() -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        for name in ("A", "B"):
            await made(client, "/projects", name=name)
        for number in range(6):
            await made(
                client,
                "/tasks",
                title=f"Task {number}",
                notes="find me" if number == 3 else None,
                status="done" if number % 2 else "todo",
                urgent=number < 2,
                due_date=f"2030-01-0{9 - number}" if number else None,
                project_id=1 + number % 2,
            )

        async def ids(**query: Any) -> list[int]:
            reply = await client.get("/tasks", params=query)
            assert reply.status_code == 200, reply.text
            return [item["id"] for item in reply.json()["items"]]

        assert await ids(status="done") == [2, 4, 6]
        assert await ids(urgent="true") == [1, 2]
        assert await ids(project_id=2, urgent="false") == [4, 6]
        assert await ids(due_date="2030-01-08") == [2]
        assert await ids(q="FIND") == [4]
        assert await ids(sort="-id", limit=2) == [6, 5]
        assert await ids(sort="due_date") == [1, 6, 5, 4, 3, 2]
        assert await ids(limit=2, offset=4) == [5, 6]
        page = (await client.get("/tasks", params={"limit": 2, "status": "done"})).json()
        assert (page["total"], page["limit"], len(page["items"])) == (3, 2, 2)

    with_mock(use)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "pointer"),
    [
        ("POST", "/tasks", {"project_id": 1}, 422, ""),
        ("POST", "/tasks", {"title": "", "project_id": 1}, 422, "/title"),
        ("POST", "/tasks", {"title": "a", "project_id": "1"}, 422, "/project_id"),
        ("POST", "/tasks", {"title": "a", "project_id": 1, "status": "x"}, 422, "/status"),
        ("POST", "/tasks", {"title": "a", "project_id": 1, "extra": 1}, 422, ""),
        ("POST", "/tasks", {"title": "a", "project_id": 99}, 409, None),
        ("POST", "/projects", {"name": "taken"}, 409, None),
        ("PATCH", "/tasks/1", {}, 422, ""),
        ("PATCH", "/tasks/1", {"title": None}, 422, "/title"),
        ("PATCH", "/tasks/1", {"project_id": 99}, 409, None),
        ("PATCH", "/tasks/99", {"title": "a"}, 404, None),
        ("GET", "/tasks/0", None, 422, "path/task_id"),
        ("GET", "/tasks/x", None, 422, "path/task_id"),
        ("GET", "/tasks?limit=0", None, 422, "query/limit"),
        ("GET", "/tasks?limit=x", None, 422, "query/limit"),
        ("GET", "/tasks?status=x", None, 422, "query/status"),
        ("GET", "/tasks?sort=x", None, 422, "query/sort"),
        ("GET", "/tasks?surprise=1", None, 422, "query/surprise"),
        ("DELETE", "/projects/1", None, 409, None),
        ("GET", "/nothing", None, 404, None),
        ("PUT", "/tasks/1", {"title": "a"}, 405, None),
    ],
)
def test_what_does_not_keep_to_the_contract_is_refused(
    method: str, path: str, body: object, status: int, pointer: str | None
) -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        await made(client, "/projects", name="taken")
        await made(client, "/tasks", title="a", project_id=1)
        reply = await client.request(method, path, json=body)
        assert reply.status_code == status, reply.text
        assert reply.headers["content-type"] == "application/problem+json"
        problem = reply.json()
        assert (problem["status"], problem["type"]) == (status, "about:blank")
        if pointer is not None:
            assert [e["pointer"] for e in problem["errors"]] == [pointer], problem
            assert problem["errors"][0]["detail"].endswith(")")  # the rule
        if status == 405:
            assert reply.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"

    with_mock(use)


def test_every_call_is_recorded() -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        await client.post("/projects", json={"name": "A"})
        await client.get("/projects?limit=1")
        await client.get("/projects/7")
        await client.get("/projects?limit=0")
        await client.get("/else")
        seen = [(c.method, c.path, c.operation, c.status, c.valid) for c in mock.calls()]
        assert seen == [
            ("POST", "/projects", "POST /projects", 201, True),
            ("GET", "/projects", "GET /projects", 200, True),
            ("GET", "/projects/7", "GET /projects/{project_id}", 404, True),
            ("GET", "/projects", "GET /projects", 422, False),
            ("GET", "/else", "", 404, False),
        ]
        assert mock.calls()[0].request_body == {"name": "A"}
        assert mock.calls()[1].query == "limit=1"
        assert "limit" in mock.calls()[3].problem

    with_mock(use)


def test_browsers_may_call_it() -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        preflight = await client.options(
            "/tasks/1",
            headers={
                "Origin": "http://127.0.0.1:1",
                "Access-Control-Request-Method": "PATCH",
                "Access-Control-Request-Headers": "content-type",
            },
        )
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert "PATCH" in preflight.headers["access-control-allow-methods"]
        assert preflight.headers["access-control-allow-headers"] == "content-type"
        plain = await client.options("/tasks")
        assert (plain.status_code, plain.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
        head = await client.head("/tasks")
        got = await client.get("/tasks")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == got.headers["content-length"]
        refused = await client.get("/tasks/1")
        assert refused.headers["access-control-allow-origin"] == "*"

    with_mock(use)


@pytest.mark.parametrize(
    ("content", "headers", "statuses"),
    [
        (b'{"name": "a"', {}, (422,)),
        (b"\xff\xfe\x00", {}, (422,)),
        (b'{"name": NaN}', {}, (422,)),
        (b'{"name": "\\ud800"}', {}, (422,)),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, {}, (422,)),
        (b"[" * 100_000, {}, (422,)),
        (b'{"name": ' + b"9" * 5000 + b"}", {}, (422,)),
        (b"", {}, (422,)),
        (b'{"name": "a"}', {"content-type": "text/plain"}, (415,)),
        (b'{"name": "a"}', {"content-type": "application/json; charset=utf-8"}, (201,)),
        (b'{"name": "a"}', {"content-type": "\x01;;;="}, (400,)),  # no HTTP at all
        (b'{"name": "a"}', {"content-type": ";;;="}, (415,)),
        (b'{"name": "' + b"a" * 1_100_000 + b'"}', {}, (413,)),
        (b'{"name": "a"}', {"accept": "foo"}, (406,)),
        (b'{"name": "a"}', {"accept": "text/html"}, (406,)),
        (b'{"name": "a"}', {"accept": ";;q=x,,"}, (406,)),
        (b'{"name": "a"}', {"accept": "text/html, */*;q=0.1"}, (201,)),
        (b'{"name": "a"}', {"accept": "application/*"}, (201,)),
        (b'{"name": "a"}', {"prefer": "code=409"}, (409,)),
        (b'{"name": "a"}', {"prefer": "code=418"}, (400,)),
    ],
)
def test_hostile_bodies_and_headers(
    content: bytes, headers: dict[str, str], statuses: tuple[int, ...]
) -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        sent = {"content-type": "application/json", **headers}
        reply = await client.post("/projects", content=content, headers=sent)
        assert reply.status_code in statuses, reply.text[:300]
        total = (await client.get("/projects")).json()["total"]
        assert total == (1 if reply.status_code == 201 else 0)

    with_mock(use)


@pytest.mark.parametrize(
    "target",
    [
        "/api/tasks/%ff",
        "/api/tasks?q=%ff",
        "/api/tasks/99999999999999999999999999999",
        "/api/tasks/-1",
        "/api/tasks/1.5",
        "/api/tasks/1e999",
        "/api/tasks/%2e%2e%2f",
        "/api/../etc",
        "/",
        "/api",
        "/apix/tasks",
        "/api/tasks/",
        "/api/tasks?" + "&".join(f"a{i}=1" for i in range(1500)),
        "/api/tasks?limit=1&limit=x",
        "/api/tasks?q=",
        "/api/tasks?q=" + "x" * 300,
    ],
)
def test_hostile_targets(target: str) -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", mock.port)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        assert status in (400, 404, 422), answer[:500]
        assert b"x-maestro-mock: 1" in head
        assert json.loads(body)["status"] == status
        assert (await client.get("/tasks")).status_code == 200

    with_mock(use)


def test_prefer_gives_a_documented_answer_without_changing_anything() -> None:
    async def use(client: httpx.AsyncClient, mock: MockServer) -> None:
        reply = await client.get("/tasks/1", headers={"Prefer": "code=200"})
        assert reply.status_code == 200
        assert reply.headers["preference-applied"] == "code=200"
        assert set(reply.json()) >= {"id", "title", "status"}
        assert (await client.get("/tasks")).json()["total"] == 0

    with_mock(use)


def test_each_mock_has_a_port_and_a_memory_of_its_own() -> None:
    async def run() -> None:
        api = contracts()["backend-api"]
        provider = LiveMockProvider()
        async with (
            provider.serve(api, consumer="a") as one,
            provider.serve(api, consumer="b") as two,
        ):
            assert one.port != two.port
            async with httpx.AsyncClient() as client:
                await client.post(f"{one.url}/projects", json={"name": "A"})
                assert (await client.get(f"{one.url}/projects")).json()["total"] == 1
                assert (await client.get(f"{two.url}/projects")).json()["total"] == 0
            assert len(two.calls()) == 1

    asyncio.run(run())


def port_is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_cancelled_step_leaves_no_server_behind() -> None:
    async def run() -> int:
        ports: list[int] = []
        started = asyncio.Event()

        async def step() -> None:
            async with LiveMockProvider().serve(contracts()["backend-api"], consumer="x") as mock:
                ports.append(mock.port)
                started.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(step())
        await started.wait()
        assert not port_is_free(ports[0])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert port_is_free(ports[0])
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1


def test_an_error_of_the_step_is_passed_on_unchanged() -> None:
    async def run() -> None:
        async with LiveMockProvider().serve(contracts()["backend-api"], consumer="x"):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        asyncio.run(run())


def test_what_is_no_api_is_not_served() -> None:
    async def run() -> None:
        async with LiveMockProvider().serve(contracts()["backend-schema"], consumer="x"):
            pass

    with pytest.raises(InvalidInput, match="data_schema"):
        asyncio.run(run())
