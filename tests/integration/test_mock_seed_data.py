"""Mocks that begin with entries somebody wrote."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.seeding import read_seed_data
from maestro.contracts.protobuf.model import read_protobuf
from maestro.contracts.reading import read_contract, read_contracts
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId, JsonObject
from maestro.errors import InvalidInput

EXAMPLES = Path(__file__).parents[2] / "examples"
CONTRACTS = {path.name: read_contract(path) for path in sorted((EXAMPLES / "contracts").iterdir())}
SHOP = CONTRACTS["shop.yaml"]
GRAPHQL = replace(CONTRACTS["shop.graphql"], id=ContractId("shop-graphql"))
LAMP = {"sku": "LMP-1", "name": "Lamp", "category": "office", "price": 24.5}
TENT = {"sku": "TNT-2", "name": "Tent", "category": "outdoor", "price": 149}


def response(schema: object) -> dict[str, Any]:
    return {"description": "", "content": {"application/json": {"schema": schema}}}


def parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "integer"}}


NOTE = {
    "type": "object",
    "required": ["id", "text"],
    "properties": {"id": {"type": "integer"}, "pad_id": {"type": "integer"},
                   "text": {"type": "string"}},
}  # fmt: skip
READ_ONLY = Contract(
    id=ContractId("notes"), name="Notes", kind=ContractKind.REST, version="1.0.0",
    provider="provider", component="notes", consumers=(), format=SpecificationFormat.OPENAPI,
    deliverables=(), acceptance=(),
    specification={
        "openapi": "3.1.0",
        "info": {"title": "Notes", "version": "1"},
        "paths": {
            "/pads/{pad_id}/notes": {
                "parameters": [parameter("pad_id")],
                "get": {"responses": {"200": response({"type": "array", "items": NOTE})}},
            },
            "/pads/{pad_id}/notes/{note_id}": {
                "parameters": [parameter("pad_id"), parameter("note_id")],
                "get": {"responses": {"200": response(NOTE), "404": {"description": ""}}},
            },
        },
    },
)  # fmt: skip


def served(
    contracts: Sequence[Contract],
    seed_data: JsonObject,
    scenario: Callable[[httpx.AsyncClient, MockHost], Awaitable[Any]],
) -> Any:
    async def run() -> Any:
        async with (
            MockHost(contracts, seed_data=seed_data) as host,
            httpx.AsyncClient(base_url=host.url, headers={"x-api-key": "any"}) as client,
        ):
            return await scenario(client, host)

    return asyncio.run(run())


def test_entries_are_there_are_numbered_on_and_come_back_at_a_reset() -> None:
    async def scenario(client: httpx.AsyncClient, _: MockHost) -> list[Any]:
        made = await client.post("/api/products", json={**LAMP, "sku": "NEW-9"})
        again = await client.post("/api/products", json=LAMP)
        await client.delete("/api/products/40")
        other = await client.get("/api/products", headers={"x-maestro-consumer": "till"})
        left = await client.get("/api/products")
        await client.post("/__maestro/reset")
        back = await client.get("/api/products")
        skus = [[one["sku"] for one in page.json()["items"]] for page in (other, left, back)]
        return [made.json()["id"], again.status_code, *skus]

    found = served([SHOP], {"products": [{**LAMP, "id": 40}, TENT]}, scenario)
    assert found == [
        42, 409, ["LMP-1", "TNT-2"], ["TNT-2", "NEW-9"], ["LMP-1", "TNT-2"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "seed_data",
    [
        {"/pads/7/notes": [{"text": "hello"}]},
        {"notes": [{"text": "hello", "pad_id": 7}]},
        {"notes": {"note": [{"text": "hello", "pad_id": 7}]}},
    ],
)
def test_what_nobody_can_create_can_be_seeded(seed_data: dict[str, Any]) -> None:
    async def scenario(client: httpx.AsyncClient, _: MockHost) -> list[Any]:
        paths = ("/pads/7/notes", "/pads/7/notes/1", "/pads/8/notes/1")
        replies = [await client.get(path) for path in paths]
        return [replies[0].json(), replies[1].json(), replies[2].status_code]

    note = {"id": 1, "pad_id": 7, "text": "hello"}
    assert served([READ_ONLY], seed_data, scenario) == [[note], note, 404]


@pytest.mark.parametrize(
    ("contract", "seed_data", "told"),
    [
        (SHOP, {"products": [LAMP, {**TENT, "price": -1}]}, r"shop: /products/1/price: .*minimum"),
        (SHOP, {"products": [LAMP, {**TENT, "sku": "LMP-1"}]}, r"/1: sku 'LMP-1' is taken"),
        (SHOP, {"products": [{**LAMP, "id": 1}, {**TENT, "id": 1}]}, r"/1: id '1' is taken"),
        (SHOP, {"products": ["lamp"]}, r"/products/0: an entry is an object"),
        (SHOP, {"products": 3}, r"/products: a collection is a list"),
        (SHOP, {"customers": []}, r"/customers: is no collection .*/orders, /products"),
        (SHOP, {"till": {"products": []}}, r"/till: is no contract here; there are shop"),
        (READ_ONLY, {"notes": [{"text": "x"}]}, r"/notes/0: does not say below which 'pad_id'"),
        (GRAPHQL, {"Product": [{"price": "cheap"}]}, r"/Product/0/price: 'cheap' is no Decimal!"),
        (GRAPHQL, {"Product": [{"name": 3}]}, r"/Product/0/name: 3 is no String!"),
        (GRAPHQL, {"Product": [{"name": ["a"]}]}, r"/Product/0/name: \['a'\] is no String!"),
        (GRAPHQL, {"Product": [{"inStock": 1}]}, r"/Product/0/inStock: 1 is no Boolean!"),
        (GRAPHQL, {"Product": [{"name": None}]}, r"/Product/0/name: null is no String!"),
        (GRAPHQL, {"Product": [{"colour": "red"}]}, r"/Product/0/colour: Product has no such"),
        (GRAPHQL, {"Product": [{"id": "a"}, {"id": "a"}]}, r"/Product/1/id: 'a' is taken"),
        (GRAPHQL, {"Order": [{"customer": "c"}], "Customer": []}, r"/Order/0/customer: 'c' leads"),
        (GRAPHQL, {"Shelf": []}, r"/Shelf: is no type that is kept"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_place(
    contract: Contract, seed_data: dict[str, Any], told: str
) -> None:
    async def nothing(client: httpx.AsyncClient, _: MockHost) -> None:
        raise AssertionError("it was served")

    with pytest.raises(InvalidInput, match=told):
        served([contract], seed_data, nothing)


def test_they_are_changed_at_run_time_for_all_consumers_or_not_at_all() -> None:
    async def scenario(client: httpx.AsyncClient, _: MockHost) -> list[Any]:
        till = {"x-maestro-consumer": "till"}
        found: list[Any] = []

        async def seen() -> None:
            page = await client.get("/api/products", headers=till)
            reply = await client.post("/graphql", json={"query": '{product(id: "p") {name}}'})
            found.append([[p["sku"] for p in page.json()["items"]], reply.json()["data"]])

        await seen()
        for body in (
            {"products": [TENT], "Product": [{"id": "p", "name": "Chair"}]},
            {"products": [LAMP], "Product": [{"id": "p", "name": 3, "price": 4}]},
        ):
            reply = await client.put("/__maestro/seed-data", json=body)
            found.append(reply.status_code)
            await seen()
        found.append((await client.get("/__maestro/seed-data")).json()["products"])
        found.append((await client.delete("/__maestro/seed-data")).status_code)
        await seen()
        return found

    first, *found = served([SHOP, GRAPHQL], {"products": [LAMP]}, scenario)
    chair = [["TNT-2"], {"product": {"name": "Chair"}}]
    assert first[0] == ["LMP-1"]
    assert first[1]["product"]["name"] != "Chair"
    assert found == [200, chair, 422, chair, [TENT], 204, [[], first[1]]]


def test_graphql_entries_refer_to_each_other_and_keep_what_is_below_them() -> None:
    seeds = {
        "Product": [{"id": "p", "name": "Chair"}],
        "Customer": [{"id": "c", "name": "Ada"}],
        "Order": [{"id": "o", "customer": "c", "lines": [{"product": "p", "quantity": 7}]}],
    }
    query = '{orders {id customer {name} lines {quantity product {name}}} product(id: "q") {id}}'

    async def scenario(client: httpx.AsyncClient, _: MockHost) -> Any:
        return (await client.post("/graphql", json={"query": query})).json()["data"]

    line = {"quantity": 7, "product": {"name": "Chair"}}
    assert served([GRAPHQL], seeds, scenario) == {
        "orders": [{"id": "o", "customer": {"name": "Ada"}, "lines": [line]}], "product": None,
    }  # fmt: skip


def test_grpc_messages_are_there_from_the_beginning() -> None:
    contract = CONTRACTS["inventory.proto"]
    model = read_protobuf(contract)
    get = next(method for method in model.methods if method.name == "GetItem")

    async def scenario(client: httpx.AsyncClient, host: MockHost) -> list[Any]:
        [(_, address)] = host.addresses()
        found = []
        async with grpc.aio.insecure_channel(address) as channel:
            call = channel.unary_unary(get.path)
            for _time in range(2):
                request = model.from_json({"id": "item-7"}, get.request)
                raw = await call(request.SerializeToString())
                found.append(model.message_class(get.reply).FromString(raw).name)
                host.reset()
        return found

    seeds = {"item": [{"id": "item-7", "name": "Bolt"}]}
    assert served([contract], seeds, scenario) == ["Bolt", "Bolt"]
    with pytest.raises(InvalidInput, match=r"inventory: /item/0: .*no_such"):
        served([contract], {"item": [{"id": "a", "no_such": 1}]}, scenario)


def test_a_name_that_two_contracts_know_has_to_be_put_under_one_of_them() -> None:
    other = replace(SHOP, id=ContractId("other"))

    async def scenario(client: httpx.AsyncClient, host: MockHost) -> Any:
        return dict(host.begins_with)

    assert served([SHOP, other], {"other": {"products": [LAMP]}}, scenario) == {"other": 1}
    with pytest.raises(InvalidInput, match="kept by shop and by other"):
        served([SHOP, other], {"products": [LAMP]}, scenario)


def test_the_example_fits_the_example_contracts() -> None:
    names = ("shop.yaml", "shop.graphql")
    contracts = read_contracts([EXAMPLES / "contracts" / name for name in names])

    async def scenario(client: httpx.AsyncClient, host: MockHost) -> Any:
        return dict(host.begins_with)

    seeds = asyncio.run(read_seed_data(EXAMPLES / "seed-data.yaml"))
    assert served(contracts, seeds, scenario) == {"shop": 2, "shop-graphql": 1}
