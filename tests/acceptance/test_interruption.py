"""A build that is killed in the middle goes on where it was, and leaves nothing behind."""

import collections
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from product import (
    REQUIREMENTS,
    Build,
    assert_truthful,
    command,
    environment,
    maestro,
    processes_naming,
    read_build,
    unverified,
)

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("interruption")]


def build_until(home: Path, kind: str, step: str) -> tuple[str, list[dict[str, Any]]]:
    """Starts a build, kills it with everything it started as soon as the event is there."""
    process = subprocess.Popen(
        command(
            *("build", REQUIREMENTS / "user_api.txt", "--json"),
            *("--output", home / "out", "--db", home / "runs.db"),
        ),
        cwd=home,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    seen: list[dict[str, Any]] = []
    for line in process.stdout:
        seen.append(json.loads(line))
        if (seen[-1].get("kind"), seen[-1].get("step_id")) == (kind, step):
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    return str(seen[0]["run_id"]), seen


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("interrupted")


@pytest.fixture(scope="module")
def killed(home: Path) -> tuple[str, list[dict[str, Any]]]:
    return build_until(home, "step.started", "work.backend_developer")


@pytest.fixture(scope="module")
def resumed(home: Path, killed: tuple[str, list[dict[str, Any]]]) -> Build:
    run_id, _ = killed
    finished = maestro("runs", "resume", run_id, "--db", home / "runs.db", "--json", home=home)
    return read_build(finished, home / "out")


def test_nothing_goes_on_when_the_build_is_dead(killed: tuple[str, list[dict[str, Any]]]) -> None:
    run_id, _ = killed
    deadline = time.monotonic() + 20
    while (left := processes_naming(run_id)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


def test_it_goes_on_and_succeeds(
    home: Path, killed: tuple[str, list[dict[str, Any]]], resumed: Build
) -> None:
    run_id, before = killed
    assert resumed.finished.code == 0, resumed.result["reasons"]
    assert resumed.result["run_id"] == run_id
    assert resumed.result["success"] is True
    assert unverified(resumed) == []
    assert_truthful(resumed)
    assert resumed.events[0]["sequence"] > before[-1]["sequence"]
    assert processes_naming(run_id) == []
    assert processes_naming(str(home)) == []
    assert not list((home / "maestro-data" / "work").iterdir())


def test_no_finished_step_ran_twice(
    killed: tuple[str, list[dict[str, Any]]], resumed: Build
) -> None:
    _, before = killed
    events = resumed.document("run.json")["events"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["kind"] for event in events]
    assert kinds.count("run.resumed") == 1
    succeeded = [event["step_id"] for event in events if event["kind"] == "step.succeeded"]
    assert len(succeeded) == len(set(succeeded)) == len(resumed.steps)
    done_before = {event["step_id"] for event in before if event["kind"] == "step.succeeded"}
    starts = collections.Counter(e["step_id"] for e in events if e["kind"] == "step.started")
    interrupted = {e["step_id"] for e in events if e["kind"] == "step.interrupted"}
    assert "work.backend_developer" in interrupted
    assert {step for step, times in starts.items() if times > 1} <= interrupted
    assert {"plan.analyse", "plan.assemble"} <= done_before
    assert all(starts[step] == 1 for step in done_before)


def test_the_time_in_which_nobody_worked_is_not_counted(resumed: Build) -> None:
    events = resumed.document("run.json")["events"]
    assert resumed.result["execution"]["wall_seconds"] > 0
    first, last = events[0]["at"], events[-1]["at"]
    assert first < last
    assert resumed.result["execution"]["wall_seconds"] < resumed.result["execution"][
        "sequential_seconds"
    ] * len(events)
