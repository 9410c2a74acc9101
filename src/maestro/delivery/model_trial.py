"""A tiny real call per model: does it answer, in the shape asked for, and call a tool?"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from maestro.agents.executors.llm.replies import call_in_text, without_fence
from maestro.domain.models import ModelAnswer, ModelQuestion, ToolSpec, Turn
from maestro.errors import ModelFailed
from maestro.ports import LanguageModel

_TOKENS = 200
_SCHEMA = {
    "type": "object",
    "properties": {"capital": {"type": "string", "maxLength": 40}},
    "required": ["capital"],
    "additionalProperties": False,
}
_TOOL = ToolSpec(
    name="store_number",
    description="Store a number.",
    schema={
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCall:
    what: str
    """`structured output` or `tool call`."""
    worked: bool
    detail: str
    answered: bool = True
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    """US dollars; None = unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTrial:
    model: str
    calls: tuple[TrialCall, ...]

    @property
    def worked(self) -> bool:
        return all(call.worked for call in self.calls)


async def try_model(model: LanguageModel) -> ModelTrial:
    """Two calls; what fails is told and not raised."""
    structured = ModelQuestion(
        instructions="Answer as JSON.",
        turns=(Turn(text="What is the capital of France?"),),
        schema=_SCHEMA,
        output_tokens=_TOKENS,
    )
    tool = ModelQuestion(
        instructions="Use the tool.",
        turns=(Turn(text="Store the number 42 with the tool store_number."),),
        tools=(_TOOL,),
        output_tokens=_TOKENS,
    )
    return ModelTrial(
        model=model.name,
        calls=(
            await _tried(model, "structured output", structured, _is_structured),
            await _tried(model, "tool call", tool, _is_call),
        ),
    )


async def _tried(
    model: LanguageModel,
    what: str,
    question: ModelQuestion,
    fits: Callable[[ModelAnswer], bool],
) -> TrialCall:
    started = time.monotonic()
    try:
        answer = await model.ask(question)
    except ModelFailed as error:
        seconds = round(time.monotonic() - started, 3)
        return TrialCall(
            what=what, worked=False, answered=False, detail=str(error), seconds=seconds
        )
    worked = fits(answer)
    shown = " ".join(answer.text.split())[:120] or f"{len(answer.calls)} calls"
    return TrialCall(
        what=what,
        worked=worked,
        detail="" if worked else f"the answer does not fit: {shown!r}",
        seconds=answer.seconds,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        cost=answer.cost,
    )


def _is_structured(answer: ModelAnswer) -> bool:
    try:
        value = orjson.loads(without_fence(answer.text))
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and isinstance(value.get("capital"), str)


def _is_call(answer: ModelAnswer) -> bool:
    written = call_in_text(answer.text, (_TOOL.name,))
    calls = answer.calls or ((written,) if written is not None else ())
    return any(
        call.name == _TOOL.name
        and isinstance(call.arguments, dict)
        and call.arguments.get("number") == 42
        for call in calls
    )
