"""What a step puts out is seen as a reader of the journal sees it."""

import json
from enum import StrEnum
from typing import Any

import pytest

from maestro.domain.run import StepError
from maestro.errors import InvalidInput
from maestro.workflow.attempt import plain_json


class Colour(StrEnum):
    RED = "red"


class Word(str):
    __slots__ = ()


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**63),
        2**70,
        0.1,
        1e300,
        "",
        "\ud800 \x00 \u2028 ä",
        {"done": True},
        {"a": [1, (2, 3), {"b": ()}], "c": {}},
        {7: "a number", None: "nothing", True: "truth"},
        {"colour": Colour.RED, "word": Word("x"), Word("key"): 1},
    ],
)
def test_it_is_what_json_makes_of_it(value: object) -> None:
    plain = plain_json(value, "it")
    seen = json.loads(json.dumps(value))
    assert plain == seen
    assert repr(plain) == repr(seen)  # also of the same types, and in the same order


def test_it_is_a_copy() -> None:
    inner: list[int] = []
    value = {"inner": inner}
    plain = plain_json(value, "it")
    inner.append(1)
    assert plain == {"inner": []}


def test_domain_values_are_written_out() -> None:
    plain = plain_json({"error": StepError(code="a", message="b")}, "it")
    assert plain == {"error": {"code": "a", "message": "b", "reasons": [], "detail": None}}


@pytest.mark.parametrize(
    "value",
    [float("nan"), [float("inf")], {"a": {1, 2}}, CIRCLE, {"huge": 10**5000}, object()],
)
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="it is not JSON"):
        plain_json(value, "it")
