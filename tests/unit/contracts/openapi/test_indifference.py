"""Schemas that need not be asked again, held against what the validator says."""

from typing import Any

import pytest

from maestro.contracts.openapi.bundling import compiled
from maestro.contracts.openapi.indifference import is_indifferent

FIRST = {"id": 1, "at": "2030-01-01T00:00:01Z", "name": "Ada"}
LATER = [{"id": n, "at": f"2030-01-01T00:00:{n:02}Z", "name": "Ada"} for n in (2, 10, 59)]
NUMBER = {"type": "integer", "minimum": 1, "format": "int64", "readOnly": True, "x-own": 1}


def thing(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": ["id"], "properties": properties}


OPEN = {
    "plain": thing(id=NUMBER, at={"type": "string", "format": "date-time"}),
    "unnamed": thing(name={"const": "Ada"}) | {"additionalProperties": True},
    "all of": {"allOf": [thing(id=NUMBER), {"title": "a thing"}, True]},
    "reference": {
        "$ref": "#/$defs/thing",
        "$defs": {"thing": thing(id={"$ref": "#/$defs/id"}), "id": NUMBER},
    },
}
CLOSED = {
    "maximum": thing(id={"maximum": 5}),
    "choice": thing(id={"enum": [1, 2]}),
    "one": thing(id={"const": 1}),
    "multiple": thing(id={"multipleOf": 1}),
    "format": thing(id={"type": "integer", "format": "int32"}),
    "pattern": thing(at={"pattern": "1Z$"}),
    "length": thing(at={"maxLength": 20}),
    "whole": thing(id=NUMBER) | {"enum": [FIRST]},
    "condition": thing(id=NUMBER) | {"if": thing(id={"maximum": 1}), "else": False},
    "not": thing(id=NUMBER) | {"not": thing(id={"minimum": 2})},
    "any of": {"anyOf": [thing(id={"maximum": 5})]},
    "unnamed": thing(name=True) | {"additionalProperties": {"minLength": 1, "maximum": 5}},
    "inner": {"allOf": [thing(id={"allOf": [{"maximum": 5}]})]},
    "circle": {"$ref": "#"},
}


@pytest.mark.parametrize("name", OPEN)
def test_what_is_valid_stays_valid(name: str) -> None:
    assert is_indifferent(OPEN[name], ("id", "at"))
    validator = compiled(OPEN[name])
    assert validator.is_valid(FIRST)
    assert all(validator.is_valid(value) for value in LATER)


@pytest.mark.parametrize("name", CLOSED)
def test_what_looks_at_an_id_has_to_be_asked(name: str) -> None:
    assert not is_indifferent(CLOSED[name], ("id", "at"))


def test_what_does_not_change_may_be_looked_at() -> None:
    schema = thing(id=NUMBER, name={"enum": ["Ada"], "pattern": "^A"})
    assert is_indifferent(schema, ("id",))
    assert not is_indifferent(schema, ("id", "name"))
