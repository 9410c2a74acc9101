"""Several contracts, several consumers, one port."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.recording import read_calls
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contracts
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId
from maestro.errors import Conflict, InvalidInput

NOTE = {
    "type": "object",
    "required": ["id", "text"],
    "properties": {"id": {"type": "integer"}, "text": {"type": "string"}},
}
NEW = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
KEY = {"name": "note_id", "in": "path", "required": True, "schema": {"type": "integer"}}


def body(schema: object, **more: object) -> dict[str, Any]:
    return {"description": "", "content": {"application/json": {"schema": schema, **more}}}


def specification(base: str = "/api") -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Notes", "version": "1"},
        "servers": [{"url": base}],
        "paths": {
            "/notes": {
                "get": {"responses": {"200": body({"type": "array", "items": NOTE})}},
                "post": {
                    "requestBody": {"required": True, **body(NEW)},
                    "responses": {"201": body(NOTE)},
                },
            },
            "/notes/{note_id}": {
                "get": {"parameters": [KEY], "responses": {"200": body(NOTE), "404": body(True)}},
                "delete": {"parameters": [KEY], "responses": {"204": {"description": ""}}},
            },
            "/status": {
                "get": {
                    "responses": {
                        "200": body(
                            {"type": "object", "properties": {"on": {"type": "boolean"}}},
                            examples={
                                "up": {"value": {"on": True}},
                                "down": {"value": {"on": False}},
                                "bad": {"value": {"on": "yes"}},
                            },
                        )
                    }
                }
            },
            "/secret": {
                "get": {
                    "security": [{"bearer": []}, {"key": [], "basic": []}],
                    "responses": {"200": {"description": ""}},
                }
            },
        },
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
                "key": {"type": "apiKey", "in": "query", "name": "k"},
            }
        },
    }


def contract(name: str = "notes", base: str = "/api") -> Contract:
    return Contract(
        id=ContractId(name),
        name=name.title(),
        kind=ContractKind.REST,
        version="1.0.0",
        provider="provider",
        component=name,
        consumers=(),
        format=SpecificationFormat.OPENAPI,
        specification=specification(base),
        deliverables=(),
        acceptance=(),
    )


Use = Callable[[httpx.AsyncClient, MockHost], Awaitable[None]]


def with_host(use: Use, contracts: Sequence[Contract] = (contract(),), **options: Any) -> None:
    async def run() -> None:
        async with MockHost(contracts, **options) as host:
            async with httpx.AsyncClient(base_url=host.url, timeout=10) as client:
                await use(client, host)

    asyncio.run(run())


def test_contracts_share_a_port_and_colliding_ones_move_below_their_id() -> None:
    both = (contract("notes"), contract("other"), contract("plain", ""))

    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        made = await client.post("/api/notes", json={"text": "a"})
        assert (made.status_code, made.headers["location"]) == (201, "/api/notes/1")
        moved = await client.post("/other/api/notes", json={"text": "b"})
        assert (moved.status_code, moved.headers["location"]) == (201, "/other/api/notes/1")
        assert (await client.get("/other/api/notes/1")).json()["text"] == "b"
        assert (await client.get("/notes")).json() == []
        assert (await client.get("/api/notes/1")).json()["text"] == "a"
        told = (await client.get("/__maestro/routes")).json()
        assert {c["id"]: (c["roots"], c["below"]) for c in told["contracts"]} == {
            "notes": (["/api"], ""),
            "other": (["/other/api"], "/other"),
            "plain": (["/"], ""),
        }
        assert {"other: its paths were taken already; served below /other"} <= set(told["notes"])
        paths = {(r["contract"], r["method"], r["path"]) for r in told["routes"]}
        assert ("other", "DELETE", "/other/api/notes/{note_id}") in paths
        assert [call.contract for call in host.calls()] == [
            "notes", "other", "other", "plain", "notes",
        ]  # fmt: skip

    with_host(use, both)


def test_consumers_have_memories_of_their_own_by_header_and_by_port() -> None:
    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        for _ in range(3):  # known requests as well
            for name in ("web", "app"):
                sent = {"x-maestro-consumer": name}
                await client.post("/api/notes", json={"text": name}, headers=sent)
        for name in ("web", "app"):
            got = await client.get("/api/notes", headers={"x-maestro-consumer": name})
            assert [n["text"] for n in got.json()] == [name] * 3
        assert (await client.get("/api/notes")).json() == []
        own = host.consumer_url("batch")
        assert own != host.url
        await client.post(f"{own}/api/notes", json={"text": "batch"})
        assert len((await client.get(f"{own}/api/notes")).json()) == 1
        assert (await client.get("/api/notes")).json() == []
        assert len(host.calls(consumer="web")) == 4
        assert len(host.calls(consumer="batch")) == 2
        await client.post("/__maestro/reset?consumer=web")
        got = await client.get("/api/notes", headers={"x-maestro-consumer": "web"})
        assert got.json() == []
        got = await client.get("/api/notes", headers={"x-maestro-consumer": "app"})
        assert len(got.json()) == 3

    with_host(use, consumer_ports={"batch": 0})


def test_the_same_request_again_is_answered_from_the_present_state() -> None:
    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        async def texts() -> list[str]:
            got = await client.get("/api/notes")
            return [note["text"] for note in got.json()]

        assert [await texts() for _ in range(3)] == [[], [], []]
        for count in (1, 2, 3):
            made = await client.post("/api/notes", json={"text": "a"})
            assert made.json() == {"id": count, "text": "a"}
            assert made.headers["location"] == f"/api/notes/{count}"
            assert await texts() == ["a"] * count
        for expected in (200, 200, 200):
            assert (await client.get("/api/notes/2")).status_code == expected
        assert [(await client.delete("/api/notes/2")).status_code for _ in range(3)] == [
            204, 404, 404,
        ]  # fmt: skip
        assert [(await client.get("/api/notes/2")).status_code for _ in range(2)] == [404, 404]
        host.reset()
        assert await texts() == []
        assert (await client.get("/api/notes/1")).status_code == 404
        for text in ("b", "c"):  # the same number of changes, but not the same ones
            await client.post("/api/notes", json={"text": text})
            assert [await texts() for _ in range(2)] == [[text], [text]]
            host.reset()
        assert len(host.calls()) == 3 + 6 + 3 + 3 + 2 + 2 + 6
        assert all(call.valid for call in host.calls())

    with_host(use)


def test_bytes_that_come_again_do_the_same_again_and_stay_refused() -> None:
    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)

        async def sent(text: bytes) -> tuple[int, dict[str, Any]]:
            writer.write(
                b"POST /api/notes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(text), text)
            )
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split()[0])
            return int(head.split()[1]), json.loads(await reader.readexactly(length))

        right, wrong = b'{"text": "a"}', b'{"text": 1}'
        for count in range(1, 6):  # answered from memory from the third time on
            assert await sent(right) == (201, {"id": count, "text": "a"})
            status, problem = await sent(wrong)
            assert (status, problem["errors"][0]["pointer"]) == (422, "/text")
        assert [call.valid for call in host.calls()] == [True, False] * 5
        assert [note["id"] for note in (await client.get("/api/notes")).json()] == [1, 2, 3, 4, 5]
        assert [call.reply_body["id"] for call in host.calls()[0:10:2]] == [1, 2, 3, 4, 5]
        writer.close()

    with_host(use)


def test_faults_are_planned_and_preferred() -> None:
    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        await client.post("/api/notes", json={"text": "a long enough text"})
        known = [(await client.get("/api/notes/1")).status_code for _ in range(3)]
        assert known == [200, 200, 200]
        planned = {"kind": "status", "status": 503, "path": "/api/notes/*", "times": 2}
        assert (await client.post("/__maestro/faults", json=planned)).status_code == 201
        assert [(await client.get("/api/notes/1")).status_code for _ in range(3)] == [503, 503, 200]
        assert [call.status for call in host.calls()] == [201, 200, 200, 200, 503, 503, 200]
        assert (await client.get("/__maestro/faults")).json() == {"faults": []}
        preferred = await client.get("/api/notes", headers={"prefer": "fault=status:502"})
        assert preferred.status_code == 502
        broken = await client.get("/api/notes/1", headers={"prefer": "fault=body"})
        assert broken.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            broken.json()
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/api/notes/1", headers={"prefer": "fault=cut"})
        assert (await client.get("/api/notes/1")).status_code == 200

    with_host(use)


def test_prefer_chooses_status_example_and_fresh_values() -> None:
    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        async def asked(prefer: str, path: str = "/api/status") -> httpx.Response:
            return await client.get(path, headers={"prefer": prefer})

        down = await asked("example=down")
        assert down.json() == {"on": False}
        assert down.headers["preference-applied"] == "example=down"
        assert (await asked("example=none")).status_code == 400
        assert (await asked("example=bad")).status_code == 500
        assert (await asked("code=404", "/api/notes/1")).status_code == 404
        assert (await asked("dynamic=maybe")).status_code == 400
        fresh = {(await asked("dynamic=true")).text for _ in range(6)}
        assert fresh == {'{"on":true}', '{"on":false}'}

    with_host(use)


def test_invalid_examples_are_replaced_and_reported() -> None:
    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        notes: list[str] = []
        while not notes:  # told by itself, without any request for it
            await asyncio.sleep(0)
            notes = [note for note in host.notes() if "example" in note]
        assert notes == [
            "notes: GET /status 200 application/json: example 3 is replaced, /on breaks 'type': "
            '"yes" is not of type "boolean"'
        ]
        assert (await client.get("/__maestro/notes")).json() == {"notes": notes}
        assert (await client.get("/api/status")).json() == {"on": True}

    with_host(use)


CREDENTIALS = [
    ("/api/secret", None, 401),
    ("/api/secret", "Bearer x", 200),
    ("/api/secret", "Bearer", 401),
    ("/api/secret", "Token x", 401),
    ("/api/secret?k=1", "Basic YTpi", 200),
    ("/api/secret?k=1", "Basic !!", 401),
    ("/api/secret?k=", "Basic YTpi", 401),
    ("/api/secret", "Basic YTpi", 401),
]


def test_credentials_of_the_right_shape_are_demanded_and_not_recorded() -> None:
    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        for path, authorization, status in CREDENTIALS:
            headers = {"authorization": authorization} if authorization else {}
            reply = await client.get(path, headers=headers)
            assert reply.status_code == status, (path, authorization)
            assert ("www-authenticate" in reply.headers) == (status == 401)
        assert len(host.calls()) == len(CREDENTIALS)
        for call in host.calls():
            assert "authorization" not in call.request_headers
            assert call.query in ("", "k=")

    with_host(use)


def test_calls_are_streamed_to_a_file_and_told_as_a_pact(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "calls.jsonl"

    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        for _ in range(2):
            await client.post("/api/notes?token=s3cret", json={"text": "a"})
        await client.get("/api/notes/1", headers={"cookie": "s=s3cret", "x-api-key": "s3cret"})
        await client.post("/api/notes", json={})
        pact = (await client.get("/__maestro/pact?consumer=")).json()
        kept = [(i["description"], i["request"]["path"]) for i in pact["interactions"]]
        assert kept == [
            ("POST /notes answers 201", "/notes"),
            ("GET /notes/{note_id} answers 200", "/notes/1"),
        ]
        assert pact["interactions"][1]["response"]["body"]["content"] == {"id": 1, "text": "a"}
        lines = (await client.get("/__maestro/calls.jsonl")).text
        assert len(lines.splitlines()) == 4
        told = (await client.get("/__maestro/calls")).json()
        assert (told["total"], len(told["calls"])) == (4, 4)
        assert told["operations"]["POST /notes"] == {"calls": 3, "broken": 1}
        assert (await client.delete("/__maestro/calls")).status_code == 204
        assert (await client.get("/__maestro/calls")).json()["total"] == 0

    with_host(use, record_to=file)
    assert "s3cret" not in file.read_text()
    calls = read_calls(file)
    assert [(c.operation, c.status, c.valid) for c in calls] == [
        ("POST /notes", 201, True),
        ("POST /notes", 201, True),
        ("GET /notes/{note_id}", 200, True),
        ("POST /notes", 422, False),
    ]
    assert (calls[0].request_body, calls[0].reply_body) == ({"text": "a"}, {"id": 1, "text": "a"})
    assert calls[0].query == "token="


def test_people_get_a_page_and_tools_the_specification() -> None:
    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        page = await client.get("/__maestro/", headers={"accept": "text/html,*/*;q=0.8"})
        assert page.headers["content-type"].startswith("text/html")
        assert "<code>/api/notes/{note_id}</code>" in page.text
        assert "&lt;b&gt;" in page.text
        assert "<b>" not in page.text
        assert (await client.get("/__maestro/spec/notes")).json() == specification()
        assert (await client.get("/__maestro/spec/none")).status_code == 404
        assert (await client.get("/__maestro/none")).status_code == 404
        assert (await client.post("/__maestro/routes")).status_code == 405
        assert host.calls() == []

    with_host(use, [replace(contract(), name="<b>")])


def test_without_state_every_reply_is_a_sample_and_seeds_change_them() -> None:
    replies: dict[int, set[str]] = {}
    for seed in (0, 0, 1):

        async def use(client: httpx.AsyncClient, host: MockHost, seed: int = seed) -> None:
            got = await client.get("/api/notes/77")
            assert got.status_code == 200
            replies.setdefault(seed, set()).add(got.text)
            kept = await client.put("/__maestro/seed-data", json={"notes": []})
            assert kept.status_code == 422
            assert "need a mock that remembers" in kept.text

        with_host(use, behaviour=MockBehaviour(stateful=False, seed=seed))
    assert len(replies[0]) == 1
    assert replies[0] != replies[1]


def test_a_taken_port_is_named() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(Conflict, match=f"port {port} of 127.0.0.1 is taken"):
                async with MockHost([contract()], port=port):
                    pass
        for wrong in ({"port": 70_000}, {"host": "256.1.1.1"}, {"record_to": Path("/proc/x/y")}):
            with pytest.raises(InvalidInput):
                async with MockHost([contract()], **wrong):
                    pass

    asyncio.run(run())


def test_what_cannot_be_served_together_is_refused() -> None:
    with pytest.raises(InvalidInput, match="two contracts are called 'notes'"):
        MockHost([contract(), contract()])
    with pytest.raises(InvalidInput, match="at least one"):
        MockHost([])


PROGRAM = """
import asyncio, signal, sys
from pathlib import Path
from maestro.contracts.mocks.host import run_mock_server
from maestro.contracts.mocks.serving import mock_loop

