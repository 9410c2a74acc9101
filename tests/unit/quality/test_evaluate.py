"""Verdicts: only what was really measured can pass."""

import itertools
import time
from collections.abc import Mapping
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
from maestro.quality.evaluate import evaluate_phase, gate_metrics
from maestro.quality.evidence import needed
from maestro.quality.metrics import MetricCatalogue, built_in_metrics, load_metrics
from maestro.quality.policy import load_policy

CATALOGUE = """
schema_version: 1
producers:
  tests:
    tests.total: {type: integer, unit: tests, better: higher, summary: a}
    tests.failed: {type: integer, unit: tests, better: lower, summary: b}
    coverage.line: {type: number, unit: "%", better: higher, summary: c}
  audit:
    audit.vulnerable: {type: integer, unit: packages, better: lower, summary: d}
  host:
    host.browser: {type: boolean, unit: "", better: higher, summary: e}
"""


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> MetricCatalogue:
    path: Path = tmp_path_factory.mktemp("catalogue") / "metrics.yaml"
    path.write_text(CATALOGUE, encoding="utf-8")
    return load_metrics(path)


def gate(
    condition: str,
    *names: str,
    name: str = "G-1",
    severity: GateSeverity = GateSeverity.BLOCKING,
    applies_when: str | None = None,
) -> Gate:
    return Gate(
        id=name,
        phase="testing",
        summary="Something holds",
        severity=severity,
        condition=condition,
        metrics=names,
        applies_when=applies_when,
    )


FAILED = gate("tests.total > 0 && tests.failed == 0", "tests.failed", "tests.total")
AUDIT = gate("audit.vulnerable == 0", "audit.vulnerable", name="G-2")


