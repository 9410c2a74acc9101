"""Contracts that are not REST are fulfilled by the same gates, each with evidence of its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from events_provider import Provider, served
from graphql_shop import Shop
from grpc_provider import SERVICE, provider
from pricing_module import RIGHT

from maestro.agents.sandboxes.provider import HostSandboxProvider
from maestro.bootstrap import contract_verifier
from maestro.contracts.agree import agree
from maestro.contracts.mocks import LiveMockProvider
from maestro.contracts.mocks.serving import listening, serving
from maestro.contracts.reading import read_contract
from maestro.contracts.verification.events import EventsVerifier
from maestro.contracts.verification.fulfilment import GateState
from maestro.contracts.verification.graphql import GraphqlVerifier
from maestro.contracts.verification.outcome import ProviderReport
from maestro.contracts.verification.starting import StartedProvider
from maestro.contracts.verification.translating import report_of
from maestro.domain.contract import AcceptanceCriterion, Contract, ContractKind
from maestro.ports import ContractVerifier, MockServer, RecordedCall, VerificationTarget

CONTRACTS = Path(__file__).parents[2] / "examples" / "contracts"
Address = str
Provided = Callable[[Path], AbstractAsyncContextManager[Address | None]]


@asynccontextmanager
async def shop(folder: Path) -> AsyncIterator[Address]:
    listener = listening("127.0.0.1", 0)
    async with serving(Shop(), (listener,), name="shop"):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def inventory(folder: Path) -> AsyncIterator[Address]:
    async with provider() as port:
        yield f"grpc://127.0.0.1:{port}"


@asynccontextmanager
async def orders(folder: Path) -> AsyncIterator[Address]:
    async with served(Provider()) as place:
        yield f"ws://{place}"


@asynccontextmanager
async def pricing(folder: Path) -> AsyncIterator[None]:
    (folder / "pricing.py").write_text(RIGHT, encoding="utf-8")
    yield None


async def use_shop(mock: MockServer) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        query = {"query": "{ products { edges { node { id name } } } }"}
        assert "errors" not in (await http.post(f"{mock.url}", json=query)).json()


async def use_inventory(mock: MockServer) -> None:
    async with grpc.aio.insecure_channel(mock.url.removeprefix("grpc://")) as channel:
        await channel.unary_unary(f"/{SERVICE}/ListItems")(b"")


async def use_orders(mock: MockServer) -> None:
    body = {"command": "cancel", "reason": "changed my mind"}
    async with httpx.AsyncClient(trust_env=False) as http:
        taken = await http.post(f"{mock.url}/orders/ord-9", json=body)
        assert taken.status_code < 300, taken.text


async def use_pricing(mock: MockServer) -> None:
    program = "from pricing import Pricing; print(Pricing().quote('a', 2).quantity)"
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], env=dict(mock.environment), check=True,
        capture_output=True,
    )  # fmt: skip
    assert done.stdout == b"2\n"


CASES: tuple[tuple[str, Provided, Any, str, str], ...] = (
    ("shop.graphql", shop, use_shop, "graphql.state", "Query.products"),
    ("inventory.proto", inventory, use_inventory, "grpc_entries", f"{SERVICE}/GetItem"),
    ("orders.asyncapi.yaml", orders, use_orders, "invalid_publish_rejected", "takeCancellation"),
    ("pricing.py", pricing, use_pricing, "interface_refusals", "Pricing.quote"),
)


def contract_of(file: str, check: str, operation: str) -> Contract:
    read = read_contract(CONTRACTS / file)
    criteria = (
        AcceptanceCriterion(id="bound", statement="It works.", check=check),
        AcceptanceCriterion(
            id="narrow",
            statement="Its main operation works.",
            check="operation_works",
            parameters={"operation": operation},
        ),
    )
    return agree(replace(read, acceptance=criteria, consumers=("page",)))


async def verified(
    contract: Contract, provided: Provided, use: Any, folder: Path
) -> tuple[ProviderReport, ProviderReport]:
    """With the agreed criteria, and with one more that nothing can check."""
    verifier = contract_verifier(None)
    quicker: dict[ContractKind, ContractVerifier] = {
        ContractKind.EVENT_STREAM: EventsVerifier(patience_seconds=30.0, quiet_seconds=0.2),
        ContractKind.GRAPHQL: GraphqlVerifier(examples=0),
    }
    verifier = replace(verifier, verifiers={**verifier.verifiers, **quicker})
    async with LiveMockProvider().serve(contract, consumer="page", folder=folder) as mock:
        await use(mock)
        calls = tuple(await asyncio.to_thread(mock.calls))
    assert [call.consumer for call in calls] == ["page"]
    assert await asyncio.to_thread(os.listdir, folder) == []
    async with (
        provided(folder) as url,
        HostSandboxProvider(off=True).open(folder) as sandbox,
    ):
        target = VerificationTarget(description="x", sandbox=sandbox, url=url, replay=calls)
        found = await verifier.verify(contract, target, quiet)
    unbound = AcceptanceCriterion(id="feel", statement="It feels quick.", check=None)
    more = replace(contract, acceptance=(*contract.acceptance, unbound))
    feel = replace(found.checks[0], id="feel", passed=False, detail="unverified: no check")
    open_too = replace(found, checks=(*found.checks, feel))
    return reported(contract, found, calls), reported(more, open_too, calls)


def reported(contract: Contract, found: Any, calls: Sequence[RecordedCall]) -> ProviderReport:
    started = StartedProvider(url="", command="run", ready_seconds=0.1, log=Path("log"))
    begun = None if contract.kind is ContractKind.INTERFACE else started
    return report_of(contract, found, calls=calls, started=begun)


async def quiet(line: str) -> None:
    """Progress nobody reads."""


@pytest.mark.parametrize(("file", "provided", "use", "check", "operation"), CASES)
def test_a_right_provider_fulfils_its_contract(
    file: str, provided: Provided, use: Any, check: str, operation: str, tmp_path: Path
) -> None:
    contract = contract_of(file, check, operation)
    report, with_unbound = asyncio.run(verified(contract, provided, use, tmp_path))
    assert report.fulfilment.reasons == ()
    assert report.fulfilment.fulfilled
    states = {c.id: c.state.value for c in report.checks}
    assert (states["bound"], states["narrow"]) == ("passed", "passed")
    gates = {gate.name: gate for gate in report.fulfilment.gates}
    assert all(gate.state is GateState.PASSED for gate in gates.values())
    assert not gates["examples"].evidence.startswith("0 of")
    assert not with_unbound.fulfilment.fulfilled
    assert any("1 unverified" in reason for reason in with_unbound.fulfilment.reasons)
