"""The mock on real brokers, where their servers and their libraries are on the machine."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.mocks.events.broker_mock import BrokerMock
from maestro.contracts.mocks.events.brokers import BrokerDelivery, Destination, connected
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contract
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

CONTRACT = read_contract(Path(__file__).parents[2] / "examples/contracts/orders.asyncapi.yaml")
COMMANDS = {
    "redis": ("redis", ["redis-server", "--save", "", "--port"]),
    "nats": ("nats", ["nats-server", "-a", "127.0.0.1", "-p"]),
}


@contextmanager
def running(scheme: str) -> Iterator[str]:
    library, command = COMMANDS[scheme]
    if shutil.which(command[0]) is None or find_spec(library) is None:
        pytest.fail(f"{command[0]} or the library {library} is not on this machine; install it")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield f"{scheme}://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("scheme", sorted(COMMANDS))
def test_requests_are_answered_and_events_published(scheme: str) -> None:
    calls: list[RecordedCall] = []

    async def run(url: str) -> list[Any]:
        link = await connected(url)
        other = await connected(url)
        mock = BrokerMock(CONTRACT, link, MockBehaviour(), calls.append)
        heard: list[Any] = []
        try:
            quotes, orders = Destination(address="quotes"), Destination(address="orders")
            async with asyncio.timeout(20), mock.running():
                async with other.subscribe(quotes) as answers, other.subscribe(orders) as events:
                    request = {
                        "request_id": "q-7",
                        "items": [{"product_id": 1, "quantity": 1, "price": 2}],
                    }
                    await other.publish(quotes, json.dumps(request).encode(), {})
                    async for delivery in answers:
                        value = json.loads(delivery.body)
                        if "total" in value:
                            heard.append(value)
                            break
                    await mock.publish("orders")
                    heard.append(json.loads((await anext(aiter(events))).body))
        finally:
            await link.close()
            await other.close()
        return heard

    with running(scheme) as url:
        answer, event = asyncio.run(run(url))
    assert answer["request_id"] == "q-7"
    assert event["event"] == "order_placed"
    assert [(c.protocol, c.operation, c.valid) for c in calls] == [
        ("bus", "receive giveQuote", True)
    ]


@pytest.mark.parametrize("scheme", ["nats", "redis"])
def test_addresses_with_parameters_are_heard(scheme: str) -> None:
    async def run(url: str) -> BrokerDelivery:
        link = await connected(url)
        try:
            pattern = Destination(address="order.{id}.paid")
            async with asyncio.timeout(20), link.subscribe(pattern) as deliveries:
                await link.publish(Destination(address="order.other"), b"0", {})
                await link.publish(Destination(address="order.77.paid"), b"1", {})
                return await anext(aiter(deliveries))
        finally:
            await link.close()

    with running(scheme) as url:
        found = asyncio.run(run(url))
    assert (found.address, found.body) == ("order.77.paid", b"1")


@pytest.mark.parametrize("scheme", ["amqp", "nats", "redis"])
def test_a_broker_that_is_not_there_is_told(scheme: str) -> None:
    with pytest.raises(InvalidInput, match="no broker answers"):
        asyncio.run(connected(f"{scheme}://127.0.0.1:9"))
