"""Between our plain values and the messages of the SDKs."""

import json
from collections.abc import Iterator

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from maestro.agents.models.names import GOOGLE, SERVER
from maestro.domain.models import AnswerEnd, ModelQuestion, ToolCall, ToolSpec, Turn
from maestro.domain.values import JsonValue
from maestro.errors import ModelFailed

_ENDS = {
    "stop": AnswerEnd.COMPLETE,
    "tool_call": AnswerEnd.COMPLETE,
    "length": AnswerEnd.CUT_OFF,
    "content_filter": AnswerEnd.REFUSED,
}


def messages_of(question: ModelQuestion) -> list[ModelMessage]:
    """The conversation. Only the instructions come into the system position."""
    messages: list[ModelMessage] = []
    for turn in question.turns:
        if turn.by_model:
            messages.append(ModelResponse(parts=list(_answer_parts(turn))))
        else:
            parts = list(_request_parts(turn))
            messages.append(ModelRequest(parts=parts, instructions=question.instructions))
    return messages


def _answer_parts(turn: Turn) -> Iterator[ModelResponsePart]:
    if turn.text:
        yield TextPart(content=turn.text)
    for call in turn.calls:
        arguments = call.arguments
        yield ToolCallPart(
            tool_name=call.name,
            args=arguments if isinstance(arguments, dict) else json.dumps(arguments),
            tool_call_id=call.id,
        )


def _request_parts(turn: Turn) -> Iterator[ModelRequestPart]:
    for outcome in turn.outcomes:
        yield ToolReturnPart(
            tool_name=outcome.name, content=outcome.text, tool_call_id=outcome.call_id
        )
    if turn.text:
        yield UserPromptPart(content=turn.text)


def parameters_of(question: ModelQuestion) -> ModelRequestParameters:
    """Tools and the schema of the answer."""
    tools = [_tool(spec) for spec in question.tools]
    if question.schema is None:
        return ModelRequestParameters(function_tools=tools)
    answer = OutputObjectDefinition(json_schema=dict(question.schema), name="answer", strict=True)
    return ModelRequestParameters(
        function_tools=tools, output_mode="native", output_object=answer, allow_text_output=True
    )


def _tool(spec: ToolSpec) -> ToolDefinition:
    return ToolDefinition(
        name=spec.name, description=spec.description, parameters_json_schema=dict(spec.schema)
    )


def settings_of(question: ModelQuestion, timeout_seconds: float, provider: str) -> ModelSettings:
    """No retries inside the SDK: one of them might be paid for without being counted.

    Temperature and seed are for servers named by their URL; many models of providers refuse them,
    and vary without.
    """
    settings = ModelSettings(
        max_tokens=question.output_tokens, timeout=timeout_seconds, request_timeout=timeout_seconds
    )
    if provider != GOOGLE:  # its SDK makes none unless it is told to
        settings["max_retries"] = 0
    if provider == SERVER:
        settings["temperature"] = question.temperature
        settings["seed"] = question.seed
    return settings


def text_of(response: ModelResponse) -> str:
    return "".join(part.content for part in response.parts if isinstance(part, TextPart))


def calls_of(response: ModelResponse) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(id=part.tool_call_id, name=part.tool_name, arguments=_arguments(part.args))
        for part in response.parts
        if isinstance(part, ToolCallPart)
    )


def _arguments(given: object) -> JsonValue:
    if given is None or given == "":
        return {}
    if isinstance(given, str):
        try:
            parsed: JsonValue = json.loads(given)
        except ValueError:
            return given
        return parsed
    return dict(given) if isinstance(given, dict) else str(given)


def end_of(response: ModelResponse) -> AnswerEnd:
    """Raises ModelFailed for an answer that ended without saying how."""
    end = _ENDS.get(response.finish_reason or "")
    if end is None:
        raise ModelFailed(
            f"the model's answer broke off (finish reason {response.finish_reason!r}); it is not "
            "used"
        )
    return end
