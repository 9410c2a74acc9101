"""A phase is not judged while one it builds upon is blocked."""

import asyncio
from typing import Any

import pytest
from small_run import delivered

from maestro.delivery.facts import idle_phases
from maestro.delivery.gate_steps import GateSteps
from maestro.delivery.record import RunRecord
from maestro.domain.quality import PHASES
from maestro.domain.run import EventKind
from maestro.domain.values import JsonObject, RunId, StepId
from maestro.domain.workflow import Step
from maestro.errors import Blocked
from maestro.ports import StepContext


async def unheard(kind: EventKind, data: JsonObject) -> None:
    """Nobody watches."""


def test_the_refusal_says_what_to_do_next() -> None:
    nobody: Any = None
    step = Step(
        id=StepId("gate.review"),
        action="quality.gate",
        needs=(StepId("gate.design"),),
        inputs={"phase": "review"},
    )
    context = StepContext(
        run_id=RunId("r"), step=step, attempt=1, run_inputs={}, outputs={}, emit=unheard
    )
    with pytest.raises(Blocked, match=r"design did not close before; .*'maestro runs rework'"):
        asyncio.run(GateSteps(nobody).close(context))


def test_phases_without_a_gate_in_the_plan_are_told() -> None:
    record = RunRecord(inputs={}, outputs=delivered(), errors={})
    judged = {"backend_implementation", "review"}
    assert idle_phases(record) == tuple(phase for phase in PHASES if phase not in judged)
