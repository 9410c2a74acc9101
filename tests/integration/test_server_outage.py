"""The database goes away under load and comes back; OUTAGE_SECONDS says for how long."""

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import APPROVAL, RunningServer, awaited, rested, started
from postgres import PostgresServer, running_server

SECONDS = float(os.environ.get("OUTAGE_SECONDS", "6"))
STEPS, RUNS = 40, 8
CHAIN = "name: chain\nsteps:\n" + "".join(
    f"  - id: s{number}\n    action: value.set\n    inputs: {{value: {number}}}\n"
    + (f"    needs: [s{number - 1}]\n" if number else "")
    for number in range(STEPS)
)


@pytest.fixture
def postgres_that_stops() -> Iterator[PostgresServer]:
    """One of the test's own: others would miss it."""
    with running_server() as server:
        yield server


@dataclass
class Load:
    """Asks without pause, and remembers what it was answered."""

    url: str
    stop: threading.Event = field(default_factory=threading.Event)
    answers: list[tuple[float, int, float]] = field(default_factory=list)
    """When, status, seconds it took."""

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=30) as client:
            while not self.stop.wait(0.02):
                began = time.monotonic()
                status = client.get("/api/v1/runs").status_code
                self.answers.append((began, status, time.monotonic() - began))

    def first(self, status: int, after: float) -> float:
        """How long after that moment it was first answered so."""
        return min(at + took for at, found, took in self.answers if found == status) - after


def _events(client: httpx.Client, run: str) -> list[Any]:
    found: list[Any] = []
    while True:
        after = found[-1]["sequence"] if found else 0
        page = client.get(f"/api/v1/runs/{run}/events", params={"limit": 1000, "after": after})
        assert page.status_code == 200, page.text
        items = page.json()["items"]
        if not items:
            return found
        found += items


def _readiness(client: httpx.Client, status: int, seconds: float) -> float:
    began = time.monotonic()
    RunningServer.until(lambda: client.get("/health/ready").status_code == status, seconds)
    return time.monotonic() - began


def test_postgresql_away_under_load(postgres_that_stops: PostgresServer, tmp_path: Path) -> None:
    server = RunningServer(postgres_that_stops.fresh_database(), log=tmp_path / "x")
    server.start()
    load = Load(server.url)
    asking = threading.Thread(target=load.run)
    try:
        with server.client() as client:
            waiting = started(client, APPROVAL)
            awaited(client, waiting, "ask")
            runs = [started(client, CHAIN) for _ in range(RUNS)]
            asking.start()
            server.until(lambda: any(status == 200 for _, status, _ in load.answers))
            before = {run: _events(client, run) for run in (waiting, *runs)}
            assert any(len(events) < 2 * STEPS + 3 for events in before.values()), "all over"

            postgres_that_stops.stop()
            went = time.monotonic()
            assert _readiness(client, 503, 20) <= 5
            server.until(lambda: client.get("/api/v1/runs").status_code == 503, 5)
            away = client.get("/api/v1/runs")
            assert away.headers["retry-after"]
            assert (away.json()["code"], away.json()["retryable"]) == ("storage_unavailable", True)
            assert client.post("/api/v1/runs", json={"requirement": "x"}).status_code == 503
            assert client.get("/health/live").status_code == 200
            assert load.first(503, went) <= 5
            time.sleep(max(0.0, SECONDS - (time.monotonic() - went)))  # the outage itself
            comes = time.monotonic()  # it may answer before `start` is sure of that
            postgres_that_stops.start()
            assert _readiness(client, 200, 40) <= 10
            server.until(lambda: client.get("/api/v1/runs").status_code == 200, 10)

            step = awaited(client, waiting, "ask")
            place = f"/api/v1/runs/{waiting}/steps/ask/approve"
            client.post(place, json={}, headers={"If-Match": step["etag"]})
            for run in (waiting, *runs):
                assert rested(client, run)["status"] == "succeeded"
                _check(_events(client, run), before[run])
            load.stop.set()
            asking.join(40)
            asked = [answer for answer in load.answers if went + 5 < answer[0] < comes]
            assert asked
            assert max(took for _, _, took in asked) < 2
            answered = {status for at, status, took in asked if at + took < comes}
            assert answered == {503}
    finally:
        load.stop.set()
        if asking.is_alive():
            asking.join(40)
        server.stop()


def _check(events: list[Any], before: list[Any]) -> None:
    """Nothing that was told is gone or another; nothing is missing; nothing was done twice."""
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [json.dumps(event) for event in events[: len(before)]] == [json.dumps(e) for e in before]
    done = [event["step_id"] for event in events if event["kind"] == "step.succeeded"]
    assert len(done) == len(set(done))
    ends = [event["kind"] for event in events if event["kind"].startswith("run.")]
    assert ends.count("run.succeeded") == 1
    assert ends[-1] == "run.succeeded"
