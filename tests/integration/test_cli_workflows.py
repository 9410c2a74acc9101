"""`maestro workflows`, as a user types it, and the runs it starts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "workflows"
MAESTRO = [sys.executable, "-m", "maestro"]
Json = dict[str, Any]


def maestro(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MAESTRO, *map(str, arguments)], capture_output=True, text=True, timeout=90, cwd=cwd
    )


def lines(text: str) -> list[Json]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    """The examples, where their commands may write."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "flows"))


def write(folder: Path, text: str, name: str = "flow.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


# --- validate, show, schema -----------------------------------------------------------------------


def test_validate(flows: Path) -> None:
    done = maestro("workflows", "validate", flows / "release.yaml")
    assert (done.returncode, done.stdout) == (0, "ok: release, 21 steps\n")
    told = lines(maestro("workflows", "validate", flows / "release.yaml", "--json").stdout)
    assert told[0]["ok"] is True
    assert set(told[0]["inputs"]) == {"version", "dry_run", "regions"}


def test_validate_names_file_line_and_rule(tmp_path: Path) -> None:
    write(tmp_path, "name: x\nsteps:\n  - id: a\n    action: value.set\n    needs: [b]\n")
    done = maestro("workflows", "validate", "flow.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "maestro: invalid_input: flow.yaml, line 5: steps[0].needs[0]: step 'a' needs 'b', which "
        "is not a step; steps: a\n"
    )
    write(tmp_path, "name: x\nsteps: [{id: a, action: no.such}]")
    done = maestro("workflows", "validate", "flow.yaml", cwd=tmp_path)
    assert "unknown action 'no.such'; known: app.integrate, command.run" in done.stderr


def test_show(flows: Path) -> None:
    table = maestro("workflows", "show", flows / "release.yaml").stdout
    assert "concurrency publishing: 2" in table
    assert "flow.expand" in table
    drawn = maestro("workflows", "show", flows / "release.yaml", "--mermaid").stdout
    assert drawn.startswith("flowchart TD\n")
    assert '{{"Sign off the release"}}' in drawn
    told = lines(maestro("workflows", "show", flows / "release.yaml", "--json").stdout)[0]
    assert told["name"] == "release"
    assert told["groups"][0] == ["inputs"]


def test_hostile_titles_stay_titles(tmp_path: Path) -> None:
    title = '[red]x[/red]"]; click s0 "javascript:1" <script>'
    path = write(tmp_path, json.dumps({"name": title, "steps": [
        {"id": "a", "action": "value.set", "title": title}]}), "flow.json")  # fmt: skip
    assert title in maestro("workflows", "show", path).stdout.replace("\n", "")
    drawn = maestro("workflows", "show", path, "--mermaid").stdout
    assert len(drawn.splitlines()) == 2
    assert "<" not in drawn
    assert drawn.count('"') == 2


def test_schema_is_the_one_that_counts() -> None:
    schema = json.loads(maestro("workflows", "schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "notification" in schema["$defs"]["step"]["properties"]["kind"]["enum"]


# --- run ------------------------------------------------------------------------------------------


def test_run_shows_progress_and_the_result(flows: Path, tmp_path: Path) -> None:
    done = maestro(
        "workflows", "run", flows / "parts/package.yaml", "--input", "name=api", "--db",
        tmp_path / "m.db",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "workflow package" in done.stderr
    assert "Run the unit suite" in done.stderr
    assert done.stdout.startswith("succeeded  run-")


def run_json(path: Path, database: Path, *more: str) -> tuple[int, list[Json], Json]:
    done = maestro("workflows", "run", path, "--json", "--db", database, *more)
    told = lines(done.stdout)
    assert told[-1]["type"] == "result", done.stderr
    return done.returncode, told[:-1], told[-1]


def test_run_as_json(flows: Path, tmp_path: Path) -> None:
    code, events, result = run_json(
        flows / "parts/package.yaml", tmp_path / "m.db", "--input", "name=api"
    )
    assert code == 0
    assert result["status"] == "succeeded"
    assert result["counts"] == {"succeeded": 6, "skipped": 1}
    assert result["outputs"]["build"]["file"] == "api-0.0.1.tar.gz"
    suites = [one["stdout"] for one in result["outputs"]["suites"]]
    assert suites == [f"{suite} of api-0.0.1.tar.gz: passed\n" for suite in ("unit", "integration")]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))


def test_a_gate_blocks_and_a_command_fails(flows: Path, tmp_path: Path) -> None:
    path = flows / "parts/package.yaml"
    code, _, result = run_json(
        path, tmp_path / "m.db", "--input", "name=api", "--input", "coverage=95"
    )
    assert (code, result["status"]) == (3, "blocked")
    assert "too little of the code is tested" in result["reasons"][0]
    failing = write(
        tmp_path, "name: x\nsteps: [{id: a, action: command.run, inputs: {argv: ['false']}}]"
    )
    code, _, result = run_json(failing, tmp_path / "m.db")
    assert (code, result["status"]) == (4, "failed")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([], "input 'name' (string) is missing"),
        (["name"], "write NAME=VALUE"),
        (["name=a", "name=b"], "'name' is given twice"),
        (["name=a", "coverage=much"], "input 'coverage': must be a double"),
        (["name=a", "nope=1"], "unknown input 'nope'; the workflow's inputs: name, version"),
    ],
)
def test_inputs_that_are_refused(
    flows: Path, tmp_path: Path, given: list[str], problem: str
) -> None:
    options = [word for text in given for word in ("--input", text)]
    done = maestro(
        "workflows", "run", flows / "parts/package.yaml", "--db", tmp_path / "m.db", *options
    )
    assert done.returncode == 2
    assert problem in done.stderr


