"""Types of values, also those that no entry of this service has."""

import datetime as dt
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app import fields

EVENING = dt.datetime(2030, 1, 15, 21, 30, tzinfo=dt.UTC)
LABEL = "a" * 63


@pytest.mark.parametrize(
    ("kind", "given", "read"),
    [
        (fields.WholeNumber, 7, 7),
        (fields.WholeNumber, 7.0, 7),
        (fields.QueryWholeNumber, "-7", -7),
        (fields.QueryWholeNumber, "7.0", 7),
        (fields.Hundredths, 7, 7.0),
        (fields.Hundredths, 7.25, 7.25),
        (fields.QueryHundredths, "7.25", 7.25),
        (fields.Flag, True, True),
        (fields.QueryFlag, "true", True),
        (fields.QueryFlag, "false", False),
        (fields.Day, "2030-01-15", dt.date(2030, 1, 15)),
        (fields.Moment, "2030-01-15T21:30:00Z", EVENING),
        (fields.Moment, "2030-01-15t22:30:00.000+01:00", EVENING),
        (fields.Moment, "2030-01-15T21:29:60z", EVENING),
        (fields.Email, f"ada@{LABEL}.org", f"ada@{LABEL}.org"),
    ],
)
def test_values_that_are_read(kind: Any, given: Any, read: Any) -> None:
    value = TypeAdapter(kind).validate_python(given)
    assert (value, type(value)) == (read, type(read))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (fields.Text, 7),
        (fields.WholeNumber, 7.5),
        (fields.WholeNumber, "7"),
        (fields.WholeNumber, True),
        (fields.QueryWholeNumber, "7.5"),
        (fields.QueryWholeNumber, "seven"),
        (fields.QueryWholeNumber, "7" * 401),
        (fields.Hundredths, True),
        (fields.Hundredths, "7"),
        (fields.Hundredths, 7.125),
        (fields.QueryHundredths, "7,25"),
        (fields.QueryHundredths, "7.125"),
        (fields.Flag, "true"),
        (fields.QueryFlag, "yes"),
        (fields.Day, 20300115),
        (fields.Day, "20300115"),
        (fields.Day, "2030-02-30"),
        (fields.Moment, 1894743000),
        (fields.Moment, "2030-01-15T21:30:00"),
        (fields.Moment, "2030-01-15T25:30:00Z"),
        (fields.Moment, "0001-01-01T00:00:00+01:00"),
        (fields.Email, "ada@"),
        (fields.Email, f"{'a' * 65}@example.org"),
        (fields.Email, f"ada@{LABEL}a.org"),
    ],
)
def test_values_that_are_refused(kind: Any, given: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(given)
