"""How other gates, tools and their wrappers let a fault through, and that this core does not.

One test per row; the rows about single tools stand beside their collectors.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from maestro.domain.quality import (
    Evidence,
    EvidenceStatus,
    Gate,
    GateSeverity,
    PhaseVerdict,
    Policy,
    Verdict,
)
from maestro.domain.values import JsonScalar
from maestro.errors import InvalidInput
from maestro.quality.evaluate import evaluate_phase
from maestro.quality.metrics import MetricCatalogue, load_metrics
from maestro.quality.policy import load_policy

GOOD = Path(__file__).parents[2] / "fixtures" / "policies" / "good" / "complete.yaml"
CATALOGUE = """
schema_version: 1
producers:
  scan:
    scan.findings: {type: integer, unit: findings, better: lower, summary: a}
    scan.share: {type: number, unit: "%", better: higher, summary: b}
  tests:
    tests.total: {type: integer, unit: tests, better: higher, summary: c}
    tests.failed: {type: integer, unit: tests, better: lower, summary: d}
  host:
    host.browser: {type: boolean, unit: "", better: higher, summary: e}
"""


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> MetricCatalogue:
    path = tmp_path_factory.mktemp("catalogue") / "metrics.yaml"
    path.write_text(CATALOGUE, encoding="utf-8")
    return load_metrics(path)


def gate(name: str, condition: str, *names: str) -> Gate:
    return Gate(
        id=name,
        phase="testing",
        summary="Something holds",
        severity=GateSeverity.BLOCKING,
        condition=condition,
        metrics=names,
    )


CLEAN = gate("CLEAN", "scan.findings == 0", "scan.findings")
SHARE = gate("SHARE", "scan.share >= 80.0", "scan.share")
TESTED = gate("TESTED", "tests.total > 0 && tests.failed == 0", "tests.failed", "tests.total")
PASSING: tuple[str, dict[str, JsonScalar]] = ("tests", {"tests.total": 5, "tests.failed": 0})


def evidence(collector: str, values: dict[str, JsonScalar], *, files: int = 4) -> Evidence:
    return Evidence(
        collector=collector,
        status=EvidenceStatus.MEASURED,
        tool="tool",
        version="1",
        argv=(),
        exit_code=0,
        duration_seconds=0.1,
        files_examined=files,
        metrics=values,
    )


def judge(metrics: MetricCatalogue, gates: list[Gate], *found: Evidence) -> PhaseVerdict:
    policy = Policy(id="p", version=1, digest="d", phases=("testing",), gates=tuple(gates))
    return evaluate_phase(policy, "testing", found, metrics=metrics)


def test_a_measure_without_a_value_is_not_ok(metrics: MetricCatalogue) -> None:
    """A well-known condition evaluator answers OK when the measure is not there."""
    verdict = judge(metrics, [SHARE], evidence("scan", {"scan.findings": 0}))
    assert [result.verdict for result in verdict.results] == [Verdict.NOT_MEASURED]
    assert not verdict.passed


def test_a_check_that_was_skipped_is_no_success(metrics: MetricCatalogue) -> None:
    """A required check skipped by its condition is reported as a success elsewhere."""
    skipped = replace(CLEAN, when="host.browser")
    verdict = judge(metrics, [skipped], evidence("host", {"host.browser": False}))
    assert [result.verdict for result in verdict.results] == [Verdict.NOT_APPLICABLE]
    assert verdict.reasons == ("no blocking gate of phase 'testing' was judged, which is no pass",)


def test_a_check_that_never_reported_does_not_stay_pending(metrics: MetricCatalogue) -> None:
    """A workflow that a path filter kept away never ends elsewhere; here it blocks at once."""
    verdict = judge(metrics, [TESTED, CLEAN], evidence(*PASSING))
    assert verdict.reasons == (
        "CLEAN: scan.findings was not measured: 'scan' reported no value for it",
    )


def test_no_number_of_passed_objectives_outvotes_a_failed_one(metrics: MetricCatalogue) -> None:
    """A weighted total lets one failed objective through unless it is marked as a key one."""
    passing = [replace(TESTED, id=f"T-{number}") for number in range(50)]
    verdict = judge(
        metrics, [*passing, CLEAN], evidence(*PASSING), evidence("scan", {"scan.findings": 1})
    )
    assert not verdict.passed
    assert len(verdict.reasons) == 1


def test_an_exception_that_was_not_needed_is_not_counted(metrics: MetricCatalogue) -> None:
    """An exception elsewhere counts as one even where the rule would have held."""
    policy = load_policy(GOOD)
    assert [waiver.gate for waiver in policy.waivers] == ["TST-2"]
    verdict = judge(metrics, [TESTED], evidence(*PASSING))
    assert [result.verdict for result in verdict.results] == [Verdict.PASS]
    assert verdict.results[0].waiver is None


def test_a_warning_that_fails_is_shown_as_failed(metrics: MetricCatalogue) -> None:
    """A warning elsewhere is no failure unless one asks; here it never hides, nor does it block."""
    warning = replace(CLEAN, severity=GateSeverity.WARNING)
    verdict = judge(
        metrics, [TESTED, warning], evidence(*PASSING), evidence("scan", {"scan.findings": 1})
    )
    assert verdict.passed
    assert [result.verdict for result in verdict.results] == [Verdict.PASS, Verdict.FAIL]


def test_only_warnings_are_no_gate(tmp_path: Path) -> None:
    text = GOOD.read_text(encoding="utf-8").replace(
        'metric: secrets.found, op: "==", threshold: 0',
        'metric: secrets.found, op: "==", threshold: 0, severity: WARNING',
    )
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match="'security' has no BLOCKING exit gate"):
        load_policy(path)


@pytest.mark.parametrize(
    "condition",
    ["scan.findngs == 0", "scan.share >= 80.0 || scan.findngs == 0", "!(scan.findngs > 0)"],
)
def test_a_typo_denies_nothing_elsewhere_and_is_an_error_here(
    metrics: MetricCatalogue, condition: str
) -> None:
    """Rules over a field that is not there are empty, skipped or absorbed in other engines."""
    misspelt = gate("TYPO", condition, "scan.share")
    found = evidence("scan", {"scan.findings": 9, "scan.share": 99.0})
    verdict = judge(metrics, [TESTED, misspelt], evidence(*PASSING), found)
    assert verdict.results[1].verdict is Verdict.ERROR
    assert not verdict.passed


def test_an_evaluation_error_is_not_a_truthy_text(metrics: MetricCatalogue) -> None:
    """The engine below gives errors back as values, whose text is true."""
    dividing = gate("DIV", "100 / tests.failed < 5", "tests.failed")
    verdict = judge(metrics, [TESTED, dividing], evidence(*PASSING))
    assert verdict.results[1].verdict is Verdict.ERROR
    assert not verdict.passed


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_not_compared(metrics: MetricCatalogue, value: float) -> None:
    """Every comparison with NaN is false, which is what a gate for few findings waits for."""
    few = gate("FEW", "!(scan.share < 80.0)", "scan.share")
    verdict = judge(
        metrics, [TESTED, few], evidence(*PASSING), evidence("scan", {"scan.share": value})
    )
    assert verdict.results[1].verdict is Verdict.ERROR
    assert not verdict.passed


def test_a_clean_exit_over_nothing_is_no_clean_result(metrics: MetricCatalogue) -> None:
    """A linter on a folder without sources: status 0, no findings, nothing examined."""
    verdict = judge(metrics, [CLEAN], evidence("scan", {"scan.findings": 0}, files=0))
    assert verdict.results[0].verdict is Verdict.NOT_MEASURED
    assert not verdict.passed


def test_a_clean_exit_over_a_file_that_does_not_parse_is_no_clean_result(
    metrics: MetricCatalogue,
) -> None:
    found = replace(evidence("scan", {"scan.findings": 0}), tool_errors=("a.py: syntax error",))
    verdict = judge(metrics, [CLEAN], found)
    assert verdict.results[0].verdict is Verdict.ERROR
    assert not verdict.passed


def test_a_scanner_that_skipped_everything_is_not_clean(metrics: MetricCatalogue) -> None:
    """An audit without its database skips every package and exits with 0."""
    found = replace(evidence("scan", {}), status=EvidenceStatus.UNAVAILABLE, detail=("no data",))
    verdict = judge(metrics, [CLEAN], found)
    assert verdict.results[0].verdict is Verdict.NOT_MEASURED
    assert "no data" in verdict.reasons[0]


@pytest.mark.parametrize("exit_code", [0, 1, 2, 5, None])
def test_exit_codes_decide_nothing(metrics: MetricCatalogue, exit_code: int | None) -> None:
    """5 means that no test ran; a wrapper that only minds 1 lets that through."""
    nothing = replace(evidence("tests", {"tests.total": 0, "tests.failed": 0}), exit_code=exit_code)
    assert not judge(metrics, [TESTED], nothing).passed
    some = replace(evidence(*PASSING), exit_code=exit_code)
    assert judge(metrics, [TESTED], some).passed


def test_an_error_is_not_downgraded_to_a_warning(metrics: MetricCatalogue) -> None:
    """The predecessor did so, and its gates could not fail any more."""
    warning = replace(CLEAN, severity=GateSeverity.WARNING)
    broken = replace(evidence("scan", {}), status=EvidenceStatus.FAILED)
    verdict = judge(metrics, [TESTED, warning], evidence(*PASSING), broken)
    assert verdict.results[1].verdict is Verdict.ERROR
    assert not verdict.passed


def test_a_scope_that_cannot_be_told_does_not_skip_the_gate(metrics: MetricCatalogue) -> None:
    """Found in a prototype: a value missing from `when` made an erring warning pass."""
    scoped = replace(CLEAN, severity=GateSeverity.WARNING, when="host.browser")
    verdict = judge(metrics, [TESTED, scoped], evidence(*PASSING))
    assert verdict.results[1].verdict is Verdict.ERROR
    assert not verdict.passed


@pytest.mark.parametrize("name", ["findings", "scan.finding", "Scan.findings", "scan_findings"])
def test_a_name_the_gates_do_not_know_is_a_fault_and_not_a_gap(
    metrics: MetricCatalogue, name: str
) -> None:
    """81 names of fields differed between the predecessor's gates and what was measured."""
    verdict = judge(metrics, [TESTED], evidence(*PASSING), evidence("scan", {name: 0}))
    assert not verdict.passed
    assert f"'scan' reported {name!r}, which is not in the metric catalogue" in verdict.reasons


def test_more_of_what_should_be_few_does_not_pass(metrics: MetricCatalogue) -> None:
    """The predecessor compared everything with `>=`: twelve findings passed where none may be."""
    assert not judge(metrics, [CLEAN], evidence("scan", {"scan.findings": 12})).passed


def test_what_somebody_says_of_another_tool_does_not_count(metrics: MetricCatalogue) -> None:
    found = evidence("tests", {"tests.total": 5, "tests.failed": 0, "scan.findings": 0})
    verdict = judge(metrics, [CLEAN], found)
    assert not verdict.passed
    assert any("only 'scan' may report" in reason for reason in verdict.reasons)


def test_numbers_written_as_texts_are_not_compared(metrics: MetricCatalogue) -> None:
    """As texts '9' is more than '80'."""
    found = evidence("scan", {"scan.share": "9"})
    verdict = judge(metrics, [SHARE], found)
    assert verdict.results[0].verdict is Verdict.ERROR
    assert not verdict.passed
