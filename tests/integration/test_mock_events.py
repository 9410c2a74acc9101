"""The mock of an AsyncAPI contract under a real server, with real clients."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from events_provider import served
from websockets.asyncio.client import connect

from maestro.contracts.asyncapi.document import from_object
from maestro.contracts.asyncapi.events import events_of
from maestro.contracts.mocks.events import topics
from maestro.contracts.mocks.events.surface import EventsSurface
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contract
from maestro.ports import RecordedCall

CONTRACT = read_contract(Path(__file__).parents[2] / "examples/contracts/orders.asyncapi.yaml")
MODEL = events_of(from_object(CONTRACT.specification))
QUOTE = {"request_id": "q-1", "items": [{"product_id": 1, "quantity": 2, "price": 3.5}]}


class Served:
    """A surface behind a server, and a client beside it."""

    def __init__(self, surface: EventsSurface, place: str, http: httpx.AsyncClient) -> None:
        self.surface = surface
        self.socket = f"ws://{place}"
        self.http = http
        self.calls: list[RecordedCall] = []


@asynccontextmanager
async def mocked(behaviour: MockBehaviour = MockBehaviour()) -> AsyncIterator[Served]:
    calls: list[RecordedCall] = []
    surface = EventsSurface(CONTRACT, behaviour, calls.append, "tester")
    async with served(surface) as place:
        async with httpx.AsyncClient(base_url=f"http://{place}", trust_env=False) as http:
            made = Served(surface, place, http)
            made.calls = calls
            yield made


def with_mock(job: Callable[[Served], Awaitable[Any]], **more: Any) -> Any:
    async def run() -> Any:
        async with asyncio.timeout(30), mocked(MockBehaviour(**more)) as mock:
            return await job(mock)

    return asyncio.run(run())


async def events(mock: Served, path: str, **headers: str) -> list[dict[str, str]]:
    """The server-sent events of a stream that ends by itself."""
    found: list[dict[str, str]] = []
    async with mock.http.stream("GET", path, headers=headers) as reply:
        assert reply.headers["content-type"] == "text/event-stream"
        assert reply.headers["x-maestro-mock"] == "1"
        fields: dict[str, str] = {}
        async for line in reply.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                found.append(fields)
                fields = {}
    return found


def test_events_are_published_on_connect_and_at_an_interval() -> None:
    async def job(mock: Served) -> list[dict[str, str]]:
        return await events(mock, "/orders?__every=0.01&__count=7")

    first, again = with_mock(job), with_mock(job)
    assert [e["event"] for e in first[:4]] == [
        "orderPlaced",
        "orderPaid",
        "orderCancelled",
        "orderPlaced",
    ]
    assert [e["id"] for e in first] == [str(n) for n in range(1, 8)]
    assert json.loads(first[0]["data"])["order_id"] == "ord-1001"
    assert first == again
    assert with_mock(job, seed=3) != first


def test_a_listener_that_comes_back_gets_what_it_missed() -> None:
    async def job(mock: Served) -> list[str]:
        mock.surface.stage.publish("/orders", count=5)
        found = await events(mock, "/orders?__count=2", **{"last-event-id": "3"})
        return [e["id"] for e in found]

    assert with_mock(job) == ["4", "5"]


def test_addresses_with_parameters_are_apart() -> None:
    async def job(mock: Served) -> list[Any]:
        one = await events(mock, "/orders/ord-77?__count=1")
        async with connect(f"{mock.socket}/orders/ord-88", proxy=None) as other:
            return [json.loads(one[0]["data"]), json.loads(await other.recv())]

    assert [e["order_id"] for e in with_mock(job)] == ["ord-77", "ord-88"]


def test_requests_get_their_own_answers_on_a_websocket() -> None:
    async def job(mock: Served) -> list[Any]:
        async with connect(f"{mock.socket}/quotes", proxy=None) as one:
            async with connect(f"{mock.socket}/quotes", proxy=None) as other:
                for number in range(3):
                    await one.send(json.dumps(QUOTE | {"request_id": f"a-{number}"}))
                await other.send(json.dumps(QUOTE | {"request_id": "b"}))
                answers = [json.loads(await one.recv()) for _ in range(3)]
                answers.append(json.loads(await other.recv()))
        return answers

    answers = with_mock(job)
    assert [a["request_id"] for a in answers] == ["a-0", "a-1", "a-2", "b"]
    assert set(answers[0]) == {"request_id", "total", "valid_until"}


def test_wrong_messages_are_told_with_pointer_and_rule_and_recorded() -> None:
    wrong = {"request_id": "x", "items": [{"product_id": 0, "quantity": 2, "price": 1}]}

    async def job(mock: Served) -> tuple[Any, Any, Any, list[RecordedCall]]:
        async with connect(f"{mock.socket}/quotes", proxy=None) as socket:
            await socket.send(json.dumps(wrong))
            told = json.loads(await socket.recv())
            await socket.send(b"\xff\xfe")
            unread = json.loads(await socket.recv())
            await socket.send(json.dumps(QUOTE))
            assert json.loads(await socket.recv())["request_id"] == "q-1"
        posted = await mock.http.post("/quotes", json=wrong)
        return told, unread, posted, mock.calls

    told, unread, posted, calls = with_mock(job)
    assert told["status"] == posted.status_code == 422
    assert told["errors"] == posted.json()["errors"]
    assert told["errors"][0]["pointer"] == "/items/0/product_id"
    assert "(minimum)" in told["errors"][0]["detail"]
    assert unread["status"] == 400
    assert [(c.method, c.protocol, c.valid, c.status) for c in calls] == [
        ("SUBSCRIBE", "websocket", True, 101),
        ("PUBLISH", "websocket", False, 422),
        ("PUBLISH", "websocket", False, 400),
        ("PUBLISH", "websocket", True, 200),
        ("PUBLISH", "http", False, 422),
    ]
    assert {(c.consumer, c.contract) for c in calls} == {("tester", CONTRACT.id)}
    assert calls[3].operation == "receive giveQuote"
    assert calls[3].reply_body["request_id"] == "q-1"


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("POST", "/quotes", {"json": QUOTE}, 200),
        ("POST", "/orders/ord-1", {"json": {"command": "cancel", "reason": "x"}}, 202),
        ("POST", "/orders/ord-1", {"json": {"command": "cancel"}}, 422),
        ("POST", "/orders", {"json": {}}, 405),
        ("DELETE", "/quotes", {}, 405),
        ("GET", "/none", {}, 404),
        ("GET", "/orders", {"headers": {"accept": "application/xml"}}, 406),
        ("GET", "/orders", {"headers": {"accept": "foo"}}, 406),
        ("GET", "/orders?__every=0", {}, 400),
        ("GET", "/orders?__count=many", {}, 400),
        ("GET", "/orders", {"headers": {"last-event-id": "x"}}, 400),
        ("POST", "/quotes", {"content": b"{"}, 400),
        ("POST", "/quotes", {"content": b"\xff"}, 400),
        ("POST", "/quotes", {"content": b"[" * 5000}, 400),
        ("POST", "/quotes", {"content": b"NaN"}, 400),
        ("POST", "/quotes", {"content": b" " * 1_100_000}, 413),
        ("POST", "/quotes", {"content": b"x", "headers": {"content-type": "image/png"}}, 415),
        ("OPTIONS", "/quotes", {}, 204),
        ("HEAD", "/orders", {}, 200),
        ("POST", "/orders/__maestro/publish", {"json": {"message": "orderPaid"}}, 202),
        ("POST", "/orders/__maestro/publish", {"json": {"message": "none"}}, 422),
        ("POST", "/orders/__maestro/publish", {"json": {"payload": {"event": "x"}}}, 422),
        ("POST", "/orders/__maestro/publish", {"json": {"count": 10**9}}, 422),
        ("POST", "/orders/__maestro/publish", {"content": b"{"}, 400),
        ("GET", "/orders/__maestro/publish", {}, 405),
    ],
)
def test_http_is_answered_by_the_book(
    method: str, path: str, more: dict[str, Any], status: int
) -> None:
    async def job(mock: Served) -> httpx.Response:
        return await mock.http.request(method, path, **more)

    reply = with_mock(job)
    assert reply.status_code == status
    if status >= 400:
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["detail"]


def test_what_is_demanded_reaches_all_listeners() -> None:
    payload = {
        "event": "order_cancelled",
        "order_id": "ord-3",
        "cancelled_at": "2031-01-01T00:00:00Z",
    }

    async def job(mock: Served) -> list[Any]:
        async with connect(f"{mock.socket}/orders", proxy=None) as one:
            async with connect(f"{mock.socket}/orders", proxy=None) as other:
                await one.recv()
                await other.recv()
                await mock.http.post("/orders/__maestro/publish", json={"payload": payload})
                return [json.loads(await one.recv()), json.loads(await other.recv())]

    assert with_mock(job) == [payload, payload]


def test_a_slow_listener_is_let_go_and_the_others_stay() -> None:
    item = {"product_id": 1, "quantity": 1, "price": 1}
    large = {
        "event": "order_placed",
        "order_id": "ord-1",
        "placed_at": "2031-01-01T00:00:00Z",
        "items": [item] * 1500,
        "total": 1500,
    }

    async def job(mock: Served) -> tuple[int, int]:
        topic = mock.surface.stage.meeting("/orders").topic
        async with connect(f"{mock.socket}/orders", proxy=None, compression=None) as good:
            await good.recv()
            slow = await connect(f"{mock.socket}/orders", proxy=None, compression=None, max_queue=1)
            published = 0
            while len(topic.listeners) < 2:
                await asyncio.sleep(0.001)
            while len(topic.listeners) == 2 and published < 5000:  # `slow` never reads
                mock.surface.stage.publish("/orders", payload=large, given=True)
                published += 1
                await good.recv()
            left = len(topic.listeners)
            slow.transport.abort()
            return published, left

    published, left = with_mock(job)
    assert topics.MAX_WAITING < published < 5000
    assert left == 1


def test_listeners_that_left_are_forgotten() -> None:
    async def job(mock: Served) -> int:
        topic = mock.surface.stage.meeting("/orders").topic
        for _ in range(3):
            await events(mock, "/orders?__count=1")
            async with connect(f"{mock.socket}/orders", proxy=None) as socket:
                await socket.recv()
        while topic.listeners:
            await asyncio.sleep(0.01)
        return len(topic.listeners)

    assert with_mock(job) == 0


def test_a_socket_where_nothing_is_gets_the_reason() -> None:
    async def job(mock: Served) -> tuple[int, bytes | bytearray]:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with connect(f"{mock.socket}/nowhere", proxy=None):
                pass
        return refused.value.response.status_code, refused.value.response.body or b""

    status, body = with_mock(job)
    assert status == 404
    assert b"/orders" in body


def test_reset_forgets_and_consumers_are_apart() -> None:
    async def job(mock: Served) -> tuple[list[str], list[str]]:
        mock.surface.stage.publish("/orders", count=4)
        other = mock.surface.for_consumer("second")
        fresh = other.stage.publish("/orders")
        mock.surface.reset()
        again = await events(mock, "/orders?__count=1")
        return [str(p.number) for p in fresh], [e["id"] for e in again]

    assert with_mock(job) == (["1"], ["1"])


def test_everything_served_is_listed() -> None:
    surface = EventsSurface(CONTRACT, MockBehaviour(), lambda call: None)
    assert set(surface.roots) == {"/orders", "/quotes"}
    listed = {(r.protocol, r.method, r.path) for r in surface.routes()}
    assert ("websocket", "GET", "/orders/{orderId}") in listed
    assert ("sse", "GET", "/orders") in listed
    assert ("http", "POST", "/quotes") in listed
    kind, text = surface.specification()
    assert kind.startswith("application/vnd.aai.asyncapi+json")
    assert json.loads(text) == CONTRACT.specification
    assert list(surface.examine()) == [""] * 6
    assert surface.notes() == ()
