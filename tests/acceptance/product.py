"""Runs the product as its users do, and reads what came out."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"
REQUIREMENTS = DATA / "requirements"
TERMINAL = {"step.succeeded", "step.failed", "step.blocked", "step.retrying", "step.interrupted"}


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        """Every line of stdout as JSON; fails where a line is anything else."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "maestro", *map(str, arguments)]


def environment(home: Path) -> dict[str, str]:
    """That of a user whose home is `home`, without any setting of Maestro."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MAESTRO_")}
    return {**kept, "HOME": str(home), "XDG_DATA_HOME": str(home / "share"), "COLUMNS": "100"}


def maestro(*arguments: str | Path, home: Path, stdin: str = "") -> Finished:
    """Runs `maestro ARGUMENTS` in the folder `home` to its end."""
    done = subprocess.run(
        command(*arguments),
        cwd=home,
        env=environment(home),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=580,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Span:
    """One attempt of a step, from its start to its end."""

    step: str
    start: datetime
    end: datetime

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True)
class Build:
    """A build that ended: what the command printed and what it left."""

    finished: Finished
    output: Path
    result: dict[str, Any] = field(default_factory=dict)
    events: Sequence[dict[str, Any]] = ()

    @property
    def steps(self) -> Mapping[str, dict[str, Any]]:
        return {step["id"]: step for step in self.document("run.json")["steps"]}

    @property
    def spans(self) -> Mapping[str, Span]:
        """The last attempt of every step that ran."""
        return spans(self.events)

    @property
    def work(self) -> list[Span]:
        return [span for step, span in self.spans.items() if step.startswith("work.")]

    def document(self, name: str) -> Any:
        return json.loads((self.output / name).read_text(encoding="utf-8"))


def spans(events: Sequence[Mapping[str, Any]]) -> dict[str, Span]:
    found: dict[str, Span] = {}
    started: dict[str, datetime] = {}
    for event in events:
        step, at = event["step_id"], datetime.fromisoformat(event["at"])
        if event["kind"] == "step.started":
            started[step] = at
        elif event["kind"] in TERMINAL and step in started:
            found[step] = Span(step, started.pop(step), at)
    return found


def build(home: Path, *arguments: str | Path) -> Build:
    """`maestro build ARGUMENTS --json` with output and database in `home`."""
    output = home / "out"
    finished = maestro(
        "build", *arguments, "--output", output, "--db", home / "runs.db", "--json", home=home
    )
    return read_build(finished, output)


def read_build(finished: Finished, output: Path) -> Build:
    documents = finished.documents
    assert documents, finished.stderr
    *events, result = documents
    assert result["type"] == "result", result
    assert all(event["type"] == "event" for event in events)
    return Build(finished, output, result, events)


def assert_truthful(build: Build) -> None:
    """Exit code, result, reports, gates and events tell one and the same story."""
    result, run = build.result, build.document("run.json")
    status = result["status"]
    assert build.finished.code == {"succeeded": 0, "blocked": 3, "failed": 4}[status]
    assert result["success"] is (status == "succeeded")
    assert build.events[-1]["kind"] == f"run.{status}"
    assert run["run"]["status"] == status
    assert run["result"]["status"] == status
    if result["success"]:
        assert result["reasons"] == []
        assert all(c["verified"] or not c["checked"] for c in result["contracts"])
        assert result["quality"]["gates_passed"] == result["quality"]["gates_total"] > 0
    else:
        assert result["reasons"]
    for missing in result["not_built"]:
        assert missing["what"]
        assert missing["reason"]


def unverified(build: Build) -> list[str]:
    return [c["id"] for c in build.result["contracts"] if not c["verified"]]


def processes_naming(text: str) -> list[str]:
    """Command lines of live processes, other than this one, that hold `text`."""
    return [line for pid, line in command_lines() if text in line and pid != os.getpid()]


def command_lines() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                raw = (folder / "cmdline").read_bytes()
            except OSError:
                continue  # it ended meanwhile
            yield int(folder.name), raw.replace(b"\0", b" ").decode(errors="replace")
