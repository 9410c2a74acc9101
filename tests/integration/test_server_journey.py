"""Every route, as its users ask for it: over HTTP, from a server that really runs."""

import asyncio
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.sync.client
from api_server import (
    APPROVAL,
    SIGNAL,
    WORK,
    RunningServer,
    awaited,
    built,
    rested,
    settings_of,
    started,
)

from maestro.bootstrap import connect
from maestro.contracts.reading import read_contract
from maestro.delivery.contract_desk import ContractDesk
from maestro.domain.overview import Headline
from maestro.domain.values import RunId

CONTRACT = Path(__file__).parents[2] / "examples" / "contracts" / "shop.graphql"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "m.db"


@pytest.fixture(scope="module")
def run_id(database: Path) -> str:
    return str(asyncio.run(built(database)))


@pytest.fixture(scope="module")
def server(database: Path, run_id: str) -> Iterator[RunningServer]:
    running = RunningServer(database)
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with server.client() as made:
        yield made


def test_the_first_watcher_and_then_health(server: RunningServer) -> None:
    """The predecessor never answered again once somebody watched."""
    with websockets.sync.client.connect(_ws(server, "/api/v1/stream")) as socket:
        socket.send('{"ping": 1}')
        assert json.loads(socket.recv(10)) == {"type": "pong", "ping": 1}
        for path in ("/health", "/health/ready", "/health/live", "/health/startup"):
            assert httpx.get(server.url + path, timeout=5).status_code == 200
    assert (
        httpx.get(server.url + "/health", timeout=5).json()["checks"]["store"]["status"] == "pass"
    )


def test_a_run_is_started_once_watched_and_decided(client: httpx.Client) -> None:
    run = started(client, APPROVAL, word="moin")
    step = awaited(client, run, "ask")
    assert step["allowed"] == ["approve", "reject"]
    place = f"/api/v1/runs/{run}/steps/ask/approve"

    without = client.post(place, json={})
    assert (without.status_code, without.json()["code"]) == (428, "precondition_required")
    outdated = client.post(place, json={}, headers={"If-Match": '"0-0-pending"'})
    assert (outdated.status_code, outdated.json()["code"]) == (412, "precondition_failed")
    done = client.post(place, json={"comment": "fine"}, headers={"If-Match": step["etag"]})
    assert (done.status_code, done.json()["changed"]) == (200, True)

    view = rested(client, run)
    assert (view["status"], view["kind"]) == ("succeeded", "workflow")
    assert view["steps"] == {"total": 4, "succeeded": 4}
    outputs = client.get(f"/api/v1/runs/{run}/outputs").json()["outputs"]
    assert outputs["say"] == {"value": "moin"}
    again = client.post(place, json={}, headers={"If-Match": step["etag"]})
    assert again.status_code == 412


def test_events_are_the_same_over_every_door(server: RunningServer, client: httpx.Client) -> None:
    run = started(client, APPROVAL)
    step = awaited(client, run, "ask")
    seen: dict[str, list[Any]] = {"sse": [], "ws": [], "alias": []}
    watchers = [
        threading.Thread(target=_sse, args=(server, run, seen["sse"])),
        threading.Thread(target=_socket, args=(server, run, seen["ws"])),
        threading.Thread(target=_alias, args=(server, run, seen["alias"])),
    ]
    for watcher in watchers:
        watcher.start()
    client.post(
        f"/api/v1/runs/{run}/steps/ask/reject",
        json={"comment": "no"},
        headers={"If-Match": step["etag"]},
    )
    for watcher in watchers:
        watcher.join(30)
        assert not watcher.is_alive()
    page = client.get(f"/api/v1/runs/{run}/events", params={"limit": 1000}).json()
    assert page["ended"]
    assert [event["sequence"] for event in page["items"]] == list(range(1, len(page["items"]) + 1))
    assert seen["sse"] == page["items"]
    assert seen["ws"] == page["items"]
    assert seen["alias"] == [event["kind"] for event in page["items"]]


