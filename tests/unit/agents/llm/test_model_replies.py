"""What is found in a model's answer."""

import pytest

from maestro.agents.executors.llm.replies import call_in_text, file_text, without_fence


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("x = 1", "x = 1\n"),
        ("Here:\n```python\nx = 1\n```\nDone.", "x = 1\n"),
        ("```\nx = 1\n\n```", "x = 1\n"),
        ("```python\nx = 1", "x = 1\n"),
        ("```sh\nls\n```\nand\n```python\nlonger = 1\n```", "longer = 1\n"),
        ("````md\n```py\nx\n```\n````", "```py\nx\n```\n"),
        ("<think>```\nno\n```</think>```\nyes\n```", "yes\n"),
        ('```json\n{"name": "write_file", "arguments": {"path": "a", "content": "x"}}\n```', "x"),
        ("   ", ""),
        ("```markdown\n# A\n```mermaid\nb\n```\nc\n```\nSo.", "# A\n```mermaid\nb\n```\nc\n"),
        ("So:\n```markdown\n# A\n```\nls\n```\nc\n```\n", "# A\n```\nls\n```\nc\n"),
        ("```markdown\n# A\n```mermaid\nb\n```\nc", "# A\n```mermaid\nb\n```\nc\n"),
        ("```\n# A\n```sh\nls\n```\nc\n```", "# A\n```sh\nls\n```\nc\n"),
    ],
)
def test_the_file_is_taken_out_of_its_wrapping(answer: str, text: str) -> None:
    assert file_text(answer) == text


def test_a_fence_round_the_whole_goes_and_others_stay() -> None:
    assert without_fence("```html\n<p>a</p>\n```") == "<p>a</p>\n"
    inner = "# Title\n\n```sh\nls\n```\n"
    assert without_fence(inner) == inner


@pytest.mark.parametrize(
    "answer",
    [
        'Sure.\n```json\n{"name": "finish", "arguments": {"summary": "x"}}\n```',
        '{"name": "finish", "arguments": {"summary": "x"}}',
        '```\n{"tool": "finish", "parameters": {"summary": "x"}}\n```',
    ],
)
def test_a_call_that_was_written_as_text_is_a_call(answer: str) -> None:
    call = call_in_text(answer, ("finish",))
    assert call is not None
    assert (call.name, call.arguments) == ("finish", {"summary": "x"})


@pytest.mark.parametrize(
    "answer",
    [
        "finish",
        '{"name": "unknown", "arguments": {}}',
        '{"name": "finish", "arguments": "x"}',
        "[" * 5000,
        '["finish"]',
    ],
)
def test_other_texts_are_no_calls(answer: str) -> None:
    assert call_in_text(answer, ("finish",)) is None
