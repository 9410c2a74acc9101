"""The score: from verifications, traceability and evidence only, and never without evidence."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from maestro.domain.contract import (
    CheckResult,
    Contract,
    ContractKind,
    Finding,
    Severity,
    SpecificationFormat,
    Verification,
)
from maestro.domain.quality import Evidence, EvidenceStatus, PhaseVerdict, Score, TracedPart
from maestro.domain.values import ContractId, JsonScalar
from maestro.quality.score import score


def contract(name: str, kind: ContractKind = ContractKind.REST) -> Contract:
    return Contract(
        id=ContractId(name),
        name=name,
        kind=kind,
        version="1.0.0",
        provider="p",
        component="backend",
        consumers=(),
        format=SpecificationFormat.OPENAPI,
        specification={},
        deliverables=(),
        acceptance=(),
    )


def verification(name: str, *findings: Finding, passed: bool = True) -> Verification:
    return Verification(
        contract=name,
        target="t",
        operations_total=1,
        operations_tested=1,
        checks=(CheckResult(id="c", statement="c", passed=passed),),
        findings=findings,
        requests=1,
        duration_seconds=1.0,
    )


def part(status: str) -> TracedPart:
    return TracedPart(part="R1", text="x", status=status, checks=())


def evidence(collector: str, values: Mapping[str, JsonScalar]) -> Evidence:
    return Evidence(
        collector=collector,
        status=EvidenceStatus.MEASURED,
        tool="t",
        version="1",
        argv=(),
        exit_code=0,
        duration_seconds=0.1,
        files_examined=4,
        metrics=dict(values),
    )


SUITES = evidence(
    "suites",
    {"suites.tests": 10, "suites.failed": 0, "suites.errors": 0, "coverage.line": 100.0},
)
LINT = evidence("lint", {"lint.errors": 0})
STUBS = evidence("stubs", {"stubs.found": 0})
SECRETS = evidence("secrets", {"secrets.found": 0})
SAST = evidence("sast", {"sast.high": 0})
ALL = (SUITES, LINT, STUBS, SECRETS, SAST)
API, SCHEMA = contract("api"), contract("schema", ContractKind.DATA_SCHEMA)
KEPT = {"api": verification("api"), "schema": verification("schema")}


def of(
    contracts: tuple[Contract, ...] = (API, SCHEMA),
    verifications: Mapping[str, Verification] = KEPT,
    trace: tuple[TracedPart, ...] = (part("verified"),),
    found: tuple[Evidence, ...] = ALL,
) -> Score | None:
    return score(contracts=contracts, verifications=verifications, trace=trace, evidence=found)


def value(result: Score | None, name: str) -> float:
    assert result is not None
    return next(term.value for term in result.terms if term.name == name)


def test_everything_kept_is_a_full_score() -> None:
    result = of()
    assert result is not None
    assert (result.overall, result.band) == (1.0, "excellent")
    assert [term.weight for term in result.terms] == [0.4, 0.3, 0.2, 0.1]


def test_the_overall_is_the_weighted_sum_of_its_terms() -> None:
    result = of(
        verifications={"api": verification("api")}, trace=(part("verified"), part("unverified"))
    )
    assert result is not None
    assert result.overall == pytest.approx(0.4 * 0.5 + 0.3 * 0.5 + 0.2 + 0.1)
    assert result.overall == pytest.approx(sum(t.weight * t.value for t in result.terms))
    assert result.band == "needs_work"


@pytest.mark.parametrize("missing", range(len(ALL)))
def test_a_term_without_evidence_leaves_no_score(missing: int) -> None:
    assert of(found=ALL[:missing] + ALL[missing + 1 :]) is None


def test_without_verifications_or_parts_there_is_no_score() -> None:
    assert of(verifications={}) is None
    assert of(contracts=()) is None
    assert of(trace=()) is None


@pytest.mark.parametrize(
    "change",
    [
        {"status": EvidenceStatus.FAILED},
        {"status": EvidenceStatus.UNAVAILABLE},
        {"tool_errors": ("a file does not parse",)},
        {"files_examined": 0},
        {"metrics": {"sast.high": None}},
        {"metrics": {"sast.high": True}},
        {"metrics": {"sast.high": "0"}},
    ],
)
def test_evidence_that_cannot_be_believed_is_no_evidence(change: dict[str, object]) -> None:
    broken = replace(SAST, **change)  # type: ignore[arg-type]
    assert of(found=(SUITES, LINT, STUBS, SECRETS, broken)) is None


def test_a_contract_that_nobody_verified_is_not_kept() -> None:
    result = of(verifications={"api": verification("api")})
    assert value(result, "contract fulfilment") == 0.5


def test_a_page_that_this_host_cannot_check_is_left_out() -> None:
    page = contract("page", ContractKind.PAGE)
    assert value(of(contracts=(API, SCHEMA, page)), "contract fulfilment") == 1.0
    broken = {**KEPT, "page": verification("page", passed=False)}
    result = of(contracts=(API, SCHEMA, page), verifications=broken)
    assert value(result, "contract fulfilment") == pytest.approx(2 / 3)


@pytest.mark.parametrize("status", ["not_built", "failed", "unverified", "built"])
def test_only_verified_parts_are_complete(status: str) -> None:
    assert value(of(trace=(part("verified"), part(status))), "completeness") == 0.5


def test_no_tests_are_worth_nothing_and_not_everything() -> None:
    none = evidence("suites", {**SUITES.metrics, "suites.tests": 0, "coverage.line": 0.0})
    result = of(found=(none, LINT, STUBS, SECRETS, SAST))
    assert value(result, "tests and static quality") == pytest.approx(1 / 3)


def test_failing_tests_lint_errors_and_stubs_cost() -> None:
    suites = evidence("suites", {**SUITES.metrics, "suites.failed": 3, "suites.errors": 2})
    stubs = evidence("stubs", {"stubs.found": 1})
    result = of(found=(suites, LINT, stubs, SECRETS, SAST))
    assert value(result, "tests and static quality") == pytest.approx((0.5 + 1 + 0.8) / 3)


def test_open_findings_cost_and_never_go_below_nothing() -> None:
    breach = Finding(rule="r", message="m")
    remark = Finding(rule="r", message="m", severity=Severity.WARNING)
    result = of(verifications={**KEPT, "api": verification("api", breach, remark)})
    assert value(result, "no open findings") == pytest.approx(0.8)
    many = evidence("sast", {"sast.high": 12})
    assert value(of(found=(SUITES, LINT, STUBS, SECRETS, many)), "no open findings") == 0.0


def test_the_security_checklist_counts_where_there_is_one() -> None:
    checklist = evidence("checklist", {"checklist.items": 9, "checklist.failed": 2})
    assert value(of(found=(*ALL, checklist)), "no open findings") == pytest.approx(0.6)


def test_of_two_measurements_the_later_counts() -> None:
    later = evidence("lint", {"lint.errors": 5})
    result = of(found=(*ALL, later))
    assert value(result, "tests and static quality") == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("verified", "band"),
    [(10, "excellent"), (7, "excellent"), (6, "good"), (4, "good"), (3, "acceptable")],
)
def test_bands(verified: int, band: str) -> None:
    parts = tuple(part("verified" if n < verified else "failed") for n in range(10))
    result = of(trace=parts)
    assert result is not None
    assert result.band == band


@pytest.mark.parametrize(("passed", "band"), [(True, "excellent"), (False, "blocked")])
def test_what_a_gate_refuses_has_no_band_but_blocked(passed: bool, band: str) -> None:
    verdicts = tuple(
        PhaseVerdict(phase=phase, passed=good, results=(), reasons=(), policy="")
        for phase, good in (("design", True), ("testing", passed))
    )
    result = score(
        contracts=(API, SCHEMA),
        verifications=KEPT,
        trace=(part("verified"),),
        evidence=ALL,
        verdicts=verdicts,
    )
    assert result is not None
    assert (result.overall, result.band) == (1.0, band)
