"""The shelf of contracts, the same on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from stores import Using

from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.contract_life import LEGAL_MOVES, ContractRecord, ContractStatus
from maestro.domain.values import ContractId, RunId
from maestro.errors import Conflict, NotFound
from maestro.ports import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHOP = Contract(
    id=ContractId("shop-api"),
    name="Shop",
    kind=ContractKind.REST,
    version="1.0.0",
    provider="backend_developer",
    component="backend",
    consumers=("frontend_developer",),
    format=SpecificationFormat.OPENAPI,
    specification={"openapi": "3.1.0", "paths": {}},
    deliverables=(),
    acceptance=(),
)
LOCKED = replace(SHOP, digest=SHOP.specification_digest())
S = ContractStatus


def record(
    status: ContractStatus = S.AGREED, contract: Contract = LOCKED, **more: object
) -> ContractRecord:
    made = ContractRecord(contract=contract, status=status, run_id=RunId("run-1"), at=NOW)
    return replace(made, **more)  # type: ignore[arg-type]


async def put(store: Store, given: ContractRecord) -> None:
    await store.write(lambda tx: tx.contracts.put(given))


def test_a_version_is_kept_with_everything_and_moves_on(using: Using) -> None:
    async def scenario(store: Store) -> None:
        agreed = record(terms=("get /products", "product"))
        await put(store, agreed)
        await put(store, agreed)  # a step that was interrupted comes again
        kept = await store.read(lambda tx: tx.contracts.get(SHOP.id, run_id=RunId("run-1")))
        assert kept == agreed
        breached = replace(agreed, status=S.BREACHED, reason="GET /products: 500")
        await put(store, breached)
        assert await store.read(lambda tx: tx.contracts.get(SHOP.id)) == breached
        await put(store, replace(agreed, status=S.FULFILLED))
        assert len(await store.read(lambda tx: tx.contracts.find())) == 1

    using(scenario)


@pytest.mark.parametrize("before", [S.DRAFT, S.AGREED])
def test_only_legal_moves_are_taken(using: Using, before: ContractStatus) -> None:
    async def scenario(store: Store) -> None:
        for number, after in enumerate(S):
            given = record(before, replace(LOCKED, id=ContractId(f"c{number}")))
            await put(store, given)
            if after is before or after in LEGAL_MOVES[before]:
                await put(store, replace(given, status=after))
            else:
                with pytest.raises(Conflict, match=f"is {before} and cannot become {after}"):
                    await put(store, replace(given, status=after))

    using(scenario)


def test_a_locked_specification_is_refused_another_text(using: Using) -> None:
    changed = replace(SHOP, specification={"openapi": "3.1.0", "paths": {"/x": {}}})

    async def scenario(store: Store) -> None:
        await put(store, record())
        with pytest.raises(Conflict, match=r"locked as sha256:.*a new version"):
            await put(store, record(S.FULFILLED, changed))
        later = replace(changed, version="2.0.0", digest=changed.specification_digest())
        await put(store, record(S.AGREED, later, at=NOW + timedelta(seconds=1)))
        versions = await store.read(lambda tx: tx.contracts.find(run_id=RunId("run-1")))
        assert [each.contract.version for each in versions] == ["2.0.0", "1.0.0"]
        first = await store.read(lambda tx: tx.contracts.get(SHOP.id, version="1.0.0"))
        assert first.contract == LOCKED

    using(scenario)


def test_contracts_are_found_by_words_across_runs(using: Using) -> None:
    async def scenario(store: Store) -> None:
        await put(store, record(terms=("get /products", "product")))
        orders = replace(LOCKED, id=ContractId("orders-api"))
        await put(store, record(contract=orders, run_id=None, terms=("get /orders", "100%_sure")))
        for words, expected in (
            (["PRODUCT"], ["shop-api"]),
            (["get", "/orders"], ["orders-api"]),
            (["get"], ["orders-api", "shop-api"]),
            (["100%_"], ["orders-api"]),
            (["%"], ["orders-api"]),
            (["_"], ["orders-api"]),
            (["nothing"], []),
        ):
            found = await store.read(lambda tx, words=words: tx.contracts.find(words))  # type: ignore[misc]
            assert [each.contract.id for each in found] == expected, words

    using(scenario)


def test_what_is_not_there_is_told(using: Using) -> None:
    async def scenario(store: Store) -> None:
        with pytest.raises(NotFound, match=r"no contract 'shop-api' 3.0.0 of run 'run-1'"):
            await store.read(
                lambda tx: tx.contracts.get(SHOP.id, version="3.0.0", run_id=RunId("run-1"))
            )
        with pytest.raises(NotFound):
            await put(store, record(S.FULFILLED))

    using(scenario)
