"""Circuits open after failures in a row, let one through after a while, and close on success."""

from maestro.agents.breaker import COOLING_SECONDS, FAILURES, LONGEST_COOLING_SECONDS, Breakers


def opened(now: float = 0.0) -> Breakers:
    breakers = Breakers()
    for _ in range(FAILURES - 1):
        assert breakers.failed("a", now) is None
    assert breakers.allowed("a", now) is None
    assert breakers.failed("a", now) == COOLING_SECONDS
    return breakers


def test_it_opens_after_failures_in_a_row() -> None:
    breakers = opened()
    assert breakers.allowed("a", COOLING_SECONDS - 0.1) == 0
    assert [one.state for one in breakers.loads(0.0)] == ["open"]
    assert breakers.allowed("b", 0.0) is None


def test_a_success_between_failures_starts_the_count_anew() -> None:
    breakers = Breakers()
    for _ in range(5):
        for _ in range(FAILURES - 1):
            breakers.failed("a", 0.0)
        breakers.succeeded("a")
    assert breakers.allowed("a", 0.0) is None


def test_after_a_while_one_may_try_and_decides() -> None:
    breakers = opened()
    assert breakers.allowed("a", COOLING_SECONDS) == 1
    breakers.succeeded("a")
    assert breakers.allowed("a", COOLING_SECONDS) is None
    assert breakers.loads(0.0) == ()


def test_each_trial_that_fails_doubles_the_wait_up_to_a_limit() -> None:
    breakers, now, waits = opened(), COOLING_SECONDS, []
    for _ in range(8):
        seconds = breakers.failed("a", now)
        assert seconds is not None
        waits.append(seconds)
        now += seconds
    assert waits[:2] == [2 * COOLING_SECONDS, 4 * COOLING_SECONDS]
    assert waits[-1] == LONGEST_COOLING_SECONDS


def test_what_was_given_before_it_opened_changes_nothing_more() -> None:
    breakers = opened()
    assert breakers.failed("a", 1.0) is None
    assert breakers.allowed("a", COOLING_SECONDS) == 1


def test_those_who_left_are_forgotten() -> None:
    breakers = opened()
    breakers.keep({"b"})
    assert breakers.allowed("a", 0.0) is None
