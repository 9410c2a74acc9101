"""Which command starts which coding agent: a file of the user's own, and no other source."""

import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro.errors import InvalidInput, NotFound

FILE = "coding-agents.json"
MAX_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class AgentCommands:
    """Nothing of a run, a requirement or the database ever gets in here."""

    folder: Path
    """The user's settings folder."""

    @property
    def file(self) -> Path:
        return self.folder / FILE

    def of(self, agent_id: str) -> tuple[str, ...]:
        """Blocks. Raises NotFound, and InvalidInput for a file that is not the user's alone."""
        known = self._read()
        if agent_id not in known:
            raise NotFound(
                f"agent {agent_id!r} has no command in {str(self.file)!r}; add it with: "
                f"maestro agents add {agent_id} --executor acp --persona P -- COMMAND"
            )
        return known[agent_id]

    def keep(self, agent_id: str, command: Sequence[str]) -> None:
        """Blocks. Raises InvalidInput."""
        if not command or not command[0] or any("\0" in word for word in command):
            raise InvalidInput(f"agent {agent_id!r}: {list(command)!r} is no command")
        self._write({**self._read(), agent_id: tuple(command)})

    def forget(self, agent_id: str) -> None:
        """Blocks. Raises InvalidInput."""
        known = dict(self._read())
        if known.pop(agent_id, None) is not None:
            self._write(known)

    def _write(self, known: Mapping[str, tuple[str, ...]]) -> None:
        text = json.dumps({name: list(words) for name, words in known.items()}, indent=2) + "\n"
        fresh = self.file.with_suffix(".new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(text)
            fresh.replace(self.file)
        except OSError as error:
            raise InvalidInput(f"{str(self.file)!r} cannot be written: {error.strerror}") from error

    def _read(self) -> Mapping[str, tuple[str, ...]]:
        try:
            with self.file.open("rb") as source:
                status = os.fstat(source.fileno())
                if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    raise InvalidInput(
                        f"{str(self.file)!r} can be written by others, and holds commands that "
                        "run as you; make it yours alone: chmod 600"
                    )
                content = source.read(MAX_BYTES)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InvalidInput(f"{str(self.file)!r} cannot be read: {error.strerror}") from error
        return _parsed(content, str(self.file))


def _parsed(content: bytes, name: str) -> Mapping[str, tuple[str, ...]]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InvalidInput(f"{name!r} is not JSON: {error}") from error
    if not isinstance(document, dict) or not all(_is_command(v) for v in document.values()):
        raise InvalidInput(f"{name!r}: expected an object of agent ids with lists of words")
    return {agent_id: tuple(command) for agent_id, command in document.items()}


def _is_command(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)
