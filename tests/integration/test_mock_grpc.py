"""The gRPC mock, called over real channels."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import grpc
import pytest
from grpc_provider import SERVICE, inventory_contract
from grpc_reflection.v1alpha import reflection_pb2

from maestro.contracts.mock_marker import MOCK_HEADER
from maestro.contracts.mocks.grpc.server import GrpcMock
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.protobuf.model import ProtobufModel, read_protobuf
from maestro.errors import InvalidInput, SandboxFailed
from maestro.ports import RecordedCall


class Caller:
    """Calls by method name with JSON, as a consumer would with generated code."""

    def __init__(self, mock: GrpcMock, channel: Any, calls: list[RecordedCall]) -> None:
        self.mock = mock
        self.calls = calls
        self.channel = channel
        self.marked = False
        self.model: ProtobufModel = read_protobuf(mock.contract)

    async def ask(self, name: str, *bodies: Any, prefer: str = "", seconds: float = 20) -> Any:
        """The reply, or a list of them; the name of the status when it is not OK."""
        method = self.model.method(f"{SERVICE}/{name}")
        assert method is not None
        metadata = (("maestro-prefer", prefer),) if prefer else ()
        requests = [self.model.from_json(body, method.request) for body in bodies]
        call = self.channel.stream_stream(method.path)(
            _each([request.SerializeToString() for request in requests]),
            metadata=metadata,
            timeout=seconds,
        )
        kind = self.model.message_class(method.reply)
        told: list[Any] = []
        with contextlib.suppress(grpc.aio.AioRpcError):
            async for raw in call:
                told.append(self.model.to_json(kind.FromString(raw)))
        code = (await call.code()).name
        self.marked = MOCK_HEADER in tuple(await call.trailing_metadata() or ())
        if code != "OK":
            return code
        return told if method.kind.streams_replies else told[0]


async def _each(raws: Sequence[bytes]) -> AsyncIterator[bytes]:
    for raw in raws:
        yield raw


def served(
    scenario: Callable[[Caller], Awaitable[Any]], behaviour: MockBehaviour = MockBehaviour()
) -> Any:
    async def run() -> Any:
        calls: list[RecordedCall] = []
        async with GrpcMock(inventory_contract(), behaviour, calls.append, "page") as mock:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{mock.port}") as channel:
                return await scenario(Caller(mock, channel, calls))

    return asyncio.run(run())


def test_entries_live_from_creation_to_deletion_and_reset_forgets() -> None:
    async def scenario(c: Caller) -> None:
        made = await c.ask("CreateItem", {"item": {"name": "Lamp", "warehouse": "A"}})
        assert c.marked
        assert made["id"] == "item-1"
        assert made["created_at"].startswith("2030-01-01T00:00:0")
        assert await c.ask("GetItem", {"id": "item-1"}) == made
        await c.ask("CreateItem", {"item": {"name": "Chair", "warehouse": "B"}})
        page = await c.ask("ListItems", {"page_size": 1})
        assert (page["items"], page["next_page_token"], page["total_size"]) == ([made], "1", 2)
        rest = await c.ask("ListItems", {"page_size": 1, "page_token": "1"})
        assert [item["name"] for item in rest["items"]] == ["Chair"]
        assert "next_page_token" not in rest
        filtered = await c.ask("ListItems", {"warehouse": "B"})
        assert [item["name"] for item in filtered["items"]] == ["Chair"]
        change = {"item": {"id": "item-1", "name": "Desk"}, "update_mask": "name"}
        assert await c.ask("UpdateItem", change) == {**made, "name": "Desk"}
        whole = await c.ask("UpdateItem", {"item": {"id": "item-1", "sku": "X"}})
        assert whole == {"id": "item-1", "sku": "X", "created_at": made["created_at"]}
        assert await c.ask("DeleteItem", {"id": "item-1"}) == {}
        assert await c.ask("GetItem", {"id": "item-1"}) == "NOT_FOUND"
        assert c.marked
        c.mock.reset()
        assert "items" not in await c.ask("ListItems", {})

    served(scenario)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("ListItems", {"page_token": "elsewhere"}),
        ("ListItems", {"page_size": -1}),
        ("UpdateItem", {"item": {"id": "item-1"}, "update_mask": "colour"}),
    ],
)
def test_requests_outside_the_contract_are_refused(name: str, body: Any) -> None:
    async def scenario(c: Caller) -> list[RecordedCall]:
        await c.ask("CreateItem", {"item": {"name": "Lamp"}})
        assert await c.ask(name, body) == "INVALID_ARGUMENT"
        return c.calls

    assert [call.valid for call in served(scenario)] == [True, False]


def test_streams_of_every_kind() -> None:
    async def scenario(c: Caller) -> None:
        watched = await c.ask("WatchStock", {"warehouse": "Berlin"})
        assert [change["warehouse"] for change in watched] == ["Berlin"] * 3
        assert len(await c.ask("WatchStock", {}, prefer="items=5")) == 5
        lines = [{"sku": "a", "quantity": 2}, {"sku": "b", "quantity": 5}]
        summary = await c.ask("ReceiveDelivery", *lines)
        assert summary == {"lines": 2, "total_quantity": 7}
        told = await c.ask("Reserve", *lines)
        assert [(entry["sku"], entry["quantity"]) for entry in told] == [("a", 2), ("b", 5)]
        assert await c.ask("Reserve") == []

    served(scenario)


def test_status_delay_and_deadline_on_demand() -> None:
    async def scenario(c: Caller) -> list[RecordedCall]:
        assert await c.ask("ListItems", {}, prefer="code=UNAVAILABLE") == "UNAVAILABLE"
        assert await c.ask("ListItems", {}, prefer="code=7, message=no") == "PERMISSION_DENIED"
        assert await c.ask("WatchStock", {}, prefer="items=2, code=ABORTED") == "ABORTED"
        assert await c.ask("ListItems", {}, prefer="delay=5000", seconds=0.2) == (
            "DEADLINE_EXCEEDED"
        )
        assert "total_size" not in await c.ask("ListItems", {}, prefer="delay=1ms")
        assert await c.ask("ListItems", {}, prefer="code=NONE_SUCH") == "INVALID_ARGUMENT"
        assert await c.ask("ListItems", {}, prefer="colour=red") == "INVALID_ARGUMENT"
        assert await c.ask("ListItems", {}, prefer="delay=999999") == "INVALID_ARGUMENT"
        return c.calls

    calls = served(scenario)
    assert [call.status for call in calls][:3] == [14, 7, 10]
    assert calls[1].problem == "no"
    assert len(calls[2].reply_body) == 2


def test_calls_are_evidence_without_credentials() -> None:
    async def scenario(c: Caller) -> list[RecordedCall]:
        method = c.model.method(f"{SERVICE}/GetItem")
        assert method is not None
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await c.channel.unary_unary(method.path)(
                b"\xff", metadata=(("authorization", "Bearer x"), ("x-request-id", "7"))
            )
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await c.channel.unary_unary("/no.Such/Method")(b"")
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        await c.ask("CreateItem", {"item": {"name": "Lamp"}})
        return c.calls

    broken, unknown, made = served(scenario)
    assert (broken.valid, broken.status, broken.request_body) == (False, 3, None)
    assert broken.request_headers["x-request-id"] == "7"
    assert "authorization" not in broken.request_headers
    assert (unknown.operation, unknown.path, unknown.status) == ("", "/no.Such/Method", 12)
    assert made.request_body == {"item": {"name": "Lamp"}}
    assert made.reply_body["id"] == "item-1"
    assert (made.protocol, made.method, made.consumer) == ("grpc", "unary", "page")
    assert made.operation == f"{SERVICE}/CreateItem"


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_tells_services_and_descriptors(version: str) -> None:
    async def scenario(c: Caller) -> tuple[list[str], list[str]]:
        path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        request = reflection_pb2.ServerReflectionRequest
        asked = [request(list_services="*"), request(file_containing_symbol=SERVICE)]
        raws = [entry.SerializeToString() for entry in asked]
        told = [
            reflection_pb2.ServerReflectionResponse.FromString(raw)
            async for raw in c.channel.stream_stream(path)(_each(raws))
        ]
        files = told[1].file_descriptor_response.file_descriptor_proto
        return [s.name for s in told[0].list_services_response.service], files

    services, files = served(scenario)
    assert services == ["grpc.health.v1.Health", SERVICE]
    assert any(b"inventory.proto" in file for file in files)


def test_health_says_serving() -> None:
    async def scenario(c: Caller) -> None:
        check = c.channel.unary_unary("/grpc.health.v1.Health/Check")
        name = SERVICE.encode()
        assert await check(b"") == b"\x08\x01"
        assert await check(b"\x0a" + bytes([len(name)]) + name) == b"\x08\x01"
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await check(b"\x0a\x01x")
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        watch = c.channel.unary_stream("/grpc.health.v1.Health/Watch")(b"")
        assert await watch.read() == b"\x08\x01"
        watch.cancel()

    served(scenario)


def test_too_large_a_message_is_refused_and_the_server_goes_on() -> None:
    async def scenario(c: Caller) -> None:
        large = {"item": {"name": "x" * (5 * 1024 * 1024)}}
        assert await c.ask("CreateItem", large) == "RESOURCE_EXHAUSTED"
        assert await c.ask("GetItem", {"id": "1"}) == "NOT_FOUND"

    served(scenario)


def test_the_same_calls_give_the_same_replies_and_dynamic_ones_differ() -> None:
    async def scenario(c: Caller) -> list[Any]:
        return [await c.ask("WatchStock", {}, prefer="items=1") for _ in range(2)]

    one, other = served(scenario)
    assert one == other
    assert served(scenario) == [one, other]
    assert served(scenario, MockBehaviour(seed=5)) != [one, other]
    drawn, again = served(scenario, MockBehaviour(dynamic=True))
    assert drawn != again


def test_without_state_everything_is_a_sample_that_echoes() -> None:
    async def scenario(c: Caller) -> Any:
        return await c.ask("GetItem", {"id": "anything"})

    assert served(scenario, MockBehaviour(stateful=False))["id"] == "anything"


def test_routes_and_specification() -> None:
    async def scenario(c: Caller) -> None:
        routes = c.mock.routes()
        assert len(routes) == 8
        assert routes[0].path == f"/{SERVICE}/CreateItem"
        assert (routes[5].method, routes[5].protocol) == ("server-stream", "grpc")
        kind, text = c.mock.specification()
        assert kind.startswith("text/plain")
        assert b"service InventoryService" in text

    served(scenario)


def test_a_taken_port_and_a_contract_without_service_are_refused() -> None:
    async def scenario(c: Caller) -> None:
        with pytest.raises(SandboxFailed, match="cannot listen"):
            async with GrpcMock(
                inventory_contract(), MockBehaviour(), c.calls.append, port=c.mock.port
            ):
                pass
        lonely = inventory_contract('syntax = "proto3"; message A {}')
        with pytest.raises(InvalidInput, match="declares no service"):
            async with GrpcMock(lonely, MockBehaviour(), c.calls.append):
                pass

    served(scenario)
