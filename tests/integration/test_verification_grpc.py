"""The gRPC verifier on real providers: right ones, wrong ones and one of our own mocks."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_provider import FAULTS, SERVICE, inventory_contract, provider

from maestro.contracts.mocks.grpc.server import GrpcMock
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.protobuf.model import read_protobuf
from maestro.contracts.verification.grpc import GrpcVerifier
from maestro.domain.contract import Severity, Verification
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall, SandboxStrength, VerificationTarget

VERIFIER = GrpcVerifier(call_seconds=0.7, connect_seconds=5)


class FakeSandbox:
    """A root without files; gRPC verification runs nothing in it."""

    root = Path("/nonexistent")

    @property
    def strength(self) -> SandboxStrength:
        return SandboxStrength(mechanism="off", level="L0", capabilities=(), missing=())

    async def run(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("nothing runs here")

    def serve(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("nothing is served here")


async def quiet(line: str) -> None:
    """Progress nobody reads."""


async def verified(port: int, **facts: Any) -> Verification:
    target = VerificationTarget(
        description="inventory",
        sandbox=FakeSandbox(),
        url=f"grpc://127.0.0.1:{port}",
        **facts,
    )
    return await VERIFIER.verify(inventory_contract(), target, quiet)


@pytest.mark.parametrize("reflects", [True, False])
def test_a_right_provider_conforms(reflects: bool) -> None:
    async def scenario() -> Verification:
        async with provider(reflects=reflects) as port:
            return await verified(port)

    result = asyncio.run(scenario())
    assert result.findings == ()
    assert result.conforms
    assert (result.operations_tested, result.operations_total) == (8, 8)
    details = {check.id: check.detail for check in result.checks}
    told = "compared by server reflection" if reflects else "no reflection offered"
    assert details["grpc_descriptors"] == told


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_each_fault_is_found_and_can_be_seen_again(fault: str) -> None:
    async def scenario() -> Verification:
        async with provider(fault) as port:
            return await verified(port)

    result = asyncio.run(scenario())
    rules = {f.rule for f in result.findings if f.severity is Severity.ERROR}
    assert FAULTS[fault] in rules
    assert not result.conforms
    assert all(finding.reproduce for finding in result.findings if finding.rule in rules)


def test_a_mock_is_refused() -> None:
    async def scenario() -> None:
        async with GrpcMock(inventory_contract(), MockBehaviour(), lambda _: None) as mock:
            await verified(mock.port)

    with pytest.raises(InvalidInput, match="own mocks"):
        asyncio.run(scenario())


def test_nobody_there_is_a_finding() -> None:
    target = VerificationTarget(description="gone", sandbox=FakeSandbox(), url="grpc://127.0.0.1:1")
    verifier = GrpcVerifier(connect_seconds=0.2)
    result = asyncio.run(verifier.verify(inventory_contract(), target, quiet))
    assert [finding.rule for finding in result.findings] == ["grpc_reachable"]
    assert not result.conforms


def test_a_method_declared_as_not_built_has_to_say_so() -> None:
    async def scenario(fault: str) -> Verification:
        async with provider(fault) as port:
            return await verified(port, not_built=(f"{SERVICE}/ReceiveDelivery",))

    missing = asyncio.run(scenario("method_missing"))
    assert missing.conforms
    assert missing.not_built == (f"{SERVICE}/ReceiveDelivery",)
    assert [f.rule for f in asyncio.run(scenario("")).findings] == ["grpc_unknown_method"]


async def consumer_calls() -> list[RecordedCall]:
    """What a consumer does with the mock: make, read, list, change, take away, read again."""
    calls: list[RecordedCall] = []
    contract = inventory_contract()
    model = read_protobuf(contract)
    steps: list[tuple[str, dict[str, Any]]] = [
        ("CreateItem", {"item": {"name": "Lamp", "quantity": 2, "warehouse": "Berlin"}}),
        ("GetItem", {"id": "item-1"}),
        ("ListItems", {"warehouse": "Berlin"}),
        ("UpdateItem", {"item": {"id": "item-1", "quantity": 5}, "update_mask": "quantity"}),
        ("DeleteItem", {"id": "item-1"}),
        ("GetItem", {"id": "item-1"}),
    ]
    async with GrpcMock(contract, MockBehaviour(), calls.append, "page") as mock:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{mock.port}") as channel:
            for name, body in steps:
                method = model.method(f"{SERVICE}/{name}")
                assert method is not None
                sent = model.from_json(body, method.request).SerializeToString()
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await channel.unary_unary(method.path)(sent)
    assert [call.status for call in calls] == [0, 0, 0, 0, 0, 5]
    return calls


def test_consumers_calls_are_repeated_with_the_providers_own_ids() -> None:
    async def scenario(fault: str) -> Verification:
        calls = await consumer_calls()
        async with provider(fault) as port:
            return await verified(port, replay=tuple(calls))

    right = asyncio.run(scenario(""))
    assert right.conforms
    replay = next(check for check in right.checks if check.id == "consumer_replay")
    assert replay.detail.startswith("6 repeated")
    wrong = asyncio.run(scenario("delete_ineffective"))
    assert "consumer_replay" in {finding.rule for finding in wrong.findings}
