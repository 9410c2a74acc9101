"""The supporting personas do their assignments in a real sandbox, against a real mock."""

import asyncio
import importlib.util
import json
import socket
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from maestro.agents.executors.offline.executor import OfflineExecutor
from maestro.agents.executors.offline.packages import built_in_packages
from maestro.agents.sandboxes.provider import HostSandboxProvider
from maestro.contracts.agree import agree
from maestro.contracts.mocks.provider import LiveMockProvider
from maestro.domain.contract import ContractKind
from maestro.domain.work import Assignment, LaunchCommand, WorkResult
from maestro.errors import StepFailed
from maestro.ports import Reach

SUPPORT = Path(__file__).parents[1] / "data" / "support"
BUILDERS = ("database_designer", "backend_developer", "devops_engineer")


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(SUPPORT / "builds.py", "support_builds")


async def quiet(line: str) -> None:
    assert line


async def work(assignment: Assignment, tree: Path) -> WorkResult:
    async with HostSandboxProvider().open(tree) as sandbox:
        return await OfflineExecutor().execute(assignment, sandbox, quiet)


@pytest.mark.parametrize("persona", [p for p in builds.SUPPORT if p != "qa_engineer"])
def test_a_persona_delivers_what_its_contract_names(persona: str, tmp_path: Path) -> None:
    assignment = builds.assignment_of(persona, builds.SHOP)
    result = asyncio.run(work(assignment, tmp_path))
    assert result.checks
    assert all(check.passed for check in result.checks)
    for contract in assignment.provides:
        for deliverable in contract.deliverables:
            for pattern in deliverable.paths:
                found = list(tmp_path.glob(pattern))
                assert found, pattern
                assert all(path.stat().st_size for path in found)


async def against_mocks(assignment: Assignment, tree: Path) -> tuple[WorkResult, dict[str, int]]:
    """The result, and how many calls the mock of each component took."""
    async with AsyncExitStack() as stack:
        mocks = {
            contract.component: await stack.enter_async_context(
                LiveMockProvider().serve(agree(contract), consumer=assignment.persona.id)
            )
            for contract in assignment.contracts
            if contract.kind is ContractKind.REST
        }
        consumes = tuple(
            replace(c, url=mocks[c.contract.component].url)
            for c in assignment.consumes
            if c.contract.component in mocks
        )
        result = await work(replace(assignment, consumes=consumes), tree)
        return result, {name: len(mock.calls()) for name, mock in mocks.items()}


@pytest.mark.parametrize("name", ["tasks", "shop", "awkward"])
def test_contract_tests_pass_against_the_mocks(name: str, tmp_path: Path) -> None:
    assignment = builds.assignment_of("qa_engineer", builds.DOMAINS[name])
    result, calls = asyncio.run(against_mocks(assignment, tmp_path))
    assert [check.id for check in result.checks] == ["contract-tests-pass"]
    assert [check.id for check in result.rechecks] == ["contract-tests-pass"]
    assert set(calls) == set(builds.rest_components(builds.DOMAINS[name]))
    assert min(calls.values()) > 20
    assert result.not_built == ()


def test_contract_tests_of_a_foreign_document_pass_against_its_mock(tmp_path: Path) -> None:
    assignment = builds.clinic_assignment("qa_engineer")
    result, calls = asyncio.run(against_mocks(assignment, tmp_path))
    assert result.checks[0].passed
    assert calls["backend"] > 10
    assert result.not_built == ()


def test_contract_tests_without_an_api_fail(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="set API_URL_BACKEND"):
        asyncio.run(work(builds.assignment_of("qa_engineer", builds.USERS), tmp_path))


def test_the_security_specialist_refuses_a_weak_application(tmp_path: Path) -> None:
    builds.build(builds.USERS, tmp_path, ("backend_developer", "database_designer"))
    assignment = builds.assignment_of("security_specialist", builds.USERS)
    assert asyncio.run(work(assignment, tmp_path)).checks[0].passed
    items = json.loads((tmp_path / "security/checklist.json").read_text())
    assert {item["status"] for item in items} == {"passed", "not_applicable"}
    with (tmp_path / "backend/app/main.py").open("a") as file:
        file.write("eval('1')\n")
    with pytest.raises(StepFailed, match=r"dynamic-code: .*calls eval"):
        asyncio.run(work(assignment, tmp_path))


def test_the_whole_application_starts_in_a_sandbox(tmp_path: Path) -> None:
    builds.build(builds.SHOP, tmp_path, BUILDERS)
    (tmp_path / "frontend").mkdir()
    (tmp_path / "frontend/index.html").write_text("<!doctype html><title>Page</title>")
    package = next(p for p in built_in_packages() if p.id == "app-operations")
    planned = package.manifest.launch
    assert planned is not None
    launch = LaunchCommand(argv=planned.argv, cwd=planned.cwd, ready_path=planned.ready_path)

    async def scenario() -> dict[str, str]:
        port = free_port()
        ports = tuple(range(port, port + 4))
        async with (
            HostSandboxProvider().open(tmp_path) as sandbox,
            sandbox.serve(
                launch, port=port, timeout=60, reach=Reach(listen=ports, connect=ports)
            ) as server,
            httpx.AsyncClient(trust_env=False) as client,
        ):
            page = await client.get(f"{server.url}/")
            assert page.text.startswith("<!doctype html>")
            apis = (await client.get(f"{server.url}/config.json")).json()["apis"]
            assert (await client.get(f"{apis['orders']}/order-items")).json()["total"] == 0
            return dict(apis)

    assert list(asyncio.run(scenario())) == ["catalogue", "orders", "payments"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
