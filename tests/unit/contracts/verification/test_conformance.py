"""What of a conformance run is no ground to complain."""

import pytest

from maestro.contracts.verification.conformance import LONGEST_URL, refused_for_its_length


@pytest.mark.parametrize(
    ("status", "length", "expected"),
    [
        (400, LONGEST_URL + 1, True),
        (414, LONGEST_URL + 1, True),
        (431, LONGEST_URL + 1, True),
        (400, LONGEST_URL, False),
        (500, LONGEST_URL + 1, False),
        (200, LONGEST_URL + 1, False),
    ],
)
def test_only_a_refusal_of_a_long_address_is_forgiven(
    status: int, length: int, expected: bool
) -> None:
    assert refused_for_its_length(status, "h" * length) is expected
