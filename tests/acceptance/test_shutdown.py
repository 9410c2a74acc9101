"""A command that is told to end does so in order, in time, and leaves no process behind."""

import contextlib
import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from product import (
    REQUIREMENTS,
    Finished,
    assert_truthful,
    command,
    command_lines,
    environment,
    maestro,
    processes_naming,
    read_build,
)

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("shutdown")]

WAITING = """
import pathlib, subprocess, sys, time
folder = pathlib.Path(sys.argv[1])
if not (folder / "go").exists():
    nap = [sys.executable, "-c", "import time; time.sleep(600)", sys.argv[1]]
    subprocess.Popen(nap, start_new_session=True)  # a daemon in a session of its own
    (folder / "begun").touch()
while not (folder / "go").exists():
    time.sleep(0.02)
"""
CODES = {signal.SIGTERM: 143, signal.SIGINT: 130}


@dataclass
class Command:
    """A `maestro ... --json` that is under way."""

    home: Path
    process: subprocess.Popen[str]

    def until(self, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            if reached(event):
                return event
        raise AssertionError(self.process.communicate()[1])

    def until_step(self, kind: str, step: str) -> str:
        """Waits for an event of a step; the run's id."""
        event = self.until(lambda e: (e.get("kind"), e.get("step_id")) == (kind, step))
        return str(event["run_id"])

    def until_asked(self) -> None:
        """Waits until the first signal was answered."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "once more ends it at once" in line:
                return
        raise AssertionError("no answer to the signal")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def finished(self) -> Finished:
        out, err = self.process.communicate(timeout=60)
        return Finished(self.process.returncode, out, err)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Starts `maestro ARGUMENTS`, on a file where they name no other database."""
    begun: list[Command] = []

    def go(*arguments: str | Path) -> Command:
        where = () if "--db" in arguments else ("--db", tmp_path / "runs.db", "--json")
        process = subprocess.Popen(
            command(*arguments, *where),
            cwd=tmp_path,
            env={
                **environment(tmp_path),
                "TMPDIR": str(tmp_path),
                "MAESTRO_LEASE_SECONDS": "2",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(Command(tmp_path, process))
        return begun[-1]

    yield go
    for one in begun:
        one.process.kill()
        one.process.communicate()


Start = Callable[..., Command]


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """Step `wait` goes on until the file `go` is there; `after` needs it."""
    wait = [sys.executable, "-c", WAITING, str(tmp_path)]
    steps = [
        {"id": "before", "action": "value.set", "inputs": {"n": 1}},
        {
            "id": "wait",
            "action": "command.run",
            "needs": ["before"],
            "inputs": {"argv": wait},
            "retry": {"max_attempts": 3, "retry_on": ["interrupted"]},
        },
        {"id": "after", "action": "value.set", "needs": ["wait"], "inputs": {"n": 2}},
    ]
    path = tmp_path / "slow.json"
    path.write_text(json.dumps({"name": "slow", "steps": steps}))
    return path


def begun(start: Start, workflow: Path, *options: str) -> tuple[Command, str]:
    """A workflow whose step `wait`, and a daemon of that step, are running."""
    running = start("workflows", "run", workflow, *options)
    run_id = running.until_step("step.started", "wait")
    eventually(lambda: (workflow.parent / "begun").exists())
    assert any("time.sleep(600)" in line for line in processes_naming(str(workflow.parent)))
    return running, run_id


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def resume_command(text: str, home: Path) -> list[str]:
    """The command that a message says goes on with the run."""
    program, *words = shlex.split(text.rpartition("go on with: ")[2])
    assert program == "maestro"
    assert str(home / "runs.db") in words
    return words


def resumed(home: Path, message: str) -> Finished:
    done = maestro(*resume_command(message, home), "--json", home=home)
    assert done.code == 0, done.stderr
    return done


def starts(home: Path, run_id: str) -> dict[str, int]:
    events = maestro("runs", "events", run_id, "--db", home / "runs.db", home=home).documents
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    kinds: dict[str, int] = {}
    for event in events:
        if event["kind"] == "step.started":
            kinds[event["step_id"]] = kinds.get(event["step_id"], 0) + 1
    return kinds


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_does_not_end_in_time_is_interrupted(
    tmp_path: Path, start: Start, workflow: Path, number: signal.Signals
) -> None:
    running, run_id = begun(start, workflow, "--grace", "0.5")
    running.signal(number)
    finished = running.finished()
    assert finished.code == CODES[number]
    assert f"{number.name}: nothing new starts; running steps get 0.5 s" in finished.stderr
    *events, last = finished.documents
    assert [event["kind"] for event in events] == ["step.interrupted"]
    assert (last["type"], last["code"]) == ("error", "interrupted")
    assert processes_naming(str(tmp_path)) == []
    (tmp_path / "go").touch()
    assert resumed(tmp_path, last["message"]).documents[-1]["status"] == "succeeded"
    assert starts(tmp_path, run_id) == {"before": 1, "wait": 2, "after": 1}


def test_what_ends_in_time_is_kept_and_nothing_new_starts(
    tmp_path: Path, start: Start, workflow: Path
) -> None:
    running, run_id = begun(start, workflow, "--grace", "300")
    running.signal(signal.SIGTERM)
    running.until_asked()
    (tmp_path / "go").touch()
    finished = running.finished()
    assert finished.code == 143
    *events, last = finished.documents
    assert [(event["kind"], event["step_id"]) for event in events] == [("step.succeeded", "wait")]
    assert processes_naming(str(tmp_path)) == []
    resumed(tmp_path, last["message"])
    assert starts(tmp_path, run_id) == {"before": 1, "wait": 1, "after": 1}


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGTERM)],
)
def test_the_second_signal_ends_at_once(
    tmp_path: Path,
    start: Start,
    workflow: Path,
    first: signal.Signals,
    second: signal.Signals,
) -> None:
    running, run_id = begun(start, workflow, "--grace", "300")
    running.signal(first)
    running.until_asked()
    running.signal(second)
    finished = running.finished()
    assert finished.code == CODES[second]
    assert "ending at once" in finished.stderr
    assert processes_naming(str(tmp_path)) == []
    (tmp_path / "go").touch()
    resumed(tmp_path, finished.documents[-1]["message"])
    assert starts(tmp_path, run_id) == {"before": 1, "wait": 2, "after": 1}