def test_pages_of_events_and_a_long_poll(client: httpx.Client) -> None:
    run = started(client, SIGNAL)
    awaited(client, run, "call")
    place = f"/api/v1/runs/{run}/events"
    first = client.get(place, params={"limit": 2}).json()
    assert [event["sequence"] for event in first["items"]] == [1, 2]
    rest = client.get(place, params={"after": first["after"]}).json()
    assert rest["items"][0]["sequence"] == 3
    found: list[Any] = []
    poll = threading.Thread(
        target=lambda: found.append(
            client.get(place, params={"after": rest["after"], "wait": 30}).json()
        )
    )
    poll.start()
    sent = client.post(f"/api/v1/runs/{run}/steps/call/signal", json={"payload": {"n": 7}})
    assert sent.json()["changed"]
    poll.join(30)
    assert found[0]["items"][0]["sequence"] == rest["after"] + 1
    assert rested(client, run)["status"] == "succeeded"
    assert client.get(f"/api/v1/runs/{run}/outputs").json()["outputs"]["call"]["payload"] == {
        "n": 7
    }


def test_pausing_going_on_repeating_and_cancelling(client: httpx.Client) -> None:
    run = started(client, APPROVAL)
    place = f"/api/v1/runs/{run}"
    awaited(client, run, "ask")
    assert client.post(f"{place}/pause", json={}).json()["changed"]
    RunningServer.until(lambda: client.get(place).json()["status"] == "paused")
    assert client.get(place).json()["allowed"] == ["resume", "cancel"]
    assert client.post(f"{place}/resume", json={"comment": "go on"}).json()["changed"]
    told = client.get(f"{place}/events", params={"limit": 1000}).json()["items"]
    assert "go on" in json.dumps(told)
    step = awaited(client, run, "ask")
    client.post(f"{place}/steps/ask/approve", json={}, headers={"If-Match": step["etag"]})
    assert rested(client, run)["status"] == "succeeded"
    assert client.post(f"{place}/steps/after/rerun", json={}).json()["changed"]
    RunningServer.until(lambda: client.get(place).json()["step_list"][-1]["attempt"] == 2)
    assert rested(client, run)["status"] == "succeeded"
    edited = client.post(f"{place}/steps/say/edit-output", json={"payload": {"value": "other"}})
    assert edited.json()["changed"], edited.text
    assert client.post(f"{place}/cancel", json={}).status_code in (200, 409)
    refused = client.post(f"{place}/steps/say/retry", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    other = started(client, SIGNAL)
    assert client.post(f"/api/v1/runs/{other}/cancel", json={}).json()["changed"]
    assert rested(client, other)["status"] == "cancelled"
    for verb in ("retry", "rework"):
        assert client.post(f"/api/v1/runs/{other}/{verb}", json={}).status_code in (404, 409)


def test_what_a_run_has_made(client: httpx.Client, run_id: str) -> None:
    place = f"/api/v1/runs/{run_id}"
    view = client.get(place).json()
    assert (view["requirement"], view["kind"]) == ("Keep notes", "build")
    files = client.get(f"{place}/artefacts", params={"limit": 1}).json()
    assert files["items"][0] | {"digest": ""} == {
        "step_id": WORK,
        "attempt": 1,
        "persona": "technical_writer",
        "path": "notes.txt",
        "digest": "",
        "size": 21,
        "executable": False,
    }
    more = client.get(f"{place}/artefacts", params={"cursor": files["next"]}).json()
    assert [(one["attempt"], one["path"]) for one in more["items"]] == [(2, "notes.txt")]
    assert more["next"] is None
    digest = files["items"][0]["digest"]
    content = client.get(f"{place}/artefacts/{digest}", params={"name": "notes.txt"})
    assert content.text == "first line\nattempt 1\n"
    assert content.headers["content-disposition"] == 'attachment; filename="notes.txt"'
    unknown = client.get(f"{place}/artefacts/sha256:{'0' * 64}")
    assert unknown.status_code == 404
    diff = client.get(f"{place}/diff", params={"step": WORK, "from": 1, "to": 2}).json()
    assert [(one["path"], one["change"]) for one in diff["items"]] == [("notes.txt", "changed")]
    assert "-attempt 1\n+attempt 2\n" in diff["items"][0]["diff"]
    outcome = client.get(f"{place}/outcome")
    assert outcome.json()["outcome"]["status"] == view["status"]
    assert outcome.json()["result"]["blueprint"] == "full-stack"
    etag = {"If-None-Match": outcome.headers["etag"]}
    assert client.get(f"{place}/outcome", headers=etag).status_code == 304
    assert client.get(f"{place}/gates").json()["items"] == []
    assert client.get(f"{place}/contracts").json()["items"] == []
    page = client.get(f"{place}/report")
    assert "Keep notes" in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{place}/archive").content))
    assert {"run.json", "report.html", "technical_writer/notes.txt"} <= set(archive.namelist())
    plan = client.get(f"{place}/plan").json()
    assert plan["plan"]["steps"][0]["id"] == WORK
    step = client.get(f"{place}/steps/{WORK}").json()
    assert [one["attempt"] for one in step["attempts"]] == [1, 2]
    requirement = client.get(place).json()
    assert requirement["submitted_by"] == "local"


def test_a_plan_is_made_and_built_once(client: httpx.Client) -> None:
    body = {"requirement": "Build a REST API for managing tasks with a title"}
    asked = {"Idempotency-Key": "plan-1"}
    first = client.post("/api/v1/plans", json=body, headers=asked)
    assert (first.status_code, first.json()["plan"]) == (202, None)
    again = client.post("/api/v1/plans", json=body, headers=asked)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    other = client.post("/api/v1/plans", json={"requirement": "else"}, headers=asked)
    assert (other.status_code, other.json()["code"]) == (422, "invalid_input")
    RunningServer.until(
        lambda: client.get(first.headers["location"], params={"wait": 20}).json()["plan"]
    )
    plan = client.get(first.headers["location"]).json()
    assert plan["status"] == "succeeded"
    assert plan["expected_groups"]
    build = client.post("/api/v1/runs", json={"plan_of": plan["run_id"]})
    assert build.status_code == 202
    run = build.json()["id"]
    assert build.json()["requirement"] == body["requirement"]
    assert client.post(f"/api/v1/runs/{run}/cancel", json={}).status_code == 200
    missing = client.post("/api/v1/runs", json={})
    assert missing.status_code == 422


def test_lists_have_filters_cursors_and_versions(client: httpx.Client) -> None:
    for _ in range(3):
        started(client, SIGNAL)
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": "2", "workflow": "wait-for"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/api/v1/runs", params=params).json()
        seen += [run["id"] for run in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) >= 3
    whole = client.get("/api/v1/runs", params={"workflow": "wait-for", "limit": 200})
    assert [run["id"] for run in whole.json()["items"]] == seen
    first = client.get("/api/v1/runs", params={"q": seen[0]}).json()["items"]
    assert [run["id"] for run in first] == [seen[0]]
    notes = client.get("/api/v1/runs", params={"q": "keep NOTES"}).json()["items"]
    assert [run["requirement"] for run in notes] == ["Keep notes"]
    assert notes[0]["verdict"] is not None
    later = client.get("/api/v1/runs", params={"since": "2999-01-01T00:00:00Z"}).json()
    assert later["items"] == []
    for wrong in ({"status": "odd"}, {"cursor": "x"}, {"since": "soon"}, {"limit": 0}):
        refused = client.get("/api/v1/runs", params=wrong)
        assert (refused.status_code, refused.headers["content-type"]) == (
            422,
            "application/problem+json",
        )


