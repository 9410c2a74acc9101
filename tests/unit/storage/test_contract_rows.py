"""Contracts are found among those of one's own projects, whatever others have added later."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maestro.bootstrap import connect
from maestro.contracts.reading import read_contract
from maestro.delivery.contract_desk import ContractDesk, ContractReference
from maestro.delivery.workflow_desk import definition_of
from maestro.delivery.workflow_runs import start_workflow
from maestro.domain.contract_life import ContractRecord, ContractStatus
from maestro.domain.values import RunId
from maestro.errors import NotFound
from maestro.settings import Settings

CONTRACT = Path(__file__).parents[3] / "examples" / "contracts" / "shop.graphql"
WAITING = "name: wait-for\nsteps:\n  - id: call\n    kind: signal\n"


def test_a_later_contract_of_another_project_hides_nothing(tmp_path: Path) -> None:
    settings = Settings.load({"MAESTRO_DATA": str(tmp_path / "d")}, database=tmp_path / "m.db")
    contract = read_contract(CONTRACT)
    begin = datetime(2026, 1, 1, tzinfo=UTC)

    async def run() -> None:
        runs: dict[str, RunId] = {}
        for number, project in enumerate(("shop", "other")):
            async with connect(settings, project=project) as m:
                made = runs[project] = await start_workflow(m, await definition_of(WAITING))
                record = ContractRecord(
                    contract=replace(contract, name=project),
                    status=ContractStatus.AGREED,
                    run_id=made,
                    at=begin + timedelta(days=number),
                    terms=("shop",),
                    reason="",
                )
                await m.store.write(lambda tx, record=record: tx.contracts.put(record))  # type: ignore[misc]
        async with connect(settings) as m:
            desk = ContractDesk(maestro=m)
            wanted = ContractReference.of(contract.id)
            for projects, seen in (
                (None, ["other", "shop"]),
                ({"shop"}, ["shop"]),
                ({"other", "shop"}, ["other", "shop"]),
                (set[str](), []),
            ):
                found = await desk.find(["shop"], projects=projects)
                assert [one.contract.name for one in found] == seen
                if seen:
                    first = await desk.record(wanted, projects=projects)
                    assert first.contract.name == seen[0]
            for run_id in (None, runs["other"]):
                with pytest.raises(NotFound):
                    await desk.record(wanted, run_id, projects={"third"})

    asyncio.run(run())
