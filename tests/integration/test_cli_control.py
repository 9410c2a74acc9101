"""`maestro runs`: what people ask of runs, in this process or from another terminal."""

import asyncio
import io
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from postgres import PASSWORD

from maestro.bootstrap import connect
from maestro.cli.main import main
from maestro.delivery.flow_steps import FOLDER, VALUES
from maestro.domain.run import EventKind, RunStatus
from maestro.domain.values import JsonValue, RunId, StepId, new_run_id
from maestro.domain.workflow import Step, StepKind, Workflow
from maestro.settings import Settings

SECRET = "s3cr3t"


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        (only,) = (json.loads(line) for line in self.out.splitlines())
        assert isinstance(only, dict)
        return only


Door = Callable[..., Finished]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "my runs.db"


@pytest.fixture
def door(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Door:
    """`maestro runs ...` on the database, without the seconds a new interpreter takes."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def call(*arguments: str) -> Finished:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["runs", *arguments, "--db", str(database)])
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Finished(ended.value.code, printed.out, printed.err)

    return call


def step(name: str, *needs: str, **fields: Any) -> Step:
    return Step(id=StepId(name), needs=tuple(StepId(need) for need in needs), **fields)


def release() -> Workflow:
    """Two values, then an approval, then a signal; everything works with the first value."""
    return Workflow(
        name="release",
        steps=(
            step("first", action="value.set", inputs={"n": 1}),
            step("second", "first", action="value.set", inputs={"n": "${outputs.first.n}"}),
            step("release", "second", kind=StepKind.APPROVAL, title="Release it"),
            step("paid", "release", kind=StepKind.SIGNAL),
        ),
    )


def store_run(database: Path | str, workflow: Workflow) -> str:
    async def store() -> str:
        run_id = new_run_id()
        async with connect(Settings.load({}, database=database)) as maestro:
            inputs: dict[str, JsonValue] = {FOLDER: None, VALUES: {}}
            await maestro.engine.start(workflow, inputs=inputs, max_parallel=4, run_id=run_id)
        return run_id

    return asyncio.run(store())


def drive(database: Path | str, run_id: str) -> RunStatus:
    """Drives a run until it ends or a step waits for somebody, as a process that then leaves."""

    async def go() -> RunStatus:
        async with connect(Settings.load({}, database=database)) as maestro:
            begun = (await maestro.show(RunId(run_id))).events[-1].sequence
            async with asyncio.TaskGroup() as group:
                group.create_task(maestro.engine.execute(RunId(run_id)))
                async for event in maestro.events(RunId(run_id), after=begun):
                    if event.kind is EventKind.STEP_AWAITING:
                        break
                maestro.drain(0)
            return (await maestro.run(RunId(run_id))).status

    return asyncio.run(go())


@pytest.fixture
def asking(database: Path) -> str:
    """A run whose approval waits, driven by nobody."""
    run_id = store_run(database, release())
    assert drive(database, run_id) is RunStatus.RUNNING
    return run_id


@pytest.fixture
def ended(database: Path, door: Door, asking: str) -> str:
    """The run, succeeded."""
    assert door("approve", asking, "release").code == 0
    assert door("signal", asking, "paid").code == 0
    assert drive(database, asking) is RunStatus.SUCCEEDED
    return asking


def statuses(door: Door, run_id: str) -> dict[str, tuple[str, int]]:
    shown = door("show", run_id, "--json").document
    return {step["id"]: (step["status"], step["attempt"]) for step in shown["steps"]}


def events(door: Door, run_id: str, kind: str) -> list[dict[str, Any]]:
    printed = door("events", run_id, "--json").out.splitlines()
    return [event for event in map(json.loads, printed) if event["kind"] == kind]


def again(database: Path, run_id: str) -> str:
    return f"maestro runs resume {run_id} --db '{database}'"


def asked_twice(door: Door, run_id: str, *words: str) -> tuple[str, str]:
    """Asks, and asks again: the second time changes nothing and is no error."""
    verb, *rest = words
    name = rest[0] if rest and not rest[0].startswith("--") else None
    first = door(verb, run_id, *rest)
    known = door("events", run_id, "--json").out
    second = door(verb, run_id, *rest)
    third = door(verb, run_id, *rest, "--json")
    assert (first.code, second.code, third.code) == (0, 0, 0), first.err + second.err
    assert third.document == {"run": run_id, "verb": verb, "step": name, "changed": False}
    assert door("events", run_id, "--json").out == known
    return first.out, second.out


def test_pause(database: Path, door: Door, asking: str) -> None:
    first, second = asked_twice(door, asking, "pause")
    assert first.startswith("paused")
    assert second.startswith("already paused")
    assert again(database, asking) in first
    assert again(database, asking) in second
    assert door("show", asking, "--json").document["status"] == "paused"
    assert again(database, asking) in door("show", asking).out


def test_the_answer_of_a_machine_is_one_document(door: Door, asking: str) -> None:
    answer = door("pause", asking, "--json")
    assert answer.document == {"run": asking, "verb": "pause", "step": None, "changed": True}
    assert answer.err == ""


def test_cancel(door: Door, asking: str) -> None:
    first, second = asked_twice(door, asking, "cancel")
    assert first.startswith("cancelled")
    assert second.startswith("already cancelled")
    assert set(statuses(door, asking).values()) == {
        ("succeeded", 1),
        ("cancelled", 0),
    }
    refused = door("resume", asking, "--json")
    assert refused.code == 2
    assert "cancelled" in refused.document["message"]


def test_approve_with_a_comment(database: Path, door: Door, asking: str) -> None:
    first, second = asked_twice(door, asking, "approve", "release", "--comment", "looks good")
    assert first == (
        f"approved: step release; nobody drives the run; go on with: {again(database, asking)}\n"
    )
    assert second.startswith("already approved: step release")
    (told,) = [e for e in events(door, asking, "step.succeeded") if e["step_id"] == "release"]
    assert told["data"]["decision"] == {"approved": True, "by": "local", "comment": "looks good"}
    assert "approved by local: looks good" in door("show", asking).out
    assert statuses(door, asking)["release"][0] == "succeeded"


def test_reject_then_retry_asks_again(database: Path, door: Door, asking: str) -> None:
    first, _ = asked_twice(door, asking, "reject", "release", "--comment", "too early")
    assert first.startswith("rejected: step release")
    assert (
        f"nobody drives the run; go on with: {again(database, asking)}" in door("show", asking).out
    )
    blocked = door("resume", asking, "--json")
    assert blocked.code == 3
    result = json.loads(blocked.out.splitlines()[-1])
    assert result["status"] == "blocked"
    assert any("too early" in reason for reason in result["reasons"])
    assert again(database, asking) in door("show", asking).out
    retried = door("retry", asking)
    assert retried.out == (
        "retry asked: what did not succeed starts again; nobody drives the run; go on with: "
        f"{again(database, asking)}\n"
    )
    assert drive(database, asking) is RunStatus.RUNNING
    assert statuses(door, asking)["release"][0] == "awaiting"


def test_retry_of_one_step(door: Door, asking: str) -> None:
    door("reject", asking, "release")
    first, second = asked_twice(door, asking, "retry", "release")
    assert first.startswith("retry asked: step release")
    assert second.startswith("already asked")


def test_signal_before_and_while_it_is_waited_for(
    tmp_path: Path, database: Path, door: Door, asking: str
) -> None:
    payload = tmp_path / "payload.json"
    payload.write_text('{"amount": 12}')
    early, repeated = asked_twice(door, asking, "signal", "paid", "--payload", f"@{payload}")
    assert early.startswith("signalled: step paid")
    assert repeated.startswith("already signalled, with the same payload")
    assert door("approve", asking, "release").code == 0
    assert drive(database, asking) is RunStatus.SUCCEEDED
    (told,) = [e for e in events(door, asking, "step.succeeded") if e["step_id"] == "paid"]
    assert told["data"]["decision"] == {"payload": {"amount": 12}, "by": "local"}
    assert "signalled by local" in door("show", asking).out


def test_rerun_of_a_run_that_succeeded(database: Path, door: Door, ended: str) -> None:
    refused = door("resume", ended, "--json")
    assert refused.code == 2
    assert "nothing to resume" in refused.document["message"]
    first, second = asked_twice(door, ended, "rerun", "second")
    assert first.startswith("re-run asked: step second")
    assert again(database, ended) in first
    assert second.startswith("already asked")
    assert drive(database, ended) is RunStatus.RUNNING
    assert {name: attempt for name, (_, attempt) in statuses(door, ended).items()} == {
        "first": 1,
        "second": 2,
        "release": 0,
        "paid": 0,
    }
    door("approve", ended, "release", "--comment", "again")
    door("signal", ended, "paid", "--payload", "2")
    finished = door("resume", ended, "--json")
    assert finished.code == 0, finished.out
    assert json.loads(finished.out.splitlines()[-1])["status"] == "succeeded"


@pytest.mark.parametrize("source", ["--value", "--file"])
def test_edit_output(tmp_path: Path, database: Path, door: Door, asking: str, source: str) -> None:
    (tmp_path / "output.json").write_text('{"n": 7}')
    given = '{"n": 7}' if source == "--value" else str(tmp_path / "output.json")
    first, second = asked_twice(
        door, asking, "edit-output", "first", source, given, "--comment", "it was wrong"
    )
    assert first.startswith("output changed: step first")
    assert again(database, asking) in first
    assert second.startswith("already the output of step first")
    (told,) = events(door, asking, "step.edited")
    assert told["data"]["by"] == "local"
    assert told["data"]["comment"] == "it was wrong"
    assert told["data"]["before"] != told["data"]["after"]
    assert drive(database, asking) is RunStatus.RUNNING
    assert statuses(door, asking)["first"] == ("succeeded", 1)
    assert statuses(door, asking)["second"] == ("succeeded", 2)
    door("approve", asking, "release")
    door("signal", asking, "paid")
    result = json.loads(door("resume", asking, "--json").out.splitlines()[-1])
    assert result["outputs"]["second"] == {"n": 7}


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("approve", "RUN"), ("--step",)),
        (("approve", "RUN", "nope"), ("'nope'", "no step")),
        (("approve", "RUN", "first"), ("'first'", "action", "'approve'")),
        (("approve", "RUN", "paid"), ("'paid'", "signal", "'approve'")),
        (("signal", "RUN", "release"), ("'release'", "approval", "'signal'")),
        (("signal", "RUN", "paid", "--payload", "12,"), ("--payload", "not JSON")),
        (("signal", "RUN", "paid", "--payload", "@gone.json"), ("--payload", "gone.json")),
        (("retry", "RUN"), ("nothing to retry",)),
        (("retry", "RUN", "first"), ("'first'", "succeeded", "'retry'", "failed")),
        (("rerun", "RUN", "release"), ("'release'", "awaiting", "'rerun'")),
        (("rerun", "RUN"), ("--step",)),
        (("edit-output", "RUN", "first"), ("--value", "--file")),
        (
            ("edit-output", "RUN", "first", "--value", "1", "--file", "x"),
            ("--value", "--file"),
        ),
        (("edit-output", "RUN", "release", "--value", "1"), ("'release'", "'edit-output'")),
        (("edit-output", "RUN", "first", "--file", "gone.json"), ("--file", "gone.json")),
        (("pause", "run-0"), ("'run-0'",)),
        (("fly", "RUN"), ("fly",)),
    ],
)
def test_what_is_not_legal_is_explained_and_changes_nothing(
    door: Door, asking: str, words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    known = door("events", asking, "--json").out
    refused = door(*[asking if word == "RUN" else word for word in words], "--json")
    assert refused.code == 2
    assert refused.document["type"] == "error"
    for part in parts:
        assert part in refused.document["message"]
    assert "Traceback" not in refused.err
    assert door("events", asking, "--json").out == known


@pytest.mark.parametrize("verb", ["pause", "retry"])
def test_an_ended_run_is_not_steered(door: Door, ended: str, verb: str) -> None:
    refused = door(verb, ended, "--json")
    assert refused.code == 2
    assert "the run is succeeded" in refused.document["message"]


def test_a_new_run_cannot_be_paused_but_cancelled(database: Path, door: Door) -> None:
    run_id = store_run(database, release())
    assert door("pause", run_id).code == 2
    assert door("cancel", run_id).code == 0


def test_show_says_who_waits_for_what(database: Path, door: Door, asking: str) -> None:
    shown = door("show", asking)
    assert "waits for an approval since " in shown.out
    where = f"--db '{database}'"
    assert f"approve: maestro runs approve {asking} release {where}" in shown.out
    assert f"reject:  maestro runs reject {asking} release --comment reason {where}" in shown.out
    document = door("show", asking, "--json").document
    (waiting,) = [step for step in document["steps"] if step["status"] == "awaiting"]
    assert (waiting["id"], waiting["kind"]) == ("release", "approval")
    assert waiting["awaits"]["since"] is not None
    assert waiting["awaits"]["until"] is None


def test_runs_of_workflows_are_listed(door: Door, asking: str) -> None:
    assert "workflow release" in door("list").out
    (listed,) = door("list", "--json").document["runs"]
    assert (listed["id"], listed["workflow"], listed["requirement"]) == (asking, "release", None)


def test_events_are_lines_to_read(door: Door, asking: str) -> None:
    told = door("events", asking, "--text").out
    assert "awaiting  Release it: an approval" in told
    assert f"approve: maestro runs approve {asking} release" in told
    last = len(door("events", asking, "--json").out.splitlines())
    later = door("events", asking, "--text", "--after", str(last - 1)).out
    assert later.splitlines()[0].split()[1] == "awaiting"


# --- while another process drives the run ---------------------------------------------------------


def product(*words: str) -> list[str]:
    return [sys.executable, "-m", "maestro", *words]


@pytest.fixture
def driving(database: Path, asking: str) -> Iterator[subprocess.Popen[str]]:
    """`maestro runs resume` of the run in a process of its own."""
    process = subprocess.Popen(
        product("runs", "resume", asking, "--db", str(database)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told_command(process: subprocess.Popen[str], word: str) -> list[str]:
    """The command that the progress says to type; the words after `maestro`."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip().startswith(f"{word}:"):
            program, *words = shlex.split(line.partition(":")[2].partition("  [")[0])
            assert program == "maestro"
            return words
    raise AssertionError(f"no command after {word!r}")


@pytest.mark.timeout(300)
def test_the_commands_it_says_to_type_lead_to_the_end(driving: subprocess.Popen[str]) -> None:
    for word in ("approve", "signal"):
        typed = product(*told_command(driving, word))
        done = subprocess.run(typed, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    out, err = driving.communicate(timeout=60)
    assert driving.returncode == 0, err
    assert "succeeded" in out


@pytest.mark.timeout(300)
def test_a_driven_run_needs_nobody_else(
    database: Path, door: Door, asking: str, driving: subprocess.Popen[str]
) -> None:
    words = product("runs", "events", asking, "--follow", "--db", str(database))
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as follow:
        assert follow.stdout is not None
        # Each is flushed line by line, or this would wait for ever.
        told = (json.loads(line) for line in follow.stdout)
        assert any(event["kind"] == "run.resumed" for event in told)
        refused = door("resume", asking, "--json")
        assert refused.code == 2
        assert str(driving.pid) in refused.document["message"]
        answer = door("approve", asking, "release")
        assert answer.out == (
            "approved: step release; the process that drives the run goes on with it\n"
        )
        waits = ("step.awaiting", "paid")
        assert any((event["kind"], event["step_id"]) == waits for event in told)
        assert door("cancel", asking).code == 0
        assert [event["kind"] for event in told][-1] == "run.cancelled"
    assert follow.returncode == 0
    driving.communicate(timeout=60)
    assert driving.returncode == 4


@pytest.mark.timeout(300)
def test_pausing_ends_the_command_that_drives(
    database: Path, door: Door, asking: str, driving: subprocess.Popen[str]
) -> None:
    assert driving.stderr is not None
    while "resumed" not in driving.stderr.readline():
        assert driving.poll() is None
    assert door("pause", asking).out.startswith("paused")
    out, err = driving.communicate(timeout=60)
    assert driving.returncode == 0, err
    assert "paused" in out
    assert again(database, asking) in out


# --- on PostgreSQL --------------------------------------------------------------------------------


@pytest.mark.xdist_group("postgres")
@pytest.mark.parametrize("named", ["--db", "MAESTRO_DB"])
def test_a_password_is_never_shown(
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    named: str,
) -> None:
    where = ["--db", postgres_url]
    if named == "MAESTRO_DB":
        where = []
        monkeypatch.setenv("MAESTRO_DB", postgres_url)

    def call(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*words, *where])
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        assert "pass%2F" not in printed.out + printed.err
        assert PASSWORD not in printed.out + printed.err
        return ended.value.code, printed.out + printed.err

    run_id = store_run(postgres_url, release())
    assert drive(postgres_url, run_id) is RunStatus.RUNNING
    typed = f"approve: maestro runs approve {run_id} release"
    code, shown = call("runs", "show", run_id)
    assert code == 0
    assert typed in shown
    assert (f"{typed} --db 'postgresql://maestro:***@" in shown) is (named == "--db")
    assert call("runs", "show", run_id, "--json")[0] == 0
    code, approved = call("runs", "approve", run_id, "release")
    assert code == 0
    assert "a worker goes on with it where one is alive" in approved
    assert call("runs", "signal", run_id, "paid")[0] == 0
    assert call("runs", "resume", run_id)[0] == 0
    assert call("runs", "events", run_id, "--json")[0] == 0
    assert call("runs", "fly", run_id)[0] == 2
    assert call("runs", "pause", run_id, "--nonsense", postgres_url)[0] == 2


def test_a_database_that_is_not_there_is_named_without_its_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["runs", "list", "--json", "--db", f"postgresql://ann:{SECRET}@127.0.0.1:1/runs"])
    printed = capsys.readouterr()
    assert ended.value.code == 5
    assert "ann@127.0.0.1:1/runs" in printed.err
    assert SECRET not in printed.out + printed.err
