from typing import Any

import pytest

from maestro.contracts.verification.values import NoValue, same, validator, value

EMAIL = r"^[A-Za-z0-9]+([._+-][A-Za-z0-9]+)*@([A-Za-z0-9]+(-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,24}$"
SCHEMAS: list[dict[str, Any]] = [
    {"type": "string", "minLength": 1, "maxLength": 255},
    {"type": ["string", "null"], "maxLength": 5},
    {"type": "string", "format": "email", "pattern": EMAIL},
    {"type": "string", "format": "uri", "pattern": r"^https?://[a-z0-9.]+(/[a-z0-9]*)?$"},
    {"type": ["string", "null"], "format": "date"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "uuid"},
    {"type": "integer", "minimum": -3, "maximum": 2**31 - 1},
    {"type": "number", "multipleOf": 0.01, "minimum": 0, "maximum": 1000},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_values_are_valid_different_and_grow(schema: dict[str, Any]) -> None:
    made = [value("name", schema, number) for number in range(1, 60)]
    assert all(map(validator(schema), made))
    assert len(set(made)) == len(made)
    assert made == sorted(made)
    assert made == [value("name", schema, number) for number in range(1, 60)]


def test_small_ranges_and_enumerations_go_round() -> None:
    rating = {"type": "integer", "minimum": 1, "maximum": 5}
    assert [value("rating", rating, n) for n in range(1, 8)] == [1, 2, 3, 4, 5, 1, 2]
    assert value("temperature", {"type": "integer", "minimum": -9, "maximum": -5}, 2) == -8
    status = {"type": ["string", "null"], "enum": ["open", "done", None]}
    assert [value("status", status, n) for n in (1, 2, 3)] == ["open", "done", "open"]


def test_examples_help_where_a_pattern_is_out_of_reach() -> None:
    schema = {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"}
    with pytest.raises(NoValue, match="'sku'"):
        value("sku", schema, 1)
    assert value("sku", {**schema, "examples": ["AB-1234"]}, 1) == "AB-1234"


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        ("2030-01-01T12:00:00Z", "2030-01-01T13:00:00+01:00", True),
        ("2030-01-01T12:00:00Z", "2030-01-01T12:00:01Z", False),
        (1, 1.0, True),
        (1, True, False),
        (False, 0, False),
        (None, None, True),
        (None, "", False),
        ("a", "b", False),
    ],
)
def test_values_are_the_same_when_they_mean_the_same(left: Any, right: Any, alike: bool) -> None:
    assert same(left, right) is alike
