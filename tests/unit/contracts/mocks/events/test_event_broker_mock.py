"""The mock behind the port to brokers, with a broker that lives in memory."""

import asyncio
import importlib.util
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.mocks.events.broker_mock import (
    MAX_LEAVING,
    BrokerMock,
    destination_of,
)
from maestro.contracts.mocks.events.brokers import BrokerDelivery, Destination, connected
from maestro.contracts.mocks.events.stage import EventStage
from maestro.contracts.mocks.messages import Refused
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contract
from maestro.errors import InvalidInput, SandboxFailed
from maestro.ports import RecordedCall

CONTRACT = read_contract(Path(__file__).parents[5] / "examples/contracts/orders.asyncapi.yaml")


class FakeBroker:
    """Hands everything to every subscriber, as the widest pattern would."""

    def __init__(self, *, carries_headers: bool = True) -> None:
        self.carries_headers = carries_headers
        self.losses: tuple[type[Exception], ...] = (OSError,)
        self.is_lost = False
        self.published: list[tuple[str, Any]] = []
        self._queues: list[asyncio.Queue[BrokerDelivery]] = []
        self.subscribed: list[Destination] = []

    async def publish(
        self, destination: Destination, body: bytes, headers: Mapping[str, str]
    ) -> None:
        if self.is_lost:
            raise OSError("connection reset")
        self.published.append((destination.address, json.loads(body)))
        for queue in self._queues:
            queue.put_nowait(
                BrokerDelivery(address=destination.address, body=body, headers=headers)
            )

    @asynccontextmanager
    async def subscribe(
        self, destination: Destination
    ) -> AsyncIterator[AsyncIterator[BrokerDelivery]]:
        queue: asyncio.Queue[BrokerDelivery] = asyncio.Queue()
        self._queues.append(queue)
        self.subscribed.append(destination)
        yield self._entries(queue)

    async def close(self) -> None:
        self._queues.clear()

    async def _entries(self, queue: asyncio.Queue[BrokerDelivery]) -> AsyncIterator[BrokerDelivery]:
        while True:
            yield await queue.get()


def played(bodies: list[tuple[str, bytes]]) -> tuple[FakeBroker, list[RecordedCall]]:
    calls: list[RecordedCall] = []
    broker = FakeBroker()

    async def run() -> None:
        mock = BrokerMock(EventStage(CONTRACT, MockBehaviour(), calls.append), broker)
        async with asyncio.timeout(20), mock.running():
            broker_bodies = [(Destination(address=a), body) for a, body in bodies]
            for destination, body in broker_bodies:
                for queue in broker._queues:
                    queue.put_nowait(BrokerDelivery(address=destination.address, body=body))
            while len(calls) < len(bodies):
                await asyncio.sleep(0)
            await mock.publish("orders", named="orderPaid")

    asyncio.run(run())
    return broker, calls


def test_messages_are_judged_answered_and_recorded_once() -> None:
    request = {"request_id": "q-3", "items": [{"product_id": 1, "quantity": 1, "price": 1}]}
    broker, calls = played(
        [
            ("quotes", json.dumps(request).encode()),
            ("quotes", b'{"request_id": "q-4"}'),
            ("quotes", b"\xff"),
            ("orders/ord-1", b'{"command": "cancel", "reason": "late"}'),
        ]
    )
    assert sorted((c.path, c.status, c.valid) for c in calls) == [
        ("/orders/ord-1", 202, True),
        ("/quotes", 202, True),
        ("/quotes", 400, False),
        ("/quotes", 422, False),
    ]
    answers = [body for address, body in broker.published if address == "quotes"]
    assert [a["request_id"] for a in answers] == ["q-3"]
    assert [b["event"] for a, b in broker.published if a == "orders"] == ["order_paid"]
    assert {d.address for d in broker.subscribed} == {"quotes", "orders/{orderId}"}


def test_bindings_say_where_a_message_goes() -> None:
    source: Any = json.loads(json.dumps(CONTRACT.specification))
    source["channels"]["quotes"]["bindings"] = {"amqp": {"is": "queue"}}
    source["channels"]["order"]["bindings"] = {
        "amqp": {"is": "routingKey", "exchange": {"name": "shop", "type": "topic"}}
    }

    contract = replace(CONTRACT, specification=source)
    mock = BrokerMock(EventStage(contract, MockBehaviour(), lambda call: None), FakeBroker())
    found = {d.address: d for d in map(destination_of, mock.player.addresses)}
    assert found["quotes"].queue
    assert found["orders/{orderId}"].exchange == "shop"
    assert not found["orders"].queue


