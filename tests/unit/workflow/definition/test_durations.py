"""Spans of time."""

import pytest

from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput
from maestro.workflow.definition.durations import seconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, 5.0), (0.5, 0.5), ("90s", 90.0), ("5m", 300.0), ("1h30m", 5400.0), ("250ms", 0.25),
     ("2d", 172_800.0), ("1.5m", 90.0)],
)  # fmt: skip
def test_read(value: JsonValue, expected: float) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize(
    "value",
    ["5", "m", "5 m", "-5m", "", True, None, [], -1, "400d", 10**400],
    ids=lambda v: repr(v)[:9],
)
def test_refused(value: JsonValue) -> None:
    with pytest.raises(InvalidInput):
        seconds(value)
