"""Agreeing and amending documents that are large, beside everything else that a server does."""

import asyncio
import json
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, cast

import pytest

from maestro.contracts.agree import agree
from maestro.delivery.amendment_steps import AmendmentSteps, propose
from maestro.delivery.contract_steps import ContractSteps
from maestro.delivery.providers import Providers
from maestro.delivery.shelf import Shelf
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.encoding import encode
from maestro.domain.values import ContractId, RunId, StepId
from maestro.domain.workflow import Step
from maestro.ports import ContractVerifier, StepContext, StepResult
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock

KEY = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
AGREE = StepId("contract.things")


def specification(things: int) -> dict[str, Any]:
    """With 25,000 bytes and one operation for each thing."""
    text = {"type": "string", "description": "what people say of it, " * 42, "maxLength": 200}
    fields = {f"field_{number}": text for number in range(25)}
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, **fields}}
    replies = {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "paths": {
            f"/things{number}/{{id}}": {"get": {"parameters": [KEY], "responses": replies}}
            for number in range(things)
        },
    }


def contract(things: int) -> Contract:
    return Contract(
        id=ContractId("things"),
        name="Things",
        kind=ContractKind.REST,
        version="1.0.0",
        provider="backend_developer",
        component="backend",
        consumers=("frontend_developer",),
        format=SpecificationFormat.OPENAPI,
        specification=specification(things),
        deliverables=(),
        acceptance=(),
    )


async def unheard(kind: object, data: object) -> None:
    """Nobody watches."""


def context(locked: Contract, **inputs: Any) -> StepContext:
    analysis = {
        "type": "feature_development", "complexity": "simple",
        "parallelizability": "partially_parallel", "expertise": [], "effort_hours": 1.0,
        "risks": [], "dependencies": [], "rationale": "", "confidence": 1.0,
        "domain": {"title": "T", "entities": []}, "parts": [],
    }  # fmt: skip
    plan = {
        "analysis": analysis, "matches": [], "team": {"blueprint": "b", "members": []},
        "contracts": [encode(locked)], "steps": [], "parallel": True,
    }  # fmt: skip
    outputs: dict[StepId, Any] = {StepId("plan.assemble"): plan}
    if locked.digest:
        outputs[AGREE] = encode(locked)
    return StepContext(
        run_id=RunId("run-1"),
        step=Step(id=StepId("propose.things.x"), action="x", inputs=inputs),
        attempt=1,
        run_inputs={},
        outputs=outputs,
        emit=unheard,
    )


async def share_of_loop(work: Awaitable[StepResult]) -> float:
    """Of the processor time that the work took, the part during which nothing else could run."""
    own, whole = time.thread_time(), time.process_time()
    await work
    return (time.thread_time() - own) / (time.process_time() - whole)


@pytest.mark.parametrize("what", ["agree", "propose", "amend"])
def test_a_large_document_leaves_the_event_loop_to_others(what: str, tmp_path: Path) -> None:
    draft = contract(250)
    assert len(json.dumps(draft.specification)) > 6_000_000
    locked = agree(draft) if what != "agree" else draft
    inputs = {
        "contract": "things", "specification": specification(251), "by": "backend_developer"
    }  # fmt: skip

    async def run() -> float:
        store = await open_store(tmp_path / "m.db", seal_key=b"seal")
        shelf = Shelf(store=store, clock=SystemClock())
        try:
            if what == "agree":
                steps = ContractSteps(
                    cast(Providers, None), cast(ContractVerifier, None), shelf, False
                )
                return await share_of_loop(steps.agree(context(locked, contract="things")))
            if what == "propose":
                return await share_of_loop(propose(context(locked, **inputs)))
            more: dict[str, Any] = {"consents": {}, "verified_again": {}}
            return await share_of_loop(
                AmendmentSteps(shelf=shelf).amend(context(locked, **inputs, **more))
            )
        finally:
            await store.close()

    assert asyncio.run(run()) < 0.25