def test_unknown_brokers_are_refused() -> None:
    with pytest.raises(InvalidInput, match="redis"):
        asyncio.run(connected("kafka://localhost"))


@pytest.mark.parametrize(
    ("scheme", "library", "extra"),
    [("redis", "redis", "redis"), ("amqp", "aio_pika", "rabbitmq"), ("nats", "nats", "nats")],
)
def test_a_missing_extra_is_named(scheme: str, library: str, extra: str) -> None:
    assert importlib.util.find_spec(library) is None, f"{library} belongs to test-extras only"
    with pytest.raises(InvalidInput, match=rf"maestro-conductor\[{extra}\]"):
        asyncio.run(connected(f"{scheme}://127.0.0.1:1"))


def test_everything_that_the_application_publishes_goes_to_the_broker_too() -> None:
    async def run() -> list[tuple[str, Any]]:
        broker, stage = FakeBroker(), EventStage(CONTRACT, MockBehaviour(), lambda call: None)
        mock = BrokerMock(stage, broker)
        async with mock.running():
            stage.publish("/orders", count=2)  # as somebody may demand it over HTTP
            await mock.publish("orders")
        stage.publish("/orders")
        return broker.published

    published = asyncio.run(run())
    assert [address for address, _ in published] == ["orders"] * 3
    assert all(body["event"].startswith("order_") for _, body in published)


def test_what_waits_for_a_slow_broker_is_bounded_and_refused_loudly() -> None:
    async def run() -> tuple[int, int, int]:
        released = asyncio.Event()

        class SlowBroker(FakeBroker):
            async def publish(self, *message: Any) -> None:
                await released.wait()
                await super().publish(*message)

        broker, stage = SlowBroker(), EventStage(CONTRACT, MockBehaviour(), lambda call: None)
        mock = BrokerMock(stage, broker)
        heard = stage.meeting("/orders").topic
        async with mock.running():
            stage.publish("/orders", count=MAX_LEAVING)
            with pytest.raises(Refused, match="1000 messages wait for the broker") as refused:
                stage.publish("/orders")
            with pytest.raises(InvalidInput, match="nothing was published"):
                await mock.publish("orders")
            number = heard.kept[-1].number  # what was refused reached nobody else either
            released.set()
            while len(broker.published) < MAX_LEAVING:
                await asyncio.sleep(0)
            await mock.publish("orders")
        return refused.value.status, number, len(broker.published)

    assert asyncio.run(run()) == (503, MAX_LEAVING, MAX_LEAVING + 1)


def test_what_one_of_two_brokers_cannot_take_goes_to_neither() -> None:
    async def run() -> tuple[int, int]:
        released = asyncio.Event()

        class SlowBroker(FakeBroker):
            async def publish(self, *message: Any) -> None:
                await released.wait()
                await super().publish(*message)

        stage = EventStage(CONTRACT, MockBehaviour(), lambda call: None)
        quick, slow = FakeBroker(), SlowBroker()
        async with BrokerMock(stage, quick).running(), BrokerMock(stage, slow).running():
            for _ in range(MAX_LEAVING):
                stage.publish("/orders")
                await asyncio.sleep(0)  # the quick one takes it
            while len(quick.published) < MAX_LEAVING:
                await asyncio.sleep(0)
            # one is in the hands of the slow one, so there is room for another
            stage.publish("/orders")
            with pytest.raises(Refused, match="nothing was published"):
                stage.publish("/orders")
            released.set()
            while len(slow.published) < MAX_LEAVING + 1:
                await asyncio.sleep(0)
        return len(quick.published), len(slow.published)

    assert asyncio.run(run()) == (MAX_LEAVING + 1, MAX_LEAVING + 1)


def test_a_broker_that_is_gone_ends_what_waits_for_it() -> None:
    async def run() -> None:
        broker = FakeBroker()
        mock = BrokerMock(EventStage(CONTRACT, MockBehaviour(), lambda call: None), broker)
        async with mock.running():
            broker.is_lost = True
            await mock.publish("orders")

    with pytest.raises(SandboxFailed, match="the broker is gone: connection reset"):
        asyncio.run(run())
