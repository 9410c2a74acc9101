"""The server dies in the middle of a run that is watched, and nobody misses anything."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import websockets.sync.client
from api_server import APPROVAL, RunningServer, awaited, rested, started, until_ended


def test_every_watcher_sees_every_event_once(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "m.db")
    server.start()
    with server.client() as client:
        run = started(client, APPROVAL)
        awaited(client, run, "ask")
    watch = [sys.executable, "-m", "maestro", "runs", "events", run, "--follow", "--json"]
    command = subprocess.Popen(
        [*watch, "--db", str(tmp_path / "m.db")], stdout=subprocess.PIPE, text=True
    )
    seen: dict[str, list[int]] = {"sse": [], "ws": []}
    watchers = [
        threading.Thread(target=until_ended, args=(_sse, server, run, seen["sse"])),
        threading.Thread(target=until_ended, args=(_socket, server, run, seen["ws"])),
    ]
    for watcher in watchers:
        watcher.start()
    server.until(lambda: all(numbers for numbers in seen.values()))

    server.kill()
    server.start(server.port)  # nobody asks for the run; the server goes on with it by itself
    with server.client() as client:
        step = awaited(client, run, "ask")
        server.until(lambda: client.get(f"/api/v1/runs/{run}").json()["driven"])
        place = f"/api/v1/runs/{run}/steps/ask/approve"
        done = client.post(place, json={}, headers={"If-Match": step["etag"]})
        assert done.status_code == 200
        assert rested(client, run)["status"] == "succeeded"
        page = client.get(f"/api/v1/runs/{run}/events", params={"limit": 1000}).json()
    for watcher in watchers:
        watcher.join(30)
        assert not watcher.is_alive()
    out, _ = command.communicate(timeout=60)
    numbers = [event["sequence"] for event in page["items"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert seen == {"sse": numbers, "ws": numbers}
    assert [json.loads(line)["sequence"] for line in out.splitlines()] == numbers
    assert server.stop() == 0


def test_a_server_that_is_told_to_end_leaves_runs_that_go_on(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "m.db", ("--grace", "1"))
    server.start()
    with server.client() as client:
        run = started(client, APPROVAL)
        awaited(client, run, "ask")
    assert server.stop() == 0
    server.start()
    with server.client() as client:
        step = awaited(client, run, "ask")
        place = f"/api/v1/runs/{run}/steps/ask/approve"
        client.post(place, json={}, headers={"If-Match": step["etag"]})
        assert rested(client, run)["status"] == "succeeded"
    assert server.stop() == 0


def test_a_taken_port_and_a_second_server_are_refused(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "m.db")
    server.start()
    try:
        port = _serve(tmp_path / "other.db", "--port", str(server.port))
        assert port.returncode == 2
        assert f"port {server.port} of 127.0.0.1 is taken by python" in port.stderr
        second = _serve(tmp_path / "m.db", "--port", "0")
        assert second.returncode == 2
        assert "another server (process" in second.stderr
        open_to_all = _serve(tmp_path / "open.db", "--port", "0", "--host", "0.0.0.0")
        assert open_to_all.returncode == 2
        assert "make a key first" in open_to_all.stderr
        assert open_to_all.stdout == ""
        behind_a_proxy = _serve(tmp_path / "o.db", "--port", "0", "--allow-host", "shop.example")
        assert behind_a_proxy.returncode == 2
        assert "under the name 'shop.example' others can ask" in behind_a_proxy.stderr
    finally:
        assert server.stop() == 0


def _serve(database: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "maestro", "serve", "--db", str(database), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _sse(server: RunningServer, run: str, seen: list[int]) -> bool:
    """Whether it saw the end."""
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(seen[-1] if seen else 0)}
    place = f"{server.url}/api/v1/runs/{run}/events"
    with httpx.stream("GET", place, headers=headers, timeout=30) as stream:
        for line in stream.iter_lines():
            if line.startswith("id: "):
                seen.append(int(line[4:]))
            if line == "event: end":
                return True
    return False


def _socket(server: RunningServer, run: str, seen: list[int]) -> bool:
    address = server.url.replace("http", "ws", 1) + "/api/v1/stream"
    with websockets.sync.client.connect(address) as socket:
        socket.send(json.dumps({"subscribe": {run: seen[-1] if seen else 0}}))
        for text in socket:
            message = json.loads(text)
            if message["type"] == "event":
                seen.append(message["sequence"])
            if message["type"] == "end":
                return True
    return False
