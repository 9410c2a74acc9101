"""Commands of coding agents come from a file that is the user's alone."""

import json
from pathlib import Path

import pytest

from maestro.agents.acp.commands import AgentCommands
from maestro.errors import InvalidInput, NotFound


def test_a_command_is_kept_word_by_word(tmp_path: Path) -> None:
    commands = AgentCommands(tmp_path / "new" / "maestro")
    commands.keep("one", ("agent", "--flag", "two words; rm -rf /"))
    commands.keep("two", ("other",))
    assert commands.of("one") == ("agent", "--flag", "two words; rm -rf /")
    assert commands.of("two") == ("other",)
    assert commands.file.stat().st_mode & 0o777 == 0o600


def test_a_command_is_forgotten_alone(tmp_path: Path) -> None:
    commands = AgentCommands(tmp_path)
    commands.forget("one")
    assert not commands.file.exists()
    commands.keep("one", ("agent",))
    commands.keep("two", ("other",))
    commands.forget("one")
    with pytest.raises(NotFound):
        commands.of("one")
    assert commands.of("two") == ("other",)
    assert commands.file.stat().st_mode & 0o777 == 0o600


def test_an_agent_without_a_command_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="maestro agents add ghost --executor acp"):
        AgentCommands(tmp_path).of("ghost")


@pytest.mark.parametrize("command", [(), ("",), ("a\0b",)])
def test_no_command(command: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is no command"):
        AgentCommands(tmp_path).keep("one", command)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_not_believed(mode: int, tmp_path: Path) -> None:
    commands = AgentCommands(tmp_path)
    commands.keep("one", ("agent",))
    commands.file.chmod(mode)
    with pytest.raises(InvalidInput, match="can be written by others"):
        commands.of("one")


@pytest.mark.parametrize(
    "content", ["{", "[]", json.dumps({"one": "agent"}), json.dumps({"one": []}), '{"one": [1]}']
)
def test_a_file_of_another_shape(content: str, tmp_path: Path) -> None:
    commands = AgentCommands(tmp_path)
    commands.file.write_text(content)
    commands.file.chmod(0o600)
    with pytest.raises(InvalidInput, match="coding-agents"):
        commands.of("one")
