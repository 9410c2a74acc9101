"""Holds a built database against its contract: migrations really run, the result is looked at."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from maestro.contracts.verification.acceptance import result_of, unverified
from maestro.contracts.verification.deliverables import examine_deliverables
from maestro.contracts.verification.tables import LOOK, differences
from maestro.domain.contract import (
    AcceptanceCriterion,
    CheckResult,
    Contract,
    Finding,
    Verification,
)
from maestro.errors import InvalidInput, SandboxFailed
from maestro.ports import CommandResult, Report, Sandbox, VerificationTarget

SCRATCH = ".maestro-verification"
COMMAND_SECONDS = 120.0
SHOWN = 600


@dataclass(frozen=True, slots=True)
class SchemaVerifier:
    """Runs the migrations forward, back and forward again on an empty SQLite file."""

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        started = time.monotonic()
        tables = _tables(contract)
        files = await asyncio.to_thread(examine_deliverables, contract, target.sandbox.root)
        await report(f"contract {contract.id}: running the migrations")
        scratch = target.sandbox.root / SCRATCH
        scratch.mkdir(exist_ok=True)
        try:
            trial = Trial(target.sandbox, _folder(contract), scratch / "verification.db")
            findings = await _run(trial, tables)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        ran = not any(f.rule == "migration_runs" for f in findings)
        outcomes = [_criterion(c, tables, findings, ran=ran) for c in contract.acceptance]
        return Verification(
            contract=contract.id,
            target=target.description,
            operations_total=len(tables),
            operations_tested=len(tables) if ran else 0,
            checks=(*files.checks, *_own_checks(findings, ran=ran), *outcomes),
            findings=(*files.findings, *findings),
            requests=0,
            duration_seconds=time.monotonic() - started,
            tool="alembic and sqlite3",
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """An empty database and the commands that are tried on it."""

    sandbox: Sandbox
    folder: str
    database: Path

    async def migrate(self, *words: str) -> CommandResult:
        return await self._run(sys.executable, "-m", "alembic", *words)

    async def look(self) -> Mapping[str, Any]:
        """What is in the database now. Raises SandboxFailed when it cannot be read."""
        result = await self._run(sys.executable, "-I", "-c", LOOK, str(self.database))
        if result.exit_code != 0:
            raise SandboxFailed(f"the migrated database cannot be read: {_tail(result)}")
        found: Mapping[str, Any] = json.loads(result.stdout)
        return found

    async def _run(self, *argv: str) -> CommandResult:
        env = {"DATABASE_URL": f"sqlite:///{self.database}", "PYTHONDONTWRITEBYTECODE": "1"}
        return await self.sandbox.run(argv, timeout=COMMAND_SECONDS, cwd=self.folder, env=env)


async def _run(trial: Trial, tables: Sequence[Mapping[str, Any]]) -> list[Finding]:
    if not (trial.sandbox.root / trial.folder).is_dir():
        return [
            Finding(
                rule="deliverable_missing",
                message="nobody delivered the folder that the migrations belong in",
                operation=trial.folder,
                expected="a folder with alembic.ini and migrations",
                seen="nothing",
            )
        ]
    up = await trial.migrate("upgrade", "head")
    if up.exit_code != 0 or not trial.database.exists():
        return [_failed("migration_runs", up, "the migrations create the database")]
    built = await trial.look()
    findings = differences(tables, built)
    down = await trial.migrate("downgrade", "base")
    if down.exit_code != 0:
        return [*findings, _failed("migration_reversible", down, "the migrations go back")]
    left = sorted(await trial.look())
    if left:
        why = "going back leaves tables behind"
        findings.append(_reversal(down, why, "no tables", ", ".join(left)))
    again = await trial.migrate("upgrade", "head")
    if again.exit_code != 0:
        return [*findings, _failed("migration_reversible", again, "they go forward again")]
    if await trial.look() != built:
        why = "going forward again gives another schema than the first time"
        findings.append(_reversal(again, why, "the same schema", "another schema"))
    return findings


def _tables(contract: Contract) -> Sequence[Mapping[str, Any]]:
    tables = contract.specification.get("tables")
    if not isinstance(tables, list | tuple) or not tables:
        raise InvalidInput(f"contract {contract.id!r}: its specification names no tables")
    return tables


def _folder(contract: Contract) -> str:
    """Where alembic.ini lies; the component's folder by convention."""
    for deliverable in contract.deliverables:
        for path in deliverable.paths:
            if PurePosixPath(path).name == "alembic.ini":
                return str(PurePosixPath(path).parent)
    return "backend" if contract.component == "backend" else f"services/{contract.component}"


def _failed(rule: str, result: CommandResult, expected: str) -> Finding:
    return Finding(
        rule=rule,
        message="a migration command failed" if not result.timed_out else "a migration hangs",
        operation=_command(result),
        expected=expected,
        seen=f"exit status {result.exit_code}: {_tail(result)}",
        reproduce=_command(result),
    )


def _reversal(result: CommandResult, message: str, expected: str, seen: str) -> Finding:
    return Finding(
        rule="migration_reversible",
        message=message,
        operation=_command(result),
        expected=expected,
        seen=seen,
        reproduce=_command(result),
    )


def _command(result: CommandResult) -> str:
    return " ".join(["python", *result.argv[1:]])


def _tail(result: CommandResult) -> str:
    return (result.stderr or result.stdout).strip()[-SHOWN:]


def _own_checks(findings: Sequence[Finding], *, ran: bool) -> tuple[CheckResult, ...]:
    """What is checked whatever the criteria say."""
    differing = [f.operation for f in findings if f.rule in ("table_exists", "column_matches")]
    return (
        CheckResult(
            id="migrations_run",
            statement="The migrations turn an empty database into the contract's schema.",
            passed=ran and not differing,
            detail=", ".join(differing) if ran else "the migrations do not run",
        ),
    )


def _criterion(
    criterion: AcceptanceCriterion,
    tables: Sequence[Mapping[str, Any]],
    findings: Sequence[Finding],
    *,
    ran: bool,
) -> CheckResult:
    place = _place(criterion, tables)
    if place is None:
        return unverified(criterion)
    if not ran:
        return result_of(criterion, passed=False, detail="the migrations do not run")
    about = [f for f in findings if _concerns(f, criterion.check or "", place)]
    detail = "; ".join(f"{f.message}: expected {f.expected}, saw {f.seen}" for f in about)
    return result_of(criterion, passed=not about, detail=detail)


def _place(criterion: AcceptanceCriterion, tables: Sequence[Mapping[str, Any]]) -> str | None:
    """What the criterion is about; None when the specification does not know it."""
    if criterion.check == "migration_reversible":
        return ""
    name = criterion.parameters.get("table")
    table = next((t for t in tables if t["name"] == name), None)
    if table is None:
        return None
    if criterion.check == "table_exists":
        return str(name)
    column = criterion.parameters.get("column")
    known = column in [c["name"] for c in table["columns"]]
    return f"{name}.{column}" if criterion.check == "column_matches" and known else None


def _concerns(finding: Finding, check: str, place: str) -> bool:
    if check == "migration_reversible":
        return finding.rule == check
    table = place.partition(".")[0]
    return finding.operation == place or (
        finding.rule == "table_exists" and finding.operation == table
    )
