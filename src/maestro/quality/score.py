"""The overall quality score: from verifications, traceability and evidence, never from file counts.

overall = 0.40 contracts + 0.30 completeness + 0.20 tests and static quality + 0.10 no findings
"""

from collections.abc import Mapping, Sequence

from maestro.domain.contract import Contract, ContractKind, Severity, Verification
from maestro.domain.quality import (
    Evidence,
    EvidenceStatus,
    GateSeverity,
    PhaseVerdict,
    Score,
    ScoreSource,
    ScoreTerm,
    TracedPart,
    Verdict,
)

CONTRACTS, COMPLETENESS, TESTS, FINDINGS = 0.40, 0.30, 0.20, 0.10
BANDS = ((0.9, "excellent"), (0.8, "good"), (0.7, "acceptable"), (0.0, "needs_work"))
BLOCKED = "blocked"
COST_OF_A_FINDING = 0.2
_SUITES = ("suites.tests", "suites.failed", "suites.errors", "coverage.line")
_STATIC = ("lint.errors", "stubs.found")
_STATIC_WHERE_MEASURED = ("types.errors", "suppressions.added", "stubs.placeholders")
_SECURITY = ("secrets.found", "sast.high")
_FINDINGS_WHERE_MEASURED = (
    "checklist.failed",
    "bandit.high",
    "dependencies.vulnerable",
    "licences.forbidden",
    "accessibility.critical",
    "accessibility.serious",
    "guard.tests_deleted",
    "guard.assertions_weakened",
    "guard.skips_added",
)


def score(
    *,
    contracts: Sequence[Contract],
    verifications: Mapping[str, Verification],
    trace: Sequence[TracedPart],
    evidence: Sequence[Evidence],
    verdicts: Sequence[PhaseVerdict] = (),
) -> Score | None:
    """None while a term has no evidence: what is unknown is not shown as a number."""
    measured = _measured(evidence)
    terms = (
        _contracts(contracts, verifications),
        _completeness(trace),
        _tests(measured),
        _findings(verifications, measured, verdicts),
    )
    if None in terms:
        return None
    known = tuple(term for term in terms if term is not None)
    overall = round(sum(term.weight * term.value for term in known), 4)
    return Score(overall=overall, band=_band(overall, verdicts), terms=known)


def _band(overall: float, verdicts: Sequence[PhaseVerdict]) -> str:
    """What a gate refuses is not excellent, whatever the rest of it adds up to."""
    if not all(verdict.passed for verdict in verdicts):
        return BLOCKED
    return next(name for floor, name in BANDS if overall >= floor)


def _contracts(
    contracts: Sequence[Contract], verifications: Mapping[str, Verification]
) -> ScoreTerm | None:
    """Share of kept contracts. One that nobody verified is not kept; only a page may be left out,
    because a host without a browser cannot check it.
    """
    due = [c for c in contracts if c.id in verifications or c.kind is not ContractKind.PAGE]
    if not due or not verifications:
        return None
    sources = tuple(_kept(contract, verifications.get(contract.id)) for contract in due)
    kept = sum(source.value is True for source in sources)
    return ScoreTerm(
        name="contract fulfilment",
        weight=CONTRACTS,
        value=kept / len(due),
        evidence=f"{kept} of {len(due)} contracts are kept",
        sources=sources,
    )


def _kept(contract: Contract, verification: Verification | None) -> ScoreSource:
    if verification is None:
        return ScoreSource(name=contract.id, value=False, seen="not verified")
    passed = sum(check.passed for check in verification.checks)
    return ScoreSource(
        name=contract.id,
        value=verification.conforms,
        seen=(
            f"{verification.target}: {passed} of {len(verification.checks)} checks passed, "
            f"{len(verification.findings)} findings"
            + (f", {verification.tool}" if verification.tool else "")
        ),
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
        sources=tuple(
            ScoreSource(
                name=part.part, value=part.status, seen=", ".join(part.checks) or part.reason
            )
            for part in trace
        ),
    )


def _tests(measured: Mapping[str, ScoreSource]) -> ScoreTerm | None:
    """Mean of pass rate, line coverage and freedom from what static checks see."""
    numbers = _numbers(measured, (*_SUITES, *_STATIC))
    if numbers is None:
        return None
    total, failed, errors, coverage, lint, stubs = numbers
    more = _present(measured, _STATIC_WHERE_MEASURED)
    static = lint + stubs + sum(_numbers(measured, more) or ())
    passed = 0.0 if total < 1 else max(0.0, 1 - (failed + errors) / total)
    clean = max(0.0, 1 - COST_OF_A_FINDING * static)
    return ScoreTerm(
        name="tests and static quality",
        weight=TESTS,
        value=(passed + coverage / 100 + clean) / 3,
        evidence=(
            f"{total - failed - errors:.0f} of {total:.0f} own tests pass, "
            f"{coverage:.0f} % of lines run, {lint:.0f} lint errors, {stubs:.0f} stubs, "
            f"{static - lint - stubs:.0f} other static findings"
        ),
        sources=tuple(measured[name] for name in (*_SUITES, *_STATIC, *more)),
    )


def _findings(
    verifications: Mapping[str, Verification],
    measured: Mapping[str, ScoreSource],
    verdicts: Sequence[PhaseVerdict],
) -> ScoreTerm | None:
    """Open findings of verifications and scans; what a waiver or a warning let pass is open too."""
    security = _numbers(measured, _SECURITY)
    if not verifications or security is None:
        return None
    more = _present(measured, _FINDINGS_WHERE_MEASURED)
    breaches = [
        ScoreSource(
            name=verification.contract,
            value=sum(finding.severity is Severity.ERROR for finding in verification.findings),
            seen=f"errors found in {verification.target}",
        )
        for verification in verifications.values()
    ]
    let_pass = [
        ScoreSource(name=result.gate, value=result.verdict.value, seen=result.reason)
        for verdict in verdicts
        for result in verdict.results
        if result.verdict is Verdict.WAIVED
        or (result.verdict is Verdict.FAIL and result.severity is GateSeverity.WARNING)
    ]
    breached = sum(int(source.value) for source in breaches if isinstance(source.value, int))
    scanned = sum(security) + sum(_numbers(measured, more) or ())
    total = breached + scanned + len(let_pass)
    return ScoreTerm(
        name="no open findings",
        weight=FINDINGS,
        value=max(0.0, 1 - COST_OF_A_FINDING * total),
        evidence=(
            f"{total:.0f} open findings: {breached} in contracts, {scanned:.0f} of scans, "
            f"{len(let_pass)} gates waived or warned"
        ),
        sources=(*breaches, *(measured[name] for name in (*_SECURITY, *more)), *let_pass),
    )


def _present(measured: Mapping[str, ScoreSource], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in measured)


def _numbers(measured: Mapping[str, ScoreSource], names: Sequence[str]) -> tuple[float, ...] | None:
    """The values of all these metrics, or None when one was not measured."""
    values = [measured[name].value for name in names if name in measured]
    known = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return tuple(known) if len(known) == len(names) else None


def _measured(evidence: Sequence[Evidence]) -> dict[str, ScoreSource]:
    """Of two measurements the later one counts: it saw the more complete tree."""
    found: dict[str, ScoreSource] = {}
    for item in evidence:
        if item.status is EvidenceStatus.MEASURED and item.files_examined and not item.tool_errors:
            seen = f"{item.tool} {item.version}, sandbox {item.sandbox or '-'}, {item.raw_digest}"
            for name, value in item.metrics.items():
                found[name] = ScoreSource(name=name, value=value, seen=seen)
    return found
