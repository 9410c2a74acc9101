"""What runs tell the shelf, on real SQLite: repeating it changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from maestro.contracts.agree import agree
from maestro.delivery.shelf import Shelf
from maestro.domain.contract import (
    CheckResult,
    Contract,
    ContractKind,
    Finding,
    SpecificationFormat,
    Verification,
)
from maestro.domain.contract_life import ContractRecord, ContractStatus
from maestro.domain.values import ContractId, RunId
from maestro.errors import Conflict
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock

RUN = RunId("run-1")
S = ContractStatus


def contract(version: str = "1.0.0", path: str = "/tasks") -> Contract:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Tasks", "version": "1"},
        "paths": {path: {"get": {"responses": {"200": {"description": "ok"}}}}},
    }
    return agree(
        Contract(
            id=ContractId("tasks-api"),
            name="Tasks",
            kind=ContractKind.REST,
            version=version,
            provider="backend_developer",
            component="backend",
            consumers=("frontend_developer",),
            format=SpecificationFormat.OPENAPI,
            specification=document,
            deliverables=(),
            acceptance=(),
        )
    )


def verdict(*messages: str) -> Verification:
    return Verification(
        contract="tasks-api",
        target="a server",
        operations_total=1,
        operations_tested=1,
        checks=(CheckResult(id="c", statement="s", passed=not messages),),
        findings=tuple(Finding(rule="r", message=m, operation="GET /tasks") for m in messages),
        requests=1,
        duration_seconds=0.1,
    )


def on_shelf(folder: Path, scenario: Callable[[Shelf], Awaitable[None]]) -> list[ContractRecord]:
    async def go() -> list[ContractRecord]:
        store = await open_store(folder / "m.db", seal_key=b"seal")
        try:
            await scenario(Shelf(store=store, clock=SystemClock()))
            return list(await store.read(lambda tx: tx.contracts.find()))
        finally:
            await store.close()

    return asyncio.run(go())


def test_a_contract_is_agreed_once_and_then_judged(tmp_path: Path) -> None:
    async def scenario(shelf: Shelf) -> None:
        for _ in range(2):
            await shelf.agreed(RUN, contract())
        await shelf.judged(RUN, contract(), verdict("a", "b", "c", "d"))
        await shelf.agreed(RUN, contract())  # a repeated attempt takes no verdict back

    [record] = on_shelf(tmp_path, scenario)
    assert record.status is S.BREACHED
    assert record.reason == "GET /tasks: a; GET /tasks: b; GET /tasks: c; and 2 more"
    assert "get /tasks" in record.terms


def test_a_verdict_on_what_an_earlier_maestro_agreed(tmp_path: Path) -> None:
    [record] = on_shelf(tmp_path, lambda shelf: shelf.judged(RUN, contract(), verdict()))
    assert (record.status, record.reason) == (S.FULFILLED, "")


def test_an_amendment_may_be_repeated_but_not_forked(tmp_path: Path) -> None:
    old, new = contract(), contract("2.0.0", "/jobs")

    async def scenario(shelf: Shelf) -> None:
        for _ in range(2):
            await shelf.amended(RUN, old, new, "renamed")
        with pytest.raises(Conflict, match="amended by somebody else in the meantime"):
            await shelf.amended(RUN, old, contract("2.0.0", "/works"), "renamed")
        await shelf.judged(RUN, old, verdict("late"))  # of a verification begun before

    found = {record.contract.version: record for record in on_shelf(tmp_path, scenario)}
    assert {version: record.status for version, record in found.items()} == {
        "1.0.0": S.AMENDED,
        "2.0.0": S.AGREED,
    }
    assert found["1.0.0"].reason == "2.0.0 stands in its place: renamed"
    assert found["2.0.0"].contract == new


def test_the_same_version_is_locked(tmp_path: Path) -> None:
    async def scenario(shelf: Shelf) -> None:
        await shelf.agreed(RUN, contract())
        with pytest.raises(Conflict, match="locked"):
            await shelf.agreed(RUN, contract(path="/jobs"))
        await shelf.agreed(RunId("run-2"), contract(path="/jobs"))  # another run's own business
        locked = await shelf.locked(RUN, replace(contract(), specification={}))
        assert locked == contract()

    assert len(on_shelf(tmp_path, scenario)) == 2
