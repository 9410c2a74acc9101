"""What a gate measures and what it takes to pass."""

from maestro.domain.quality import Environment
from maestro.quality.explain import demands, measured
from maestro.quality.metrics import built_in_metrics
from maestro.quality.policy import load_policies

METRICS = built_in_metrics()
GATES = {gate.id: gate for gate in load_policies()[Environment.DEVELOPMENT].gates}


def test_every_gate_can_be_explained() -> None:
    for gate in GATES.values():
        sentences = demands(gate, METRICS)
        assert len(sentences) >= 4
        for metric in measured(gate, METRICS):
            assert any(f"{metric.producer!r} has really" in line for line in sentences)


def test_threshold_unit_and_baseline_are_told() -> None:
    assert demands(GATES["TST-4"], METRICS) == (
        "'suites' has really examined something, without errors, and reports coverage.line",
        "coverage.line is at least 80 %",
        "it is at most 2 % below what the project's last passing run measured",
        "BLOCKING: anything else keeps the phase from closing, also what was not measured",
        "a failure may be waived up to a ceiling and until a day, by somebody else than who asks "
        "for it, with a decision record",
    )


def test_samples_and_the_other_direction_are_told() -> None:
    sentences = demands(GATES["PER-2"], METRICS)
    assert "performance.p95_ms rests on performance.requests >= 1000" in sentences
    assert "performance.p95_ms is at most 500 ms" in sentences
    assert any("100 ms above what" in line for line in sentences)


def test_scope_expression_and_severity_are_told() -> None:
    sentences = demands(GATES["FRO-4"], METRICS)
    assert sentences[0].startswith("it is judged only where run.browser && contracts.pages > 0;")
    assert any(line.startswith("this holds: accessibility.pages > 0") for line in sentences)
    assert [metric.name for metric in measured(GATES["FRO-4"], METRICS)] == [
        "accessibility.critical", "accessibility.pages", "accessibility.serious",
        "contracts.pages", "run.browser",
    ]  # fmt: skip
    assert "WARNING: only an ERROR keeps the phase from closing" in demands(GATES["TST-7"], METRICS)
    assert "it can never be waived" in demands(GATES["SEC-1"], METRICS)
    assert any(line.startswith("entry gate: ") for line in demands(GATES["BAC-0"], METRICS))
    assert any("where technical_writer works" in line for line in demands(GATES["DOC-3"], METRICS))
    assert "requirements.buildable is true" in demands(GATES["REQ-3"], METRICS)
