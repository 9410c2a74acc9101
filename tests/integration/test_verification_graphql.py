"""Real GraphQL providers, clean and with seeded faults, held against the shop's contract."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from graphql_shop import FAULTS, SHOP, Shop

from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.serving import listening, serving
from maestro.contracts.reading import read_contract
from maestro.contracts.verification.graphql import GraphqlVerifier, verify_graphql
from maestro.domain.contract import Severity, Verification
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

QUICK = GraphqlVerifier(examples=0)
Told = list[str]


def verified(
    shop: Any, replay: Sequence[RecordedCall] = (), verifier: GraphqlVerifier = QUICK
) -> Verification:
    async def run() -> Verification:
        async def report(_: str) -> None:
            return None

        async with AsyncExitStack() as stack:
            listener = listening("127.0.0.1", 0)
            await stack.enter_async_context(serving(shop, (listener,), name="shop"))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            return await verify_graphql(url, read_contract(SHOP), replay, report, verifier=verifier)

    return asyncio.run(run())


def recorded(*bodies: dict[str, Any]) -> list[RecordedCall]:
    """What a consumer who sends these requests leaves behind on the mock."""

    async def run() -> list[RecordedCall]:
        async with MockHost([read_contract(SHOP)], consumer="web") as host:
            async with httpx.AsyncClient() as client:
                for body in bodies:
                    await client.post(f"http://127.0.0.1:{host.port}/graphql", json=body)
            return list(host.calls())

    return asyncio.run(run())


def test_a_clean_provider_has_no_findings() -> None:
    found = verified(Shop())
    assert found.findings == ()
    assert found.conforms
    assert found.operations_tested == found.operations_total == 12
    assert [check.id for check in found.checks] == [
        "graphql.schema",
        "graphql.queries",
        "graphql.state",
        "graphql.refusals",
    ]


TOGETHER = (
    ("field missing", "type changed", "enum value added", "argument missing"),
    ("introspection off", "null for non-null", "wrong typename", "no moment"),
    ("number for text", "field left out", "wrong enum", "html"),
    ("field too many", "lost write", "filter ignored", "limit ignored", "mutation by GET"),
    ("lost update", "cursor ignored", "order ignored", "cancel does nothing", "malformed JSON"),
    ("wrong object", "scalar unchecked", "stack trace"),
    ("any key found", "not listed"),
    ("same key", "status 500"),
    ("delete ignored", "errors as text"),
    ("deleted still listed", "nothing refused"),
    ("create breaks",),
)
"""Faults that do not hide one another; one run for each of them would take too long."""


@pytest.mark.parametrize("faults", TOGETHER)
def test_each_seeded_fault_is_found_and_can_be_repeated(faults: tuple[str, ...]) -> None:
    found = verified(Shop(*faults))
    assert not found.conforms
    errors = [f for f in found.findings if f.severity is Severity.ERROR]
    assert {FAULTS[fault] for fault in faults} <= {f.rule for f in errors}
    assert all(f.reproduce.startswith("curl") and f.expected and f.operation for f in errors)


def test_no_fault_is_left_out() -> None:
    assert sorted(fault for faults in TOGETHER for fault in faults) == sorted(FAULTS)


def test_what_happens_once_only_is_a_warning() -> None:
    class Moody(Shop):
        broken = False

        def answer(self, asked: Any) -> tuple[int, Any]:
            query = asked.get("query", "")
            is_own = "customers" in query and "__schema" not in query
            if is_own and not self.broken:
                self.broken = True
                return 200, {"data": {"customers": None}}
            return super().answer(asked)

    found = verified(Moody())
    assert {f.severity for f in found.findings} == {Severity.WARNING}
    assert found.conforms


def test_generated_requests_find_what_nothing_else_asks() -> None:
    class Fragile(Shop):
        def on_search(self, source: Any, info: Any, text: str) -> Any:
            if not text.isascii():
                raise RuntimeError("encoding")
            return super().on_search(source, info, text)

    found = verified(Fragile(), verifier=GraphqlVerifier(examples=6))
    generated = {c.id: c.passed for c in found.checks if c.id.startswith("schemathesis")}
    assert generated["schemathesis.not_a_server_error"] is False
    assert {(f.rule, f.operation) for f in found.findings} == {
        ("not_a_server_error", "Query.search")
    }


def test_consumers_calls_are_repeated_with_the_providers_ids() -> None:
    create = "mutation($i: ProductInput!) { createProduct(input: $i) { id name } }"
    values = {"name": "Lamp", "price": "5.00", "category": "KITCHEN"}
    calls = recorded(
        {"query": create, "variables": {"i": values}},
        {"query": 'query One { product(id: "product-11") { ...P } } fragment P on Product { id }'},
        {"query": "query($id: ID!) { order(id: $id) { id } }", "variables": {"id": "order-3"}},
        {"query": 'mutation { deleteProduct(id: "product-11") }'},
        {"query": '{ product(id: "product-11") { id } }'},
    )
    assert len(calls) == 5
    found = verified(Shop(), calls)
    assert found.findings == ()
    replay = next(check for check in found.checks if check.id == "consumer_replay")
    assert replay.passed
    assert "5 calls, 5 repeated" in replay.detail


def test_a_provider_that_drifts_breaks_its_consumer_by_name() -> None:
    calls = recorded(
        {"query": "{ products { edges { node { description } } } }"},
        {"query": "{ customers { id } }"},
    )
    found = verified(Shop("field missing"), calls)
    broken = [f for f in found.findings if f.rule == "consumer_query_invalid"]
    assert [f.operation for f in broken] == ["Query.products"]
    assert "web" in broken[0].message
    assert "description" in broken[0].seen


def test_a_null_where_the_consumer_got_data_is_found() -> None:
    class Empty(Shop):
        def on_node(self, *_: Any, **__: Any) -> Any:
            return None

    found = verified(Empty(), recorded({"query": '{ node(id: "product-1") { id } }'}))
    assert ("consumer_replay", "Query.node") in {(f.rule, f.operation) for f in found.findings}


def test_our_own_mock_is_refused() -> None:
    async def run() -> None:
        async def report(_: str) -> None:
            return None

        contract = read_contract(SHOP)
        async with MockHost([contract]) as host:
            await verify_graphql(f"http://127.0.0.1:{host.port}", contract, (), report)

    with pytest.raises(InvalidInput, match="is a mock"):
        asyncio.run(run())


def test_nothing_there_is_no_pass() -> None:
    async def silence(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    found = verified(silence)
    assert not found.conforms
    assert [f.rule for f in found.findings] == ["answers"]
