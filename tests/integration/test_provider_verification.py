"""`verify_provider` on really started providers: clean ones, faulty ones, mocks, recorded calls."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import jsonschema_rs
import pytest
import uvicorn
from shop import LIBRARY, QUICK, ROOT, SHOP, command, silent, verified

from maestro.contracts.mocks.provider import LiveMockProvider
from maestro.contracts.reading import read_contract
from maestro.contracts.verification.fulfilment import GateState
from maestro.contracts.verification.outcome import CheckState, ProviderReport
from maestro.contracts.verification.provider import VerificationOptions, verify_provider
from maestro.contracts.verification.reports import report_schema, write_reports
from maestro.contracts.verification.starting import launch_of, provider_started
from maestro.domain.contract import AcceptanceCriterion, Contract, SpecificationFormat
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

Send = Callable[[dict[str, Any]], Awaitable[None]]


def rules(report: ProviderReport) -> set[tuple[str, str]]:
    return {(f.rule, f.operation) for f in report.errors}


def call(method: str, path: str, status: int, **given: Any) -> RecordedCall:
    return RecordedCall(
        at=datetime.now(UTC),
        method=method,
        path=path,
        operation="",
        status=status,
        valid=given.pop("valid", True),
        consumer="frontend_developer",
        **given,
    )


NEW_PRODUCT = {"sku": "BTL-0500", "name": "Bottle", "category": "outdoor", "price": 5}
CALLS = (
    call("POST", "/api/products", 201, request_body=NEW_PRODUCT,
         reply_body={**NEW_PRODUCT, "id": 71}),
    call("GET", "/api/products/71", 200),
    call("GET", "/api/products", 200, query="category=outdoor&limit=5"),
    call("PATCH", "/api/products/71", 200, request_body={"price": 6}),
    call("GET", "/api/orders/5f2b6b0a-6f0e-4c39-9a53-0d7a4be1f0c1", 200),
    call("POST", "/api/orders", 201, request_body={
        "customer_email": "ada@example.com", "lines": [{"product_id": 71, "quantity": 1}]}),
    call("POST", "/api/products", 422, request_body={"sku": 3}, valid=False),
    call("GET", "/api/products/990", 404),
    call("GET", "/api/products", 400, valid=False),  # the mock did not take the consumer's name
    call("DELETE", "/api/products/71", 401, valid=False),
)  # fmt: skip


@pytest.fixture(scope="module")
def agreed() -> Contract:
    shop = read_contract(SHOP)
    return replace(shop, digest=shop.specification_digest(), consumers=("frontend_developer",))


def test_a_clean_provider_draws_no_finding_and_fulfils_the_contract(
    agreed: Contract, tmp_path: Path
) -> None:
    """Everything at once: started, tried, calls replayed, generated requests, three reports."""
    said: list[str] = []

    async def report(line: str) -> None:
        said.append(line)

    outcome = asyncio.run(
        verify_provider(
            agreed,
            command=command(),
            folder=ROOT,
            calls=CALLS,
            report=report,
            options=VerificationOptions(examples=11),
        )
    )
    assert outcome.findings == ()
    assert outcome.dropped == 0
    assert outcome.conforms
    assert all(operation.clean and operation.succeeded for operation in outcome.operations)
    assert [c.id for c in outcome.checks if c.state is not CheckState.PASSED] == []
    assert outcome.fulfilment.reasons == ()
    assert outcome.fulfilment.fulfilled
    assert outcome.fulfilment.score == 1.0
    assert any("stateful" in line for line in said), "generated requests tell where they are"
    assert outcome.verification().conforms
    written = write_reports(outcome, tmp_path, source="examples/contracts/shop.yaml")
    told = json.loads(written[0].read_text("utf-8"))
    jsonschema_rs.Draft202012Validator(report_schema(), validate_formats=True).validate(told)
    assert told["fulfilled"] is True
    suite = ElementTree.parse(written[1]).getroot().find("testsuite")
    assert suite is not None
    assert suite.attrib["failures"] == "0"
    assert len(suite) == len(outcome.checks)
    assert json.loads(written[2].read_text("utf-8"))["runs"][0]["results"] == []


def test_without_calls_and_agreement_nothing_is_fulfilled() -> None:
    unbound = AcceptanceCriterion(id="feel", statement="It feels quick.", check=None)
    outcome = verified(replace(read_contract(SHOP), acceptance=(unbound,)), "")
    check = next(c for c in outcome.checks if c.id == "feel")
    assert check.state is CheckState.UNVERIFIED, "a criterion that nobody can check"
    assert not outcome.fulfilment.fulfilled
    states = {gate.name: gate.state for gate in outcome.fulfilment.gates}
    assert states["consumers"] is GateState.NO_EVIDENCE
    assert states["unchanged"] is GateState.NO_EVIDENCE
    assert states["criteria"] is GateState.FAILED


def test_a_call_that_the_provider_answers_differently_names_both_sides() -> None:
    """The consumer deleted an order on the mock; the provider has no such operation."""
    order = {"customer_email": "ada@example.com", "lines": [{"product_id": 1, "quantity": 1}]}
    outside = call("GET", "/api/customers", 404, valid=False)
    outcome = verified(
        SHOP,
        "missing_delete",
        calls=(
            call("POST", "/api/orders", 201, request_body=order, reply_body={"id": "a"}),
            call("DELETE", "/api/orders/a", 204),
            outside,
        ),
    )
    replayed = [f for f in outcome.findings if f.rule == "consumer_replay"]
    assert [f.operation for f in replayed] == ["DELETE /orders/{order_id}"]
    assert "frontend_developer" in replayed[0].message
    assert "405" in replayed[0].seen
    assert "call_outside_contract" in {f.rule for f in outcome.findings}
    check = next(c for c in outcome.checks if c.kind == "replay")
    assert check.detail == "1 of 2 alike, 1 outside of the contract"


def test_a_document_that_was_not_designed_here_is_tried_as_far_as_it_tells() -> None:
    outcome = verified(LIBRARY, "")
    assert outcome.findings == ()
    assert outcome.conforms
    states = {check.id: check.state for check in outcome.checks}
    books = "/shelves/{shelfId}/books"
    assert states[f"filter_narrows GET {books} ?minYear"] is CheckState.PASSED
    assert states[f"sort_sorts GET {books} ?orderBy=title_desc"] is CheckState.PASSED
    assert states[f"pages_join GET {books}"] is CheckState.PASSED
    assert states[f"filter_narrows GET {books} ?mood"] is CheckState.UNVERIFIED


@pytest.mark.parametrize(
    ("fault", "rule", "operation"),
    [
        ("page_ignored", "pages_join", "GET /shelves/{shelfId}/books"),
        ("bound_ignored", "filter_narrows", "GET /shelves/{shelfId}/books"),
        ("order_ignored", "sort_sorts", "GET /shelves/{shelfId}/books"),
        ("year_lost", "change_kept", "PUT /shelves/{shelfId}/books/{bookId}"),
        ("greeting_mistyped", "response_schema_conformance", "GET /greeting"),
    ],
)
def test_faults_are_found_in_it_all_the_same(fault: str, rule: str, operation: str) -> None:
    assert rules(verified(LIBRARY, fault)) == {(rule, operation)}


def test_unknown_credentials_leave_things_unverified() -> None:
    """Without a key the shop's writes cannot be tried, and that is what is said."""
    shop = read_contract(SHOP)
    document = json.loads(json.dumps(shop.specification))
    for scheme in document["components"]["securitySchemes"].values():
        del scheme["x-test-credential"]
    strange = replace(shop, specification=document)
    outcome = verified(strange, "")
    assert outcome.findings == ()
    told = [c for c in outcome.checks if c.state is CheckState.UNVERIFIED]
    assert any("credentials" in check.detail for check in told)
    known = replace(QUICK, credentials={"bearer": "shop-token", "apiKey": "shop-key"})
    assert verified(strange, "", options=known).counted(CheckState.UNVERIFIED) == 0


