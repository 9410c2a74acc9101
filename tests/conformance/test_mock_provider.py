"""What every mock provider must promise."""

import asyncio
import socket
from collections.abc import Callable

import httpx
import pytest

from maestro.contracts.mocks import LiveMockProvider
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId
from maestro.errors import InvalidInput
from maestro.ports import MockProvider

THING = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}
CONTENT = {"application/json": {"schema": THING}}
CONTRACT = Contract(
    id=ContractId("backend-api"),
    name="Things",
    kind=ContractKind.REST,
    version="1.0.0",
    provider="backend_developer",
    component="backend",
    consumers=("frontend_developer",),
    format=SpecificationFormat.OPENAPI,
    specification={
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "servers": [{"url": "/api"}],
        "paths": {
            "/things": {
                "post": {
                    "requestBody": {"required": True, "content": CONTENT},
                    "responses": {"201": {"description": "", "content": CONTENT}},
                }
            },
            "/things/{thing_id}": {
                "get": {
                    "parameters": [
                        {
                            "name": "thing_id",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "integer"},
                        }
                    ],
                    "responses": {"200": {"description": "", "content": CONTENT}},
                }
            },
        },
    },
    deliverables=(),
    acceptance=(),
)


@pytest.fixture(params=[LiveMockProvider])
def make_provider(request: pytest.FixtureRequest) -> Callable[[], MockProvider]:
    chosen: Callable[[], MockProvider] = request.param
    return chosen


def test_it_answers_at_its_url_from_the_first_moment(
    make_provider: Callable[[], MockProvider],
) -> None:
    async def run() -> None:
        async with make_provider().serve(CONTRACT, consumer="a") as mock:
            assert mock.url == f"http://127.0.0.1:{mock.port}/api"
            async with httpx.AsyncClient() as client:
                made = await client.post(f"{mock.url}/things", json={"name": "x"})
                assert made.status_code == 201
                got = await client.get(f"{mock.url}/things/{made.json()['id']}")
                assert got.json() == made.json()
                assert got.headers["x-maestro-mock"] == "1"

    asyncio.run(run())


def test_calls_are_recorded_in_order_with_their_verdict(
    make_provider: Callable[[], MockProvider],
) -> None:
    async def run() -> None:
        async with make_provider().serve(CONTRACT, consumer="a") as mock:
            assert list(mock.calls()) == []
            async with httpx.AsyncClient() as client:
                await client.post(f"{mock.url}/things", json={"name": 1})
                await client.get(f"{mock.url}/things/5?x=1")
            first, second = mock.calls()
            assert (first.operation, first.valid) == ("POST /things", False)
            assert first.problem
            assert (second.method, second.path, second.query) == ("GET", "/things/5", "x=1")
            assert (second.operation, second.status, second.valid) == (
                "GET /things/{thing_id}",
                404,
                True,
            )
            assert first.at <= second.at
            assert first.at.utcoffset() is not None

    asyncio.run(run())


def test_consumers_do_not_see_each_other(make_provider: Callable[[], MockProvider]) -> None:
    async def run() -> None:
        provider = make_provider()
        async with provider.serve(CONTRACT, consumer="a") as one:
            async with provider.serve(CONTRACT, consumer="b") as two:
                assert one.port != two.port
                async with httpx.AsyncClient() as client:
                    made = await client.post(f"{one.url}/things", json={"name": "x"})
                    other = await client.get(f"{two.url}/things/{made.json()['id']}")
                assert other.status_code == 404

    asyncio.run(run())


@pytest.mark.parametrize("ending", ["normal", "error", "cancel"])
def test_nothing_listens_afterwards(make_provider: Callable[[], MockProvider], ending: str) -> None:
    ports: list[int] = []

    async def step(started: asyncio.Event) -> None:
        async with make_provider().serve(CONTRACT, consumer="a") as mock:
            ports.append(mock.port)
            started.set()
            if ending == "error":
                raise ValueError("mine")
            if ending == "cancel":
                await asyncio.Event().wait()

    async def run() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(step(started))
        await started.wait()
        if ending == "cancel":
            task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        expected = {"normal": type(None), "error": ValueError, "cancel": asyncio.CancelledError}
        assert type(outcome) is expected[ending]
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", ports[0])) != 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_what_cannot_be_served_is_refused(make_provider: Callable[[], MockProvider]) -> None:
    from dataclasses import replace

    async def run(contract: Contract) -> None:
        async with make_provider().serve(contract, consumer="a"):
            pass

    other = replace(CONTRACT, format=SpecificationFormat.JSON_SCHEMA, specification={})
    with pytest.raises(InvalidInput):
        asyncio.run(run(other))
    with pytest.raises(InvalidInput):
        asyncio.run(run(replace(CONTRACT, specification={"openapi": "9"})))
