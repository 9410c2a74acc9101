"""Who may do what: every route of the application, every role, own and foreign project."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.exceptions
import websockets.sync.client
from api_server import APPROVAL, SIGNAL, RunningServer, built, seeded, settings_of, started

from maestro.bootstrap import connect
from maestro.contracts.reading import read_contract
from maestro.delivery.contract_desk import ContractDesk
from maestro.domain.access import ROLE_PERMISSIONS, AccessRole, Permission
from maestro.server.application import routes

CONTRACT = Path(__file__).parents[2] / "examples" / "contracts" / "shop.graphql"
P = Permission
OPEN, ANYBODY, EVERYWHERE = "open", "anybody", "everywhere"
"""No key; any key; a right in every project."""


@dataclass(frozen=True)
class Door:
    needs: object
    """A permission, or one of the words above."""
    where: str = "run"
    """What makes it foreign: `run`, `project` (named in body or query), or `nothing`."""
    body: Mapping[str, Any] | None = None


RUN = "/api/v1/runs/{run_id}"
STEP = RUN + "/steps/{step_id}"
NO_BLUEPRINT = {"requirement": "x", "constraints": {"blueprint": "none-of-the-sort"}}
WAIVER = {
    "project": "shop",
    "gate": "none",
    "ceiling": ">= 1",
    "reason": "the supplier delivers next week",
    "adr": "ADR-0001",
    "expires": "2030-01-01",
}
AGENT = {"id": "second", "executor": "offline", "personas": ["technical_writer"]}
DOORS: dict[tuple[str, str], Door] = {
    ("GET", "/"): Door(OPEN),
    ("GET", "/dashboard"): Door(OPEN),
    ("GET", "/health"): Door(OPEN),
    ("GET", "/health/live"): Door(OPEN),
    ("GET", "/health/ready"): Door(OPEN),
    ("GET", "/health/startup"): Door(OPEN),
    ("GET", "/metrics"): Door((EVERYWHERE, P.RUN_READ), "nothing"),
    ("GET", "/api/v1/openapi.json"): Door(ANYBODY, "nothing"),
    ("GET", "/api/v1/me"): Door(ANYBODY, "nothing"),
    ("GET", "/api/v1/system"): Door(ANYBODY, "nothing"),
    ("GET", "/api/v1/system/doctor"): Door(P.RUN_READ, "nothing"),
    ("GET", "/api/v1/projects"): Door(ANYBODY, "nothing"),
    ("GET", "/api/v1/audit"): Door(P.AUDIT_READ, "project"),
    ("GET", "/api/v1/audit/verification"): Door((EVERYWHERE, P.AUDIT_READ), "nothing"),
    ("GET", "/api/v1/audit/report"): Door(P.AUDIT_READ, "project"),
    ("GET", "/api/v1/runs"): Door(P.RUN_READ, "project"),
    ("POST", "/api/v1/runs"): Door(P.RUN_CREATE, "project", NO_BLUEPRINT),
    ("POST", "/api/v1/plans"): Door(P.RUN_CREATE, "project", NO_BLUEPRINT),
    ("GET", "/api/v1/plans/{run_id}"): Door(P.RUN_READ),
    ("GET", "/api/v1/plans/{run_id}/forecast"): Door(P.RUN_READ),
    ("GET", "/api/v1/history"): Door(P.RUN_READ, "project"),
    ("GET", "/api/v1/history/figures"): Door(P.RUN_READ, "project"),
    ("GET", "/api/v1/lessons"): Door(P.RUN_READ, "project"),
    ("GET", "/api/v1/workload"): Door(P.RUN_READ, "project"),
    ("GET", "/api/v1/requirements/{requirement_id}"): Door(P.RUN_READ),
    ("GET", RUN): Door(P.RUN_READ),
    **{
        ("GET", f"{RUN}/{part}"): Door(P.RUN_READ)
        for part in (
            *("plan", "outcome", "outputs", "calls", "gates", "artefacts", "artefacts/{digest}"),
            *("diff", "report", "archive", "events"),
        )
    },
    ("GET", f"{RUN}/contracts"): Door(P.CONTRACT_READ),
    ("GET", STEP): Door(P.RUN_READ),
    **{
        ("POST", f"{RUN}/{verb}"): Door(P.RUN_CONTROL, body={})
        for verb in ("pause", "resume", "cancel", "retry", "rework")
    },
    **{
        ("POST", f"{STEP}/{verb}"): Door(P.RUN_CONTROL, body={})
        for verb in ("retry", "rerun", "signal", "edit-output")
    },
    **{("POST", f"{STEP}/{verb}"): Door(P.RUN_APPROVE, body={}) for verb in ("approve", "reject")},
    **{
        ("GET", f"/api/v1/{path}"): Door(P.RUN_READ, "nothing")
        for path in (
            *("blueprints", "blueprints/{name}", "personas", "personas/{name}", "agents"),
            *("policies", "policies/{environment}", "contracts", "contracts/{name}", "mocks"),
            "templates",
        )
    },
    ("POST", "/api/v1/contracts/{name}/mocks"): Door(P.CONTRACT_SERVE, "nothing", {"seed": 1}),
    ("POST", "/api/v1/contracts/{name}/verifications"): Door(
        (EVERYWHERE, P.CONTRACT_SERVE), "nothing", {"url": "http://10.0.0.1/"}
    ),
    ("DELETE", "/api/v1/mocks/{name}"): Door(P.CONTRACT_SERVE, "nothing"),
    ("GET", "/api/v1/verifications/{name}"): Door(ANYBODY, "nothing"),
    ("GET", "/api/v1/workflows"): Door(P.RUN_READ, "project"),
    ("POST", "/api/v1/workflows"): Door(P.WORKFLOW_WRITE, "project", {"source": "x"}),
    ("GET", "/api/v1/workflows/{name}"): Door(P.RUN_READ, "project"),
    ("POST", "/api/v1/workflows/{name}/execute"): Door(
        P.RUN_CREATE, "project", {"inputs": {"none": 1}}
    ),
    ("GET", "/api/v1/webhooks"): Door(P.WEBHOOK_MANAGE, "project"),
    ("POST", "/api/v1/webhooks"): Door(P.WEBHOOK_MANAGE, "project", {"url": "http://x/"}),
    ("GET", "/api/v1/webhooks/{name}"): Door(P.WEBHOOK_MANAGE),
    ("DELETE", "/api/v1/webhooks/{name}"): Door(P.WEBHOOK_MANAGE),
    ("GET", "/api/v1/webhooks/{name}/deliveries"): Door(P.WEBHOOK_MANAGE),
    **{
        ("POST", f"/api/v1/webhooks/{{name}}/{verb}"): Door(P.WEBHOOK_MANAGE, body={})
        for verb in ("rotate", "redeliver", "deliveries/{number}/redeliver")
    },
    ("POST", "/api/v1/agents"): Door((EVERYWHERE, P.AGENT_WRITE), "nothing", AGENT),
    ("POST", "/api/v1/agents/{name}/drain"): Door((EVERYWHERE, P.AGENT_WRITE), "nothing", {}),
    ("DELETE", "/api/v1/agents/{name}"): Door((EVERYWHERE, P.AGENT_WRITE), "nothing"),
    ("GET", "/api/v1/projects/{name}"): Door(P.RUN_READ),
    ("PUT", "/api/v1/projects/{name}/budget"): Door(
        (EVERYWHERE, P.BUDGET_MANAGE), body={"cost": 1, "tokens": None}
    ),
    ("POST", "/api/v1/projects/{name}/shares"): Door(
        P.SHARE_MANAGE, body={"kind": "workflow", "name": "none", "with": "other"}
    ),
    ("DELETE", "/api/v1/projects/{name}/shares/{share}"): Door(P.SHARE_MANAGE),
    ("GET", "/api/v1/waivers"): Door(P.RUN_READ, "project"),
    ("POST", "/api/v1/waivers"): Door(P.WAIVER_REQUEST, "project", WAIVER),
    **{
        ("POST", f"/api/v1/waivers/{{name}}/{verb}"): Door(P.WAIVER_DECIDE, body={})
        for verb in ("approve", "refuse", "revoke")
    },
    ("POST", "/api/workflows/{name}/execute"): Door(
        P.RUN_CREATE, "nothing", {"initial_context": {"none": 1}}
    ),
    ("GET", "/api/executions/{run_id}"): Door(P.RUN_READ),
}
SOCKETS = {"/api/v1/stream", "/ws/workflow/{run_id}"}


@dataclass(frozen=True)
class Place:
    server: RunningServer
    keys: Mapping[str, str]
    names: Mapping[str, str]
    """What stands for the path's parameters."""
    clients: dict[str | None, httpx.Client] = field(default_factory=dict)

    def client(self, key: str | None) -> httpx.Client:
        if key not in self.clients:
            self.clients[key] = self.server.client(key)
        return self.clients[key]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    database = tmp_path_factory.mktemp("access") / "m.db"
    asyncio.run(built(database, "shop"))
    wanted = {role.value: {"shop": role} for role in AccessRole}
    foreign = {f"foreign-{role.value}": {"other": role} for role in AccessRole}
    keys = seeded(database, {**wanted, **foreign, "root": {"*": AccessRole.ADMIN}})
    contract = asyncio.run(_contract(database))
    server = RunningServer(database)
    server.start()
    try:
        with server.client(keys["admin"]) as client:
            names = _names(client, contract)
        made = Place(server, keys, names)
        yield made
        for used in made.clients.values():
            used.close()
    finally:
        assert server.stop() == 0