@asynccontextmanager
async def passing_on(target: str) -> AsyncIterator[str]:
    """A server that hides whom it asks: it passes bodies and wishes on, and no telling header."""
    async with httpx.AsyncClient(base_url=target, trust_env=False) as http:

        async def application(scope: dict[str, Any], receive: Any, send: Send) -> None:
            if scope["type"] != "http":
                return
            content = (await receive()).get("body", b"")
            if scope["path"].startswith("/__maestro"):
                reply = httpx.Response(404)
            else:
                url = scope["path"] + "?" + scope["query_string"].decode()
                kept = [(k, v) for k, v in scope["headers"] if k in (b"prefer", b"content-type")]
                reply = await http.request(scope["method"], url, content=content, headers=kept)
            kind = reply.headers.get("content-type", "text/plain").encode()
            start = {"type": "http.response.start", "status": reply.status_code,
                     "headers": [(b"content-type", kind)]}  # fmt: skip
            await send(start)
            await send({"type": "http.response.body", "body": reply.content})

        config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="critical")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await task


def test_neither_a_mock_nor_what_passes_on_to_one_is_a_provider() -> None:
    shop = read_contract(SHOP)

    async def scenario() -> None:
        async with LiveMockProvider().serve(shop, consumer="x") as mock:
            with pytest.raises(InvalidInput, match="answered by a mock"):
                await verify_provider(shop, url=mock.url, folder=ROOT, report=silent, options=QUICK)
            origin = mock.url.removesuffix("/api")
            async with passing_on(origin) as url:
                with pytest.raises(InvalidInput, match="a mock stands behind it"):
                    await verify_provider(
                        shop, url=f"{url}/api", folder=ROOT, report=silent, options=QUICK
                    )

    asyncio.run(scenario())


def test_a_running_provider_is_found_by_its_url() -> None:
    shop = read_contract(SHOP)

    async def scenario() -> ProviderReport:
        async with provider_started(command(), ROOT) as started:
            return await verify_provider(
                shop, url=f"{started.url}/api/", folder=ROOT, report=silent, options=QUICK
            )

    outcome = asyncio.run(scenario())
    assert outcome.conforms
    gate = next(g for g in outcome.fulfilment.gates if g.name == "started")
    assert gate.state is GateState.NO_EVIDENCE


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either the URL"),
        ({"url": "http://127.0.0.1:1", "command": launch_of("true")}, "either the URL"),
        ({"url": "http://127.0.0.1:1/api"}, "nothing answers"),
        ({"url": "ftp://127.0.0.1/api"}, "no http"),
    ],
)
def test_what_cannot_be_verified_is_said_at_once(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        asyncio.run(
            verify_provider(read_contract(SHOP), folder=ROOT, report=silent, options=QUICK, **given)
        )


def test_only_openapi_is_verified_here() -> None:
    other = replace(read_contract(SHOP), format=SpecificationFormat.GRAPHQL)
    with pytest.raises(InvalidInput, match="not OpenAPI"):
        asyncio.run(
            verify_provider(
                other, url="http://127.0.0.1:1", folder=ROOT, report=silent, options=QUICK
            )
        )
