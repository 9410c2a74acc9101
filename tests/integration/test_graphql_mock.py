"""The GraphQL mock over real HTTP and real WebSockets."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from maestro.contracts.mocks.host import MockHost
from maestro.contracts.reading import read_contract
from maestro.ports import RecordedCall

SHOP = Path(__file__).parents[2] / "examples" / "contracts" / "shop.graphql"
RESPONSE = "application/graphql-response+json"
CREATE = """mutation($input: ProductInput!) { createProduct(input: $input) { id name } }"""
LAMP = {"input": {"name": "Lamp", "price": "5.00", "category": "KITCHEN"}}

Try = Callable[[httpx.AsyncClient, str], Awaitable[None]]


def served(attempt: Try) -> list[RecordedCall]:
    """Runs `attempt` against a started mock; returns what the mock recorded."""

    async def run() -> list[RecordedCall]:
        async with MockHost([read_contract(SHOP)]) as host:
            address = f"127.0.0.1:{host.port}"
            async with httpx.AsyncClient(base_url=f"http://{address}") as client:
                await attempt(client, f"ws://{address}/graphql")
            return list(host.calls())

    return asyncio.run(run())


async def ask(client: httpx.AsyncClient, query: str, **members: Any) -> dict[str, Any]:
    reply = await client.post("/graphql", json={"query": query, **members})
    assert reply.headers["x-maestro-mock"] == "1"
    value: dict[str, Any] = reply.json()
    return value


def socket(url: str, protocol: str = "graphql-transport-ws") -> connect:
    return connect(url, subprotocols=[Subprotocol(protocol)])


async def told(connection: ClientConnection) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), 10))
    return value


async def say(connection: ClientConnection, **message: Any) -> None:
    await connection.send(json.dumps(message))


async def converse(connection: ClientConnection, messages: list[str]) -> None:
    """Says everything, then listens until the other side closes."""
    for message in messages:
        await connection.send(message)
    while True:
        await asyncio.wait_for(connection.recv(), 10)


def test_a_created_product_is_found_and_every_call_is_recorded() -> None:
    async def attempt(client: httpx.AsyncClient, _: str) -> None:
        made = await ask(client, CREATE, variables=LAMP)
        identifier = made["data"]["createProduct"]["id"]
        for _time in range(2):  # the second reply comes out of the memory of replies
            found = await ask(client, f'{{ product(id: "{identifier}") {{ name }} }}')
            assert found["data"] == {"product": {"name": "Lamp"}}
        await ask(client, f'mutation {{ deleteProduct(id: "{identifier}") }}')
        gone = await ask(client, f'{{ product(id: "{identifier}") {{ name }} }}')
        assert gone == {"data": {"product": None}}

    calls = served(attempt)
    assert [call.operation for call in calls] == [
        "Mutation.createProduct",
        "Query.product",
        "Query.product",
        "Mutation.deleteProduct",
        "Query.product",
    ]
    assert {call.protocol for call in calls} == {"graphql"}
    assert calls[0].request_body == {"query": CREATE, "variables": LAMP}
    assert calls[0].reply_body["data"]["createProduct"]["name"] == "Lamp"
    assert all(call.valid and call.status == 200 for call in calls)


def test_statuses_and_media_types_are_those_of_graphql_over_http() -> None:
    async def attempt(client: httpx.AsyncClient, _: str) -> None:
        bad = {"query": "{ nothing }"}
        strict = await client.post("/graphql", json=bad, headers={"accept": RESPONSE})
        lenient = await client.post("/graphql", json=bad, headers={"accept": "application/json"})
        assert (strict.status_code, lenient.status_code) == (400, 200)
        assert strict.headers["content-type"].startswith(RESPONSE)
        assert lenient.headers["content-type"].startswith("application/json")
        assert "data" not in strict.json()
        assert strict.json()["errors"][0]["locations"] == [{"line": 1, "column": 3}]
        found = await client.get("/graphql", params={"query": "query Q { customers { id } }"})
        assert found.status_code == 200
        assert len(found.json()["data"]["customers"]) == 10

    calls = served(attempt)
    assert [call.valid for call in calls] == [False, False, True]
    assert "nothing" in calls[0].problem


@pytest.mark.parametrize(
    ("method", "arguments", "status", "words"),
    [
        ("POST", {"json": [{"query": "{ customers { id } }"}]}, 400, "batches"),
        ("POST", {"content": b"{", "headers": {"content-type": "application/json"}}, 400, "JSON"),
        ("POST", {"content": b"\xff", "headers": {"content-type": "application/json"}}, 400, ""),
        ("POST", {"content": b"{ a }", "headers": {"content-type": "text/plain"}}, 415, ""),
        ("POST", {"json": {"query": 1}}, 400, "'query'"),
        ("POST", {"json": {"query": "{ a }", "variables": []}}, 400, "'variables'"),
        ("POST", {"json": {"query": "{ a }"}, "headers": {"accept": "image/png"}}, 406, ""),
        ("PUT", {"json": {"query": "{ a }"}}, 405, "PUT"),
        ("GET", {"params": {"query": 'mutation { deleteProduct(id: "1") }'}}, 405, "POST"),
        ("GET", {}, 400, "'query'"),
        ("POST", {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}},
         400, "JSON"),
        ("POST", {"content": b" " * 2**21, "headers": {"content-type": "application/json"}},
         413, ""),
    ],
)  # fmt: skip
def test_requests_that_are_none_are_refused(
    method: str, arguments: dict[str, Any], status: int, words: str
) -> None:
    async def attempt(client: httpx.AsyncClient, _: str) -> None:
        reply = await client.request(method, "/graphql", **arguments)
        assert reply.status_code == status
        assert words in reply.json()["errors"][0]["message"]
        assert (await ask(client, "{ __typename }")) == {"data": {"__typename": "Query"}}

    served(attempt)


def test_a_subscriber_gets_a_sample_and_then_what_mutations_change() -> None:
    async def attempt(client: httpx.AsyncClient, url: str) -> None:
        async with socket(url) as connection:
            await say(connection, type="connection_init")
            assert await told(connection) == {"type": "connection_ack"}
            watched = {"query": "subscription { productCreated { id name } }"}
            await say(connection, type="subscribe", id="1", payload=watched)
            first = await told(connection)
            assert first["payload"]["data"]["productCreated"]["id"] == "product-1"
            await ask(client, CREATE, variables=LAMP)
            event = await told(connection)
            assert event == {
                "type": "next",
                "id": "1",
                "payload": {"data": {"productCreated": {"id": "product-11", "name": "Lamp"}}},
            }
            await say(connection, type="complete", id="1")
            await say(connection, type="ping")
            assert await told(connection) == {"type": "pong"}

    calls = served(attempt)
    assert [(c.method, c.operation) for c in calls] == [
        ("SUBSCRIBE", "Subscription.productCreated"),
        ("POST", "Mutation.createProduct"),
    ]


def test_a_subscription_hears_only_of_what_it_asked_for() -> None:
    async def attempt(client: httpx.AsyncClient, url: str) -> None:
        async with socket(url) as connection:
            await say(connection, type="connection_init")
            await told(connection)
            query = 'subscription { orderChanged(id: "order-2") { id status } }'
            await say(connection, type="subscribe", id="a", payload={"query": query})
            assert (await told(connection))["payload"]["data"]["orderChanged"]["id"] == "order-2"
            for number in (1, 2):
                await ask(client, f'mutation {{ cancelOrder(id: "order-{number}") {{ id }} }}')
            event = await told(connection)
            wanted = {"orderChanged": {"id": "order-2", "status": "CANCELLED"}}
            assert event["payload"]["data"] == wanted

    served(attempt)


def test_queries_mutations_and_errors_go_over_the_socket_too() -> None:
    async def attempt(_: httpx.AsyncClient, url: str) -> None:
        async with socket(url) as connection:
            await say(connection, type="connection_init")
            await told(connection)
            await say(connection, type="subscribe", id="1", payload={"query": "{ __typename }"})
            assert (await told(connection))["payload"] == {"data": {"__typename": "Query"}}
            assert await told(connection) == {"type": "complete", "id": "1"}
            await say(connection, type="subscribe", id="1", payload={"query": "{ nothing }"})
            refused = await told(connection)
            assert refused["type"] == "error"
            assert "nothing" in refused["payload"][0]["message"]

    served(attempt)


@pytest.mark.parametrize(
    ("protocol", "messages", "code"),
    [
        ("graphql-ws", [], 4406),
        ("graphql-transport-ws", ["{"], 4400),
        ("graphql-transport-ws", ['{"type": "nonsense"}'], 4400),
        ("graphql-transport-ws", ['{"type": "subscribe", "id": "1", "payload": {}}'], 4401),
        ("graphql-transport-ws", ['{"type": "connection_init"}'] * 2, 4429),
        (
            "graphql-transport-ws",
            ['{"type": "connection_init"}']
            + [
                '{"type":"subscribe","id":"1","payload":{"query":"subscription{productCreated{id}}"}}'
            ]
            * 2,
            4409,
        ),
    ],
)
def test_a_socket_that_breaks_the_protocol_is_closed_with_its_code(
    protocol: str, messages: list[str], code: int
) -> None:
    async def attempt(client: httpx.AsyncClient, url: str) -> None:
        async with socket(url, protocol) as connection:
            with pytest.raises(ConnectionClosed) as closed:
                await converse(connection, messages)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
        assert (await ask(client, "{ __typename }")) == {"data": {"__typename": "Query"}}

    served(attempt)


def test_a_subscription_is_also_a_stream_of_events() -> None:
    async def attempt(client: httpx.AsyncClient, _: str) -> None:
        body = {"query": "subscription { productCreated { name } }"}
        headers = {"accept": "text/event-stream"}
        async with client.stream("POST", "/graphql", json=body, headers=headers) as reply:
            assert reply.headers["content-type"].startswith("text/event-stream")
            lines = reply.aiter_lines()
            assert await anext(lines) == "event: next"
            assert '"productCreated"' in await anext(lines)
            await ask(client, CREATE, variables=LAMP)
            rest = [await anext(lines) for _ in range(3)]
            assert rest == ["", "event: next", 'data: {"data":{"productCreated":{"name":"Lamp"}}}']

    served(attempt)
