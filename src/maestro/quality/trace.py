"""Traceability: each part of the requirement and the checks that really ran for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from maestro.domain.contract import CheckResult, Contract, ContractKind, Verification
from maestro.domain.quality import TracedPart
from maestro.domain.requirement import RequirementPart
from maestro.domain.work import NotBuilt


def trace(
    parts: Sequence[RequirementPart],
    contracts: Sequence[Contract],
    verifications: Mapping[str, Verification],
    rechecks: Mapping[str, Sequence[CheckResult]],
    not_built: Sequence[NotBuilt],
) -> tuple[TracedPart, ...]:
    """One entry per part, in the requirement's order.

    A part is verified only by a check that ran, names the part, and passed, with none failing.
    """
    checks = _checks_by_part(contracts, verifications, rechecks)
    missing = {item.part: item.reason for item in not_built if item.part}
    on_pages = _only_on_pages(contracts)
    return tuple(
        replace(_traced(part, checks.get(part.id, ()), missing), needs_browser=part.id in on_pages)
        for part in parts
    )


def _only_on_pages(contracts: Sequence[Contract]) -> set[str]:
    """Parts that criteria of page contracts name, and none of others that has a check."""
    on_page: set[str] = set()
    elsewhere: set[str] = set()
    for contract in contracts:
        named = on_page if contract.kind is ContractKind.PAGE else elsewhere
        for criterion in contract.acceptance:
            if criterion.check is not None:
                named.update(criterion.parts)
    return on_page - elsewhere


def _traced(
    part: RequirementPart, checks: Sequence[CheckResult], missing: Mapping[str, str]
) -> TracedPart:
    names = tuple(check.id for check in checks)
    failed = [check for check in checks if not check.passed]
    if not part.covered or part.id in missing:
        status, reason = "not_built", missing.get(part.id, part.reason)
    elif failed:
        status, reason = "failed", f"{failed[0].id}: {failed[0].detail or failed[0].statement}"
    elif checks:
        status, reason = "verified", ""
    else:
        status, reason = "unverified", "no check that names this part has run"
    return TracedPart(part=part.id, text=part.text, status=status, checks=names, reason=reason)


def _checks_by_part(
    contracts: Sequence[Contract],
    verifications: Mapping[str, Verification],
    rechecks: Mapping[str, Sequence[CheckResult]],
) -> dict[str, list[CheckResult]]:
    """Checks that ran, by the parts that they or their acceptance criterion name."""
    found: dict[str, list[CheckResult]] = {}
    for contract in contracts:
        verification = verifications.get(contract.id)
        if verification is None:
            continue
        named = {criterion.id: criterion.parts for criterion in contract.acceptance}
        for check in verification.checks:
            for part in dict.fromkeys((*check.parts, *named.get(check.id, ()))):
                found.setdefault(part, []).append(check)
    for checks in rechecks.values():
        for check in checks:
            for part in check.parts:
                found.setdefault(part, []).append(check)
    return found
