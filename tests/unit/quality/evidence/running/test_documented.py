"""Which blocks of a document are to be run."""

import pytest

from maestro.quality.evidence.programs import ToolFailed
from maestro.quality.evidence.running.documented import documented_commands
from maestro.quality.evidence.tooling import SourceFile


def found(text: str) -> list[tuple[str, str, str]]:
    file = SourceFile("README.md", text)
    return [(one.place, one.shell, one.script) for one in documented_commands(file)]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("```sh runnable\nmake\n```", [("README.md:1", "sh", "make")]),
        ("a\n\n~~~bash runnable\nmake\n~~~\n", [("README.md:3", "bash", "make")]),
        ("```sh\nmake\n```", []),
        ("```python runnable\nmake\n```", []),
        ("```sh runnable later\nmake\n```", []),
        ("````md\n```sh runnable\nmake\n```\n````", []),
        ("```sh runnable\na\n```js\nb\n```", [("README.md:1", "sh", "a\n```js\nb")]),
        (
            "```sh runnable\na\n```\n\n```sh runnable\nb\n```",
            [("README.md:1", "sh", "a"), ("README.md:5", "sh", "b")],
        ),
    ],
)
def test_only_marked_blocks_of_a_shell_are_run(
    text: str, blocks: list[tuple[str, str, str]]
) -> None:
    assert found(text) == blocks


def test_a_runnable_block_that_nothing_closes_is_an_error() -> None:
    with pytest.raises(ToolFailed, match=r"README\.md:3: the runnable block never ends"):
        found("# Boats\n\n```sh runnable\nmake\n")
