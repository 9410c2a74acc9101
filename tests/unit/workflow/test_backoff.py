"""Waiting times: growth, cap, spread."""

import pytest

from maestro.domain.workflow import RetryPolicy
from maestro.workflow.backoff import spread_of, waiting_time


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0), (5000, 10.0)]
)
def test_it_doubles_up_to_the_cap(failures: int, seconds: float) -> None:
    policy = RetryPolicy(max_attempts=9, delay_seconds=1, backoff=2, max_delay_seconds=10)
    assert waiting_time(policy, failures, 1.0) == seconds


@pytest.mark.parametrize(("draw", "factor"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
def test_the_spread_covers_the_jitter_on_both_sides(draw: float, factor: float) -> None:
    assert spread_of(RetryPolicy(jitter=0.2), draw) == pytest.approx(factor)
    assert waiting_time(RetryPolicy(delay_seconds=10), 1, factor) == pytest.approx(10 * factor)