def evidence(
    collector: str, values: Mapping[str, JsonScalar], *, files: int = 3, **changes: object
) -> Evidence:
    made = Evidence(
        collector=collector,
        status=EvidenceStatus.MEASURED,
        tool="tool",
        version="1",
        argv=(),
        exit_code=0,
        duration_seconds=0.1,
        files_examined=files,
        metrics=dict(values),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


GOOD = evidence("tests", {"tests.total": 12, "tests.failed": 0, "coverage.line": 91.5})


def judge(
    metrics: MetricCatalogue, gates: list[Gate], *found: Evidence, phase: str = "testing"
) -> PhaseVerdict:
    policy = Policy(
        id="p", version=1, digest="sha256:x", phases=("testing", "idle"), gates=tuple(gates)
    )
    return evaluate_phase(policy, phase, found, metrics)


def verdicts(verdict: PhaseVerdict) -> list[Verdict]:
    return [result.verdict for result in verdict.results]


def test_a_condition_that_holds_passes_and_shows_what_was_measured(
    metrics: MetricCatalogue,
) -> None:
    verdict = judge(metrics, [FAILED], GOOD)
    assert verdict.passed
    assert verdict.reasons == ()
    assert verdict.results[0].observed == {"tests.failed": 0, "tests.total": 12}
    assert verdict.results[0].reason == "Something holds: tests.failed = 0, tests.total = 12"
    assert verdict.policy == "sha256:x"


def test_a_failed_condition_blocks_and_says_what_was_demanded_measured_and_found(
    metrics: MetricCatalogue,
) -> None:
    found = evidence("tests", {"tests.total": 12, "tests.failed": 3}, detail=("test_a failed",))
    verdict = judge(metrics, [FAILED], found)
    assert not verdict.passed
    assert verdicts(verdict) == [Verdict.FAIL]
    assert "demanded tests.total > 0 && tests.failed == 0" in verdict.reasons[0]
    assert "tests.failed = 3" in verdict.reasons[0]
    assert "test_a failed" in verdict.reasons[0]


def test_twelve_vulnerabilities_do_not_pass_none_allowed(metrics: MetricCatalogue) -> None:
    assert not judge(metrics, [AUDIT], evidence("audit", {"audit.vulnerable": 12})).passed
    assert judge(metrics, [AUDIT], evidence("audit", {"audit.vulnerable": 0})).passed


def test_no_evidence_at_all_blocks_and_names_what_is_missing(metrics: MetricCatalogue) -> None:
    verdict = judge(metrics, [FAILED])
    assert not verdict.passed
    assert verdicts(verdict) == [Verdict.NOT_MEASURED]
    assert "tests.failed was not measured: 'tests' reported no value" in verdict.reasons[0]
    assert verdict.results[0].observed == {}


def test_a_metric_that_is_missing_from_the_evidence_blocks_even_behind_an_or(
    metrics: MetricCatalogue,
) -> None:
    either = gate("tests.total > 0 || coverage.line > 1.0", "coverage.line", "tests.total")
    verdict = judge(metrics, [either], evidence("tests", {"tests.total": 12}))
    assert verdicts(verdict) == [Verdict.NOT_MEASURED]
    assert not verdict.passed


def test_a_tool_that_examined_nothing_has_not_measured(metrics: MetricCatalogue) -> None:
    """`ruff` on a folder without Python, `bandit` on a missing path: status 0, no findings."""
    verdict = judge(metrics, [AUDIT], evidence("audit", {"audit.vulnerable": 0}, files=0))
    assert verdicts(verdict) == [Verdict.NOT_MEASURED]
    assert "tool examined nothing" in verdict.reasons[0]
    assert not verdict.passed


def test_a_tool_that_reports_errors_beside_its_findings_is_not_believed(
    metrics: MetricCatalogue,
) -> None:
    """A scanner that could not parse a file lists no finding for it."""
    found = evidence("audit", {"audit.vulnerable": 0}, tool_errors=("a.py does not parse",))
    verdict = judge(metrics, [AUDIT], found)
    assert verdicts(verdict) == [Verdict.ERROR]
    assert "a.py does not parse" in verdict.reasons[0]
    assert not verdict.passed


def test_a_failed_tool_is_an_error_whatever_numbers_it_left(metrics: MetricCatalogue) -> None:
    found = evidence("audit", {"audit.vulnerable": 0}, status=EvidenceStatus.FAILED)
    verdict = judge(metrics, [AUDIT], found)
    assert verdicts(verdict) == [Verdict.ERROR]
    assert not verdict.passed


def test_an_unavailable_tool_has_not_measured(metrics: MetricCatalogue) -> None:
    """A vulnerability audit without its database skips every package and exits with 0."""
    found = evidence(
        "audit",
        {"audit.vulnerable": 0},
        status=EvidenceStatus.UNAVAILABLE,
        detail=("no vulnerability data here",),
    )
    verdict = judge(metrics, [AUDIT], found)
    assert verdicts(verdict) == [Verdict.NOT_MEASURED]
    assert "no vulnerability data here" in verdict.reasons[0]


@pytest.mark.parametrize(
    "values",
    [
        {"audit.vulnerable": 0, "audit.vulnerabel": 0},  # a name nobody declared
        {"audit.vulnerable": 0, "tests.failed": 0},  # somebody else's metric
        {"audit.vulnerable": "0"},
        {"audit.vulnerable": None},
        {"audit.vulnerable": False},
        {"audit.vulnerable": 0.0},
    ],
)
def test_evidence_against_the_catalogue_blocks_whatever_the_gates_say(
    metrics: MetricCatalogue, values: dict[str, JsonScalar]
) -> None:
    verdict = judge(metrics, [FAILED], GOOD, evidence("audit", values))
    assert verdicts(verdict) == [Verdict.PASS]
    assert not verdict.passed


def test_one_collector_cannot_speak_for_another(metrics: MetricCatalogue) -> None:
    verdict = judge(metrics, [FAILED], evidence("audit", {"tests.total": 12, "tests.failed": 0}))
    assert verdicts(verdict) == [Verdict.NOT_MEASURED]
    assert not verdict.passed
    assert any("which only 'tests' may report" in reason for reason in verdict.reasons)


def test_two_reports_of_one_collector_block(metrics: MetricCatalogue) -> None:
    worse = evidence("tests", {"tests.total": 12, "tests.failed": 3})
    for order in itertools.permutations((GOOD, worse)):
        verdict = judge(metrics, [FAILED], *order)
        assert not verdict.passed
        assert "'tests' handed in evidence twice" in verdict.reasons


def test_a_warning_that_fails_or_is_not_measured_does_not_block(metrics: MetricCatalogue) -> None:
    warning = replace(AUDIT, severity=GateSeverity.WARNING)
    assert judge(metrics, [FAILED, warning], GOOD).passed
    verdict = judge(metrics, [FAILED, warning], GOOD, evidence("audit", {"audit.vulnerable": 4}))
    assert verdict.passed
    assert verdicts(verdict) == [Verdict.PASS, Verdict.FAIL]


def test_an_error_blocks_even_where_a_failure_would_only_warn(metrics: MetricCatalogue) -> None:
    warning = replace(AUDIT, severity=GateSeverity.WARNING)
    broken = evidence("audit", {}, status=EvidenceStatus.FAILED, tool_errors=("crashed",))
    verdict = judge(metrics, [FAILED, warning], GOOD, broken)
    assert verdicts(verdict) == [Verdict.PASS, Verdict.ERROR]
    assert not verdict.passed


def test_a_condition_that_cannot_be_evaluated_is_an_error(metrics: MetricCatalogue) -> None:
    dividing = gate("100 / tests.failed < 5", "tests.failed", severity=GateSeverity.WARNING)
    verdict = judge(metrics, [FAILED, dividing], GOOD)
    assert verdicts(verdict) == [Verdict.PASS, Verdict.ERROR]
    assert not verdict.passed


def test_a_condition_that_cannot_be_compiled_is_an_error(metrics: MetricCatalogue) -> None:
    verdict = judge(metrics, [gate("tests.faild == 0", "tests.failed")], GOOD)
    assert verdicts(verdict) == [Verdict.ERROR]
    assert not verdict.passed


def test_a_gate_that_does_not_apply_says_so_and_does_not_block(metrics: MetricCatalogue) -> None:
    paged = replace(AUDIT, applies_when="host.browser")
    verdict = judge(metrics, [FAILED, paged], GOOD, evidence("host", {"host.browser": False}))
    assert verdict.passed
    assert verdicts(verdict) == [Verdict.PASS, Verdict.NOT_APPLICABLE]
    assert verdict.results[1].reason == "does not apply here: host.browser = false"


def test_a_gate_that_applies_is_judged(metrics: MetricCatalogue) -> None:
    paged = replace(AUDIT, applies_when="host.browser")
    host = evidence("host", {"host.browser": True})
    assert verdicts(judge(metrics, [FAILED, paged], GOOD, host))[1] is Verdict.NOT_MEASURED


def test_not_knowing_whether_a_gate_applies_is_an_error_of_any_severity(
    metrics: MetricCatalogue,
) -> None:
    paged = replace(AUDIT, applies_when="host.browser", severity=GateSeverity.WARNING)
    verdict = judge(metrics, [FAILED, paged], GOOD, evidence("audit", {"audit.vulnerable": 0}))
    assert verdicts(verdict) == [Verdict.PASS, Verdict.ERROR]
    assert not verdict.passed


def test_a_phase_in_which_nothing_blocking_was_judged_does_not_pass(
    metrics: MetricCatalogue,
) -> None:
    """A required check that was skipped reports success elsewhere; not here."""
    paged = replace(AUDIT, applies_when="host.browser")
    warning = replace(FAILED, severity=GateSeverity.WARNING)
    verdict = judge(metrics, [paged, warning], GOOD, evidence("host", {"host.browser": False}))
    assert verdicts(verdict) == [Verdict.NOT_APPLICABLE, Verdict.PASS]
    assert not verdict.passed
    assert "no blocking gate of phase 'testing' was judged" in verdict.reasons[0]


def test_a_phase_without_gates_does_not_pass(metrics: MetricCatalogue) -> None:
    assert not judge(metrics, [FAILED], GOOD, phase="idle").passed


def test_an_unknown_phase_is_refused(metrics: MetricCatalogue) -> None:
    with pytest.raises(InvalidInput, match="no phase 'tseting'; it has: testing, idle"):
        judge(metrics, [FAILED], GOOD, phase="tseting")


def test_what_decides_whether_a_gate_applies_is_measured_too(metrics: MetricCatalogue) -> None:
    paged = replace(AUDIT, applies_when="host.browser")
    assert gate_metrics(paged, metrics) == ("audit.vulnerable", "host.browser")
    assert gate_metrics(AUDIT, metrics) == ("audit.vulnerable",)


def test_the_collectors_a_phase_needs_cover_every_name_of_its_gates() -> None:
    policy, catalogue = load_policy(), built_in_metrics()
    for phase in policy.phases:
        collectors = needed(policy, phase)
        assert len(collectors) == len(set(collectors))
        for item in policy.gates_of(phase):
            for name in gate_metrics(item, catalogue):
                assert catalogue.metrics[name].producer in collectors


@pytest.mark.parametrize("phase", load_policy().phases)
def test_without_evidence_every_phase_of_the_built_in_policy_blocks(phase: str) -> None:
    verdict = evaluate_phase(load_policy(), phase, ())
    assert not verdict.passed
    assert all(result.verdict is not Verdict.PASS for result in verdict.results)


def test_a_thousand_gates_are_judged_in_a_moment(metrics: MetricCatalogue) -> None:
    gates = [replace(FAILED, id=f"G-{n}") for n in range(1000)]
    judge(metrics, gates[:1], GOOD)
    started = time.process_time()
    assert judge(metrics, gates, GOOD).passed
    assert time.process_time() - started < 0.5