def _names(client: httpx.Client, contract: str) -> dict[str, str]:
    run = client.get("/api/v1/runs").json()["items"][0]
    created = client.get("/api/v1/audit").json()["items"]
    requirement = next(one["target"] for one in created if one["target"].startswith("req-"))
    files = client.get(f"/api/v1/runs/{run['id']}/artefacts").json()["items"]
    started(client, SIGNAL)
    waits = started(client, APPROVAL)
    gate = client.get("/api/v1/policies/production").json()["phases"]
    numeric = next(
        one
        for phase in gate
        for one in phase["exit"]
        if one["waivable"] and one["comparison"] and one["comparison"]["op"] == ">="
    )
    day = (datetime.now(UTC).date() + timedelta(days=5)).isoformat()
    waiver = client.post(
        "/api/v1/waivers", json={**WAIVER, "gate": numeric["id"], "expires": day}
    ).json()
    mock = client.post(f"/api/v1/contracts/{contract}/mocks", json={}).json()
    quiet = {"url": "https://hooks.invalid/", "kinds": ["agent.suspended"]}
    hooks = [client.post("/api/v1/webhooks", json=quiet).json() for _ in range(2)]
    return {
        "run_id": run["id"],
        "requirement": requirement,
        "step_id": "work.backend",
        "digest": files[0]["digest"],
        "contract": contract,
        "mock": mock["id"],
        "webhook": hooks[0]["id"],
        "doomed": hooks[1]["id"],
        "agent": "offline",
        "project": "shop",
        "number": "1",
        "share": "none",
        "waiver": waiver["id"],
        "workflow": "wait-for",
        "waits": waits,
    }


