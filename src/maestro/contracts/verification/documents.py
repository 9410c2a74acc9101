"""Holds delivered files against a contract over documents."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from maestro.contracts.verification.acceptance import result_of, unverified
from maestro.contracts.verification.deliverables import (
    Examination,
    examine_deliverables,
    matched_files,
    read_text,
)
from maestro.domain.contract import (
    AcceptanceCriterion,
    CheckResult,
    Contract,
    Finding,
    Verification,
)
from maestro.domain.mentions import MENTIONS, mentions_of
from maestro.ports import Report, VerificationTarget


@dataclass(frozen=True, slots=True)
class DocumentVerifier:
    """Files are there, parse, say something, and mention what they must; nothing is started."""

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        started = time.monotonic()
        await report(f"contract {contract.id}: reading the delivered files")
        root = target.sandbox.root
        files = await asyncio.to_thread(examine_deliverables, contract, root)
        outcomes = await asyncio.to_thread(_criteria, contract, root, files)
        checks = files.checks + tuple(check for check, _ in outcomes)
        findings = files.findings + tuple(finding for _, finding in outcomes if finding)
        return Verification(
            contract=contract.id,
            target=target.description,
            operations_total=files.globs,
            operations_tested=files.globs,
            checks=checks,
            findings=findings,
            requests=0,
            duration_seconds=time.monotonic() - started,
            tool="maestro deliverables",
        )


def _criteria(
    contract: Contract, root: Path, files: Examination
) -> list[tuple[CheckResult, Finding | None]]:
    return [_criterion(criterion, root, files) for criterion in contract.acceptance]


def _criterion(
    criterion: AcceptanceCriterion, root: Path, files: Examination
) -> tuple[CheckResult, Finding | None]:
    if criterion.check == "files_present":
        failed = [check.id for check in files.checks if not check.passed]
        passed = bool(files.checks) and not failed
        detail = ", ".join(failed) if files.checks else "the contract promises no files"
        return result_of(criterion, passed=passed, detail="" if passed else detail), None
    if criterion.check == MENTIONS:
        return _mentions(criterion, root)
    return unverified(criterion), None


def _mentions(criterion: AcceptanceCriterion, root: Path) -> tuple[CheckResult, Finding | None]:
    demanded = mentions_of(criterion)
    if demanded is None:
        detail = f"unverified: {MENTIONS} needs the parameters 'path' and 'phrases'"
        return result_of(criterion, passed=False, detail=detail), None
    texts = [read_text(file) or "" for file in matched_files(root, demanded.path)]
    missing = demanded.missing(texts)
    if not missing:
        return result_of(criterion, passed=True), None
    read = sum(map(len, texts))
    finding = Finding(
        rule=MENTIONS,
        message=f"{len(missing)} of {len(demanded.phrases)} phrases are not mentioned",
        operation=demanded.path,
        expected=", ".join(map(repr, missing[:10])),
        seen=f"{read} characters without them" if read else "no text",
        reproduce=f"grep -i {missing[0]!r} {demanded.path}",
    )
    return result_of(criterion, passed=False, detail=f"missing: {finding.expected}"), finding
