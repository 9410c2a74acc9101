"""The overall quality score: from verifications, traceability and evidence, never from file counts.

overall = 0.40 contracts + 0.30 completeness + 0.20 tests and static quality + 0.10 no findings
"""

from collections.abc import Mapping, Sequence

from maestro.domain.contract import Contract, Severity, Verification
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
    """Share of verified contracts among those that could be checked on this host."""
    checked = [verifications[c.id] for c in contracts if c.id in verifications]
    if not checked:
        return None
    kept = sum(verification.conforms for verification in checked)
    return ScoreTerm(
        name="contract fulfilment",
        weight=CONTRACTS,
        value=kept / len(checked),
        evidence=f"{kept} of {len(checked)} checked contracts are kept",
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
    """Mean of pass rate, line coverage and freedom from lint findings and stubs."""
    metrics = _measured(evidence)
    names = ("tests.total", "tests.failed", "tests.errors", "coverage.line", "lint.errors",
             "source.stubs")  # fmt: skip
    numbers = [metrics.get(name) for name in names]
    if any(not isinstance(number, int | float) for number in numbers):
        return None
    total, failed, errors, coverage, lint, stubs = (float(n) for n in numbers if n is not None)
    passed = 0.0 if total < 1 else max(0.0, 1 - (failed + errors) / total)
    clean = max(0.0, 1 - COST_OF_A_FINDING * (lint + stubs))
    return ScoreTerm(
        name="tests and static quality",
        weight=TESTS,
        value=(passed + coverage / 100 + clean) / 3,
        evidence=(
            f"{total - failed - errors:.0f} of {total:.0f} built tests pass, "
            f"{coverage:.0f} % of lines run, {lint:.0f} lint findings, {stubs:.0f} stubs"
        ),
    )


def _findings(
    verifications: Mapping[str, Verification], evidence: Sequence[Evidence]
) -> ScoreTerm | None:
    metrics = _measured(evidence)
    security = [metrics.get(name) for name in ("secrets.found", "sast.high", "checklist.failed")]
    if not verifications or any(not isinstance(number, int) for number in security):
        return None
    breaches = sum(
        finding.severity is Severity.ERROR
        for verification in verifications.values()
        for finding in verification.findings
    )
    total = breaches + sum(int(number) for number in security if number is not None)
    return ScoreTerm(
        name="no open findings",
        weight=FINDINGS,
        value=max(0.0, 1 - COST_OF_A_FINDING * total),
        evidence=f"{total} open findings in contracts and security",
    )


def _measured(evidence: Sequence[Evidence]) -> dict[str, JsonScalar]:
    found: dict[str, JsonScalar] = {}
    for item in evidence:
        if item.status is EvidenceStatus.MEASURED and not item.tool_errors:
            found.update(item.metrics)
    return found
