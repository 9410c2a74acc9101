"""Models that work with tools, registered models, and the commands; all against the double.

The double is a test double of providers (tests/support/model_double.py), not a model.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from llm_runs import ANALYST, BOOKS, DATABASE, plan_of, submitted, table
from model_double import Asked, ModelDouble, Says, serving
from renaming import renamed_file, substituted
from scripted_run import executed

from maestro.bootstrap import connect
from maestro.cli.main import main
from maestro.domain.agent import Agent
from maestro.domain.models import Caps, ModelProfile, ModelTable, WorkStyle
from maestro.domain.steering import Verb
from maestro.domain.values import ContractId
from maestro.settings import Settings

NAMES = (
    ("harvested_on", "due_date"),
    ("inscription", "title"),
    ("Parcel desk", "Book management"),
    ("weathered", "lent"),
    ("pristine", "available"),
    ("nickname", "author"),
    ("parcels", "books"),
    ("upkeep", "status"),
    ("parcel", "book"),
)
CLAUDE = "anthropic:claude-sonnet-4-6"
Call = tuple[str, Any]


def settings(folder: Path) -> Settings:
    return Settings.load(database=folder / "maestro.db")


def worker(say: Callable[[tuple[Call, ...]], Says]) -> Callable[[Asked], Says]:
    """Hands in too early, is refused, reads the example, writes its files, tests and hands in."""

    def script(asked: Asked) -> Says:
        tasks = re.findall(r"^- (\S+) \(in the worked example", asked.first, re.MULTILINE)
        done = sum(message["role"] == "assistant" for message in asked.messages)
        plan: list[Callable[[], tuple[Call, ...]]] = [
            lambda: (("finish", {"summary": "all done, trust me"}),),
            lambda: tuple(("read_example", {"path": path}) for path in tasks),
            lambda: tuple(
                ("write_file", {"path": path, "content": renamed(text)})
                for path, text in zip(tasks, results(asked), strict=True)
            ),
            lambda: (("run_tests", {}),),
            lambda: (("run_command", {"argv": ["{python}", "-c", "print(6 * 7)"]}),),
        ]
        return say(plan[done]() if done < len(plan) else (("finish", {"summary": "done"}),))

    return script


def renamed(text: str) -> str:
    for one, other in NAMES:
        text = substituted(text, one, other)
    return text


def results(asked: Asked) -> list[str]:
    """What the tools of the last turn gave, one each."""
    last = asked.last if asked.wire == "anthropic" else "\n".join(_tool_texts(asked))
    return re.findall(r"<data>\n(.*?)\n</data>", last, re.DOTALL)


def _tool_texts(asked: Asked) -> list[str]:
    found = []
    for message in reversed(asked.messages):
        if message["role"] != "tool":
            break
        found.append(str(message["content"]))
    return found[::-1]


def as_calls(calls: tuple[Call, ...]) -> Says:
    return Says(calls=calls)


def test_a_model_proposes_an_amendment_on_which_the_other_side_decides(tmp_path: Path) -> None:
    async def scenario(double: ModelDouble) -> None:
        models = table(double.url, DATABASE, style=WorkStyle.TOOLS)
        async with connect(settings(tmp_path)) as maestro:
            run_id = await submitted(maestro, models, DATABASE)
            await executed(maestro, run_id, {"backend_developer": Verb.APPROVE})
            detail = await maestro.show(run_id)
        assert detail.run.status == "succeeded", detail.outcome.reasons
        amended = detail.record.contract(ContractId("backend-schema"))
        columns = amended.specification["tables"][0]["columns"]
        assert [column["name"] for column in columns].count("due_date") == 0
        assert amended.version == "2.0.0"
        refused = [*results(double.asked[1])[:3], results(double.asked[2])[0]]
        assert [text.partition(":")[0] for text in refused] == [
            "you neither provide nor consume a contract 'other'; yours",
            "the specification is not JSON",
            "the specification must be a JSON object, whole, as read_contract",
            "that is how contract 'backend-schema' is already",
        ]

    with serving(negotiator) as double:
        asyncio.run(scenario(double))


def negotiator(asked: Asked) -> Says:
    """Proposes what nobody can take, then a table without a column; does its work besides."""
    done = sum(message["role"] == "assistant" for message in asked.messages)
    if done == 0:
        wrong = (("other", "{}"), ("backend-schema", '{"tables": NaN}'), ("backend-schema", "[]"))
        calls = tuple(proposal(name, text) for name, text in wrong)
        return Says(calls=(*calls, ("read_contract", {"contract": "backend-schema"})))
    if done == 1:
        known = results(asked)[-1]
        specification = json.loads(known)
        columns = specification["tables"][0]["columns"]
        columns[:] = [column for column in columns if column["name"] != "due_date"]
        wanted = (known, json.dumps(specification))
        return Says(calls=tuple(proposal("backend-schema", text) for text in wanted))
    own = asked.messages[:1] + asked.messages[9:]  # without those two turns and their results
    return worker(as_calls)(replace(asked, messages=own))


def proposal(contract: str, specification: str) -> Call:
    given = {"contract": contract, "specification": specification, "reason": "nobody needs it"}
    return ("propose_amendment", given)


@pytest.mark.parametrize("wire", ["anthropic", "server"])
def test_a_model_with_tools_is_refused_until_its_checks_hold(
    tmp_path: Path, wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-for-the-double")

    async def scenario(double: ModelDouble) -> None:
        models = table(double.url, DATABASE, style=WorkStyle.TOOLS)
        if wire == "anthropic":
            models = ModelTable(
                personas={DATABASE: (CLAUDE,)}, models={CLAUDE: ModelProfile(base_url=double.root)}
            )
        async with connect(settings(tmp_path)) as maestro:
            run_id = await submitted(maestro, models, DATABASE)
            result = await maestro.execute(run_id)
            detail = await maestro.show(run_id)
        assert result.status == "succeeded", result.reasons
        assert double.asked[0].wire == ("anthropic" if wire == "anthropic" else "openai")
        assert "deliverables.present" in results(double.asked[1])[0]
        assert any("42" in text for text in results(double.asked[5]))
        names = [entry.name for entry in detail.calls if entry.kind.value == "tool"]
        assert {"read_example", "write_file", "run_tests", "run_command"} <= set(names)
        assert len(double.asked) == 6
        assert all(asked.system == double.asked[0].system for asked in double.asked)

    with serving(worker(as_calls)) as double:
        asyncio.run(scenario(double))


def test_calls_written_as_fenced_json_are_taken_as_calls(tmp_path: Path) -> None:
    def written(calls: tuple[Call, ...]) -> Says:
        name, arguments = calls[0]
        call = json.dumps({"name": name, "arguments": arguments})
        return Says(text=f"I will.\n```json\n{call}\n```")

    def one_by_one(asked: Asked) -> Says:
        tasks = re.findall(r"^- (\S+) \(in the worked example", asked.first, re.MULTILINE)
        done = sum(message["role"] == "assistant" for message in asked.messages)
        if done == 2 * len(tasks):
            return written((("finish", {"summary": "done"}),))
        path = tasks[done // 2]
        if done % 2 == 0:
            return written((("read_example", {"path": path}),))
        content = f"```\n{renamed(results_in_text(asked))}\n```"
        return written((("write_file", {"path": path, "content": content}),))

    async def scenario(double: ModelDouble) -> None:
        async with connect(settings(tmp_path)) as maestro:
            models = table(double.url, DATABASE, style=WorkStyle.TOOLS)
            run_id = await submitted(maestro, models, DATABASE)
            result = await maestro.execute(run_id)
        assert result.status == "succeeded", result.reasons

    with serving(one_by_one) as double:
        asyncio.run(scenario(double))


def results_in_text(asked: Asked) -> str:
    found = re.search(r"<data>\n(.*)\n</data>", asked.last, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_a_registered_model_gets_work_from_the_router(tmp_path: Path) -> None:
    async def scenario(double: ModelDouble) -> None:
        async with connect(settings(tmp_path)) as maestro:
            agent = Agent(
                id="small",
                executor="llm",
                personas=(ANALYST,),
                capacity=1,
                skills=("requirements_analysis",),
                model=f"{double.url}#double",
            )
            await maestro.store.write(lambda tx: tx.agents.insert(agent, maestro.clock.now()))
            draining = Agent(id="offline", executor="offline", personas=("nobody",), capacity=1)
            await maestro.store.write(lambda tx: tx.agents.insert(draining, maestro.clock.now()))
            run_id = await maestro.submit(BOOKS, plan=await plan_of(BOOKS, ANALYST))
            result = await maestro.execute(run_id)
            detail = await maestro.show(run_id)
        assert result.status == "succeeded", result.reasons
        chosen = [e.data["agent"] for e in detail.events if e.kind.value == "agent.chosen"]
        assert chosen == ["small"]
        assert len(double.asked) == 1

    with serving(renamed_file) as double:
        asyncio.run(scenario(double))


def maestro_command(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).with_name("maestro")
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return subprocess.run(
        [str(program), *words], capture_output=True, text=True, timeout=100, env={**kept, **env}
    )


def test_models_test_tells_what_each_model_can_do() -> None:
    def good(asked: Asked) -> Says:
        if asked.tools:
            return Says(calls=(("store_number", {"number": 42}),))
        return Says(text='{"capital": "Paris"}')

    with serving(good) as double:
        told = maestro_command("models", "test", "--model", f"{double.url}#m", "--json")
    assert told.returncode == 0, told.stderr
    document = json.loads(told.stdout)
    assert document["worked"]
    assert [call["input_tokens"] for call in document["calls"]] == [100, 100]
    assert [call["cost"] for call in document["calls"]] == [None, None]
    with serving(lambda _: Says(text="Paris")) as double:
        told = maestro_command("models", "test", "--model", f"{double.url}#m")
    assert told.returncode == 4
    assert told.stdout.count("✗") == 2
    assert "cost unknown" in told.stdout


def test_a_model_that_does_not_answer_is_told_without_figures() -> None:
    with serving(lambda _: Says(status=400)) as double:
        told = maestro_command("models", "test", "--model", f"{double.url}#down")
    assert told.returncode == 4, told.stdout
    _, structured, tool = told.stdout.splitlines()
    for line in (structured, tool):
        assert " s  no answer: model 'http://" in line
        assert "tokens" not in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "gpt-5"), "anthropic:NAME"),
        (("--model", "nobody=openai:gpt-5-mini"), "no persona"),
        (("--max-cost", "5"), "a limit is for models"),
        (("--model", "http://h/v1#m", "--max-cost", "5"), "nobody knows the price"),
        (("--model", "http://h/v1#m", "--max-tokens", "0.5"), "whole number"),
        (("--models", "/nowhere.yaml"), "cannot be read"),
    ],
)
def test_wrong_options_are_told(
    tmp_path: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["build", BOOKS, *words, "--db", str(tmp_path / "m.db")])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_models_file_names_place_and_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "models.yaml"
    file.write_text("personas: {'*': ['http://h/v1#m']}\nsamples: 99\n")
    with pytest.raises(SystemExit) as ended:
        main(["build", BOOKS, "--models", str(file), "--db", str(tmp_path / "m.db")])
    assert ended.value.code == 2
    assert "samples must lie between 1 and 20" in capsys.readouterr().err


def test_a_budget_ends_the_command_with_4_and_more_of_it_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--db", str(tmp_path / "maestro.db"))

    async def submit(double: ModelDouble) -> str:
        async with connect(settings(tmp_path)) as maestro:
            models = table(double.url, DATABASE, caps=Caps(cost=0.01))
            return str(await submitted(maestro, models, DATABASE))

    with serving(renamed_file) as double:
        run_id = asyncio.run(submit(double))
        first = maestro_command("runs", "resume", run_id, *where)
        second = maestro_command("runs", "resume", run_id, "--max-cost", "+50", *where)
    assert first.returncode == 4, first.stderr
    assert "maestro: budget:" in first.stderr
    assert f"  try, with more of it: maestro runs resume {run_id}" in first.stderr
    with pytest.raises(SystemExit) as wrong:
        main(["runs", "resume", run_id, "--max-cost", "5", *where])
    assert wrong.value.code == 2
    assert "write +N" in capsys.readouterr().err
    assert second.returncode == 0, second.stdout
    assert "USD" in second.stdout
    assert len(double.asked) == 2
