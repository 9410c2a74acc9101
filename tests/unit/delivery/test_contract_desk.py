"""Who may put contracts on the shelf, and what is written down about it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from maestro.bootstrap import connect
from maestro.contracts.agree import agree
from maestro.contracts.reading import read_contract
from maestro.delivery.contract_desk import ContractDesk
from maestro.delivery.shelf import Shelf
from maestro.domain.access import LOCAL_USER, AuditRecord, Permission, Principal
from maestro.domain.contract import Contract
from maestro.domain.requirement import Constraints
from maestro.domain.values import RunId
from maestro.errors import Blocked, PermissionDenied
from maestro.settings import Settings

SHOP = read_contract(Path(__file__).parents[3] / "examples" / "contracts" / "shop.yaml")
READER = Principal(id="reader", permissions=frozenset(Permission) - {Permission.CONTRACT_WRITE})


def changed(*, breaks: bool) -> Contract:
    paths = dict(SHOP.specification["paths"])
    if breaks:
        del paths["/orders"]
    else:
        paths["/more"] = {"get": {"responses": {"200": {"description": "ok"}}}}
    return replace(SHOP, specification={**SHOP.specification, "paths": paths})


async def log(desk: ContractDesk) -> list[AuditRecord]:
    found = await desk.maestro.store.read(lambda tx: tx.audit.recent(limit=20))
    return list(reversed(found))


def settings(folder: Path) -> Settings:
    return Settings(database=folder / "m.db", data_folder=folder / "data")


def test_imports_and_amendments_stand_in_the_audit_log_once(tmp_path: Path) -> None:
    async def run() -> list[AuditRecord]:
        async with connect(settings(tmp_path)) as maestro:
            desk = ContractDesk(maestro=maestro)
            await desk.hand_in(SHOP)
            await desk.hand_in(SHOP)
            await desk.hand_in(changed(breaks=False))
            return await log(desk)

    found = asyncio.run(run())
    assert [(r.principal, r.action, r.target, r.allowed) for r in found] == [
        (LOCAL_USER.id, "contract:import", "shop@1.0.0", True),
        (LOCAL_USER.id, "contract:amend", "shop@1.1.0", True),
    ]


def test_who_may_not_write_contracts_learns_nothing_and_is_written_down(tmp_path: Path) -> None:
    async def run() -> tuple[list[AuditRecord], int]:
        async with connect(settings(tmp_path)) as maestro:
            await ContractDesk(maestro=maestro).hand_in(replace(SHOP, consumers=("web",)))
            desk = ContractDesk(maestro=replace(maestro, principal=READER))
            with pytest.raises(PermissionDenied, match="'reader' lacks 'contract:write'"):
                await desk.hand_in(changed(breaks=True))
            with pytest.raises(PermissionDenied):
                await desk.design("a REST API for users", Constraints(), tmp_path / "designed")
            with pytest.raises(Blocked):  # what the reader was not told
                await ContractDesk(maestro=maestro).hand_in(changed(breaks=True))
            return await log(desk), len(await maestro.runs())

    found, runs = asyncio.run(run())
    assert [(r.principal, r.action, r.target, r.allowed) for r in found] == [
        (LOCAL_USER.id, "contract:import", "shop@1.0.0", True),
        ("reader", "contract:import", "shop", False),
        ("reader", "contract:design", "drafts", False),
    ]
    assert (runs, (tmp_path / "designed").exists()) == (0, False)


def test_a_run_writes_down_what_it_agrees_and_amends_however_often_it_starts(
    tmp_path: Path,
) -> None:
    async def run() -> list[AuditRecord]:
        async with connect(settings(tmp_path)) as maestro:
            desk = ContractDesk(maestro=maestro)
            detail, contracts, _ = await desk.design(
                "Build a REST API for user management", Constraints(), tmp_path / "designed"
            )
            shelf = Shelf(store=maestro.store, clock=maestro.clock)
            old = agree(contracts[0])
            paths = {"/users": {"get": {"responses": {"200": {"description": "ok"}}}}}
            changed = {**old.specification, "paths": paths}
            new = agree(replace(old, version="2.0.0", digest="", specification=changed))
            for _ in range(2):
                await shelf.agreed(RunId(detail.run.id), old)
                await shelf.amended(RunId(detail.run.id), old, new, "wanted")
            return await log(desk)

    found = [(r.action, r.target.partition("@")[2]) for r in asyncio.run(run())]
    assert found == [
        ("run:create", ""),
        ("contract:design", ""),
        ("contract:agree", "1.0.0"),
        ("contract:amend", "2.0.0"),
    ]
