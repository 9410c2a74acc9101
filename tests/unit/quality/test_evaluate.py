"""Verdicts: only what was really measured can pass."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.domain.quality import (
    ArtefactFound,
    ArtefactResult,
    ArtefactRule,
    ArtefactSchema,
    Environment,
    Evidence,
    EvidenceStatus,
    Gate,
    GateCircumstances,
    GateResult,
    GateSeverity,
    GateStage,
    MetricComparison,
    PhaseVerdict,
    Policy,
    Verdict,
    Waiver,
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
  load:
    load.requests: {type: integer, unit: requests, better: higher, summary: f}
    load.p95: {type: number, unit: ms, better: lower, summary: g,
      min_sample: {metric: load.requests, at_least: 1000}}
  risk:
    risk.level: {type: string, unit: "", words: [low, high], summary: h}
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
    when: str | None = None,
) -> Gate:
    return Gate(
        id=name,
        phase="testing",
        summary="Something holds",
        severity=severity,
        condition=condition,
        metrics=names,
        when=when,
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
    metrics: MetricCatalogue,
    gates: list[Gate],
    *found: Evidence,
    phase: str = "testing",
    circumstances: GateCircumstances = GateCircumstances(),
    stage: GateStage | None = None,
    **changes: Any,
) -> PhaseVerdict:
    policy = Policy(
        id="p", version=1, digest="sha256:x", phases=("testing", "idle"), gates=tuple(gates)
    )
    policy = replace(policy, **changes)
    return evaluate_phase(policy, phase, found, circumstances, stage=stage, metrics=metrics)


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
    paged = replace(AUDIT, when="host.browser")
    verdict = judge(metrics, [FAILED, paged], GOOD, evidence("host", {"host.browser": False}))
    assert verdict.passed
    assert verdicts(verdict) == [Verdict.PASS, Verdict.NOT_APPLICABLE]
    assert verdict.results[1].reason == "does not apply here: host.browser = false"


def test_a_gate_that_applies_is_judged(metrics: MetricCatalogue) -> None:
    paged = replace(AUDIT, when="host.browser")
    host = evidence("host", {"host.browser": True})
    assert verdicts(judge(metrics, [FAILED, paged], GOOD, host))[1] is Verdict.NOT_MEASURED


def test_not_knowing_whether_a_gate_applies_is_an_error_of_any_severity(
    metrics: MetricCatalogue,
) -> None:
    paged = replace(AUDIT, when="host.browser", severity=GateSeverity.WARNING)
    verdict = judge(metrics, [FAILED, paged], GOOD, evidence("audit", {"audit.vulnerable": 0}))
    assert verdicts(verdict) == [Verdict.PASS, Verdict.ERROR]
    assert not verdict.passed


def test_a_phase_in_which_nothing_blocking_was_judged_does_not_pass(
    metrics: MetricCatalogue,
) -> None:
    """A required check that was skipped reports success elsewhere; not here."""
    paged = replace(AUDIT, when="host.browser")
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
    paged = replace(AUDIT, when="host.browser")
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


# ---- samples and texts


SLOW = gate("load.p95 <= 500.0", "load.p95")


@pytest.mark.parametrize("values", [{"load.p95": 3.0}, {"load.requests": 999, "load.p95": 3.0}])
def test_a_value_that_rests_on_too_few_samples_was_not_measured(
    metrics: MetricCatalogue, values: dict[str, JsonScalar]
) -> None:
    verdict = judge(metrics, [SLOW], evidence("load", values))
    assert verdicts(verdict) == [Verdict.NOT_MEASURED]
    assert "it rests on load.requests = " in verdict.reasons[0]
    assert "at least 1000 are needed" in verdict.reasons[0]
    assert verdict.results[0].observed == {}


def test_a_value_that_rests_on_enough_samples_is_judged(metrics: MetricCatalogue) -> None:
    found = evidence("load", {"load.requests": 1000, "load.p95": 3.0})
    assert judge(metrics, [SLOW], found).passed
    slow = evidence("load", {"load.requests": 1000, "load.p95": 501.0})
    assert verdicts(judge(metrics, [SLOW], slow)) == [Verdict.FAIL]


def test_a_text_that_is_none_of_its_words_is_a_fault_of_the_evidence(
    metrics: MetricCatalogue,
) -> None:
    risky = replace(FAILED, when="risk.level == 'high'")
    assert verdicts(judge(metrics, [risky], GOOD, evidence("risk", {"risk.level": "high"}))) == [
        Verdict.PASS
    ]
    low = judge(metrics, [risky, FAILED], GOOD, evidence("risk", {"risk.level": "low"}))
    assert verdicts(low) == [Verdict.NOT_APPLICABLE, Verdict.PASS]
    assert low.results[0].reason == "does not apply here: risk.level = low"
    odd = judge(metrics, [risky, FAILED], GOOD, evidence("risk", {"risk.level": "High"}))
    assert verdicts(odd) == [Verdict.ERROR, Verdict.PASS]
    assert "it must be one of low, high" in odd.reasons[0]


def test_evidence_is_named_by_the_digest_of_its_raw_output(metrics: MetricCatalogue) -> None:
    found = replace(GOOD, raw_digest="sha256:abc")
    (result,) = judge(metrics, [FAILED], found).results
    assert result.evidence == ("sha256:abc",)
    assert judge(metrics, [FAILED], GOOD).results[0].evidence == ()


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"status": EvidenceStatus.FAILED}, "has no trustworthy value: the tool failed"),
        ({"status": EvidenceStatus.UNAVAILABLE}, "was not measured: tool is not available"),
        ({"files_examined": 0}, "was not measured: tool examined nothing"),
    ],
)
def test_why_there_is_no_value_is_told(
    metrics: MetricCatalogue, found: dict[str, Any], reason: str
) -> None:
    verdict = judge(metrics, [AUDIT], replace(evidence("audit", {}), **found))
    assert verdict.reasons[0] == f"G-2: audit.vulnerable {reason}"


def test_values_are_told_as_people_write_them(metrics: MetricCatalogue) -> None:
    many = evidence("tests", {"tests.total": 1234567, "tests.failed": 0, "coverage.line": 80.50})
    wide = gate("tests.total > 0 && coverage.line > 0.0", "coverage.line", "tests.total")
    (result,) = judge(metrics, [wide], many).results
    assert result.reason == "Something holds: coverage.line = 80.5, tests.total = 1234567"
    few = judge(metrics, [SLOW], evidence("load", {"load.p95": 3.0}))
    assert few.reasons[0] == (
        "G-1: load.p95 was not measured: it rests on load.requests = nothing; at least 1000 are "
        "needed"
    )


def test_no_more_than_three_findings_are_told(metrics: MetricCatalogue) -> None:
    failing = evidence("tests", {"tests.total": 9, "tests.failed": 4}, detail=("a", "b", "c", "d"))
    assert judge(metrics, [FAILED], failing).reasons[0].endswith("(a; b; c)")


# ---- what it has to do with: stages, personas, environments


ENTRY = replace(AUDIT, stage=GateStage.ENTRY)


def test_entry_gates_are_judged_before_the_work_and_again_at_the_end(
    metrics: MetricCatalogue,
) -> None:
    gates, clean = [ENTRY, FAILED], evidence("audit", {"audit.vulnerable": 0})
    entering = judge(metrics, gates, clean, stage=GateStage.ENTRY)
    assert entering.passed
    assert [result.stage for result in entering.results] == [GateStage.ENTRY]
    assert not judge(metrics, gates, evidence("audit", {"audit.vulnerable": 1}),
                     stage=GateStage.ENTRY).passed  # fmt: skip
    assert not judge(metrics, gates, stage=GateStage.ENTRY).passed
    closing = judge(metrics, gates, GOOD, evidence("audit", {"audit.vulnerable": 1}))
    assert verdicts(closing) == [Verdict.FAIL, Verdict.PASS]
    assert not closing.passed
    assert judge(metrics, gates, GOOD, stage=GateStage.EXIT).passed


def test_a_phase_without_entry_gates_may_begin(metrics: MetricCatalogue) -> None:
    assert judge(metrics, [FAILED], stage=GateStage.ENTRY).passed


def test_entry_gates_alone_do_not_close_a_phase(metrics: MetricCatalogue) -> None:
    verdict = judge(metrics, [ENTRY], evidence("audit", {"audit.vulnerable": 0}))
    assert verdicts(verdict) == [Verdict.PASS]
    assert verdict.reasons == ("no blocking gate of phase 'testing' was judged, which is no pass",)


def test_as_many_blocking_gates_as_demanded_must_be_judged(metrics: MetricCatalogue) -> None:
    host = evidence("host", {"host.browser": False})
    gates = [FAILED, replace(AUDIT, when="host.browser")]
    assert judge(metrics, gates, GOOD, host, min_blocking_evaluated=1).passed
    verdict = judge(metrics, gates, GOOD, host, min_blocking_evaluated=2)
    assert verdict.reasons == ("1 blocking gate(s) of phase 'testing' were judged; 2 are demanded",)


def test_a_gate_of_a_persona_is_judged_only_where_that_persona_works(
    metrics: MetricCatalogue,
) -> None:
    own = replace(AUDIT, persona="auditor", severity=GateSeverity.WARNING)
    working = GateCircumstances(personas=frozenset({"auditor", "tester"}))
    others = GateCircumstances(personas=frozenset({"tester"}))
    clean = evidence("audit", {"audit.vulnerable": 0})
    assert verdicts(judge(metrics, [own], clean, circumstances=working)) == [Verdict.PASS]
    away = judge(metrics, [own, FAILED], GOOD, clean, circumstances=others)
    assert verdicts(away) == [Verdict.NOT_APPLICABLE, Verdict.PASS]
    assert away.results[0].reason == "does not apply here: no auditor works here"
    unknown = judge(metrics, [own, FAILED], GOOD, clean)
    assert verdicts(unknown) == [Verdict.ERROR, Verdict.PASS]
    assert not unknown.passed


def test_a_verdict_says_for_which_environment_it_is(metrics: MetricCatalogue) -> None:
    assert judge(metrics, [FAILED], GOOD).environment is Environment.DEVELOPMENT
    strict = judge(metrics, [FAILED], GOOD, environment=Environment.PRODUCTION)
    assert strict.environment is Environment.PRODUCTION


# ---- the last passing run


COVERED = replace(
    gate("coverage.line >= 80.0", "coverage.line"),
    comparison=MetricComparison(metric="coverage.line", op=">=", threshold=80),
    max_drop=2.0,
)
QUICK = replace(
    SLOW, comparison=MetricComparison(metric="load.p95", op="<=", threshold=500), max_drop=50.0
)


@pytest.mark.parametrize(
    ("last", "verdict"),
    [
        ({}, Verdict.PASS),
        ({"coverage.line": 91.5}, Verdict.PASS),
        ({"coverage.line": 93.5}, Verdict.PASS),
        ({"coverage.line": 93.51}, Verdict.FAIL),
        ({"coverage.line": 70}, Verdict.PASS),
        ({"tests.total": 99}, Verdict.PASS),
        ({"coverage.line": "91"}, Verdict.ERROR),
        ({"coverage.line": None}, Verdict.ERROR),
        ({"coverage.line": True}, Verdict.ERROR),
        ({"coverage.line": float("nan")}, Verdict.ERROR),
    ],
)
def test_a_value_may_fall_behind_the_last_passing_run_by_so_much(
    metrics: MetricCatalogue, last: dict[str, JsonScalar], verdict: Verdict
) -> None:
    judged = judge(metrics, [COVERED], GOOD, circumstances=GateCircumstances(baseline=last))
    assert verdicts(judged) == [verdict]
    assert judged.passed is (verdict is Verdict.PASS)


def test_without_a_limit_the_last_passing_run_plays_no_part(metrics: MetricCatalogue) -> None:
    past = GateCircumstances(baseline={"coverage.line": 100})
    free = replace(COVERED, max_drop=None)
    assert judge(metrics, [free], GOOD, circumstances=past).passed


def test_falling_behind_is_told_with_both_values(metrics: MetricCatalogue) -> None:
    past = GateCircumstances(baseline={"coverage.line": 95})
    assert judge(metrics, [COVERED], GOOD, circumstances=past).reasons == (
        "G-1: Something holds: coverage.line = 91.5 is 3.5 worse than 95 of the last passing run; "
        "at most 2 is allowed",
    )


def test_what_cannot_be_compared_is_told(metrics: MetricCatalogue) -> None:
    past = GateCircumstances(baseline={"coverage.line": "91"})
    assert judge(metrics, [COVERED], GOOD, circumstances=past).reasons[0] == (
        "G-1: coverage.line cannot be compared with the last passing run: 'tests' reported "
        "'coverage.line' as '91'; it must be a number"
    )


@pytest.mark.parametrize(("now", "verdict"), [(150.0, Verdict.PASS), (150.5, Verdict.FAIL)])
def test_for_what_should_be_low_worse_is_more(
    metrics: MetricCatalogue, now: float, verdict: Verdict
) -> None:
    found = evidence("load", {"load.requests": 5000, "load.p95": now})
    past = GateCircumstances(baseline={"load.p95": 100.0})
    assert verdicts(judge(metrics, [QUICK], found, circumstances=past)) == [verdict]


def test_a_value_below_the_threshold_fails_however_bad_the_last_run_was(
    metrics: MetricCatalogue,
) -> None:
    poor = evidence("tests", {"tests.total": 1, "tests.failed": 0, "coverage.line": 79.0})
    past = GateCircumstances(baseline={"coverage.line": 10})
    judged = judge(metrics, [COVERED], poor, circumstances=past)
    assert verdicts(judged) == [Verdict.FAIL]
    assert "demanded coverage.line >= 80.0, measured coverage.line = 79" in judged.reasons[0]


# ---- waivers


TODAY = date(2030, 6, 15)
WAIVER = Waiver(
    gate="G-1",
    project="shop",
    ceiling="coverage.line >= 60.0",
    reason="The importer is replaced next month",
    author="alice",
    approver="bob",
    adr="ADR-0012",
    expires=date(2030, 6, 15),
)
POOR = evidence("tests", {"tests.total": 12, "tests.failed": 0, "coverage.line": 65.0})


def waived(
    metrics: MetricCatalogue, waiver: Waiver, *found: Evidence, **changes: Any
) -> GateResult:
    asked = GateCircumstances(project="shop", today=TODAY, waivers=(waiver,))
    judged = judge(metrics, [COVERED], *found, circumstances=replace(asked, **changes))
    (result,) = judged.results
    assert judged.passed is (result.verdict in (Verdict.PASS, Verdict.WAIVED))
    return result


def test_a_waiver_lets_a_failure_pass_and_is_shown(metrics: MetricCatalogue) -> None:
    result = waived(metrics, WAIVER, POOR)
    assert result.verdict is Verdict.WAIVED
    assert result.waiver == WAIVER
    assert result.reason.startswith("waived by bob until 2030-06-15 (ADR-0012): Something holds: ")
    assert "measured coverage.line = 65" in result.reason


def test_a_waiver_of_the_policy_counts_too(metrics: MetricCatalogue) -> None:
    here = GateCircumstances(project="shop", today=TODAY)
    judged = judge(metrics, [COVERED], POOR, circumstances=here, waivers=(WAIVER,))
    assert verdicts(judged) == [Verdict.WAIVED]


def test_a_waiver_changes_nothing_where_the_gate_passes(metrics: MetricCatalogue) -> None:
    result = waived(metrics, WAIVER, GOOD)
    assert result.verdict is Verdict.PASS
    assert result.waiver is None


def test_a_waiver_covers_falling_behind_as_well(metrics: MetricCatalogue) -> None:
    assert waived(metrics, WAIVER, GOOD, baseline={"coverage.line": 99}).verdict is Verdict.WAIVED


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"expires": date(2030, 6, 14)}, "it ended on 2030-06-14"),
        ({"ceiling": "coverage.line >= 70.0"}, "it covers coverage.line >= 70.0 only"),
        ({"ceiling": "tests.failed == 0"}, "the gate is not"),
        ({"ceiling": "true"}, "sets no limit"),
        ({"ceiling": "coverge.line >= 60.0"}, "undeclared reference"),
        ({"approver": " Alice "}, "cannot approve what they ask for themselves"),
        ({"approver": ""}, "it names no approver"),
        ({"author": " "}, "it names no author"),
        ({"reason": "because"}, "says nothing"),
        ({"adr": "none"}, "must look like ADR-0012"),
    ],
)
def test_a_waiver_that_does_not_hold_is_no_waiver_and_the_reason_says_so(
    metrics: MetricCatalogue, changes: dict[str, Any], why: str
) -> None:
    """It may have come into the database by another way than through the desk."""
    result = waived(metrics, replace(WAIVER, **changes), POOR)
    assert result.verdict is Verdict.FAIL
    assert result.waiver is None
    assert f"waiver {changes.get('adr', 'ADR-0012')} does not count: " in result.reason
    assert why in result.reason


@pytest.mark.parametrize("changes", [{"gate": "G-2"}, {"project": "bank"}])
def test_a_waiver_of_something_else_is_not_even_mentioned(
    metrics: MetricCatalogue, changes: dict[str, Any]
) -> None:
    result = waived(metrics, replace(WAIVER, **changes), POOR)
    assert result.verdict is Verdict.FAIL
    assert "waiver" not in result.reason


def test_without_knowing_the_day_no_waiver_counts(metrics: MetricCatalogue) -> None:
    result = waived(metrics, WAIVER, POOR, today=None)
    assert result.verdict is Verdict.FAIL
    assert result.reason == (
        "Something holds: demanded coverage.line >= 80.0, measured coverage.line = 65"
        "; waiver ADR-0012 does not count: nobody told what day it is"
    )


def test_a_ceiling_that_cannot_be_evaluated_is_none(metrics: MetricCatalogue) -> None:
    here = GateCircumstances(
        project="shop",
        today=TODAY,
        waivers=(replace(WAIVER, ceiling="100 / tests.failed < 5"),),
    )
    more = gate("tests.total > 20 && tests.failed == 0", "tests.failed", "tests.total")
    judged = judge(metrics, [more], GOOD, circumstances=here)
    assert verdicts(judged) == [Verdict.FAIL]
    assert "does not count: condition '100 / tests.failed < 5' could not be" in judged.reasons[0]


def test_a_gate_that_may_never_be_waived_fails_with_every_waiver(metrics: MetricCatalogue) -> None:
    here = GateCircumstances(project="shop", today=TODAY, waivers=(WAIVER,))
    judged = judge(metrics, [replace(COVERED, waivable=False)], POOR, circumstances=here)
    assert verdicts(judged) == [Verdict.FAIL]
    assert "G-1 may never be waived" in judged.reasons[0]


def test_what_was_not_measured_or_broke_cannot_be_waived(metrics: MetricCatalogue) -> None:
    """Nobody knows whether it is within the ceiling."""
    assert waived(metrics, WAIVER).verdict is Verdict.NOT_MEASURED
    broken = replace(POOR, status=EvidenceStatus.FAILED)
    assert waived(metrics, WAIVER, broken).verdict is Verdict.ERROR


def test_waivers_of_other_gates_do_not_hide_the_one_that_holds(metrics: MetricCatalogue) -> None:
    others = (replace(WAIVER, gate="G-2"), replace(WAIVER, project="bank"), WAIVER)
    assert waived(metrics, WAIVER, POOR, waivers=others).waiver == WAIVER


def test_every_waiver_that_does_not_count_is_told(metrics: MetricCatalogue) -> None:
    past = replace(WAIVER, expires=date(2030, 1, 1), adr="ADR-0001")
    low = replace(WAIVER, ceiling="coverage.line >= 70.0", adr="ADR-0002")
    assert waived(metrics, past, POOR, waivers=(past, low)).reason == (
        "Something holds: demanded coverage.line >= 80.0, measured coverage.line = 65"
        "; waiver ADR-0001 does not count: it ended on 2030-01-01"
        "; waiver ADR-0002 does not count: it covers coverage.line >= 70.0 only"
    )


def test_one_waiver_that_holds_is_enough_beside_one_that_does_not(
    metrics: MetricCatalogue,
) -> None:
    over = replace(WAIVER, expires=date(2030, 1, 1), adr="ADR-0001")
    assert waived(metrics, over, POOR, waivers=(over, WAIVER)).waiver == WAIVER


# ---- artefacts


RULE = ArtefactRule(phase="testing", path="reports/*.xml", schema=ArtefactSchema.JUNIT, min=2)


def report(name: str, fault: str = "", **changes: Any) -> ArtefactFound:
    made = ArtefactFound(
        rule=RULE.path, path=f"reports/{name}.xml", schema=ArtefactSchema.JUNIT, fault=fault
    )
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("found", "verdict", "why"),
    [
        (None, Verdict.NOT_MEASURED, "nobody looked for it"),
        ([], Verdict.FAIL, "at least 2 junit needed, found 0"),
        ([report("a")], Verdict.FAIL, "at least 2 junit needed, found 1"),
        ([report("a"), report("b")], Verdict.PASS, "2 found"),
        (
            [report("a"), report("b"), report("c", "is empty")],
            Verdict.FAIL,
            "reports/c.xml is empty",
        ),
        ([report("a"), report("b", rule="*.xml")], Verdict.FAIL, "found 1"),
        ([report("a"), report("b", schema=ArtefactSchema.TEXT)], Verdict.FAIL, "found 1"),
    ],
)
def test_a_phase_closes_only_with_its_artefacts(
    metrics: MetricCatalogue, found: list[ArtefactFound] | None, verdict: Verdict, why: str
) -> None:
    there = GateCircumstances(artefacts=found)
    judged = judge(metrics, [FAILED], GOOD, circumstances=there, artefacts=(RULE,))
    (result,) = judged.artefacts
    assert result.verdict is verdict
    assert why in result.reason
    assert judged.passed is (verdict is Verdict.PASS)
    assert verdicts(judged) == [Verdict.PASS]
    if not judged.passed:
        assert judged.reasons == (f"reports/*.xml: {result.reason}",)


def test_artefacts_are_no_matter_of_beginning_a_phase_nor_of_other_phases(
    metrics: MetricCatalogue,
) -> None:
    rules = (RULE, replace(RULE, phase="idle"))
    assert judge(metrics, [FAILED], stage=GateStage.ENTRY, artefacts=rules).passed
    assert len(judge(metrics, [FAILED], GOOD, artefacts=rules).artefacts) == 1


def test_an_artefact_may_not_be_due(metrics: MetricCatalogue) -> None:
    host = evidence("host", {"host.browser": False})
    scoped = (replace(RULE, when="host.browser"),)
    verdict = judge(metrics, [FAILED], GOOD, host, artefacts=scoped)
    assert verdict.artefacts[0].verdict is Verdict.NOT_APPLICABLE
    assert verdict.passed
    unknown = judge(metrics, [FAILED], GOOD, artefacts=scoped)
    assert unknown.artefacts[0].verdict is Verdict.ERROR
    assert not unknown.passed
    own = (replace(RULE, persona="auditor"),)
    others = GateCircumstances(personas=frozenset())
    assert judge(metrics, [FAILED], GOOD, circumstances=others, artefacts=own).passed
    typo = (replace(RULE, when="host.browsr"),)
    assert judge(metrics, [FAILED], GOOD, artefacts=typo).artefacts[0].verdict is Verdict.ERROR


def test_an_artefact_result_says_everything(metrics: MetricCatalogue) -> None:
    def judged(rule: ArtefactRule, **around: Any) -> ArtefactResult:
        there = GateCircumstances(**around)
        return judge(metrics, [FAILED], GOOD, circumstances=there, artefacts=(rule,)).artefacts[0]

    def expected(verdict: Verdict, reason: str, *found: str) -> ArtefactResult:
        return ArtefactResult(
            path=RULE.path, schema=RULE.schema, verdict=verdict, found=found, reason=reason
        )

    own = replace(RULE, persona="auditor")
    assert judged(own) == expected(
        Verdict.ERROR, "cannot say if it applies: nobody told if auditor works here"
    )
    assert judged(own, personas=frozenset()) == expected(
        Verdict.NOT_APPLICABLE, "does not apply here: no auditor works here"
    )
    assert judged(replace(RULE, when="host.browser")) == expected(
        Verdict.ERROR,
        "cannot say if it applies: host.browser was not measured: 'host' reported no value for it",
    )
    assert judged(RULE) == expected(Verdict.NOT_MEASURED, "nobody looked for it")
    files = [report(name) for name in "abc"]
    assert judged(RULE, artefacts=files[:1]) == expected(
        Verdict.FAIL, "at least 2 junit needed, found 1", "reports/a.xml"
    )
    bad = [report(name, f"is no junit ({name})") for name in "vwxyz"]
    assert judged(RULE, artefacts=[*files, *bad]) == expected(
        Verdict.FAIL,
        "; ".join(f"reports/{name}.xml is no junit ({name})" for name in "vwx"),
        "reports/a.xml", "reports/b.xml", "reports/c.xml",
    )  # fmt: skip
    assert judged(RULE, artefacts=files) == expected(
        Verdict.PASS, "3 found", "reports/a.xml", "reports/b.xml", "reports/c.xml"
    )


def test_the_files_found_are_named(metrics: MetricCatalogue) -> None:
    there = GateCircumstances(artefacts=[report("a"), report("b")])
    judged = judge(metrics, [FAILED], GOOD, circumstances=there, artefacts=(RULE,))
    assert judged.artefacts[0].found == ("reports/a.xml", "reports/b.xml")


# ---- whatever is handed in

VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 2000)
    | st.floats()
    | st.sampled_from(["low", "high", ""])
)
NAMES = ("tests.total", "tests.failed", "coverage.line", "audit.vulnerable", "host.browser",
         "load.requests", "load.p95", "risk.level", "unknown.name")  # fmt: skip
ANY_EVIDENCE = st.lists(
    st.builds(
        evidence,
        st.sampled_from(["tests", "audit", "host", "load", "risk", "stranger"]),
        st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4),
        files=st.integers(0, 2),
        status=st.sampled_from(EvidenceStatus),
        tool_errors=st.sampled_from([(), ("broke",)]),
    ),
    max_size=5,
)
ANY_GATES = st.lists(
    st.builds(
        replace,
        st.sampled_from([FAILED, AUDIT, COVERED, QUICK]),
        severity=st.sampled_from(GateSeverity),
        when=st.sampled_from([None, "host.browser", "risk.level == 'high'", "host.browsr"]),
        persona=st.sampled_from([None, "auditor"]),
        waivable=st.booleans(),
    ),
    max_size=4,
)
ANY_CIRCUMSTANCES = st.builds(
    GateCircumstances,
    project=st.sampled_from(["shop", "bank"]),
    today=st.sampled_from([None, TODAY]),
    baseline=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3),
    waivers=st.sampled_from([(), (WAIVER,), (replace(WAIVER, gate="G-2", ceiling="true"),)]),
    artefacts=st.sampled_from([None, (), (report("a"), report("b")), (report("a", "bad"),)]),
    personas=st.sampled_from([None, frozenset(), frozenset({"auditor"})]),
)


@given(found=ANY_EVIDENCE, gates=ANY_GATES, around=ANY_CIRCUMSTANCES, rules=st.booleans())
def test_a_phase_closes_only_when_enough_was_judged_and_nothing_refused(
    metrics: MetricCatalogue,
    found: list[Evidence],
    gates: list[Gate],
    around: GateCircumstances,
    rules: bool,
) -> None:
    artefacts = (RULE,) if rules else ()
    verdict = judge(metrics, gates, *found, circumstances=around, artefacts=artefacts)
    assert verdict.passed is (verdict.reasons == ())
    blocking = [r.verdict for r in verdict.results if r.severity is GateSeverity.BLOCKING]
    opened = {Verdict.PASS, Verdict.WAIVED}
    if verdict.passed:
        assert Verdict.ERROR not in verdicts(verdict)
        assert set(blocking) <= opened | {Verdict.NOT_APPLICABLE}
        assert opened & set(blocking)
        assert all(item.verdict is Verdict.PASS for item in verdict.artefacts)
        assert all(item.collector != "stranger" or not item.metrics for item in found)
    for result in verdict.results:
        if result.verdict in opened:
            assert set(result.observed) == set(metrics_of(result))


def metrics_of(result: GateResult) -> tuple[str, ...]:
    return next(
        g.metrics for g in (FAILED, AUDIT, COVERED, QUICK) if g.condition == result.condition
    )


@given(found=ANY_EVIDENCE, gates=ANY_GATES, around=ANY_CIRCUMSTANCES)
def test_more_passing_gates_never_outvote_a_refusal(
    metrics: MetricCatalogue,
    found: list[Evidence],
    gates: list[Gate],
    around: GateCircumstances,
) -> None:
    alone = judge(metrics, gates, *found, circumstances=around)
    more = [*gates, *(gate("host.browser || !host.browser", "host.browser", name=f"X-{n}")
                      for n in range(5))]  # fmt: skip
    together = judge(metrics, more, *found, circumstances=around)
    kept = [reason for reason in alone.reasons if "was judged" not in reason]
    assert [reason for reason in kept if reason not in together.reasons] == []
