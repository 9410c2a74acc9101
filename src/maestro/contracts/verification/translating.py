"""Brings what the verifiers of runs say into the report that `maestro contracts verify` gives."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from maestro.contracts.linting import errors_in
from maestro.contracts.verification.examples import fitting_examples
from maestro.contracts.verification.fulfilment import FulfilmentEvidence, fulfilment
from maestro.contracts.verification.outcome import (
    CheckState,
    OperationRecord,
    ProviderCheck,
    ProviderReport,
)
from maestro.contracts.verification.starting import StartedProvider
from maestro.domain.contract import (
    CheckResult,
    Contract,
    ContractKind,
    Finding,
    Severity,
    Verification,
)
from maestro.ports import RecordedCall

_REPLAY = "consumer_replay"
_NEGATIVE = frozenset({
    "graphql.refusals", "grpc_invalid_bytes", "grpc_unknown_method", "invalid_publish_rejected",
    "interface_refusals",
})  # fmt: skip
_ORPHAN = "orphan_after_stop"


def report_of(
    contract: Contract,
    verification: Verification,
    *,
    calls: Sequence[RecordedCall] = (),
    started: StartedProvider | None = None,
    seed: int = 1,
) -> ProviderReport:
    """What was not told apart or not looked at counts as no evidence, never as passed. Blocks."""
    findings = (*verification.findings, *_orphans(started))
    records = tuple(_records(verification, findings))
    checks = (*_lifecycle(started), *(_check(c, contract) for c in verification.checks))
    name, _, number = verification.tool.partition(" ")
    return ProviderReport(
        contract=contract.id,
        version=contract.version,
        digest=contract.specification_digest(),
        target=started.command if started else verification.target,
        at=datetime.now(UTC),
        seconds=round(verification.duration_seconds, 2),
        seed=seed,
        requests=verification.requests,
        tools={name: number} if name else {},
        operations=records,
        checks=checks,
        findings=findings,
        dropped=0,
        fulfilment=fulfilment(_evidence(contract, checks, findings, records, calls, started)),
    )


def _orphans(started: StartedProvider | None) -> Iterator[Finding]:
    for orphan in started.orphans if started else ():
        yield Finding(
            rule=_ORPHAN,
            message="a process of the provider was still there after it was stopped",
            expected="nothing is left when the provider's group has ended",
            seen=orphan,
        )


def _records(verification: Verification, findings: Sequence[Finding]) -> Iterator[OperationRecord]:
    """Operations that the verifier did not tell apart have no name but their number."""
    tested = dict(verification.operations)
    for number in range(len(tested), verification.operations_total):
        tested[f"operation {number + 1}"] = number < verification.operations_tested
    wrong = [f.operation for f in findings if f.severity is Severity.ERROR]
    for key, was_tested in tested.items():
        about = [name for name in wrong if name == key or name.endswith(f" {key}")]
        yield OperationRecord(
            key=key,
            tested=was_tested or key in verification.not_built,
            findings=len(about),
            statuses_seen=(),
            statuses_documented=(),
        )


def _lifecycle(started: StartedProvider | None) -> Iterator[ProviderCheck]:
    if started is not None:
        yield ProviderCheck(
            id="provider_started",
            statement="The provider was started, answered, and left nothing behind.",
            state=CheckState.FAILED if started.orphans else CheckState.PASSED,
            kind="lifecycle",
            detail=f"ready after {started.ready_seconds:.1f} s",
        )


def _check(check: CheckResult, contract: Contract) -> ProviderCheck:
    state = CheckState.PASSED if check.passed else CheckState.FAILED
    if not check.passed and check.detail.startswith("unverified"):
        state = CheckState.UNVERIFIED
    return ProviderCheck(
        id=check.id,
        statement=check.statement,
        state=state,
        kind=_kind(check.id, contract),
        detail=check.detail,
    )


def _kind(check_id: str, contract: Contract) -> str:
    if check_id in {criterion.id for criterion in contract.acceptance}:
        return "criterion"
    if check_id == _REPLAY:
        return "replay"
    if check_id in _NEGATIVE:
        return "negative"
    first = check_id.partition(".")[0]
    return {"deliverable": "file", "schemathesis": "generated"}.get(first, "state")


def _evidence(
    contract: Contract,
    checks: Sequence[ProviderCheck],
    findings: Sequence[Finding],
    records: Sequence[OperationRecord],
    calls: Sequence[RecordedCall],
    started: StartedProvider | None,
) -> FulfilmentEvidence:
    criteria = [c for c in checks if c.kind in ("criterion", "state")]
    negative = [c for c in checks if c.kind == "negative"]
    examples = fitting_examples(contract)
    begun = _started(contract, checks, started)
    files = [c for c in checks if c.kind == "file"]
    valid = sum(call.valid for call in calls)
    differ = sum(f.rule.endswith("replay") for f in findings)
    replayed = any(c.kind == "replay" for c in checks)
    errors = [f for f in findings if f.severity is Severity.ERROR and f.rule != _ORPHAN]
    return FulfilmentEvidence(
        operations=len(records),
        operations_clean=sum(record.clean for record in records),
        operations_refusing=_passed(negative) if negative else None,
        operations_negative=len(negative) or None,
        criteria_passed=_passed(criteria),
        criteria=len(criteria),
        criteria_unverified=sum(c.state is CheckState.UNVERIFIED for c in criteria),
        replayed_alike=max(0, valid - differ) if replayed else None,
        replayed=valid if replayed else None,
        calls_outside=len(calls) - valid if replayed else None,
        examples_valid=sum(examples),
        examples=len(examples),
        files_present=_passed(files),
        files=len(contract.deliverables),
        document_errors=len(errors_in(contract)),
        unchanged=(contract.specification_digest() == contract.digest if contract.digest else None),
        started=begun,
        orphans=len(started.orphans) if started else 0 if begun else None,
        serious=len(errors),
    )


def _started(
    contract: Contract, checks: Iterable[ProviderCheck], started: StartedProvider | None
) -> bool | None:
    """A module is no server: it was started when it was imported, in a process that has ended."""
    if contract.kind is ContractKind.INTERFACE:
        return any(c.id == "interface_module" and c.state is CheckState.PASSED for c in checks)
    return True if started else None


def _passed(checks: Iterable[ProviderCheck]) -> int:
    return sum(check.state is CheckState.PASSED for check in checks)