async def _contract(database: Path) -> str:
    async with connect(settings_of(database)) as m:
        return str((await ContractDesk(maestro=m).hand_in(read_contract(CONTRACT))).contract.id)


def test_no_route_is_missing_here() -> None:
    found = {(method, path) for method, path in routes() if method != "WEBSOCKET"}
    assert found == set(DOORS)
    assert {path for method, path in routes() if method == "WEBSOCKET"} == SOCKETS


@pytest.mark.parametrize(("method", "path"), sorted(DOORS), ids=lambda text: str(text))
def test_who_may(place: Place, method: str, path: str) -> None:
    door = DOORS[method, path]
    assert _ask(place, None, method, path, "shop") in ((200, 307) if door.needs == OPEN else (401,))
    if door.needs == OPEN:
        return
    assert _ask(place, "mst_0123456789ab_" + "A" * 43, method, path, "shop") == 401
    for role in sorted(AccessRole, key=lambda role: len(ROLE_PERMISSIONS[role])):
        own = _ask(place, place.keys[role.value], method, path, "shop")
        told = f"{role.value}: {own}"
        if _may(role, door):
            assert own not in (401, 403) and own < 500, told  # noqa: PT018 -- one statement
        else:
            assert own == 403, told
        if door.where != "nothing":
            other = _ask(place, place.keys[f"foreign-{role.value}"], method, path, "shop")
            assert other == 404, f"foreign {role.value}: {other}"


@pytest.mark.parametrize("path", sorted(SOCKETS))
def test_sockets_want_a_key_too(place: Place, path: str) -> None:
    address = place.server.url.replace("http", "ws", 1) + path.format(**place.names)
    for protocols in (["maestro.v1"], ["maestro.v1", "maestro.key.mst_0123456789ab_" + "A" * 43]):
        while (code := _closed_with(address, protocols)) == 1013:
            time.sleep(0.1)  # strangers may ask only so often
        assert code == 4401
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        websockets.sync.client.connect(address, origin="https://evil.example")  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


def _closed_with(address: str, protocols: list[str]) -> int:
    with websockets.sync.client.connect(address, subprotocols=protocols) as socket:  # type: ignore[arg-type]
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            socket.recv(10)
    assert closed.value.rcvd is not None
    return int(closed.value.rcvd.code)


def test_a_socket_shows_nothing_of_other_projects(place: Place) -> None:
    address = place.server.url.replace("http", "ws", 1) + "/api/v1/stream"
    for name, kind in (("viewer", "subscribed"), ("foreign-admin", "error")):
        protocols = ["maestro.v1", f"maestro.key.{place.keys[name]}"]
        with websockets.sync.client.connect(address, subprotocols=protocols) as socket:  # type: ignore[arg-type]
            socket.send(json.dumps({"subscribe": {place.names["run_id"]: 0}}))
            message = json.loads(socket.recv(10))
            assert message["type"] == kind
            assert message.get("code", "not_found") == "not_found"
            for wrong in ("[", "[]", '{"subscribe": {"run-1": -1}}', '{"subscribe": 5}'):
                socket.send(wrong)
                while (message := json.loads(socket.recv(10)))["type"] in ("event", "end"):
                    pass
                assert (message["type"], message["code"]) == ("error", "invalid_input")