def test_a_version_covers_the_verdict_and_who_drives(client: httpx.Client, database: Path) -> None:
    run = started(client, SIGNAL)
    place, params = f"/api/v1/runs/{run}", {"q": run}
    waiting = client.get(place)
    assert waiting.json()["driven"]
    assert client.post(f"{place}/cancel", json={}).json()["changed"]
    rested(client, run)
    RunningServer.until(lambda: not client.get(place).json()["driven"])
    seen = client.get(place)
    listed = client.get("/api/v1/runs", params=params)

    def again(path: str, before: httpx.Response) -> httpx.Response:
        known = {"If-None-Match": before.headers["etag"]}
        return client.get(path, headers=known, params=params if path != place else None)

    assert again(place, waiting).status_code == 200
    assert [again(place, seen).status_code, again("/api/v1/runs", listed).status_code] == [304, 304]
    asyncio.run(_judged(database, RunId(run), seen.json()["last_sequence"]))
    assert again(place, seen).json()["verdict"]["band"] == "good"
    assert again("/api/v1/runs", listed).json()["items"][0]["verdict"]["band"] == "good"


async def _judged(database: Path, run_id: RunId, last: int) -> None:
    """As whoever executed it does, after its last event."""
    shown = Headline(
        partial=False,
        score=0.9,
        band="good",
        gates_passed=1,
        gates_total=1,
        contracts_verified=0,
        contracts_total=0,
        not_built=0,
        cost=None,
        blueprint="",
        time_savings_percent=0.0,
    )
    async with connect(settings_of(database)) as m:
        await m.store.write(lambda tx: tx.listing.put_headline(run_id, last, shown))


