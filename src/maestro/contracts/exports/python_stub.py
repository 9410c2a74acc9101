"""Interface contracts as a module that consumers import until the real one is there."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from maestro.contracts.exports.project import ExportedProject
from maestro.contracts.exports.writing import write_project
from maestro.contracts.mocks.interfaces.reading import read_interface
from maestro.contracts.mocks.interfaces.stub import MARKER, stub_module
from maestro.contracts.verification.python_interface import InterfaceVerifier
from maestro.domain.contract import CheckResult, Contract
from maestro.domain.work import LaunchCommand
from maestro.errors import SandboxFailed
from maestro.ports import (
    CommandResult,
    Reach,
    Report,
    SandboxStrength,
    ServerProcess,
    VerificationTarget,
)

_SHOWN = 5


def python_stub(contract: Contract) -> ExportedProject:
    """The module under the name that the contract gives it. Blocks.

    Raises:
        InvalidInput: the contract cannot be read, or no value fits what a method returns.
    """
    name = read_interface(contract).module.replace(".", "/") + ".py"
    return ExportedProject(files={name: stub_module(contract).encode()})


async def check_python_stub(
    contract: Contract, project: ExportedProject, report: Report
) -> CheckResult:
    """Holds the stub against its own contract, as a built module would be."""
    with TemporaryDirectory(prefix="maestro-stub-") as scratch:
        folder = Path(scratch) / "stub"
        await asyncio.to_thread(write_project, _unmarked(project), folder)
        target = VerificationTarget(
            description=f"stub of {contract.id}", sandbox=_OwnProcess(root=folder)
        )
        verification = await InterfaceVerifier().verify(contract, target, report)
    faults = [f"{f.operation}: {f.message}" for f in verification.findings]
    passed = verification.conforms
    told = "; ".join(faults[:_SHOWN]) or f"{verification.requests} calls"
    return CheckResult(
        id="exported-stub",
        statement=f"The stub of {contract.id} keeps its contract",
        passed=passed,
        detail=told,
    )


def _unmarked(project: ExportedProject) -> ExportedProject:
    """Without the mark by which stubs are known: verification refuses what bears it."""
    mark = f"\n{MARKER} = ".encode()
    return ExportedProject(
        files={
            name: text.replace(mark, b"\n_MADE_OF = ", 1) for name, text in project.files.items()
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _OwnProcess:
    """Runs what Maestro itself has generated; nothing of it was written by somebody else."""

    root: Path

    @property
    def strength(self) -> SandboxStrength:
        return SandboxStrength(mechanism="off", level="L0", capabilities=(), missing=())

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        reach: Reach = Reach(),
    ) -> CommandResult:
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=self.root / cwd,
            env=dict(env or {}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        timed_out = False
        try:
            async with asyncio.timeout(timeout):
                output, errors = await process.communicate()
        except TimeoutError:
            timed_out, output, errors = True, b"", b""
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return CommandResult(
            argv=tuple(argv),
            exit_code=process.returncode or 0,
            stdout=output.decode(errors="replace"),
            stderr=errors.decode(errors="replace"),
            duration_seconds=time.monotonic() - began,
            timed_out=timed_out,
        )

    def serve(
        self,
        launch: LaunchCommand,
        *,
        port: int,
        timeout: float,
        env: Mapping[str, str] | None = None,
        reach: Reach = Reach(),
    ) -> AbstractAsyncContextManager[ServerProcess]:
        raise SandboxFailed("a stub is imported, and no server")