def test_lists_show_the_own_project_only(place: Place) -> None:
    for name, seen in (("viewer", {"shop"}), ("foreign-viewer", set()), ("root", {"shop"})):
        with place.server.client(place.keys[name]) as client:
            runs = client.get("/api/v1/runs").json()["items"]
            assert {run["project"] for run in runs} == seen
            waivers = client.get("/api/v1/waivers", params={"project": "shop"})
            assert waivers.status_code == (404 if name == "foreign-viewer" else 200)


def test_refusals_and_acts_are_audited_with_who_and_where(place: Place) -> None:
    run = place.names["run_id"]
    with place.server.client(place.keys["viewer"]) as client:
        assert client.post(f"/api/v1/runs/{run}/pause", json={}).status_code == 403
    with place.server.client(place.keys["approver"]) as client:
        newest = client.get("/api/v1/audit", params={"limit": 1}).json()["items"][0]
        assert (newest["principal"], newest["action"], newest["allowed"], newest["project"]) == (
            *("viewer", "run:pause", False, "shop"),
        )
    with place.server.client(place.keys["foreign-approver"]) as client:
        assert client.get("/api/v1/audit").json()["items"] == []


def test_requests_of_other_pages_and_under_other_names(place: Place) -> None:
    with place.server.client(place.keys["admin"]) as client:
        run = place.names["waits"]
        pause = f"/api/v1/runs/{run}/pause"
        evil = client.post(pause, json={}, headers={"Origin": "https://evil.example"})
        assert (evil.status_code, evil.json()["code"]) == (403, "permission_denied")
        own = client.post(pause, json={}, headers={"Origin": place.server.url})
        assert own.status_code == 200
        host = client.get("/api/v1/runs", headers={"Host": "evil.example"})
        assert (host.status_code, host.json()["code"]) == (421, "misdirected")
        form = client.post(pause, content="{}", headers={"Content-Type": "text/plain"})
        assert form.status_code == 415
        large = client.post(pause, json={"comment": "x" * 1_100_000})
        assert (large.status_code, large.json()["code"]) == (413, "too_large")

        def chunks() -> Iterator[bytes]:
            for _ in range(20):
                yield b"x" * 100_000

        json_body = {"Content-Type": "application/json"}
        streamed = client.post(pause, content=chunks(), headers=json_body)
        assert streamed.status_code == 413


def _may(role: AccessRole, door: Door) -> bool:
    if door.needs == ANYBODY:
        return True
    if isinstance(door.needs, tuple):
        return False  # their keys are of one project
    return door.needs in ROLE_PERMISSIONS[role]


def _ask(place: Place, key: str | None, method: str, path: str, project: str) -> int:
    door = DOORS[method, path]
    params, body = dict[str, str](), None if door.body is None else dict(door.body)
    if door.where == "project":
        if body is None:
            params["project"] = project
        else:
            body["project"] = project
    if path.endswith("/diff"):
        params |= {"step": "work.backend", "from": "1", "to": "2"}
    address = path.format(**_parameters(place, method, path))
    while True:
        answer = place.client(key).request(method, address, params=params, json=body)
        if answer.status_code != 429:
            break
        time.sleep(float(answer.headers["retry-after"]))  # strangers may ask only so often
    assert answer.status_code < 400 or answer.headers["content-type"] == "application/problem+json"
    return answer.status_code


def _parameters(place: Place, method: str, path: str) -> dict[str, str]:
    names = {**place.names, "environment": "production"}
    names["requirement_id"] = names["requirement"]
    parts = path.split("/")
    words = ("contract", "mock", "waiver", "workflow", "webhook", "agent", "project")
    kinds = {f"{word}s": word for word in words}
    kind = parts[parts.index("{name}") - 1] if "{name}" in parts else ""
    names["name"] = names[kinds[kind]] if kind in kinds else "none"
    if (method, kind) == ("DELETE", "webhooks"):
        names["name"] = names["doomed"]
    if parts[-1] in ("signal", "approve", "reject"):
        names |= {"run_id": names["waits"], "step_id": "ask"}
    elif parts[-1] in ("retry", "rerun", "edit-output"):
        names["step_id"] = "none"
    return names


def test_strangers_get_the_status_of_health_and_no_more(place: Place) -> None:
    for path in ("/health", "/health/ready"):
        for key in (None, "mst_0123456789ab_" + "x" * 43):
            with place.server.client(key) as client:
                told = client.get(path).json()
                assert set(told) == {"status"}
        with place.server.client(place.keys["viewer"]) as client:
            assert "store" in client.get(path).json()["checks"]
