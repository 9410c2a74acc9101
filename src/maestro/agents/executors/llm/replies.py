"""What is in a model's answer: a file's text, or a tool call written as text."""

import json
import re

from maestro.domain.models import ToolCall

_FENCE = re.compile(
    r"^[ \t]*(`{3,})[^\n`]*\n(.*?)(?:\n[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_THOUGHTS = re.compile(r"<think>.*?</think>", re.DOTALL)


def file_text(answer: str) -> str:
    """The file in an answer: the longest code block, or all of it where there is none."""
    answer = _THOUGHTS.sub("", answer)
    call = call_in_text(answer, ("write_file",))
    if call is not None and isinstance(call.arguments, dict):
        content = call.arguments.get("content")
        if isinstance(content, str):
            return without_fence(content)
    blocks = [match.group(2) for match in _FENCE.finditer(answer)]
    text = max(blocks, key=len) if blocks else answer.strip()
    return text.rstrip() + "\n" if text.strip() else ""


def without_fence(text: str) -> str:
    """Without a code fence around the whole, which models add out of habit."""
    found = _FENCE.fullmatch(text.strip())
    return text if found is None else found.group(2).rstrip() + "\n"


def call_in_text(answer: str, tools: tuple[str, ...]) -> ToolCall | None:
    """A tool call that was written into the text, fenced or bare: small models do that."""
    candidates = [match.group(2) for match in _FENCE.finditer(answer)] or [answer]
    for candidate in candidates:
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict):
            continue
        name = value.get("name") or value.get("tool")
        arguments = value.get("arguments", value.get("parameters", {}))
        if name in tools and isinstance(arguments, dict):
            return ToolCall(id="written", name=str(name), arguments=arguments)
    return None
