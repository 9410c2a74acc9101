"""Who delivers nothing does not succeed, however politely it is handed over."""

import ast
import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import maestro
from maestro.agents.executors.offline.executor import OfflineExecutor
from maestro.delivery.result import BuildResult
from maestro.domain.contract import CheckResult
from maestro.domain.work import Assignment, WorkResult
from maestro.ports import PersonaExecutor, Report, Sandbox
from maestro.settings import Settings

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("empty")]

REQUIREMENT = "Build a REST API for notes: a note has a title"


class IdleExecutor:
    """Claims that all is done and checked, and has written nothing."""

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        await report("done")
        passed = CheckResult(id="own", statement="Everything works.", passed=True)
        return WorkResult(summary="done", changed_paths=(), checks=(passed,))


@dataclass(frozen=True)
class HollowExecutor:
    """The offline team, whose files are empty, or whose operations do nothing, in the end."""

    team: PersonaExecutor
    only_bodies: bool

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        result = await self.team.execute(assignment, sandbox, report)
        for path in filter(Path.is_file, sandbox.root.rglob("*")):
            if not self.only_bodies:
                path.write_bytes(b"")
            elif path.match("backend/app/routers/*.py"):
                path.write_text(without_bodies(path.read_text()))
        return replace(result, checks=())


def without_bodies(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [ast.Pass()]
    return ast.unparse(tree)


def run(home: Path, kind: str) -> BuildResult:
    chosen = Settings(database=home / "runs.db", data_folder=home / "data")
    executor: PersonaExecutor = IdleExecutor()
    if kind != "nothing":
        executor = HollowExecutor(OfflineExecutor(), only_bodies=kind == "pass bodies")

    async def go() -> BuildResult:
        async with maestro.connect(chosen, executor=executor) as m:
            return await m.build(REQUIREMENT, output=home / "out")

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("nothing", "docs/requirements.md"),
        ("empty files", "docs/requirements.md"),
        ("pass bodies", "GET /notes"),
    ],
)
def test_it_is_blocked_and_says_what_is_missing(tmp_path: Path, kind: str, told: str) -> None:
    result = run(tmp_path, kind)
    assert (result.success, result.status) == (False, "blocked")
    assert any(told in reason for reason in result.reasons), result.reasons
    api = next(contract for contract in result.contracts if contract.id == "backend-api")
    assert api.verified is False
    assert result.quality.gates_passed < result.quality.gates_total
    if kind != "pass bodies":  # those still start, and answer nothing of the contract
        assert not (tmp_path / "out" / "app").exists(), "nothing runs, nothing is handed out"
