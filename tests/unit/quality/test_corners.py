"""Conditions that decide nothing are told from those that do, at the edges of their metrics."""

import pytest

from maestro.quality.corners import MAX_TRIED, always_holds, is_laxer, never_holds
from maestro.quality.metrics import built_in_metrics

METRICS = built_in_metrics()


@pytest.mark.parametrize(
    "source",
    [
        "lint.errors >= 0",
        "lint.errors == 0 || true",
        "lint.errors == 0 || lint.errors > 0",
        "lint.errors < 7 || lint.errors > 6",
        "lint.errors < 7 || lint.errors >= 7",
        "suites.failed + suites.errors >= 0",
        "coverage.line <= 100.0",
        "coverage.line < 50.0 || coverage.line >= 50.0",
        "score.overall <= 1.0",
        "!launch.started || launch.started",
        "risk.level == 'high' || risk.level != 'high'",
        "lint.errors == 0 || suites.failed >= 0",
    ],
)
def test_what_nothing_can_fail_always_holds(source: str) -> None:
    assert always_holds(source, METRICS)
    assert not never_holds(source, METRICS)


@pytest.mark.parametrize(
    "source",
    [
        "lint.errors == 0",
        "lint.errors <= 2000000",
        "lint.errors != 7",
        "lint.errors < 7 || lint.errors > 7",
        "suites.failed + suites.errors != 5",
        "coverage.line >= 0.001",
        "coverage.line < 100.0",
        "coverage.line < 50.0 || coverage.line > 50.0",
        "coverage.line != 33.5",
        "score.overall >= score.threshold",
        "launch.started",
        "!launch.started",
        "risk.level == 'medium'",
        "risk.level != 'medium'",
        "suites.failed == 0 || suites.tests > 9",
        "10 / suites.tests >= 0",
    ],
)
def test_what_something_passes_and_something_fails_decides(source: str) -> None:
    assert not always_holds(source, METRICS)
    assert not never_holds(source, METRICS)


@pytest.mark.parametrize(
    "source",
    [
        "lint.errors < 0",
        "coverage.line > 100.0",
        "lint.errors > 3 && lint.errors < 4",
        "launch.started && !launch.started",
        "risk.level == 'low' && risk.level == 'high'",
        "lint.errors == 0 && false",
    ],
)
def test_what_nothing_can_pass_never_holds(source: str) -> None:
    assert never_holds(source, METRICS)
    assert not always_holds(source, METRICS)


@pytest.mark.parametrize(
    ("ceiling", "condition", "laxer"),
    [
        ("coverage.line >= 60.0", "coverage.line >= 80.0", True),
        ("coverage.line >= 79.9", "coverage.line >= 80.0", True),
        ("coverage.line >= 80.0", "coverage.line >= 80.0", False),
        ("coverage.line > 80.0", "coverage.line >= 80.0", False),
        ("coverage.line >= 90.0", "coverage.line >= 80.0", False),
        ("lint.errors <= 3", "lint.errors == 0", True),
        ("lint.errors < 1", "lint.errors == 0", False),
        ("sast.high + bandit.high < 3", "sast.high == 0 && bandit.high == 0", True),
        ("sast.high == 0", "sast.high == 0 && bandit.high == 0", True),
        ("sast.high + bandit.high < 1", "sast.high == 0 && bandit.high == 0", False),
        ("launch.started", "launch.started && launch.answers", True),
    ],
)
def test_a_ceiling_is_laxer_when_it_lets_something_pass_that_fails(
    ceiling: str, condition: str, laxer: bool
) -> None:
    assert is_laxer(ceiling, condition, METRICS) is laxer


def test_what_is_too_wide_to_try_out_is_not_tried_for_ever() -> None:
    names = [name for name, metric in METRICS.metrics.items() if metric.type == "integer"][:16]
    wide = " + ".join(names) + " >= 0"
    assert 2 ** len(names) > MAX_TRIED
    assert always_holds(wide, METRICS)
