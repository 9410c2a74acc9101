"""The mock on real brokers, where their servers and their libraries are on the machine."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from maestro.contracts.mocks.events.broker_mock import BrokerMock
from maestro.contracts.mocks.events.brokers import BrokerDelivery, Destination, connected
from maestro.contracts.mocks.events.stage import EventStage
from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contract
from maestro.errors import InvalidInput, SandboxFailed
from maestro.ports import RecordedCall

CONTRACT = read_contract(Path(__file__).parents[2] / "examples/contracts/orders.asyncapi.yaml")
COMMANDS = {
    "redis": ("redis", ["redis-server", "--save", "", "--port"]),
    "nats": ("nats", ["nats-server", "-a", "127.0.0.1", "-p"]),
    "amqp": ("aio_pika", ["rabbitmq-server"]),
}
PLACES = os.pathsep.join(("/usr/lib/rabbitmq/bin", os.environ["PATH"]))
"""Debian's own `rabbitmq-server` is another one, for its service only."""


@contextmanager
def broker(scheme: str, folder: Path) -> Iterator[str]:
    library, command = COMMANDS[scheme]
    if find_spec(library) is None:
        pytest.fail(f"the library {library} is not on this machine; install it")
    with ExitStack() as stack:
        [port, *inner] = free_ports(3)
        if scheme == "amqp":
            environment = rabbit(folder, port, *inner)
            names = ["epmd", "-port", str(inner[1]), "-address", "127.0.0.1"]
            stack.enter_context(program(names, environment, inner[1]))
        else:
            environment, command = {}, [*command, str(port)]
        stack.enter_context(program(command, environment, port))
        yield f"{scheme}://127.0.0.1:{port}"


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own for the tests of this file."""
    with broker(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        for one in sockets:
            stack.enter_context(one)
        return [one.getsockname()[1] for one in sockets]


def rabbit(folder: Path, port: int, distribution: int, names: int) -> dict[str, str]:
    """What keeps a RabbitMQ away from any other one on this machine."""
    return {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(names),
        "RABBITMQ_NODENAME": f"test{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }


@contextmanager
def program(command: list[str], environment: dict[str, str], port: int) -> Iterator[None]:
    """Runs until the context ends; listens when it begins."""
    found = shutil.which(command[0], path=PLACES)
    if found is None:
        pytest.fail(f"{command[0]} is not on this machine; install it")
    process = subprocess.Popen(
        [found, *command[1:]],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 90
        while not listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{found} did not come up on port {port} (code {process.poll()})")
            time.sleep(0.02)
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_requests_are_answered_and_events_published(url: str) -> None:
    calls: list[RecordedCall] = []

    async def run() -> list[Any]:
        link = await connected(url)
        other = await connected(url)
        mock = BrokerMock(EventStage(CONTRACT, MockBehaviour(), calls.append), link)
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

    answer, event = asyncio.run(run())
    assert answer["request_id"] == "q-7"
    assert event["event"] == "order_placed"
    assert [(c.protocol, c.operation, c.valid) for c in calls] == [
        ("bus", "receive giveQuote", True)
    ]


def test_addresses_with_parameters_are_heard(url: str) -> None:
    async def run() -> BrokerDelivery:
        link = await connected(url)
        try:
            pattern = Destination(address="order.{id}.paid")
            async with asyncio.timeout(20), link.subscribe(pattern) as deliveries:
                await link.publish(Destination(address="order.other"), b"0", {})
                await link.publish(Destination(address="order.77.paid"), b"1", {})
                return await anext(aiter(deliveries))
        finally:
            await link.close()

    found = asyncio.run(run())
    assert (found.address, found.body) == ("order.77.paid", b"1")


def test_of_a_queue_one_reader_gets_each_message(url: str) -> None:
    """Two readers share what comes; readers of anything else each get all of it."""
    numbers = [b"%d" % number for number in range(6)]

    async def listen(reader: AsyncIterator[BrokerDelivery], heard: asyncio.Queue[bytes]) -> None:
        async for delivery in reader:
            heard.put_nowait(delivery.body)

    async def run(where: Destination, expected: int) -> list[bytes]:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        async with AsyncExitStack() as stack:
            links = [await connected(url) for _ in range(3)]
            for link in links:
                stack.push_async_callback(link.close)
            readers = [await stack.enter_async_context(one.subscribe(where)) for one in links[1:]]
            group = await stack.enter_async_context(asyncio.TaskGroup())
            tasks = [group.create_task(listen(reader, heard)) for reader in readers]
            for number in numbers:
                await links[0].publish(where, number, {})
            async with asyncio.timeout(20):
                found = [await heard.get() for _ in range(expected)]
            for task in tasks:
                task.cancel()
        return sorted(found + [heard.get_nowait() for _ in range(heard.qsize())])

    assert asyncio.run(run(Destination(address="jobs", queue=True), 6)) == numbers
    assert asyncio.run(run(Destination(address="news"), 12)) == sorted(numbers * 2)


def test_headers_come_along_where_the_broker_has_them(url: str) -> None:
    async def run() -> tuple[bool, BrokerDelivery]:
        link = await connected(url)
        try:
            where = Destination(address="with-headers")
            async with asyncio.timeout(20), link.subscribe(where) as deliveries:
                await link.publish(where, b"{}", {"trace": "abc"})
                return link.carries_headers, await anext(aiter(deliveries))
        finally:
            await link.close()

    carries, found = asyncio.run(run())
    assert dict(found.headers).get("trace") == ("abc" if carries else None)


def test_a_mock_server_plays_on_the_broker_what_is_demanded_of_it(url: str) -> None:
    async def run() -> tuple[Any, int, list[str]]:
        link = await connected(url)
        try:
            async with asyncio.timeout(20), MockHost([CONTRACT], broker=url) as host:
                async with link.subscribe(Destination(address="orders")) as events:
                    async with httpx.AsyncClient(base_url=host.url) as client:
                        reply = await client.post("/orders/__maestro/publish")
                    event = json.loads((await anext(aiter(events))).body)
                return event, reply.status_code, host.played
        finally:
            await link.close()

    event, status, told = asyncio.run(run())
    assert event["event"] in ("order_placed", "order_cancelled")
    assert (status, told) == (
        202,
        [f"orders.asyncapi on {url}, hears /quotes, /orders/{{orderId}}"],
    )


@pytest.mark.parametrize("scheme", sorted(COMMANDS))
def test_a_broker_that_goes_away_ends_the_mock_server_and_is_told(
    scheme: str, tmp_path: Path
) -> None:
    async def run(stack: ExitStack) -> None:
        url = stack.enter_context(broker(scheme, tmp_path))
        async with asyncio.timeout(60), MockHost([CONTRACT], broker=url):
            await asyncio.to_thread(stack.close)
            await asyncio.Event().wait()

    with ExitStack() as stack, pytest.raises(SandboxFailed, match="the broker is gone"):
        asyncio.run(run(stack))


def test_a_broker_that_refuses_is_told_without_the_password(url: str) -> None:
    """RabbitMQ asks for the right one; the others ask for none here."""
    scheme, _, place = url.partition("://")
    if scheme == "amqp":
        with pytest.raises(InvalidInput, match="no broker answers") as caught:
            asyncio.run(connected(f"{scheme}://guest:wrong-secret@{place}"))
        assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["amqp", "nats", "redis"])
def test_a_broker_that_is_not_there_is_told(scheme: str) -> None:
    with pytest.raises(InvalidInput, match="no broker answers"):
        asyncio.run(connected(f"{scheme}://127.0.0.1:9"))
