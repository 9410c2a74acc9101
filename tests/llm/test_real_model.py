"""A real model plays: `make test-llm`, with MAESTRO_TEST_MODEL naming an OpenAI-compatible server.

What is asserted are schemas, verdicts, tries and token counts, never wording. Without a model these
tests fail: a model that could not be had is not a pass. A small model whose work is not good enough
has to end blocked on the same requirement: say MAESTRO_TEST_EXPECT=blocked.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from maestro.bootstrap import connect, open_model
from maestro.delivery.model_trial import try_model
from maestro.delivery.service import RunDetail
from maestro.domain.models import ModelProfile, ModelQuestion, ModelTable, Turn
from maestro.domain.requirement import RequirementType
from maestro.domain.run import StepStatus
from maestro.settings import Settings

NAME = os.environ.pop("MAESTRO_TEST_MODEL", "")
EXPECT = os.environ.pop("MAESTRO_TEST_EXPECT", "succeeded")
REQUIREMENT = (
    "Build a web app to manage notes: a note has a title, a text and a status "
    "(draft, published), and notes are filtered by status"
)
"""Of more than one field: what any model copies from a worked example of one field is good."""
PLAYED = ("backend_developer", "qa_engineer", "frontend_developer")
SAMPLES = 4
PATIENT = ModelProfile(timeout_seconds=3600)
"""A small model on a busy machine takes minutes for a file."""
CLASSIFIED = (
    "The cart page crashes when it is empty.",
    "Add a way to export invoices as PDF.",
    "The report takes forty seconds, it must take two.",
)
SCHEMA = {
    "type": "object",
    "properties": {"type": {"enum": [kind.value for kind in RequirementType]}},
    "required": ["type"],
    "additionalProperties": False,
}

pytestmark = pytest.mark.timeout(3 * 3600)


@pytest.fixture
def model() -> str:
    if not NAME:
        pytest.fail(
            "NO MODEL COULD BE HAD, so nothing was tested: start an OpenAI-compatible server and "
            "set MAESTRO_TEST_MODEL=http://127.0.0.1:PORT/v1#NAME"
        )
    return NAME


def test_the_model_keeps_a_schema_and_calls_a_tool(model: str) -> None:
    trial = asyncio.run(try_model(open_model(model, ModelProfile())))
    structured = trial.calls[0]
    assert structured.worked, structured.detail
    assert structured.input_tokens > 0
    assert structured.output_tokens > 0


def test_an_analysis_is_constrained_by_its_schema(model: str) -> None:
    async def scenario() -> list[Mapping[str, Any]]:
        opened = open_model(model, ModelProfile())
        found = []
        for text in CLASSIFIED:
            question = ModelQuestion(
                instructions="Say of what type the requirement is, as JSON.",
                turns=(Turn(text=f"<data>\n{text}\n</data>"),),
                schema=SCHEMA,
                output_tokens=60,
            )
            found.append(json.loads((await opened.ask(question)).text))
        return found

    for answer in asyncio.run(scenario()):
        assert set(answer) == {"type"}
        RequirementType(answer["type"])


def test_backend_tests_and_page_are_built_side_by_side_and_judged(
    model: str, tmp_path: Path
) -> None:
    async def scenario() -> RunDetail:
        table = ModelTable(
            personas=dict.fromkeys(PLAYED, (model,)), models={model: PATIENT}, samples=SAMPLES
        )
        async with connect(Settings.load(database=tmp_path / "maestro.db")) as maestro:
            run_id = await maestro.submit(REQUIREMENT, models=table, output=tmp_path / "out")
            await maestro.execute(run_id)
            return await maestro.show(run_id)

    detail = asyncio.run(scenario())
    steps = {row.step_id: row for row in detail.steps}
    ended = {name: steps[f"work.{name}"] for name in PLAYED}  # type: ignore[index]
    for name, row in ended.items():
        if row.status is StepStatus.SUCCEEDED:
            result = row.output["result"]
            tries, usage = result["details"]["tries"], result["usage"]
            assert all(check["passed"] for check in result["checks"])
        else:
            assert row.status is StepStatus.BLOCKED, (name, row.error)
            assert row.error is not None
            tries, usage = row.error.detail["tries"], row.error.detail["usage"]
            assert row.error.detail["transcript"]
            assert row.error.reasons
        tokens = usage["input_tokens"] + usage["output_tokens"]
        sys.stderr.write(f"\n{name}: {row.status}, {len(tries)} tries, {tokens} tokens\n")
        assert 1 <= len(tries) <= SAMPLES
        assert tokens > 0
    assert detail.outcome.usage.model_calls >= len(PLAYED)
    assert detail.run.status.value == EXPECT, detail.outcome.reasons
    blocked = {name for name, row in ended.items() if row.status is StepStatus.BLOCKED}
    if EXPECT == "blocked":
        assert blocked >= {"qa_engineer", "frontend_developer"}
    else:
        assert not blocked
        assert all(verdict.passed for verdict in detail.outcome.verdicts)
