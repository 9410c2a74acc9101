"""Values for declared inputs."""

import pytest

from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput
from maestro.workflow.definition.inputs import (
    InputDeclaration,
    checked_inputs,
    input_from_text,
)

DECLARED = {
    "version": InputDeclaration(type="string"),
    "count": InputDeclaration(type="int", required=False, default=3),
    "share": InputDeclaration(type="double", required=False),
    "dry": InputDeclaration(type="bool", required=False, default=False),
    "names": InputDeclaration(type="list", required=False, default=[]),
    "more": InputDeclaration(type="object", required=False),
}


def test_defaults_fill_in() -> None:
    assert checked_inputs(DECLARED, {"version": "1", "dry": True}) == {
        "version": "1", "count": 3, "share": None, "dry": True, "names": [], "more": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, r"input 'version' \(string\) is missing"),
        ({"version": 1}, r"input 'version': must be a string, got 1"),
        ({"version": None}, r"must be a string"),
        ({"version": "1", "count": True}, r"must be a int"),
        ({"version": "1", "share": float("nan")}, r"must be a double"),
        ({"version": "1", "other": 1}, r"unknown input 'other'; .*version, count"),
    ],
)
def test_refusals(given: dict[str, JsonValue], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        checked_inputs(DECLARED, given)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("version", "1", "1"),
        ("version", '"1"', '"1"'),
        ("count", "-4", -4),
        ("share", "4", 4),
        ("dry", "true", True),
        ("names", '["a"]', ["a"]),
        ("more", "{}", {}),
    ],
)
def test_texts_of_a_command_line(name: str, text: str, expected: JsonValue) -> None:
    value = input_from_text(name, text, DECLARED)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("name", "text"),
    [("count", "four"), ("count", "4.5"), ("dry", "yes"), ("names", "a,b"), ("more", "["),
     ("nobody", "1"), ("share", "NaN"), ("count", "")],
)  # fmt: skip
def test_texts_that_are_refused(name: str, text: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        input_from_text(name, text, DECLARED)
