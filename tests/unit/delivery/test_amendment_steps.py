"""What a proposal adds to a run. How it ends is shown in tests/integration/test_negotiation.py."""

import asyncio
import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.agree import agree
from maestro.delivery.amendment_steps import AmendmentSteps, proposals, propose
from maestro.delivery.record import AmendmentRecord
from maestro.delivery.shelf import Shelf
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.encoding import decode, encode
from maestro.domain.values import ContractId, JsonObject, RunId, StepId
from maestro.domain.work import PROPOSALS, WorkResult
from maestro.domain.workflow import Step, StepKind
from maestro.errors import Blocked, InvalidInput
from maestro.ports import StepContext, StepResult
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock

SDL = "type Query { task(id: ID!): Task }\ntype Task { id: ID! title: String! }"
CONTRACT = agree(
    Contract(
        id=ContractId("tasks"),
        name="Tasks",
        kind=ContractKind.GRAPHQL,
        version="1.2.0",
        provider="backend_developer",
        component="backend",
        consumers=("frontend_developer", "qa_engineer"),
        format=SpecificationFormat.GRAPHQL,
        specification={"sdl": SDL},
        deliverables=(),
        acceptance=(),
    )
)
WIDER = SDL.replace("title: String!", "title: String! done: Boolean")
BREAKING = SDL.replace("title: String!", "")
PLANNED = (
    Step(id=StepId("contract.tasks"), action="contract.agree", inputs={"contract": "tasks"}),
    Step(
        id=StepId("verify.tasks"),
        action="contract.verify",
        kind=StepKind.GATE,
        needs=(StepId("contract.tasks"),),
        inputs={"contract": "tasks"},
    ),
    Step(
        id=StepId("recheck.qa_engineer"),
        action="consumer.recheck",
        needs=(StepId("verify.tasks"),),
        inputs={"persona": "qa_engineer", "contracts": ["tasks"]},
    ),
    Step(id=StepId("verify.other"), action="contract.verify", inputs={"contract": "other"}),
)


async def unheard(kind: object, data: object) -> None:
    """Nobody watches."""


def proposed(sdl: str, by: str) -> StepResult:
    work = WorkResult(
        summary="",
        changed_paths=(),
        details={PROPOSALS: [{"contract": "tasks", "specification": {"sdl": sdl}}]},
    )
    [step] = proposals(Step(id=StepId("work.x"), action="persona.work"), by, work)
    outputs: dict[StepId, Any] = {
        StepId("contract.tasks"): encode(CONTRACT),
        StepId("plan.assemble"): plan(),
    }
    context = StepContext(
        run_id=RunId("run-1"), step=step, attempt=1, run_inputs={}, outputs=outputs, emit=unheard
    )
    return asyncio.run(propose(context))


def plan() -> JsonObject:
    return {
        "analysis": {
            "type": "feature_development", "complexity": "simple",
            "parallelizability": "partially_parallel", "expertise": [], "effort_hours": 1.0,
            "risks": [], "dependencies": [], "rationale": "", "confidence": 1.0,
            "domain": {"title": "T", "entities": []}, "parts": [],
        },
        "matches": [], "team": {"blueprint": "b", "members": []},
        "contracts": [encode(CONTRACT)], "steps": encode(PLANNED), "parallel": True,
    }  # fmt: skip


def test_a_compatible_change_of_the_provider_asks_nobody() -> None:
    result = proposed(WIDER, "backend_developer")
    assert result.output["due"] == "1.3.0"
    assert [step.id for step in result.extend] == [
        "amend.tasks.backend_developer.1",
        "verify.tasks.tasks.backend_developer.1",
        "recheck.qa_engineer.tasks.backend_developer.1",
    ]
    amend, verify, recheck = result.extend
    assert set(verify.needs) == {amend.id, "verify.tasks"}
    assert verify.id in recheck.needs


@pytest.mark.parametrize(
    ("sdl", "by", "asked"),
    [
        (BREAKING, "backend_developer", ["frontend_developer", "qa_engineer"]),
        (BREAKING, "qa_engineer", ["backend_developer", "frontend_developer"]),
        (WIDER, "qa_engineer", ["backend_developer"]),
    ],
)
def test_whom_it_takes_is_asked(sdl: str, by: str, asked: list[str]) -> None:
    result = proposed(sdl, by)
    waiting = [step for step in result.extend if step.kind is StepKind.APPROVAL]
    assert [step.persona for step in waiting] == asked
    amend = next(step for step in result.extend if step.action == "contract.amend")
    assert amend.inputs["consents"] == {step.persona: step.id for step in waiting}


def amended(folder: Path, consents: Mapping[str, bool]) -> tuple[Contract, dict[str, str]]:
    """What the run works with after the provider's breaking proposal, and what the shelf says."""
    [amend] = [s for s in proposed(BREAKING, "backend_developer").extend if s.id[:6] == "amend."]
    outputs: dict[StepId, Any] = {
        StepId("contract.tasks"): encode(CONTRACT),
        StepId("plan.assemble"): plan(),
    }
    for name, approved in consents.items():
        outputs[StepId(amend.inputs["consents"][name])] = {"approved": approved}
    context = StepContext(
        run_id=RunId("run-1"), step=amend, attempt=1, run_inputs={}, outputs=outputs, emit=unheard
    )

    async def run() -> tuple[Contract, dict[str, str]]:
        store = await open_store(folder / "m.db", seal_key=b"seal")
        try:
            shelf = Shelf(store=store, clock=SystemClock())
            result = await AmendmentSteps(shelf=shelf).amend(context)
            records = await store.read(lambda tx: tx.contracts.find())
            made = decode(AmendmentRecord, result.output).contract
            return made, {r.contract.version: r.status.value for r in records}
        finally:
            await store.close()

    return asyncio.run(run())


def test_a_breaking_schema_is_a_major_version_if_all_consent(tmp_path: Path) -> None:
    made, shelf = amended(tmp_path, {"frontend_developer": True, "qa_engineer": True})
    assert (made.version, made.specification) == ("2.0.0", {"sdl": BREAKING})
    assert shelf == {"1.2.0": "amended", "2.0.0": "agreed"}


def test_a_breaking_schema_without_a_consent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Blocked, match="'qa_engineer'") as refused:
        amended(tmp_path, {"frontend_developer": True, "qa_engineer": False})
    assert any("Task.title" in reason for reason in refused.value.reasons)


def test_the_same_again_changes_nothing() -> None:
    assert proposed(SDL, "qa_engineer").extend == ()


def test_a_stranger_and_a_faulty_specification_are_refused() -> None:
    with pytest.raises(InvalidInput, match="neither the provider nor a consumer"):
        proposed(WIDER, "technical_writer")
    with pytest.raises(Blocked, match="has 1 error"):
        proposed("type Query { task: Nothing }", "qa_engineer")


@pytest.mark.parametrize("given", ["x", [1], [{"contract": "tasks"}], [{"specification": {}}]])
def test_what_is_no_proposal_is_refused(given: Any) -> None:
    work = WorkResult(summary="", changed_paths=(), details={PROPOSALS: copy.deepcopy(given)})
    with pytest.raises(InvalidInput, match=r"details\.proposals"):
        proposals(Step(id=StepId("work.x"), action="persona.work"), "qa_engineer", work)
