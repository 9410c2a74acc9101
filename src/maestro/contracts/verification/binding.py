"""Acceptance criteria of contracts that are not REST, bound to what their verifiers ran.

A criterion names one of the verifier's checks, or `operation_works`; the parameter `operation`
(or `method`) narrows it to one operation, which then must really have been tested.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from maestro.contracts.verification.acceptance import result_of, unverified
from maestro.domain.contract import AcceptanceCriterion, CheckResult, Finding, Severity

OPERATION_WORKS = "operation_works"


@dataclass(frozen=True, slots=True, kw_only=True)
class RanChecks:
    """What a verification has shown."""

    checks: Sequence[CheckResult]
    findings: Sequence[Finding]
    tested: Mapping[str, bool]
    """Every operation of the contract, and whether it was tested."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Operation -> how findings call it, where that is not its key."""
    rules: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Check -> rules of the findings that are its own; of a check that is not here all count."""

    def wrong(self, operation: str, check: str) -> list[Finding]:
        own = self.rules.get(check)
        name = self.names.get(operation, operation)
        return [
            finding
            for finding in self.findings
            if finding.severity is Severity.ERROR
            and (finding.operation == name or finding.operation.endswith(f" {name}"))
            and (own is None or finding.rule in own)
        ]


def bound(criteria: Iterable[AcceptanceCriterion], ran: RanChecks) -> list[CheckResult]:
    """One result per criterion, in order; what nothing here checks is unverified, never passed."""
    return [_bound(criterion, ran) for criterion in criteria]


def _bound(criterion: AcceptanceCriterion, ran: RanChecks) -> CheckResult:
    name = criterion.check or ""
    check = next((c for c in ran.checks if c.id == name), None)
    operation = criterion.parameters.get("operation", criterion.parameters.get("method"))
    if check is None and name != OPERATION_WORKS:
        return unverified(criterion)
    if operation is None:
        if check is None:
            return _open(criterion, f"{name} needs the parameter 'operation'")
        return result_of(criterion, passed=check.passed, detail=check.detail)
    if not isinstance(operation, str) or operation not in ran.tested:
        return _open(criterion, f"the contract has no operation {operation!r}")
    wrong = ran.wrong(operation, name)
    if not wrong and not ran.tested[operation]:
        return _open(criterion, f"operation {operation!r} was never tested")
    if not wrong and check is not None and not check.passed and not _blames_another(name, ran):
        return result_of(criterion, passed=False, detail=check.detail)
    return result_of(criterion, passed=not wrong, detail="; ".join(f.message for f in wrong))


def _blames_another(check: str, ran: RanChecks) -> bool:
    """Whether a failed check is explained by findings of single operations."""
    return any(ran.wrong(operation, check) for operation in ran.tested)


def _open(criterion: AcceptanceCriterion, why: str) -> CheckResult:
    return result_of(criterion, passed=False, detail=f"unverified: {why}")
