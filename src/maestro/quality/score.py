"""The overall quality score: from verifications, traceability and evidence, never from file counts.

overall = 0.40 contracts + 0.30 completeness + 0.20 tests and static quality + 0.10 no findings
"""

from collections.abc import Mapping, Sequence

from maestro.domain.contract import Contract, ContractKind, Severity, Verification
from maestro.domain.quality import Evidence, EvidenceStatus, Score, ScoreTerm, TracedPart
from maestro.domain.values import JsonScalar

CONTRACTS, COMPLETENESS, TESTS, FINDINGS = 0.40, 0.30, 0.20, 0.10
BANDS = ((0.9, "excellent"), (0.8, "good"), (0.7, "acceptable"), (0.0, "needs_work"))
COST_OF_A_FINDING = 0.2


def score(
    *,
    contracts: Sequence[Contract],
    verifications: Mapping[str, Verification],
    trace: Sequence[TracedPart],
    evidence: Sequence[Evidence],
) -> Score | None:
    """None while a term has no evidence: what is unknown is not shown as a number."""
    terms = (
        _contracts(contracts, verifications),
        _completeness(trace),
        _tests(evidence),
        _findings(verifications, evidence),
    )
    if None in terms:
        return None
    known = tuple(term for term in terms if term is not None)
    overall = round(sum(term.weight * term.value for term in known), 4)
    band = next(name for floor, name in BANDS if overall >= floor)
    return Score(overall=overall, band=band, terms=known)


def _contracts(
    contracts: Sequence[Contract], verifications: Mapping[str, Verification]
) -> ScoreTerm | None:
    """Share of kept contracts. One that nobody verified is not kept; only a page may be left out,
    because a host without a browser cannot check it.
    """
    due = [c for c in contracts if c.id in verifications or c.kind is not ContractKind.PAGE]
    if not due or not verifications:
        return None
    kept = sum(c.id in verifications and verifications[c.id].conforms for c in due)
    return ScoreTerm(
        name="contract fulfilment",
        weight=CONTRACTS,
        value=kept / len(due),
        evidence=f"{kept} of {len(due)} contracts are kept",
    )


def _completeness(trace: Sequence[TracedPart]) -> ScoreTerm | None:
    if not trace:
        return None
    verified = sum(part.status == "verified" for part in trace)
    return ScoreTerm(
        name="completeness",
        weight=COMPLETENESS,
        value=verified / len(trace),
        evidence=f"{verified} of {len(trace)} requirement parts are verified",
    )


def _tests(evidence: Sequence[Evidence]) -> ScoreTerm | None:
    """Mean of pass rate, line coverage and freedom from lint errors and stubs."""
    names = ("suites.tests", "suites.failed", "suites.errors", "coverage.line", "lint.errors",
             "stubs.found")  # fmt: skip
    numbers = _numbers(evidence, names)
    if numbers is None:
        return None
    total, failed, errors, coverage, lint, stubs = numbers
    passed = 0.0 if total < 1 else max(0.0, 1 - (failed + errors) / total)
    clean = max(0.0, 1 - COST_OF_A_FINDING * (lint + stubs))
    return ScoreTerm(
        name="tests and static quality",
        weight=TESTS,
        value=(passed + coverage / 100 + clean) / 3,
        evidence=(
            f"{total - failed - errors:.0f} of {total:.0f} own tests pass, "
            f"{coverage:.0f} % of lines run, {lint:.0f} lint errors, {stubs:.0f} stubs"
        ),
    )


def _findings(
    verifications: Mapping[str, Verification], evidence: Sequence[Evidence]
) -> ScoreTerm | None:
    """Open findings of verifications and security scans, and of the checklist if there is one."""
    security = _numbers(evidence, ("secrets.found", "sast.high"))
    if not verifications or security is None:
        return None
    checklist = _numbers(evidence, ("checklist.failed",)) or (0.0,)
    breaches = sum(
        finding.severity is Severity.ERROR
        for verification in verifications.values()
        for finding in verification.findings
    )
    total = breaches + sum(security) + sum(checklist)
    return ScoreTerm(
        name="no open findings",
        weight=FINDINGS,
        value=max(0.0, 1 - COST_OF_A_FINDING * total),
        evidence=f"{total:.0f} open findings in contracts and security",
    )


def _numbers(evidence: Sequence[Evidence], names: Sequence[str]) -> tuple[float, ...] | None:
    """The values of all these metrics, or None when one was not measured."""
    metrics = _measured(evidence)
    values = [metrics.get(name) for name in names]
    known = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return tuple(known) if len(known) == len(names) else None


def _measured(evidence: Sequence[Evidence]) -> dict[str, JsonScalar]:
    """Of two measurements the later one counts: it saw the more complete tree."""
    found: dict[str, JsonScalar] = {}
    for item in evidence:
        if item.status is EvidenceStatus.MEASURED and item.files_examined and not item.tool_errors:
            found.update(item.metrics)
    return found
