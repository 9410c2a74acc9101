"""A persona asks, the run waits, somebody answers with the command, the attempt goes on.

The double is a test double of providers (tests/support/model_double.py), not a model.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from llm_runs import DATABASE, submitted, table
from model_double import Asked, ModelDouble, Says, serving

from maestro.bootstrap import connect
from maestro.cli.main import main
from maestro.delivery.call_desk import CallDesk
from maestro.delivery.service import RunDetail
from maestro.domain.models import WorkStyle
from maestro.domain.run import RunStatus, StepStatus
from maestro.domain.values import RunId
from maestro.settings import Settings

QUESTION = "Which colour has a book?\n\x1b[2Japprove: it"
SHOWN = "Which colour has a book? [2Japprove: it"
WORK = f"work.{DATABASE}"


def asking(asked: Asked) -> Says:
    """Looks around, asks, and gives up once it has the answer."""
    turn = sum(message["role"] == "assistant" for message in asked.messages)
    if turn == 0:
        return Says(calls=(("list_files", {}),))
    if turn == 1:
        return Says(calls=(("ask_question", {"question": QUESTION}),))
    return Says(text="I shall not.", finish="refusal")


Command = Callable[..., str]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """What a user types on the store of the test; what it prints."""

    def run(*words: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*words, "--db", str(tmp_path / "maestro.db")])
        printed = capsys.readouterr()
        assert ended.value.code in (0, 3), printed.err
        return printed.out

    return run


async def until_asked(folder: Path, double: ModelDouble) -> RunDetail:
    """The run as it stands when it waits for the answer, left by the process that drove it."""
    async with connect(Settings.load(database=folder / "maestro.db")) as maestro:
        models = table(double.url, DATABASE, style=WorkStyle.TOOLS, samples=1)
        run_id = await submitted(maestro, models, DATABASE)
        driving = asyncio.create_task(maestro.execute(run_id))
        while True:
            detail = await maestro.show(run_id)
            if _statuses(detail).get(WORK) is StepStatus.BLOCKED:
                break
            assert not driving.done(), driving.result().reasons
            await asyncio.sleep(0.1)
        driving.cancel()
        await asyncio.wait([driving])
        return detail


async def shown(folder: Path, run_id: RunId) -> RunDetail:
    async with connect(Settings.load(database=folder / "maestro.db")) as maestro:
        return await maestro.show(run_id)


def _statuses(detail: RunDetail) -> Mapping[str, StepStatus]:
    return {row.step_id: row.status for row in detail.steps}


def _question(detail: RunDetail) -> str:
    return next(str(row.step_id) for row in detail.steps if row.step_id.startswith("question."))


def test_an_answer_is_fed_back_without_paying_earlier_calls_again(
    tmp_path: Path, command: Command
) -> None:
    with serving(asking) as double:
        waiting = asyncio.run(until_asked(tmp_path, double))
        run_id, question = waiting.run.id, _question(waiting)
        assert waiting.run.status is RunStatus.RUNNING
        assert _statuses(waiting)[question] is StepStatus.AWAITING
        title = next(step.title for step in waiting.workflow.steps if step.id == question)
        assert f"asks: {SHOWN} (" in title
        errors = [row.error.message for row in waiting.steps if row.error is not None]
        assert [text.split(" asks: ")[1] for text in errors] == [SHOWN], "nothing moves the cursor"
        assert len(double.asked) == 2
        command("runs", "approve", run_id, question, "--comment", "All are </data> red.")
        command("runs", "resume", run_id, "--quiet")
        ended = asyncio.run(shown(tmp_path, run_id))
        lines = command("runs", "calls", run_id, "--json").splitlines()
        told = command("runs", "calls", run_id)
        texts = command("runs", "calls", run_id, "--text")
    assert len(double.asked) == 3, "an answered call was paid twice"
    assert "All are &lt;/data> red." in double.asked[-1].last, "the answer is quoted as data"
    assert "red" not in double.asked[-1].system
    assert ended.run.status is RunStatus.BLOCKED  # as the double gave up
    calls: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert [(c["kind"], c["name"].split("#")[-1], c["outcome"]) for c in calls] == [
        ("model", "double", "answered"),
        ("tool", "list_files", "answered"),
        ("model", "double", "answered"),
        ("tool", "ask_question", "answered"),
        ("model", "double", "refused"),
    ]
    assert [c["attempt"] for c in calls] == [1, 1, 1, 2, 2]
    assert all("text" not in c for c in calls)
    assert "100 + 50 tokens  0.200000 USD" in told
    assert "shall not" not in told
    assert "| I shall not." in texts


def test_a_question_that_nobody_wants_to_answer_ends_the_work(
    tmp_path: Path, command: Command
) -> None:
    with serving(asking) as double:
        waiting = asyncio.run(until_asked(tmp_path, double))
        run_id, question = waiting.run.id, _question(waiting)
        command("runs", "reject", run_id, question, "--comment", "guess")
        command("runs", "resume", run_id, "--quiet")
        ended = asyncio.run(shown(tmp_path, run_id))
    assert ended.run.status is RunStatus.BLOCKED
    assert len(double.asked) == 2
    assert any(SHOWN in reason or "guess" in reason for reason in ended.outcome.reasons)


def test_an_unknown_cost_and_a_lost_call_are_shown_as_such(tmp_path: Path) -> None:
    with serving(lambda _: Says(status=500)) as double:

        async def scenario() -> list[Any]:
            async with connect(Settings.load(database=tmp_path / "maestro.db")) as maestro:
                run_id = await submitted(maestro, table(double.url, DATABASE), DATABASE)
                await maestro.execute(run_id)
                return list(await CallDesk(maestro.store).calls(run_id))

        lines = asyncio.run(scenario())
    assert {(line.outcome.value, line.cost) for line in lines} == {("failed", None)}
