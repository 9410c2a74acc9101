"""`maestro agents` as people use it, in processes of their own on one registry."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def maestro(folder: Path, *words: str, code: int = 0) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "maestro", *words],
        env={**os.environ, "MAESTRO_DATA": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def listed(folder: Path) -> dict[str, Any]:
    document = json.loads(maestro(folder, "agents", "list", "--json")[0])
    return {agent["id"]: agent for agent in document["agents"]}


def test_an_agent_from_joining_to_leaving(tmp_path: Path) -> None:
    add = ("agents", "add", "py", "--executor", "offline", "--persona", "backend_developer")
    maestro(tmp_path, *add, "--skill", "rest", "--language", "python", "--cost", "unknown")
    found = listed(tmp_path)
    assert list(found) == ["offline", "py"]
    assert found["py"]["health"] == "ready"
    assert found["py"]["cost"] is None
    _, error = maestro(tmp_path, *add, code=2)
    assert "agent id 'py' is already taken" in error
    maestro(tmp_path, "agents", "drain", "py")
    assert listed(tmp_path)["py"]["health"] == "draining"
    maestro(tmp_path, "agents", "drain", "py", "--undo")
    shown, _ = maestro(tmp_path, "agents", "show", "py")
    assert "health    ready" in shown
    assert "cost      unknown" in shown
    assert "success   80.0% (nothing done yet)" in shown
    maestro(tmp_path, "agents", "remove", "py")
    assert list(listed(tmp_path)) == ["offline"]


@pytest.mark.parametrize(
    ("model", "region"),
    [
        ("anthropic:m", "anthropic"),
        ("https://models.example/v1#m", "models.example"),
        ("http://127.0.0.1:9/v1#m", "local"),
        ("http://[::1]:9/v1#m", "local"),
        ("http://localhost:9/v1#m", "local"),
    ],
)
def test_a_models_data_goes_where_the_model_is_and_its_cost_is_unknown(
    tmp_path: Path, model: str, region: str
) -> None:
    add = ("agents", "add", "m", "--executor", "llm", "--persona", "qa_engineer", "--json")
    told = json.loads(maestro(tmp_path, *add, "--model", model)[0])
    assert (told["region"], told["cost"]) == (region, None)


def test_what_is_said_of_region_and_cost_wins(tmp_path: Path) -> None:
    add = ("agents", "add", "m", "--executor", "llm", "--persona", "qa_engineer", "--json")
    more = ("--model", "openai:m", "--region", "eu", "--cost", "0.5")
    told = json.loads(maestro(tmp_path, *add, *more)[0])
    assert (told["region"], told["cost"]) == ("eu", 0.5)


def test_a_worker_with_an_agent_needs_a_capability(tmp_path: Path) -> None:
    _, error = maestro(tmp_path, "worker", "--agent", "a", "--persona", "qa_engineer", code=2)
    assert "--agent takes steps with a capability: give --capability" in error


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("add", "x", "--executor", "llm", "--persona", "qa_engineer", "--model", "gpt"),
            "model 'gpt': write anthropic:NAME",
        ),
        (("show", "nobody"), "there is no agent 'nobody' in this database"),
        (("remove", "offline"), "is built in; drain it"),
        (("add", "x", "--executor", "magic", "--persona", "qa_engineer"), "no executor 'magic'"),
        (("add", "x", "--executor", "offline", "--persona", "poet"), "no persona 'poet'; known:"),
        (
            ("add", "x", "--executor", "offline", "--persona", "qa_engineer", "--cost", "much"),
            "--cost 'much' is no number",
        ),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    _, error = maestro(tmp_path, "agents", *words, code=2)
    assert told in error


def test_the_list_tells_what_waits_and_what_was_given(tmp_path: Path) -> None:
    document = json.loads(maestro(tmp_path, "agents", "list", "--json")[0])
    assert document["agents"][0]["in_hand"] == 0
    empty: list[object] = []
    found = [document[name] for name in ("queues", "circuits", "capabilities", "pools")]
    assert found == [empty] * 4
    assert set(document["totals"]) == {
        "given",
        "succeeded",
        "failed",
        "refused",
        "rerouted",
        "waited_seconds",
    }
    told = json.loads(maestro(tmp_path, "agents", "events", "--json")[0])
    assert told == {"type": "pool_events", "events": []}
