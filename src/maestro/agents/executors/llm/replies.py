"""What is in a model's answer: a file's text, or a tool call written as text."""

import json
import re

from maestro.domain.models import ToolCall

_FENCE = re.compile(
    r"^[ \t]*(`{3,})[^\n`]*\n(.*?)(?:\n[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_FENCE_LINE = re.compile(r"[ \t]*(`{3,})[ \t]*([^`]*)")
_MARKDOWN = re.compile(
    r"^[ \t]*(`{3,})(?:md|markdown)[ \t]*\n(.*)\n[ \t]*\1\s*\Z", re.DOTALL | re.MULTILINE | re.I
)
"""A block of Markdown that ends the answer, whatever blocks are in it."""
_THOUGHTS = re.compile(r"<think>.*?</think>", re.DOTALL)


def file_text(answer: str) -> str:
    """The file in an answer: the longest code block, or all of it where there is none."""
    answer = _THOUGHTS.sub("", answer)
    call = call_in_text(answer, ("write_file",))
    if call is not None and isinstance(call.arguments, dict):
        content = call.arguments.get("content")
        if isinstance(content, str):
            return without_fence(content)
    markdown = _MARKDOWN.search(answer)
    blocks = [markdown[2]] if markdown is not None else _blocks(answer)
    text = max(blocks, key=len) if blocks else answer.strip()
    return text.rstrip() + "\n" if text.strip() else ""


def without_fence(text: str) -> str:
    """Without a code fence around the whole, which models add out of habit."""
    found = _FENCE.fullmatch(text.strip())
    return text if found is None else found.group(2).rstrip() + "\n"


def call_in_text(answer: str, tools: tuple[str, ...]) -> ToolCall | None:
    """A tool call that was written into the text, fenced or bare: small models do that."""
    candidates = _blocks(answer) or [answer]
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


def _blocks(answer: str) -> list[str]:
    """Its code blocks; one that another one is in, or that was not ended, as a whole.

    A fence with a language within a block begins a block in it; one without ends the innermost.
    """
    made: list[str] = []
    lines: list[str] = []
    open_fences: list[int] = []
    for line in answer.split("\n"):
        found = _FENCE_LINE.fullmatch(line.rstrip())
        ticks = len(found[1]) if found is not None else 0
        if not open_fences:
            if ticks:
                open_fences, lines = [ticks], []
            continue
        if found is not None and ticks >= open_fences[-1]:
            if found[2]:
                open_fences.append(ticks)
            else:
                open_fences.pop()
        if open_fences:
            lines.append(line)
        else:
            made.append("\n".join(lines))
    return [*made, "\n".join(lines)] if open_fences else made
