"""How long a webhook rests that takes nothing."""

from maestro.server.deliverer import LONGEST_REST_SECONDS, rest_seconds


def test_it_rests_longer_each_time_and_after_a_year_of_failures_still_so_long() -> None:
    assert [rest_seconds(failures) for failures in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert rest_seconds(9) == rest_seconds(500_000) == LONGEST_REST_SECONDS
