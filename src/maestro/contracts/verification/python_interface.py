"""Holds a built Python module against its interface contract, in the sandbox it belongs to."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from maestro.contracts.mocks.interfaces.model import InterfaceModel
from maestro.contracts.mocks.interfaces.reading import import_folders, read_interface
from maestro.contracts.mocks.interfaces.stub import MARKER
from maestro.contracts.verification.binding import RanChecks, bound
from maestro.contracts.verification.deliverables import examine_deliverables
from maestro.contracts.verification.python_calls import PlannedCall, planned_calls
from maestro.contracts.verification.python_findings import RULES, Told, findings_of
from maestro.domain.contract import (
    CheckResult,
    Contract,
    Finding,
    Severity,
    Verification,
)
from maestro.errors import InvalidInput
from maestro.ports import CommandResult, Report, Sandbox, VerificationTarget

SCRATCH = ".maestro-interface"
MAX_RESULT_BYTES = 32_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceVerifier:
    """Imports the module, compares signatures, calls every method with sampled arguments.

    Findings have been seen in two runs of the module.
    """

    seed: int = 1
    call_seconds: float = 5.0
    command_seconds: float = 120.0

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        """Raises InvalidInput for one of our stubs or an unreadable contract."""
        started = time.monotonic()
        model = await asyncio.to_thread(read_interface, contract)
        root = target.sandbox.root
        examined = await asyncio.to_thread(examine_deliverables, contract, root)
        calls = await asyncio.to_thread(planned_calls, model, target.replay, seed=self.seed)
        await report(f"contract {contract.id}: {len(calls)} calls of module {model.module}")
        told = await self._tried(target.sandbox, model, calls)
        if told.is_mock:
            raise InvalidInput(
                f"module {model.module!r} is a stub made from contract {contract.id!r}; give the "
                "folder of the module that was built"
            )
        findings = findings_of(model, calls, told)
        if findings:
            again = findings_of(model, calls, await self._tried(target.sandbox, model, calls))
            known = {(f.rule, f.operation) for f in again}
            findings = [f for f in findings if (f.rule, f.operation) in known]
        checks = _checks(findings, told, any(call.replayed for call in calls))
        answered = {calls[n].method.key for n in told.answered if not calls[n].refused}
        operations = {method.key: method.key in answered for method in model.methods}
        ran = RanChecks(
            checks=checks,
            findings=findings,
            tested=operations,
            rules={name: rules for name, (_, rules) in RULES.items()},
        )
        return Verification(
            contract=contract.id,
            target=target.description,
            operations_total=len(model.methods),
            operations_tested=len(answered),
            checks=(*examined.checks, *checks, *bound(contract.acceptance, ran)),
            findings=(*examined.findings, *findings),
            requests=len(told.calls),
            duration_seconds=time.monotonic() - started,
            operations=operations,
            tool=f"python {sys.version_info.major}.{sys.version_info.minor}",
        )

    async def _tried(
        self, sandbox: Sandbox, model: InterfaceModel, calls: Sequence[PlannedCall]
    ) -> Told:
        scratch = sandbox.root / SCRATCH
        await asyncio.to_thread(_prepare, scratch, self._job(sandbox, model, calls))
        try:
            result = await sandbox.run(
                [
                    sys.executable,
                    "-IB",
                    str(scratch / "program.py"),
                    str(scratch / "job.json"),
                    str(scratch / "results.jsonl"),
                ],
                timeout=self.command_seconds,
            )
            lines = await asyncio.to_thread(_results, scratch / "results.jsonl")
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
        return _told(lines, result)

    def _job(
        self, sandbox: Sandbox, model: InterfaceModel, calls: Sequence[PlannedCall]
    ) -> dict[str, Any]:
        owners: dict[str, list[str]] = {}
        for method in model.methods:
            owners.setdefault(method.owner, []).append(method.name)
        return {
            "paths": [str(folder) for folder in import_folders(model.module, sandbox.root)],
            "module": model.module,
            "marker": MARKER,
            "owners": owners,
            "definitions": dict(model.definitions),
            "call_seconds": self.call_seconds,
            "calls": [call.job() for call in calls],
        }


def _prepare(scratch: Path, job: Mapping[str, Any]) -> None:
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    (scratch / "job.json").write_text(json.dumps(job), "utf-8")
    (scratch / "program.py").write_text(_program(), "utf-8")


@lru_cache(maxsize=1)
def _program() -> str:
    """The program with the runtime before it, so that it needs nothing of ours to be importable."""
    runtime = files("maestro.contracts.mocks.interfaces").joinpath("runtime.py").read_text("utf-8")
    program = files("maestro.contracts.verification").joinpath("python_program.py")
    lines = program.read_text("utf-8").splitlines(keepends=True)
    return runtime + "".join(line for line in lines if not line.startswith("from maestro."))


def _results(file: Path) -> list[dict[str, Any]]:
    """Lines that can be read; the module may have written to the file too, or never come so far."""
    if not file.is_file() or file.is_symlink():
        return []
    with file.open("rb") as stream:
        text = stream.read(MAX_RESULT_BYTES).decode("utf-8", "replace")
    found = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _told(lines: Sequence[Mapping[str, Any]], result: CommandResult) -> Told:
    told = Told(
        ended=False, timed_out=result.timed_out, log=(result.stderr or result.stdout)[-400:]
    )
    for line in lines:
        told.hear(line)
    return told


def _checks(findings: Sequence[Finding], told: Told, replayed: bool) -> list[CheckResult]:
    checks = []
    for name, (statement, rules) in RULES.items():
        if name == "consumer_replay" and not replayed:
            continue
        wrong = [f for f in findings if f.rule in rules and f.severity is Severity.ERROR]
        detail = f"{wrong[0].operation}: {wrong[0].message}" if wrong else ""
        checks.append(
            CheckResult(
                id=name,
                statement=statement,
                passed=not wrong and (told.imported or name == "interface_module"),
                detail=detail or ("" if told.imported else "the module could not be looked at"),
            )
        )
    return checks