def test_commands_cannot_be_stored(client: httpx.Client) -> None:
    command = "{action: command.run, inputs: {argv: [id]}}"
    for step in (
        "id: it, action: command.run, inputs: {argv: [id]}",
        f"id: all, kind: map, over: [1], step: {command}",
    ):
        source = f"name: shell\nsteps:\n  - {{{step}}}\n"
        refused = client.post("/api/v1/workflows", json={"source": source})
        assert refused.status_code == 422
        assert "a stored workflow has none" in refused.json()["detail"]


def test_the_catalogue_and_the_rest(client: httpx.Client, server: RunningServer) -> None:
    names = [one["id"] for one in client.get("/api/v1/blueprints").json()["items"]]
    assert client.get(f"/api/v1/blueprints/{names[0]}").json()["id"] == names[0]
    personas = client.get("/api/v1/personas", params={"q": "backend"}).json()["items"]
    assert "backend_developer" in [one["id"] for one in personas]
    assert client.get("/api/v1/personas/backend_developer").status_code == 200
    assert client.get("/api/v1/agents").json()["items"][0]["id"] == "offline"
    assert len(client.get("/api/v1/policies").json()["items"]) == 3
    assert client.get("/api/v1/policies/production").json()["phases"]
    assert client.get("/api/v1/policies/nowhere").status_code == 404
    assert client.get("/api/v1/me").json()["principal"] == "local"
    assert client.get("/api/v1/system").json()["sandbox"] == "off"
    assert client.get("/api/v1/projects").json()["items"][0]["id"] == "default"
    assert client.get("/api/v1/audit/verification").json()["intact"]
    entries = client.get("/api/v1/audit", params={"limit": 1}).json()
    older = client.get("/api/v1/audit", params={"limit": 1, "cursor": entries["next"]}).json()
    assert older["items"][0]["number"] == entries["items"][0]["number"] - 1
    assert "maestro_runs_active" in client.get("/metrics").text
    assert client.get("/", follow_redirects=True).status_code == 200
    stored = client.post("/api/v1/workflows", json={"source": APPROVAL})
    assert stored.status_code in {201, 409}, stored.text  # another test may have stored it
    shown = client.get("/api/v1/workflows/sign-off").json()
    assert shown["source"] == APPROVAL
    assert [step["id"] for step in shown["step_list"]][-3:] == ["say", "ask", "after"]
    assert "sign-off" in [one["name"] for one in client.get("/api/v1/workflows").json()["items"]]
    assert client.get("/api/v1/workflows/never-made").status_code == 404
    assert client.get("/api/v1/workflows/never-made").status_code == 404  # looking made none


def test_waivers_take_two_people(client: httpx.Client) -> None:
    gates = client.get("/api/v1/policies/production").json()["phases"]
    gate = next(
        one["id"]
        for phase in gates
        for one in phase["exit"]
        if one["waivable"] and one["comparison"] and one["comparison"]["op"] == ">="
    )
    body = {
        "project": "shop",
        "gate": gate,
        "ceiling": ">= 1",
        "reason": "the supplier delivers next week",
        "adr": "ADR-0012",
        "expires": "2020-01-01",
    }
    refused = client.post("/api/v1/waivers", json=body)
    assert refused.status_code == 422
    body["expires"] = (datetime.now(UTC).date() + timedelta(days=10)).isoformat()
    made = client.post("/api/v1/waivers", json=body)
    assert made.status_code == 201, made.text
    place = f"/api/v1/waivers/{made.json()['id']}"
    assert client.post(f"{place}/approve", json={}).status_code == 428
    own = client.post(f"{place}/approve", json={}, headers={"If-Match": made.json()["etag"]})
    assert own.status_code == 403
    done = client.post(f"{place}/refuse", json={}, headers={"If-Match": made.json()["etag"]})
    assert done.json()["status"] == "refused"
    assert (
        client.post(
            f"{place}/revoke", json={}, headers={"If-Match": done.json()["etag"]}
        ).status_code
        == 409
    )
    listed = client.get("/api/v1/waivers", params={"project": "shop"}).json()["items"]
    assert [one["status"] for one in listed] == ["refused"]