async def main():
    task = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    paths = [Path(name) for name in sys.argv[1:]]
    try:
        await run_mock_server(paths, tell=lambda line: print(line, flush=True))
    except asyncio.CancelledError:
        print("over", flush=True)

with asyncio.Runner(loop_factory=mock_loop) as runner:
    runner.run(main())
"""


def test_the_server_of_the_command_line_serves_until_it_is_ended(tmp_path: Path) -> None:
    first, second = tmp_path / "notes.json", tmp_path / "Other API.json"
    first.write_text(json.dumps(specification()))
    second.write_text(json.dumps(specification("/v2")))

    async def run() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, str(first), str(second),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        lines = [(await process.stdout.readline()).decode().strip() for _ in range(4)]
        assert lines[0].startswith("notes (rest) at http://127.0.0.1:")
        assert lines[1].startswith("other-api (rest) at http://127.0.0.1:")
        assert lines[2].endswith("/__maestro/")
        assert lines[3].startswith("note: notes: GET /status 200")
        async with httpx.AsyncClient(timeout=10) as client:
            for line in lines[:2]:
                url = line.partition(" at ")[2]
                for _ in range(3):
                    made = await client.post(f"{url}/notes", json={"text": "a"})
                    assert made.status_code == 201
                assert len((await client.get(f"{url}/notes")).json()) == 3
        os.kill(process.pid, signal.SIGTERM)
        rest = (await process.stdout.read()).decode().splitlines()
        assert rest[-1] == "over"
        assert await process.wait() == 0

    asyncio.run(run())


def test_every_kind_is_served_by_one_process() -> None:
    examples = Path(__file__).parents[2] / "examples" / "contracts"
    names = ("shop.yaml", "shop.graphql", "orders.asyncapi.yaml", "inventory.proto")
    contracts = read_contracts([examples / name for name in names])

    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        assert (await client.get("/api/products")).status_code == 200
        asked = await client.post("/graphql", json={"query": "{ __typename }"})
        assert asked.json() == {"data": {"__typename": "Query"}}
        told = (await client.get("/__maestro/")).json()
        assert [c["kind"] for c in told["contracts"]] == ["rest", "graphql", "event_stream", "grpc"]
        protocols = {route["protocol"] for route in told["routes"]}
        assert protocols >= {"http", "graphql", "websocket", "sse", "grpc"}
        for entry in told["contracts"]:
            assert (await client.get(entry["specification"])).status_code == 200
        (port,) = {route["port"] for route in told["routes"] if "port" in route}
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        assert {call.contract for call in host.calls()} == {"shop", "shop-graphql"}
        assert (await client.post("/__maestro/reset")).json() == {"reset": 4}

    with_host(use, contracts)


@pytest.mark.parametrize("base", ["/my shop/größe", "/my%20shop/gr%C3%B6%C3%9Fe"])
def test_a_base_path_that_has_to_be_escaped_is_served_however_it_is_written(base: str) -> None:
    escaped = "/my%20shop/gr%C3%B6%C3%9Fe"

    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        assert [address for _, address in host.addresses()] == [host.url + escaped]
        made = await client.post(f"{escaped}/notes", json={"text": "a"})
        assert (made.status_code, made.headers["location"]) == (201, f"{escaped}/notes/1")
        for written in (escaped, escaped.lower(), "/%6dy%20shop/gr%C3%B6%C3%9Fe"):
            assert (await client.get(f"{written}/notes/1")).json()["text"] == "a", written
        for other in ("/my%20shop", "/my%20shop%2Fgr%C3%B6%C3%9Fe", "/my%20shop/gr%C3%B6%C3"):
            assert (await client.get(f"{other}/notes/1")).status_code == 404, other
        assert {call.path for call in host.calls() if call.status == 200} == {"/notes/1"}
        routes = (await client.get("/__maestro/routes")).json()["routes"]
        assert routes[0]["path"] == f"{escaped}/notes"

    with_host(use, [contract(base=base)])


def test_the_location_of_an_entry_is_escaped() -> None:
    paths = specification()
    key = {"name": "text", "in": "path", "required": True, "schema": {"type": "string"}}
    paths["paths"]["/notes"]["post"]["responses"] = {"201": body(NEW)}
    paths["paths"]["/notes/{text}"] = {
        "get": {"parameters": [key], "responses": {"200": body(NEW)}}
    }
    del paths["paths"]["/notes/{note_id}"]

    async def use(client: httpx.AsyncClient, host: MockHost) -> None:
        made = await client.post("/api/notes", json={"text": "red / blue"})
        assert made.headers["location"] == "/api/notes/red%20%2F%20blue"
        assert (await client.get(made.headers["location"])).json() == {"text": "red / blue"}

    with_host(use, [replace(contract(), specification=paths)])


def test_who_is_cancelled_while_a_mock_ends_stays_cancelled(tmp_path: Path) -> None:
    """The mock waits for its own work to end, and must not take the cancellation for that one."""

    async def run() -> bool:
        entered, leave = asyncio.Event(), asyncio.Event()

        async def worker() -> None:
            async with MockHost([contract()], record_to=tmp_path / "calls.jsonl"):
                entered.set()
                await leave.wait()

        task = asyncio.create_task(worker())
        await entered.wait()
        leave.set()
        await asyncio.sleep(0)  # it leaves, and waits for the one who writes calls
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled()

    assert asyncio.run(run())
