"""The validating proxy in front of providers that keep their contract, and that do not."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contract
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId
from maestro.errors import InvalidInput

NUMBER = {"name": "n", "in": "path", "required": True, "schema": {"type": "integer"}}


def contract(item: object, *, base: str = "/api", status: str = "200", **more: Any) -> Contract:
    """`GET /items/{n}` that answers an `item`."""
    reply = {"description": "", "content": {"application/json": {"schema": item}}, **more}
    answers = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    return Contract(
        id=ContractId("items"),
        name="Items",
        kind=ContractKind.REST,
        version="1.0.0",
        provider="provider",
        component="items",
        consumers=(),
        format=SpecificationFormat.OPENAPI,
        specification={
            "openapi": "3.1.0",
            "info": {"title": "Items", "version": "1"},
            "servers": [{"url": base}],
            "paths": {
                "/items/{n}": {"get": {"parameters": [NUMBER], "responses": {status: reply}}},
                "/items": {
                    "post": {
                        "requestBody": {"content": {"application/json": {"schema": answers}}},
                        "responses": {"201": {"description": "", "content": {}}},
                    }
                },
            },
        },
        deliverables=(),
        acceptance=(),
    )


GOOD = {"type": "object", "required": ["id"], "properties": {"id": {"const": 7}}}
Use = Callable[[httpx.AsyncClient, MockHost, MockHost], Awaitable[None]]


def with_proxy(use: Use, provider: Contract, *, path: str = "") -> None:
    stateless = MockBehaviour(stateful=False)

    async def run() -> None:
        async with MockHost([provider], behaviour=stateless) as behind:
            async with MockHost([contract(GOOD)], proxy=behind.url + path) as front:
                async with httpx.AsyncClient(base_url=front.url, timeout=20) as client:
                    await use(client, front, behind)

    asyncio.run(run())


def test_what_keeps_the_contract_passes_unchanged() -> None:
    async def use(client: httpx.AsyncClient, front: MockHost, behind: MockHost) -> None:
        sent = {"x-trace": "1", "authorization": "Bearer a"}
        for _ in range(2):
            got = await client.get("/api/items/1?x=%20y", headers=sent)
            assert (got.status_code, got.json()) == (200, {"id": 7})
            assert "x-maestro-violations" not in got.headers
            assert got.headers["content-type"] == "application/json"
        made = await client.post("/api/items", json={"a": 1})
        assert (made.status_code, made.content) == (201, b"")
        assert [(c.operation, c.valid) for c in front.calls()] == [
            ("GET /items/{n}", True), ("GET /items/{n}", True), ("POST /items", True),
        ]  # fmt: skip
        first, _, last = behind.calls()
        assert (first.path, first.query) == ("/items/1", "x=%20y")
        assert first.request_headers["x-trace"] == "1"
        assert last.request_body == {"a": 1}

    with_proxy(use, contract(GOOD))


def test_requests_that_break_the_contract_are_not_sent_on() -> None:
    async def use(client: httpx.AsyncClient, front: MockHost, behind: MockHost) -> None:
        for reply in (
            await client.get("/api/items/x"),
            await client.get("/api/none"),
            await client.put("/api/items/1"),
            await client.post("/api/items", json={"a": "x"}),
            await client.post("/api/items", content=b"x", headers={"content-type": "a/b"}),
        ):
            assert 400 <= reply.status_code < 500
            assert json.loads(reply.headers["x-maestro-violations"])[0]["detail"]
        assert behind.calls() == []
        assert all(not c.valid and c.problem.startswith("request: ") for c in front.calls())

    with_proxy(use, contract(GOOD))


def test_credentials_that_the_contract_asks_for_have_to_be_sent() -> None:
    secured = contract(GOOD)
    schemes = {"securitySchemes": {"b": {"type": "http", "scheme": "bearer"}}}
    whole = {**secured.specification, "security": [{"b": []}], "components": schemes}

    async def run() -> None:
        stateless = MockBehaviour(stateful=False)
        async with MockHost([secured], behaviour=stateless) as behind:
            front = MockHost([replace(secured, specification=whole)], proxy=behind.url)
            async with front:
                async with httpx.AsyncClient(base_url=front.url, timeout=20) as client:
                    assert (await client.get("/api/items/1")).status_code == 401
                    assert behind.calls() == []
                    sent = {"authorization": "Bearer a"}
                    assert (await client.get("/api/items/1", headers=sent)).status_code == 200

    asyncio.run(run())


@pytest.mark.parametrize(
    ("provider", "pointer", "rule"),
    [
        (contract({"const": {"id": "7"}}), "reply/body/id", "(const)"),
        (contract({"const": {}}), "reply/body", "(required)"),
        (contract(GOOD, status="202"), "reply/status", "(status)"),
        (contract(GOOD, content={"a/b": {"schema": {"const": "x"}}}),
         "reply/header/content-type", "(content-type)"),
        (contract(GOOD, base="/elsewhere"), "reply/status", "(status)"),
    ],
    ids=["type", "missing", "status", "media", "absent"],
)  # fmt: skip
def test_replies_that_break_the_contract_do_not_pass(
    provider: Contract, pointer: str, rule: str
) -> None:
    async def use(client: httpx.AsyncClient, front: MockHost, behind: MockHost) -> None:
        reply = await client.get("/api/items/1")
        assert reply.status_code == 502
        (error,) = reply.json()["errors"]
        assert (error["pointer"], error["detail"].endswith(rule)) == (pointer, True), error
        assert json.loads(reply.headers["x-maestro-violations"]) == [error]
        (call,) = front.calls()
        assert not call.valid
        assert call.problem.startswith("reply: the provider broke the contract")

    with_proxy(use, provider)


def test_a_path_of_the_target_stands_for_the_contracts_own() -> None:
    async def use(client: httpx.AsyncClient, front: MockHost, behind: MockHost) -> None:
        assert (await client.get("/api/items/1")).json() == {"id": 7}

    with_proxy(use, contract(GOOD, base="/v2/x"), path="/v2/x")


def test_a_provider_that_is_not_there_is_told() -> None:
    async def run() -> None:
        async with MockHost([contract(GOOD)]) as gone:
            url = gone.url
        async with MockHost([contract(GOOD)], proxy=url) as front:
            async with httpx.AsyncClient(base_url=front.url, timeout=20) as client:
                reply = await client.get("/api/items/1")
                assert reply.status_code == 502
                assert "could not be asked" in reply.json()["detail"]
        for wrong in ("ftp://a", "nothing", "http://", "http://[::1"):
            with pytest.raises(InvalidInput, match="--proxy"):
                async with MockHost([contract(GOOD)], proxy=wrong):
                    pass

    asyncio.run(run())


@pytest.mark.parametrize("name", ["shop.graphql", "orders.asyncapi.yaml", "inventory.proto"])
def test_kinds_that_are_not_checked_on_their_way_are_refused_and_not_mocked(name: str) -> None:
    other = read_contract(Path(__file__).parents[2] / "examples" / "contracts" / name)

    async def run() -> None:
        async with MockHost([other], proxy="http://127.0.0.1:9"):
            raise AssertionError("it is served")

    with pytest.raises(InvalidInput, match="--proxy checks calls of OpenAPI contracts only"):
        asyncio.run(run())
