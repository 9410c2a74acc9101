"""A verification that refused, in sentences."""

from maestro.domain.contract import Verification

MAX_REASONS = 20


def refusals(verification: Verification) -> tuple[str, ...]:
    """One sentence per finding and failed check: operation, rule and value."""
    reasons = [
        f"{finding.operation or verification.contract}: {finding.rule}: {finding.message}"
        + (f" (expected {finding.expected}, saw {finding.seen})" if finding.seen else "")
        for finding in verification.findings
    ]
    reasons += [
        f"{check.id}: {check.statement}: {check.detail}"
        for check in verification.checks
        if not check.passed
    ]
    if not verification.checks:
        reasons.append("nothing was checked, which is no evidence")
    untested = (
        verification.operations_total - verification.operations_tested - len(verification.not_built)
    )
    if untested > 0:
        reasons.append(f"{untested} operations of the contract were never tested")
    return tuple(reasons[:MAX_REASONS])
