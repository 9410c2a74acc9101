"""Workers as processes of ours: they end in order when asked to, and with us in any case."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from maestro.agents.sandboxes import tree
from maestro.agents.sandboxes.confinement import supervised
from maestro.agents.sandboxes.processes import Running, started
from maestro.domain.agent import Agent
from maestro.settings import Settings

_LAST_WORDS = 500


class WorkerProcess(Protocol):
    """A process in which an agent lives."""

    @property
    def process_id(self) -> int | None:
        """Of the worker itself; None when it is gone."""
        ...

    async def ended(self) -> int:
        """Its exit status, once it has ended."""
        ...

    def leave(self) -> None:
        """Asks it to end what it has in hand and then itself."""
        ...

    def last_words(self) -> str:
        """The end of what it said on standard error, in one line fit to be shown."""
        ...


@dataclass(slots=True)
class SupervisedWorker:
    """A worker below a supervisor, which ends its whole tree when it or this process dies."""

    running: Running
    _process_id: int | None = None

    @property
    def process_id(self) -> int | None:
        """Its supervisor's first child; later ones are what its descendants left behind."""
        if self.running.process.returncode is not None:
            return None
        there = tree.children(self.running.process.pid)
        if self._process_id is None and there:
            self._process_id = there[0]
        return self._process_id if self._process_id in there else None

    async def ended(self) -> int:
        return await self.running.process.wait()

    def leave(self) -> None:
        worker = self.process_id
        with suppress(ProcessLookupError):
            if worker is not None:
                os.kill(worker, signal.SIGTERM)
            else:  # it has not begun, or only what it left behind is there: nothing to wait for
                self.running.process.terminate()

    def last_words(self) -> str:
        text = " ".join(self.running.stderr.text().split())[-_LAST_WORDS:]
        return "".join(sign for sign in text if sign.isprintable())


def worker_command(agent: Agent, capability: str, grace_seconds: float) -> tuple[str, ...]:
    """What starts a worker in which the agent lives. It is told of its store by variables."""
    listed = (("--persona", agent.personas), ("--skill", agent.skills))
    words = [
        word
        for option, values in (*listed, ("--language", agent.languages))
        for value in values
        for word in (option, value)
    ]
    if agent.model is not None:
        words += ["--model", agent.model]
    words += ["--slots", str(agent.capacity), "--grace", f"{grace_seconds:g}"]
    start = (sys.executable, "-P", "-m", "maestro", "worker")
    return (*start, "--capability", capability, "--agent", agent.id, *words)


def worker_environment(settings: Settings, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The user's variables, with the store and the sandbox that were chosen here."""
    return {
        **environment,
        "MAESTRO_DB": settings.postgres_url or str(settings.database),
        "MAESTRO_DATA": str(settings.data_folder),
        "MAESTRO_SANDBOX": settings.sandbox,
    }


@asynccontextmanager
async def worker_process(
    command: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[WorkerProcess]:
    """Runs while it is entered; on leaving its whole tree is ended.

    It gets the user's rights and no standard input; its variables are seen by nobody else.
    """
    wrapped = supervised(command, cwd=Path.cwd(), env=environment)
    async with started(wrapped) as running:
        yield SupervisedWorker(running)