def test_waiting_for_somebody_ends_without_delay(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "ask.json"
    path.write_text(json.dumps({"name": "ask", "steps": [{"id": "ask", "kind": "approval"}]}))
    running = start("workflows", "run", path, "--grace", "300")
    run_id = running.until_step("step.awaiting", "ask")
    running.signal(signal.SIGTERM)
    finished = running.finished()
    assert finished.code == 143
    maestro("runs", "approve", run_id, "ask", "--db", tmp_path / "runs.db", home=tmp_path)
    resumed(tmp_path, finished.documents[-1]["message"])


def test_a_plan_ends_in_order_and_can_be_gone_on_with(tmp_path: Path, start: Start) -> None:
    """Nobody else may write to the file meanwhile, so the signal comes before the plan is made."""
    path = tmp_path / "runs.db"
    planning = start("plan", "Manage tasks. A task has a title and a due date.")

    def told() -> list[str]:
        with contextlib.suppress(sqlite3.OperationalError):  # not made yet
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
                return [kind for (kind,) in reader.execute("SELECT kind FROM events")]
        return []

    eventually(lambda: "step.started" in told())
    with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        planning.signal(signal.SIGTERM)
        planning.until_asked()
        other.execute("ROLLBACK")
    finished = planning.finished()
    assert finished.code == 143
    (last,) = finished.documents
    assert (last["type"], last["code"]) == ("error", "interrupted")
    done = resumed(tmp_path, last["message"]).documents[-1]
    assert done["status"] == "succeeded"
    assert starts(tmp_path, done["run_id"]).keys() >= {"plan.analyse", "plan.assemble"}


def test_killed_it_leaves_no_process(tmp_path: Path, start: Start, workflow: Path) -> None:
    running, run_id = begun(start, workflow)
    running.process.kill()  # it alone, not its group
    running.process.wait()
    eventually(lambda: processes_naming(str(tmp_path)) == [])
    (tmp_path / "go").touch()
    db = tmp_path / "runs.db"
    assert maestro("runs", "resume", run_id, "--db", db, home=tmp_path).code == 0
    assert starts(tmp_path, run_id) == {"before": 1, "wait": 2, "after": 1}


@pytest.mark.parametrize("grace", ["-1", "nan", "inf", "soon"])
def test_a_grace_nobody_can_wait_is_refused(tmp_path: Path, workflow: Path, grace: str) -> None:
    db = tmp_path / "runs.db"
    refused = maestro("workflows", "run", workflow, f"--grace={grace}", "--db", db, home=tmp_path)
    assert refused.code == 2
    assert "grace" in refused.stderr
    assert not db.exists()


def test_a_build_that_is_told_to_end_goes_on_later(tmp_path: Path, start: Start) -> None:
    running = start(
        *("build", REQUIREMENTS / "user_api.txt", "--output", tmp_path / "out", "--grace", "1")
    )
    run_id = running.until_step("step.started", "work.backend_developer")
    running.signal(signal.SIGTERM)
    finished = running.finished()
    assert finished.code == 143
    last = finished.documents[-1]
    assert last["code"] == "interrupted"
    assert processes_naming(run_id) == []
    assert processes_naming(str(tmp_path)) == []
    build = read_build(resumed(tmp_path, last["message"]), tmp_path / "out")
    assert build.result["success"] is True
    assert_truthful(build)
    counted = starts(tmp_path, run_id)
    assert counted["plan.analyse"] == counted["plan.assemble"] == 1
    assert processes_naming(str(tmp_path)) == []


def test_killed_during_the_verification_it_leaves_no_process(tmp_path: Path, start: Start) -> None:
    running = start("build", REQUIREMENTS / "user_api.txt", "--output", tmp_path / "out")
    running.until(lambda e: "contract tests: " in e.get("data", {}).get("message", ""))
    (tests,) = (
        pid
        for pid, line in command_lines()
        if str(tmp_path) in line and "conformance_process" in line
    )
    os.kill(tests, signal.SIGSTOP)  # it cannot notice by itself that nobody listens any more
    try:
        running.process.kill()
        running.process.wait()
        eventually(lambda: processes_naming(str(tmp_path)) == [])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(tests, signal.SIGKILL)


# --- workers, which share a PostgreSQL database ---------------------------------------------------


@pytest.fixture
def shared(workflow: Path) -> Path:
    """The workflow, with its step `wait` left to workers."""
    document = json.loads(workflow.read_text())
    document["steps"][1]["capability"] = "patience"
    workflow.write_text(json.dumps(document))
    return workflow


@pytest.mark.xdist_group("postgres")
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_a_worker_leaves_its_steps_to_others(
    tmp_path: Path, start: Start, shared: Path, postgres_url: str, twice: bool
) -> None:
    offer = ("worker", "--capability", "patience", "--db", postgres_url)
    worker = start(*offer, "--grace", "300" if twice else "0.5")
    driver = start("workflows", "run", shared, "--db", postgres_url, "--json")
    eventually(lambda: (tmp_path / "begun").exists())
    assert any("time.sleep(600)" in line for line in processes_naming(str(tmp_path)))
    worker.signal(signal.SIGTERM)
    if twice:
        worker.until_asked()
        worker.signal(signal.SIGINT)
    left = worker.finished()
    assert left.code == (130 if twice else 0), left.stderr
    assert not any("time.sleep(600)" in line for line in processes_naming(str(tmp_path)))
    (tmp_path / "go").touch()
    start(*offer)
    done = driver.finished()
    assert done.code == 0, done.stderr
    assert done.documents[-1]["counts"] == {"succeeded": 3}
    assert "pass" not in (left.stdout + left.stderr + done.stdout + done.stderr)


@pytest.mark.xdist_group("postgres")
def test_a_worker_goes_on_where_a_command_was_ended(
    tmp_path: Path, start: Start, workflow: Path, postgres_url: str
) -> None:
    driver = start("workflows", "run", workflow, "--db", postgres_url, "--json", "--grace", "0.2")
    run_id = driver.until_step("step.started", "wait")
    eventually(lambda: (tmp_path / "begun").exists())
    driver.signal(signal.SIGTERM)
    assert driver.finished().code == 143
    (tmp_path / "go").touch()
    worker = start("worker", "--db", postgres_url)
    follow = maestro("runs", "events", run_id, "--follow", "--db", postgres_url, home=tmp_path)
    assert follow.documents[-1]["kind"] == "run.succeeded"
    worker.signal(signal.SIGINT)
    assert worker.finished().code == 0
