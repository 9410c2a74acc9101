"""The page's API client, by its own tests, against mocks and against the really built providers."""

import asyncio
import importlib.util
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.executors.offline.executor import OfflineExecutor
from maestro.agents.sandboxes.provider import HostSandboxProvider
from maestro.contracts.mocks import LiveMockProvider
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.work import WorkResult
from maestro.errors import StepFailed

SUPPORT = Path(__file__).parents[1] / "data" / "support"


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(SUPPORT / "builds.py", "support_builds")


async def silent(message: str) -> None:
    return None


async def mocks(stack: AsyncExitStack, contracts: tuple[Contract, ...]) -> dict[str, str]:
    served = {}
    for contract in contracts:
        if contract.kind is ContractKind.REST:
            entered = LiveMockProvider().serve(contract, consumer="frontend_developer")
            served[contract.component] = (await stack.enter_async_context(entered)).url
    return served


async def built(folder: Path, make: Any, contracts: tuple[Contract, ...]) -> WorkResult:
    async with AsyncExitStack() as stack:
        urls = await mocks(stack, contracts)
        sandbox = await stack.enter_async_context(HostSandboxProvider(off=True).open(folder))
        return await OfflineExecutor().execute(make(urls), sandbox, silent)


@pytest.mark.parametrize("name", ["tasks", "shop", "awkward"])
def test_page_and_client_are_built_against_mocks(name: str, tmp_path: Path) -> None:
    domain = builds.DOMAINS[name]

    def make(urls: dict[str, str]) -> Any:
        return builds.assignment_of("frontend_developer", domain, urls=urls)

    result = asyncio.run(built(tmp_path, make, builds.contracts_of(domain)))
    assert [check.id for check in result.checks] == ["frontend-unit-tests", "frontend-api-client"]
    assert [check.id for check in result.rechecks] == ["frontend-api-client"]
    assert result.not_built == ()
    assert "frontend/js/api.js" in result.changed_paths


def test_a_foreign_document_gets_a_client_that_passes_too(tmp_path: Path) -> None:
    sample = builds.clinic_assignment("frontend_developer")

    def make(urls: dict[str, str]) -> Any:
        return builds.clinic_assignment("frontend_developer", urls["backend"])

    result = asyncio.run(built(tmp_path, make, sample.contracts))
    assert all(check.passed for check in result.checks)


def test_a_wrong_client_fails_its_own_tests(tmp_path: Path) -> None:
    async def run() -> None:
        contracts = builds.contracts_of(builds.TASKS)
        async with AsyncExitStack() as stack:
            urls = await mocks(stack, contracts)
            other = {"backend": urls["backend"].removesuffix("/api")}  # where nothing answers
            sandbox = await stack.enter_async_context(HostSandboxProvider(off=True).open(tmp_path))
            assignment = builds.assignment_of("frontend_developer", builds.TASKS, urls=other)
            await OfflineExecutor().execute(assignment, sandbox, silent)

    with pytest.raises(StepFailed, match="frontend-api-client"):
        asyncio.run(run())


def test_the_tokens_are_built_and_measured(tmp_path: Path) -> None:
    async def run() -> WorkResult:
        async with HostSandboxProvider(off=True).open(tmp_path) as sandbox:
            assignment = builds.assignment_of("ui_designer", builds.TASKS)
            return await OfflineExecutor().execute(assignment, sandbox, silent)

    result = asyncio.run(run())
    assert [check.id for check in result.checks] == ["token-contrast"]
    assert os.access(tmp_path / "frontend/css/tokens.css", os.R_OK)