MANY = """
name: many
concurrency: {two: 2}
steps:
  - id: numbers
    action: command.run
    inputs: {argv: [python3, -c, "print(list(range(60)))"]}
  - id: each
    kind: map
    needs: [numbers]
    over: ${outputs.numbers.json}
    step:
      kind: workflow
      with: {n: "${item}"}
      workflow:
        inputs: {n: {type: int}}
        steps:
          - {id: twice, action: value.set, concurrency: two, inputs: {n: "${inputs.n}"}}
          - {id: inner, kind: map, needs: [twice], when: inputs.n < 3, over: [a, b], step:
              {action: value.set, inputs: {both: "${item}${outputs.twice.n}"}}}
"""


def test_maps_of_sub_workflows_with_maps(tmp_path: Path) -> None:
    code, events, result = run_json(write(tmp_path, MANY), tmp_path / "m.db", "--max-parallel", "8")
    assert code == 0, result["reasons"]
    each = result["outputs"]["each"]
    assert [one["twice"]["n"] for one in each] == list(range(60))
    assert each[2]["inner"] == [{"both": "a2"}, {"both": "b2"}]
    assert each[3]["inner"] is None
    running = most = 0
    for event in events:
        if (event["step_id"] or "").endswith(".twice"):
            running += {"step.started": 1, "step.succeeded": -1}.get(event["kind"], 0)
            most = max(most, running)
    assert 1 <= most <= 2


HANDLED = """
name: handled
steps:
  - id: risky
    kind: workflow
    workflow:
      steps:
        - {id: ok, action: value.set, inputs: {v: 1}}
        - {id: bad, action: command.run, needs: [ok], inputs: {argv: ['false']}}
  - id: rescue
    needs: [{step: risky, on_failed: run}]
    action: command.run
    inputs: {argv: [echo, rescued]}
  - {id: normal, needs: [risky], action: value.set}
  - id: none
    kind: workflow
    needs: [normal]
    workflow: {steps: [{id: inside, action: value.set, on_unmet: run}]}
  - {id: after, needs: [{step: none, on_skipped: run}], action: value.set, inputs: {v: 2}}
"""


def test_rules_see_what_became_of_a_sub_workflow(tmp_path: Path) -> None:
    _, _, result = run_json(write(tmp_path, HANDLED), tmp_path / "m.db")
    assert result["status"] == "failed"
    assert set(result["outputs"]) == {"rescue", "after"}
    assert any("1 of 2 steps of 'risky' did not succeed" in text for text in result["reasons"])
    # normal, none.begin, none.inside and none
    assert result["counts"] == {"succeeded": 4, "failed": 2, "skipped": 4}


def test_what_is_no_list_fails_the_map(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "name: x\nsteps: [{id: a, action: value.set, inputs: {v: 1}}, {id: m, kind: map, "
        "needs: [a], over: '${outputs.a.v}', step: {action: value.set}}]",
    )
    _, _, result = run_json(path, tmp_path / "m.db")
    assert result["status"] == "failed"
    assert "map 'm': 'over' must give a list, got int: 1" in result["reasons"][0]


# --- the release example: approval, pause, kill, resume ------------------------------------------


