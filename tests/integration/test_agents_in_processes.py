"""`maestro agents serve` and `maestro agents add` in processes of their own, as people use them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from llm_runs import plan_of

from maestro.agents.acp.commands import AgentCommands
from maestro.cli.planfile import save
from maestro.domain.values import StepId
from maestro.domain.workflow import Step

DOUBLE = Path(__file__).parents[1] / "support" / "coding_agent.py"
MAESTRO = (sys.executable, "-m", "maestro")
TASKS = """
name: one
tasks:
  - id: shop-tables
    role: database_designer
    text: "A shop has customers with a name, and orders with an amount. Build a REST API."
    timeout: 100
"""


def environment(folder: Path) -> dict[str, str]:
    own = {name: str(folder / name.lower()) for name in ("MAESTRO_DATA", "MAESTRO_CONFIG")}
    return {"PATH": os.environ["PATH"], "HOME": str(folder), **own}


def maestro(folder: Path, *words: str) -> tuple[int, list[Any], str]:
    """Exit status, the JSON documents on stdout, and stderr."""
    done = subprocess.run(
        [*MAESTRO, *words], env=environment(folder), capture_output=True, text=True, timeout=110
    )
    documents = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return done.returncode, documents, done.stderr


@contextmanager
def serving(folder: Path, *personas: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Base URL of a service on a database of its own."""
    folder.mkdir()
    words = [word for persona in personas for word in ("--persona", persona)]
    process = subprocess.Popen(
        [*MAESTRO, "agents", "serve", "--port", "0", *words],
        env=environment(folder),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = iter(process.stdout.readline, "")
        last = next(line for line in lines if line.startswith("all of them at "))
        yield last.split()[-1].removesuffix("/.well-known/agent-card.json"), process
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(30) in (0, -signal.SIGKILL)


@pytest.mark.timeout(300)  # five processes, one after the other
def test_an_agent_next_door_does_a_task_and_when_it_is_gone_another_one_does(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "one.yaml").write_text(TASKS)
    with serving(tmp_path / "next-door", "database_designer") as (url, process):
        status, told, _ = maestro(home, "agents", "add", url, "--id", "next-door", "--json")
        assert (status, told[0]["executor"], told[0]["cost"]) == (0, "a2a", None)
        status, told, error = maestro(home, "tasks", "run", str(home / "one.yaml"), "--json")
        assert status == 0, error
        assert [task["agents"] for task in told[-1]["tasks"]] == [["next-door"]]
        process.kill()
        process.wait(30)
        status, told, error = maestro(home, "tasks", "run", str(home / "one.yaml"), "--json")
        assert status == 0, error
        assert [task["agents"] for task in told[-1]["tasks"]] == [["next-door", "offline"]]


@pytest.mark.timeout(300)  # four processes, one after the other
def test_two_processes_build_one_application_together(tmp_path: Path) -> None:
    """A part of a build, as all of one takes longer than a test should."""
    home, out = tmp_path / "home", tmp_path / "out"
    home.mkdir()
    here, there = "requirement_analyst", "database_designer"
    text = "Build a REST API for books with a title and an author."
    plan = asyncio.run(plan_of(text, here, there))
    works = [step.id for step in plan.steps if step.action == "persona.work"]
    whole = Step(id=StepId("integrate"), action="app.integrate", needs=tuple(works))
    save(home / "plan.yaml", text, replace(plan, steps=(*plan.steps, whole)))
    with serving(tmp_path / "next-door", there) as (url, _):
        status, _, error = maestro(home, "agents", "add", url, "--id", "next-door", "--json")
        assert status == 0, error
        build = ("build", "--plan", str(home / "plan.yaml"), "--output", str(out), "--json")
        status, told, error = maestro(home, *build)
    assert status == 0, error
    chosen = [one for one in told if one.get("kind") == "agent.chosen"]
    assert {one["step_id"]: one["data"]["agent"] for one in chosen} == {
        f"work.{here}": "offline",
        f"work.{there}": "next-door",
    }
    for one in chosen:
        assert {"score", "factors", "fallbacks", "reason"} <= set(one["data"])
    built = {str(path.relative_to(out / "app")) for path in (out / "app").rglob("*.*")}
    assert {"backend/alembic.ini", "docs/requirements.md"} <= built


def test_a_coding_agent_is_greeted_before_its_command_is_kept(tmp_path: Path) -> None:
    add = ("agents", "add", "coder", "--executor", "acp", "--persona", "solution_architect", "--")
    status, _, error = maestro(tmp_path, *add, "/bin/cat")
    assert (status, "agent_failed" in error) == (4, True)
    kept = AgentCommands(tmp_path / "maestro_config")
    assert not kept.file.exists()
    command = (sys.executable, str(DOUBLE), "by_itself", str(tmp_path))
    status, _, error = maestro(tmp_path, *add, *command)
    assert status == 0, error
    assert kept.of("coder") == command
    status, told, error = maestro(tmp_path, "agents", "show", "coder", "--json")
    assert (told[0]["cost"], told[0]["region"]) == (None, "unknown"), error
    status, _, error = maestro(tmp_path, *add, *command, "another word")
    assert (status, "already taken" in error) == (2, True)
    assert kept.of("coder") == command
    status, _, error = maestro(tmp_path, "agents", "remove", "coder")
    assert status == 0, error
    assert json.loads(kept.file.read_text()) == {}


def test_an_agent_whose_command_cannot_be_kept_is_not_registered(tmp_path: Path) -> None:
    config = tmp_path / "maestro_config"
    config.mkdir()
    (config / "coding-agents.json").write_text("{}")
    (config / "coding-agents.json").chmod(0o666)
    add = ("agents", "add", "coder", "--executor", "acp", "--persona", "solution_architect", "--")
    status, _, error = maestro(
        tmp_path, *add, sys.executable, str(DOUBLE), "by_itself", str(tmp_path)
    )
    assert (status, "can be written by others" in error) == (2, True)
    status, told, error = maestro(tmp_path, "agents", "list", "--json")
    assert [agent["id"] for agent in told[0]["agents"]] == ["offline"], error