def test_mocks_and_verifications_of_stored_contracts(client: httpx.Client, database: Path) -> None:
    async def hand_in() -> str:
        async with connect(settings_of(database)) as m:
            return str((await ContractDesk(maestro=m).hand_in(read_contract(CONTRACT))).contract.id)

    name = asyncio.run(hand_in())
    assert name in [one["id"] for one in client.get("/api/v1/contracts").json()["items"]]
    assert client.get(f"/api/v1/contracts/{name}").json()["specification"]
    made = client.post(f"/api/v1/contracts/{name}/mocks", json={})
    assert made.status_code == 201, made.text
    answer = httpx.post(made.json()["url"], json={"query": "{ __typename }"}, timeout=20)
    assert answer.json()["data"] == {"__typename": "Query"}
    assert len(client.get("/api/v1/mocks").json()["items"]) == 1
    asked = client.post(f"/api/v1/contracts/{name}/verifications", json={"url": made.json()["url"]})
    assert asked.status_code == 202, asked.text
    place = asked.headers["location"]
    RunningServer.until(lambda: client.get(place).json()["status"] != "running")
    assert client.get(place).json()["status"] in ("done", "failed")
    away = client.post(f"/api/v1/contracts/{name}/verifications", json={"url": "http://10.0.0.1/"})
    assert away.status_code == 422
    assert client.delete(f"/api/v1/mocks/{made.json()['id']}").status_code == 204
    with pytest.raises(httpx.ConnectError):
        httpx.get(made.json()["url"], timeout=5)


def test_paths_that_earlier_programs_know(client: httpx.Client) -> None:
    started(client, SIGNAL)
    begun = client.post("/api/workflows/wait-for/execute", json={"initial_context": {}})
    assert begun.status_code == 202
    execution = begun.json()["execution_id"]
    told = client.get(f"/api/executions/{execution}").json()
    assert (told["workflow_id"], told["total_nodes"]) == ("wait-for", 1)
    built_one = client.post("/api/workflows/build/execute", json={"requirement": "Keep a list"})
    assert built_one.status_code == 202
    for run in (execution, built_one.json()["execution_id"]):
        assert client.post(f"/api/v1/runs/{run}/cancel", json={}).status_code == 200


def test_who_left_an_earlier_path_is_watched_for_no_longer(
    client: httpx.Client, server: RunningServer
) -> None:
    run = started(client, SIGNAL)

    def watchers() -> int:
        return int(client.get("/api/v1/system").json()["watchers"])

    RunningServer.until(lambda: watchers() == 0)
    with websockets.sync.client.connect(_ws(server, f"/ws/workflow/{run}")) as socket:
        assert json.loads(socket.recv(10))["execution_id"] == run
        assert watchers() == 1
        socket.send("nobody listens")
    RunningServer.until(lambda: watchers() == 0)
    assert client.post(f"/api/v1/runs/{run}/cancel", json={}).status_code == 200


def _ws(server: RunningServer, path: str) -> str:
    return server.url.replace("http", "ws", 1) + path


def _sse(server: RunningServer, run: str, seen: list[Any]) -> None:
    headers = {"Accept": "text/event-stream"}
    place = f"{server.url}/api/v1/runs/{run}/events"
    with httpx.stream("GET", place, headers=headers, timeout=30) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: ") and '"sequence"' in line:
                seen.append(json.loads(line[6:]))


def _socket(server: RunningServer, run: str, seen: list[Any]) -> None:
    with websockets.sync.client.connect(
        _ws(server, "/api/v1/stream"),
        subprotocols=["maestro.v1"],  # type: ignore[list-item]
    ) as socket:
        socket.send(json.dumps({"subscribe": {run: 0}}))
        while (message := json.loads(socket.recv(30)))["type"] != "end":
            if message.pop("type") == "event":
                seen.append(message)


def _alias(server: RunningServer, run: str, seen: list[Any]) -> None:
    with websockets.sync.client.connect(_ws(server, f"/ws/workflow/{run}")) as socket:
        for message in socket:
            seen.append(json.loads(message)["type"])