class Running:
    """`maestro workflows run ... --json` in the background."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [*MAESTRO, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.seen: list[Json] = []

    def until(self, wanted: Callable[[Json], bool]) -> Json:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.seen.append(json.loads(line))
            if wanted(self.seen[-1]):
                return self.seen[-1]
        raise AssertionError(f"the command ended first: {self.seen[-3:]}")

    def end(self) -> int:
        assert self.process.stdout is not None
        self.seen += [json.loads(line) for line in self.process.stdout]
        return self.process.wait(60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def started() -> Iterator[Callable[..., Running]]:
    all_started: list[Running] = []

    def start(*arguments: str | Path) -> Running:
        all_started.append(Running(*arguments))
        return all_started[-1]

    yield start
    for running in all_started:
        running.kill()


def is_kind(kind: str, step: str | None = None) -> Callable[[Json], bool]:
    return lambda event: event.get("kind") == kind and (step is None or event["step_id"] == step)


def test_a_release_is_killed_resumed_and_approved(
    flows: Path, tmp_path: Path, started: Callable[..., Running]
) -> None:
    database = tmp_path / "m.db"
    first = started("workflows", "run", flows / "release.yaml", "--json", "--db", database)
    run_id = first.until(is_kind("step.awaiting", "sign-off"))["run_id"]
    os.kill(first.process.pid, signal.SIGKILL)
    first.kill()
    second = started("runs", "resume", run_id, "--json", "--db", database)
    second.until(is_kind("run.resumed"))
    approved = maestro("runs", "approve", run_id, "sign-off", "--db", database)
    assert approved.returncode == 0, approved.stderr
    second.until(is_kind("step.started", "publish.1"))
    second.kill()
    third = started("runs", "resume", run_id, "--json", "--db", database)
    assert third.end() == 0
    result = third.seen[-1]
    assert result["status"] == "succeeded"
    regions = [
        one["region"] for one in (published["json"] for published in result["outputs"]["publish"])
    ]
    assert regions == ["north", "east", "south"]
    assert result["outputs"]["publish"][0]["json"]["files"] == [
        "api-1.4.0.tar.gz", "web-1.4.0.tar.gz",
    ]  # fmt: skip
    events = first.seen + second.seen + third.seen
    ended = [event["step_id"] for event in events if event.get("kind") == "step.succeeded"]
    assert len(ended) == len(set(ended))  # no finished step ran again
    retried = [event for event in events if event.get("kind") == "step.retrying"]
    assert {event["step_id"] for event in retried} == {"changelog"}
    told = [event["data"]["message"] for event in events if event.get("kind") == "step.progress"]
    assert any(message.startswith("Version 1.4.0 is out in ") for message in told)


def test_a_rejected_release_cleans_up(
    flows: Path, tmp_path: Path, started: Callable[..., Running]
) -> None:
    database = tmp_path / "m.db"
    running = started("workflows", "run", flows / "release.yaml", "--json", "--db", database)
    run_id = running.until(is_kind("step.awaiting", "sign-off"))["run_id"]
    rejected = maestro(
        "runs", "reject", run_id, "sign-off", "--comment", "not today", "--db", database
    )
    assert rejected.returncode == 0, rejected.stderr
    assert running.end() == 3
    result = running.seen[-1]
    assert result["status"] == "blocked"
    assert "publish" not in result["outputs"]
    assert result["outputs"]["clean-up"]["exit_status"] == 0
    assert any("not today" in reason for reason in result["reasons"])


SLEEPER = """
name: sleeper
steps:
  - id: sleep
    action: command.run
    inputs:
      argv:
        - python3
        - -c
        - |
          import os, subprocess, sys, time
          child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                                   start_new_session=True)
          open("pids.part", "w").write(f"{os.getpid()} {child.pid}")
          os.rename("pids.part", "pids")
          time.sleep(600)
"""


@pytest.mark.parametrize("how", ["cancel", "kill"])
def test_no_process_outlives_its_run(
    how: str, tmp_path: Path, started: Callable[..., Running]
) -> None:
    database = tmp_path / "m.db"
    path = write(tmp_path, SLEEPER)
    running = started("workflows", "run", path, "--json", "--db", database)
    run_id = running.until(is_kind("step.started"))["run_id"]
    deadline = time.monotonic() + 30
    while not (tmp_path / "pids").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    pids = (tmp_path / "pids").read_text().split()
    if how == "kill":
        running.kill()
    else:
        assert maestro("runs", "cancel", run_id, "--db", database).returncode == 0
        assert running.end() == 4
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, f"{pids} are still there"
        time.sleep(0.02)
