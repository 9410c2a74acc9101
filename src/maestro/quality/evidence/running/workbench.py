"""What every collector that starts something stands on."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maestro.domain.contract import Contract
from maestro.domain.quality import Evidence
from maestro.domain.values import JsonScalar
from maestro.domain.work import LaunchCommand
from maestro.errors import ExecutionError, InvalidInput
from maestro.ports import (
    CommandResult,
    ContractVerifier,
    EvidenceSubject,
    Reach,
    Sandbox,
    SandboxProvider,
    ServerProcess,
)
from maestro.quality.evidence.copies import private_copy
from maestro.quality.evidence.programs import NotMeasurable, ToolFailed
from maestro.quality.evidence.tooling import Measurement
from maestro.quality.project import Project, project_of

_SHOWN = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds after which something that does not end is given up."""

    start: float = 60.0
    """For an application to answer for the first time."""
    page: float = 45.0
    """For a page to open, and again for what is pressed on it."""
    migration: float = 120.0
    """For one command of the migrations."""
    block: float = 120.0
    """For one runnable block of a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What the composition root lends: quality itself knows no other craft."""

    sandboxes: SandboxProvider
    free_port: Callable[[int], int]
    """The first of that many free loopback ports in a row."""
    browser: Path | None = None
    """A Chromium."""
    node: Path | None = None
    verifier: ContractVerifier | None = None
    read_contract: Callable[[Path], Contract] | None = None
    """The contract that a file holds; raises InvalidInput. Blocks."""
    trial_database: str | None = None
    """URL of a PostgreSQL server whose databases may be made and dropped; what is measured gets
    its credentials, so it holds nothing of worth."""
    patience: Patience = Patience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """A project to measure: a private copy of its tree, which may be written into."""

    subject: EvidenceSubject
    equipment: Equipment
    project: Project
    sandbox: Sandbox
    """Holds the copy."""
    measurement: Measurement

    @property
    def root(self) -> Path:
        return self.sandbox.root

    @asynccontextmanager
    async def started(self, launch: LaunchCommand, ports: int = 1) -> AsyncIterator["Started"]:
        """Raises StepFailed when it does not come up."""
        port = self.equipment.free_port(ports)
        row = tuple(range(port, port + ports))
        async with self.sandbox.serve(
            launch,
            port=port,
            timeout=self.equipment.patience.start,
            env=self.subject.env,
            reach=Reach(listen=row, connect=row),
        ) as server:
            yield Started(server=server, launch=launch, ports=row)

    async def session(
        self, argv: Sequence[str], *, timeout: float, ports: tuple[int, ...]
    ) -> CommandResult:
        """Runs a program of ours in a sandbox that holds nothing else.

        What is measured cannot reach its files or its output.

        Raises:
            ToolFailed: it broke or did not end.
        """
        async with empty_sandbox(self.equipment.sandboxes) as sandbox:
            result = await sandbox.run(argv, timeout=timeout, reach=Reach(connect=ports))
        self.measurement.argv = tuple(argv)
        self.measurement.exit_code = result.exit_code
        self.measurement.raw = result.stdout
        if result.timed_out:
            raise ToolFailed(f"it did not end within {timeout:.0f} s{_tail(result)}")
        if result.exit_code != 0:
            raise ToolFailed(f"it ended with status {result.exit_code}{_tail(result)}")
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    server: ServerProcess
    launch: LaunchCommand
    ports: tuple[int, ...]

    @property
    def url(self) -> str:
        return self.server.url


Measure = Callable[[Workbench], Awaitable[Mapping[str, JsonScalar]]]
"""Raises NotMeasurable or ToolFailed; what it lets through of an ExecutionError is an ERROR."""


@dataclass(frozen=True, slots=True)
class RunningCollector:
    """Implements ports.EvidenceCollector around one way to measure something that runs."""

    name: str
    tool: str
    equipment: Equipment | None
    measure: Measure

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        measurement = Measurement(self.name, self.tool, "1", subject)
        if self.equipment is None:
            return measurement.unavailable("nothing was lent to start projects with")
        return await measured(measurement, self.equipment, self.measure)


async def measured(measurement: Measurement, equipment: Equipment, measure: Measure) -> Evidence:
    """The evidence that comes out; nothing a project does gets past as an exception."""
    try:
        async with _workbench(measurement, equipment) as bench:
            metrics = await measure(bench)
    except NotMeasurable as reason:
        return measurement.unavailable(str(reason))
    except (ToolFailed, ExecutionError, InvalidInput) as error:
        return measurement.failed(str(error))
    except (OSError, shutil.Error) as error:
        return measurement.failed(f"the project cannot be examined: {error}")
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        return measurement.failed(f"{type(error).__name__}: {error}")
    return measurement.measured(metrics)


@asynccontextmanager
async def _workbench(measurement: Measurement, equipment: Equipment) -> AsyncIterator[Workbench]:
    subject = measurement.subject
    root = subject.sandbox.root
    project = await asyncio.to_thread(project_of, subject.facts, root)
    async with (
        private_copy(equipment.sandboxes, root) as tree,
        equipment.sandboxes.open(tree) as sandbox,
    ):
        measurement.detail.append(f"project as said by {project.source}")
        yield Workbench(
            subject=subject,
            equipment=equipment,
            project=project,
            sandbox=sandbox,
            measurement=measurement,
        )


@asynccontextmanager
async def empty_sandbox(sandboxes: SandboxProvider) -> AsyncIterator[Sandbox]:
    async with sandboxes.lend() as folder, sandboxes.open(folder) as sandbox:
        yield sandbox


def answer(result: CommandResult) -> Mapping[str, Any]:
    """What a session printed. Raises ToolFailed."""
    try:
        told = json.loads(result.stdout)
    except ValueError as error:
        raise ToolFailed(f"it gave no usable result{_tail(result)}") from error
    if not isinstance(told, dict):
        raise ToolFailed(f"it gave no usable result{_tail(result)}")
    return told


def _tail(result: CommandResult) -> str:
    text = f"{result.stdout}\n{result.stderr}".strip()[-_SHOWN:]
    return f": …{text}" if text else ""
