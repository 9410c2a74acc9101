"""How long a step waits before its next attempt."""

from maestro.domain.workflow import RetryPolicy


def waiting_time(policy: RetryPolicy, failures: int, spread: float) -> float:
    """Seconds to wait after the `failures`-th failure (from 1), times the drawn factor."""
    try:
        delay = policy.delay_seconds * policy.backoff ** (failures - 1)
    except OverflowError:
        delay = policy.max_delay_seconds
    return min(delay, policy.max_delay_seconds) * spread


def spread_of(policy: RetryPolicy, draw: float) -> float:
    """The factor in [1 - jitter, 1 + jitter] for a lot drawn from [0, 1)."""
    return 1.0 + policy.jitter * (2.0 * draw - 1.0)
