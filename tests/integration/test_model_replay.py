"""An attempt that died goes on from its journal: with a real store, sandbox and work tree.

The model is a script at the port of language models, so that what it is asked can be counted.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from llm_runs import assignment_of, table

from maestro.agents.executors.llm.by_tools import WithTools
from maestro.agents.executors.llm.checking import OwnChecks
from maestro.agents.executors.llm.craft import craft_of
from maestro.agents.executors.llm.session import CallSession, caller_of
from maestro.agents.executors.llm.tree import WorkTree
from maestro.bootstrap import connect, sandbox_provider
from maestro.delivery.call_journal import StoredCalls
from maestro.domain.models import ModelAnswer, ModelQuestion, ToolCall, ToolOutcome
from maestro.domain.work import CheckCommand
from maestro.settings import Settings

TESTS = "tests/contract"
Call = tuple[str, dict[str, Any]]


class Cut(BaseException):
    """The process ends here."""


@dataclass
class ScriptedModel:
    """Answers its n-th question with the n-th tool calls; at `None` the process ends."""

    plan: list[tuple[Call, ...] | None]
    asked: list[int] = field(default_factory=list)
    seen: list[tuple[ToolOutcome, ...]] = field(default_factory=list)

    name = "scripted"

    async def ask(self, question: ModelQuestion) -> ModelAnswer:
        turn = sum(one.by_model for one in question.turns)
        calls = self.plan[turn]
        if calls is None:
            raise Cut
        self.asked.append(turn)
        self.seen.append(question.turns[-1].outcomes)
        made = tuple(
            ToolCall(id=f"{turn}.{n}", name=name, arguments=given)
            for n, (name, given) in enumerate(calls)
        )
        return ModelAnswer(model=self.name, text="", calls=made, cost=0.1)

    def ceiling(self, question: ModelQuestion) -> tuple[int, float | None]:
        return 100, 0.2


@asynccontextmanager
async def attempt(
    folder: Path, tree: str, model: ScriptedModel, check: str = "pass"
) -> AsyncIterator[WithTools]:
    """A work tree of its own, and the journal that all attempts share."""
    settings = Settings.load(database=folder / "maestro.db")
    root = folder / tree
    root.mkdir()
    models = table("http://127.0.0.1:9/v1", "qa_engineer")
    url = "http://127.0.0.1:9/api"
    assignment = await assignment_of("qa_engineer", url=url, models=models)
    program = CheckCommand(id="own", statement="It runs.", argv=("{python}", "-c", check))
    craft = replace(craft_of(assignment), checks=(program,), tasks=(), promised=())

    async def silent(_: str) -> None:
        return

    async with connect(settings) as maestro, sandbox_provider(settings).open(root) as sandbox:
        session = await CallSession.open(
            caller_of(assignment), models, (model,), StoredCalls(maestro.store), silent
        )
        work = WorkTree(sandbox.root, craft.writable)
        base = {
            f"{TESTS}/test_old.py": b"OLD = 1\n",
            f"{TESTS}/test_move.py": b"MOVED = 1\n",
            "backend/app/main.py": b"THEIRS = 1\n",
        }
        work.restore(base)
        checks = OwnChecks(
            assignment=assignment, craft=craft, tree=work, sandbox=sandbox, session=session
        )
        yield WithTools(
            assignment=assignment,
            craft=craft,
            tree=work,
            session=session,
            checks=checks,
            base=base,
        )


def python(code: str) -> Call:
    return "run_command", {"argv": ["{python}", "-c", code]}


MOVES = python(
    f"import os; os.remove('{TESTS}/test_old.py'); "
    f"os.rename('{TESTS}/test_move.py', '{TESTS}/test_new.py'); "
    "open('backend/app/main.py', 'w').write('x')"
)
FILLS = python(f"for n in range(60): open(f'{TESTS}/test_big{{n}}.py', 'wb').truncate(1_000_000)")
REFUSED: dict[str, Call] = {
    "a file that is not there": ("read_file", {"path": f"{TESTS}/test_none.py"}),
    "a folder that is not there": ("run_command", {"argv": ["{python}"], "cwd": "nowhere"}),
    "a folder above": ("run_command", {"argv": ["{python}"], "cwd": "../.."}),
    "an unknown contract": ("read_contract", {"contract": "nobody-api"}),
    "a command that leaves too much": FILLS,
    "a command that changes too much": python(
        f"open('{TESTS}/test_big.py', 'w').write('x' * 2_500_000)"
    ),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_a_refused_call_is_replayed_like_any_other(tmp_path: Path, wrong: str) -> None:
    """Without its outcome all later calls would be asked, and paid, again."""
    done: tuple[Call, ...] = (("finish", {"summary": "done"}),)
    steps: list[tuple[Call, ...] | None] = [
        (("list_files", {}),),
        (REFUSED[wrong],),
        (MOVES,),
        (("list_files", {}),),
    ]

    async def scenario() -> tuple[ScriptedModel, ScriptedModel, tuple[str, ...], int]:
        first, second = ScriptedModel([*steps, None]), ScriptedModel([*steps, done])
        async with attempt(tmp_path, "one", first) as work:
            with pytest.raises(Cut):
                await work.draw(0)
            left = work.tree.snapshot()
        async with attempt(tmp_path, "two", second) as work:
            results = await work.draw(0)
            assert all(check.passed for check in results)
            assert work.tree.snapshot() == left
            return first, second, work.tree.files(), work.session.replayed

    first, second, files, replayed = asyncio.run(scenario())
    assert first.asked == [0, 1, 2, 3]
    assert first.seen[2][0].failed
    assert second.asked == [4], "an answered call was paid twice"
    assert replayed == 8
    assert files == ("backend/app/main.py", f"{TESTS}/test_new.py")


def test_what_comes_after_the_hand_in_is_not_done(tmp_path: Path) -> None:
    late: Call = ("write_file", {"path": f"{TESTS}/test_late.py", "content": "LATE = 1\n"})
    model = ScriptedModel([(("finish", {"summary": "done"}), late)])

    async def scenario() -> None:
        async with attempt(tmp_path, "tree", model) as work:
            results = await work.draw(0)
            assert all(check.passed for check in results)
            assert f"{TESTS}/test_late.py" not in work.tree.files()
            assert "handed in before" in work._turns[-1].outcomes[1].text

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"open('{TESTS}/test_made.py', 'w').write('MADE = 1')", {f"{TESTS}/test_made.py"}),
        ("open('backend/app/main.py', 'w').write('x'); open('evil.py', 'w').write('x')", set()),
        (f"import os; os.symlink('/etc', '{TESTS}/test_link.py')", set()),
    ],
)
def test_a_check_changes_only_what_its_persona_may(
    tmp_path: Path, code: str, expected: set[str]
) -> None:
    """Tests that a model wrote run as checks: what they leave is delivered."""
    model = ScriptedModel([])

    async def look(tree: str) -> tuple[dict[str, bytes], int]:
        async with attempt(tmp_path, tree, model, code) as work:
            results = await work.checks.run()
            assert all(check.passed for check in results)
            assert work.tree.snapshot()["backend/app/main.py"] == b"THEIRS = 1\n"
            assert set(work.tree.files()) - set(work.base) == expected
            assert not [path for path in work.tree.root.rglob("*") if path.is_symlink()]
            return work.tree.snapshot(), work.session.replayed

    async def scenario() -> None:
        made, _ = await look("one")
        again, replayed = await look("two")
        assert replayed == 1
        assert again == made

    asyncio.run(scenario())


WRONG: dict[str, Call] = {
    "a folder as a file": ("write_file", {"path": TESTS, "content": "x"}),
    "a file as a folder": ("write_file", {"path": f"{TESTS}/test_old.py/x.py", "content": "x"}),
    "a name too long": ("read_file", {"path": "x" * 280}),
    "a word too long": ("run_command", {"argv": ["{python}", "x" * 2001]}),
    "a NUL in a body": (
        "call_api",
        {"contract": "backend-api", "method": "POST", "path": "/x", "body": "\x00"},
    ),
    "half a character": ("run_command", {"argv": ["{python}", "\ud800"]}),
}


def test_wrong_arguments_are_told_to_the_model(tmp_path: Path) -> None:
    nested = f"X = {'[' * 5000}{']' * 5000}\n"
    deep: Call = ("write_file", {"path": f"{TESTS}/test_deep.py", "content": nested})
    model = ScriptedModel(
        [tuple(WRONG.values()), (deep, ("run_tests", {})), (("list_files", {}),), None]
    )

    async def scenario() -> None:
        async with attempt(tmp_path, "tree", model) as work:
            with pytest.raises(Cut):
                await work.draw(0)

    asyncio.run(scenario())
    told = dict(zip(WRONG, model.seen[1], strict=True))
    assert [name for name, outcome in told.items() if not outcome.failed] == []
    assert "test_deep.py" in model.seen[2][1].text


def test_a_long_contract_can_be_read_whole(tmp_path: Path) -> None:
    model = ScriptedModel([(("read_contract", {"contract": "backend-api"}),), None])

    async def scenario() -> None:
        async with attempt(tmp_path, "tree", model) as work:
            consumed = work.assignment.consumes[0]
            long = replace(consumed.contract, specification={"text": "x" * 42_000})
            work.assignment = replace(work.assignment, consumes=(replace(consumed, contract=long),))
            with pytest.raises(Cut):
                await work.draw(0)
            shown = work._turns[-1].outcomes[0].text
            assert consumed.contract.id == "backend-api"
            assert "x" * 42_000 in shown

    asyncio.run(scenario())
