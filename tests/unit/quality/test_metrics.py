"""The metric catalogue: names, types and producers hold from both ends."""

from pathlib import Path

import pytest

from maestro.domain.expression import ValueType
from maestro.domain.quality import Better
from maestro.domain.values import JsonScalar
from maestro.errors import InvalidInput
from maestro.quality.evidence import collectors
from maestro.quality.metrics import built_in_metrics, load_metrics

ENTRY = "{type: integer, unit: tests, better: lower, summary: Failures}"


def catalogue(folder: Path, text: str) -> Path:
    path = folder / "metrics.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_producers_and_collectors_are_the_same_names() -> None:
    producers = {metric.producer for metric in built_in_metrics().metrics.values()}
    assert producers == set(collectors())


def test_a_metric_is_read_with_type_direction_and_producer(tmp_path: Path) -> None:
    path = catalogue(tmp_path, f"schema_version: 1\nproducers:\n  t:\n    tests.failed: {ENTRY}\n")
    found = load_metrics(path)
    metric = found.metrics["tests.failed"]
    assert (metric.producer, metric.better, metric.unit) == ("t", Better.LOWER, "tests")
    assert found.declared == {"tests.failed": ValueType.INT}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"t: {{a: {ENTRY}}}\n  u: {{a: {ENTRY}}}", r"yaml:4:\d+: metric 'a' belongs to 't'"),
        ("t: {a: {type: int, unit: x, better: lower, summary: y}}", "'int' is not one of integer"),
        ("t: {a: {type: integer, unit: x, better: up, summary: y}}", "'up' is not one of higher"),
        ("t: {a: {type: integer, unit: x, better: lower}}", "the key 'summary' is missing"),
        ("t: {a: {type: integer, unit: 3, better: lower, summary: y}}", "expected a text, got 3"),
        ("t: {a: {type: string, unit: x, better: lower, summary: y}}", "unknown key 'better'"),
        ("t: {a: {type: string, unit: x, words: w, summary: y}}", "expected a list"),
        ("t: {a: {type: string, unit: x, words: [], summary: y}}", "names no word"),
        ("t: {a: {type: string, unit: x, words: [1], summary: y}}", "expected a text, got 1"),
        ("t: {a: {type: integer, unit: x, words: [w], summary: y}}", "unknown key 'words'"),
        (f"t: {{a: {ENTRY[:-1]}, min_sample: {{metric: b, at_least: 3}}}}}}",
         "'b' is no metric of the same producer"),
        (f"t: {{a: {ENTRY[:-1]}, min_sample: {{metric: a, at_least: 0}}}}}}", "a sample of 0 is"),
        (f"t: {{a: {ENTRY[:-1]}, min_sample: {{metric: a, at_least: '3'}}}}}}", "whole number"),
        (f"t: {{a: {ENTRY[:-1]}, min_sample: {{metric: b, at_least: 3}}}}, "
         "b: {type: number, unit: x, better: lower, summary: y}}", "'b' counts nothing"),
        (f"t: {{b: {ENTRY}}}\n  u: {{a: {ENTRY[:-1]}, min_sample: {{metric: b, at_least: 3}}}}}}",
         "'b' is no metric of the same producer"),
        ("t: []", r"metrics\.yaml:3:6: expected a mapping"),
        (f"t: {{a: {ENTRY},\n    a: {ENTRY}}}",
         r"yaml:4:5: 'a' stands twice; the first is at metrics\.yaml:3:7"),
        (f"t: {{1: {ENTRY}}}", r"yaml:3:7: expected a text as key, got 1"),
    ],
)  # fmt: skip
def test_mistakes_in_the_catalogue_are_refused(text: str, complaint: str, tmp_path: Path) -> None:
    path = catalogue(tmp_path, f"schema_version: 1\nproducers:\n  {text}\n")
    with pytest.raises(InvalidInput, match=complaint):
        load_metrics(path)


def test_a_catalogue_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="schema_version must be 1"):
        load_metrics(catalogue(tmp_path, "schema_version: 3\nproducers: {}"))


@pytest.mark.parametrize(
    ("producer", "name", "value", "complaint"),
    [
        ("suites", "suites.faild", 0, "not in the metric catalogue"),
        ("lint", "suites.failed", 0, "which only 'suites' may report"),
        ("suites", "suites.failed", "0", "must be a integer"),
        ("suites", "suites.failed", 0.0, "must be a integer"),
        ("suites", "suites.failed", False, "must be a integer"),
        ("suites", "suites.failed", None, "must be a integer"),
        ("suites", "coverage.line", "91 %", "must be a number"),
        ("suites", "coverage.line", float("nan"), "must be a number"),
        ("suites", "coverage.line", True, "must be a number"),
        ("launch", "launch.started", 1, "must be a boolean"),
        ("circumstances", "risk.level", "High", "must be one of low, medium, high"),
        ("circumstances", "risk.level", None, "must be one of low, medium, high"),
        ("launch", "launch.started", "true", "must be a boolean"),
    ],
)
def test_a_report_that_does_not_fit_the_catalogue_is_a_fault(
    producer: str, name: str, value: JsonScalar, complaint: str
) -> None:
    fault = built_in_metrics().fault(producer, name, value)
    assert fault is not None
    assert complaint in fault


def test_a_fitting_report_is_none() -> None:
    metrics = built_in_metrics()
    assert metrics.fault("suites", "suites.failed", 3) is None
    assert metrics.fault("suites", "coverage.line", 80) is None
    assert metrics.fault("launch", "launch.started", False) is None
    assert metrics.fault("circumstances", "risk.level", "high") is None


def test_what_a_value_rests_on_is_read() -> None:
    p95 = built_in_metrics().metrics["performance.p95_ms"]
    assert p95.min_sample is not None
    assert (p95.min_sample.metric, p95.min_sample.at_least) == ("performance.requests", 1000)
    assert built_in_metrics().metrics["risk.level"].better is None
