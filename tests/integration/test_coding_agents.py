"""Coding agents over ACP: real processes that behave well, badly, or not at all."""

import asyncio
import importlib.util
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.acp.executor import AcpExecutor
from maestro.agents.executors.offline.executor import OfflineExecutor
from maestro.agents.sandboxes.provider import HostSandboxProvider
from maestro.domain.work import Assignment, Budget, WorkResult
from maestro.errors import AgentFailed, MaestroError, StepTimedOut

TESTS = Path(__file__).parents[1]
AGENT = TESTS / "support" / "coding_agent.py"


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(TESTS / "data" / "support" / "builds.py", "support_builds")


async def quiet(line: str) -> None:
    assert line.isprintable()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with work that passes, to be handed in by the test doubles."""
    tree = tmp_path_factory.mktemp("finished")

    async def work() -> None:
        async with HostSandboxProvider().open(tree) as sandbox:
            await OfflineExecutor().execute(assignment(), sandbox, quiet)

    asyncio.run(work())
    return tree


def assignment(seconds: float = 60.0) -> Assignment:
    made = builds.assignment_of("solution_architect", builds.SHOP)
    assert isinstance(made, Assignment)
    return replace(made, budget=Budget(wall_seconds=seconds))


def give(behaviour: str, folder: Path, finished: Path, seconds: float = 60.0) -> WorkResult:
    (folder / "tree").mkdir()
    (folder / "secret.txt").write_text("canary-secret")
    (folder / "work").symlink_to(finished)
    command = (sys.executable, str(AGENT), behaviour, str(folder))

    async def work() -> WorkResult:
        async with HostSandboxProvider().open(folder / "tree") as sandbox:
            executor = AcpExecutor(
                agent="scripted", command=lambda: command, environment={"PATH": os.defpath}
            )
            return await executor.execute(assignment(seconds), sandbox, quiet)

    return asyncio.run(work())


def notes(folder: Path) -> str:
    return (folder / "notes.txt").read_text()


@pytest.mark.parametrize("behaviour", ["through_us", "by_itself", "noisy"])
def test_work_is_taken_and_checked_here(behaviour: str, tmp_path: Path, finished: Path) -> None:
    result = give(behaviour, tmp_path, finished)
    assert result.changed_paths == ("docs/architecture.md",)
    assert [(check.id, check.passed) for check in result.checks] == [
        ("sections-are-complete", True)
    ]
    assert (result.usage.input_tokens, result.usage.output_tokens, result.usage.cost) == (
        20,
        10,
        None,
    )
    if behaviour == "through_us":
        assert notes(tmp_path) == "architecture.md\n\n"


def test_failed_checks_are_handed_back_in_the_same_session(tmp_path: Path, finished: Path) -> None:
    result = give("at_the_second_try", tmp_path, finished)
    assert result.details["coding_agent"] == {"agent": "scripted", "refused": 0, "tries": 2}
    first, second = (tmp_path / "prompts.txt").read_text().split("\n=====\n")[:2]
    assert "Write only here, relative to the current folder: contract-proposals/, docs/." in first
    assert "deliverables are missing or empty: docs/architecture.md" in second


def test_what_may_not_be_is_refused_and_shows_nothing(tmp_path: Path, finished: Path) -> None:
    result = give("asking", tmp_path, finished)
    told = notes(tmp_path)
    assert "DONE" not in told
    assert told.count("write refused") == 4
    assert told.count("read refused") == 3
    assert "cwd refused" in told
    assert (
        "read secret.txt: yes\nedit a.md: yes\nedit secret.txt: no\ndelete Makefile: no\n" in told
    )
    assert "execute b.md: no\nfetch c.md: no\n" in told
    assert "canary-secret" not in told
    assert result.details["coding_agent"]["refused"] == 12
    assert not (tmp_path / "x").exists()


FAILURES: dict[str, tuple[type[MaestroError], str]] = {
    "leaving_a_file": (AgentFailed, "path 'sitecustomize.py' is outside of what was asked for"),
    "leaving_a_link": (AgentFailed, "'docs/passwd', which is not a plain file"),
    "refusing": (AgentFailed, "stopped with 'refusal'"),
    "crashing": (AgentFailed, "is gone: it ended; it said: out of [31mmemory"),
    "flooding": (AgentFailed, "is gone: it printed 1001 lines that are no messages"),
    "without_end": (AgentFailed, "is gone: it printed a line of more than 16000000 bytes"),
    "old": (AgentFailed, "speaks version 99 of the protocol, not 1"),
}


@pytest.mark.parametrize("behaviour", FAILURES)
def test_an_agent_that_misbehaves(behaviour: str, tmp_path: Path, finished: Path) -> None:
    kind, told = FAILURES[behaviour]
    with pytest.raises(kind) as caught:
        give(behaviour, tmp_path, finished)
    assert told in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_hanging_agent_is_ended_with_the_daemons_it_started(
    tmp_path: Path, finished: Path
) -> None:
    with pytest.raises(StepTimedOut, match="was not done after 5 s and is ended"):
        give("hanging", tmp_path, finished, seconds=5)
    daemon = int(notes(tmp_path))
    with pytest.raises(ProcessLookupError):
        os.kill(daemon, 0)


def test_an_agent_that_says_nothing_is_ended(tmp_path: Path, finished: Path) -> None:
    with pytest.raises(StepTimedOut):
        give("mute", tmp_path, finished, seconds=3)


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    executor = AcpExecutor(agent="gone", command=lambda: ("no-such-agent",), environment={})

    async def work() -> None:
        async with HostSandboxProvider().open(tmp_path) as sandbox:
            await executor.execute(assignment(), sandbox, quiet)

    with pytest.raises(AgentFailed, match="it said: no-such-agent: No such file or directory"):
        asyncio.run(work())
