"""Samples fit their schemas, are the same every time, and use what the schema offers."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maestro.contracts.openapi import from_object
from maestro.contracts.samples import Sampler, sample
from maestro.errors import InvalidInput


def fits(schema: Any, value: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "examples": ["a", "b"]}, "a"),
        ({"type": "integer", "examples": ["wrong", 7]}, 7),
        ({"type": "integer", "default": 4}, 4),
        ({"const": {"a": 1}}, {"a": 1}),
        ({"enum": [None, "x"]}, "x"),
        ({"type": ["null", "boolean"]}, True),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5, "multipleOf": 4}, 8),
        ({"type": "number", "multipleOf": 0.01, "minimum": 0}, 1),
        ({"type": "string", "maxLength": 3}, "sam"),
        ({"type": "string", "minLength": 8}, "samplexx"),
        ({"type": "string", "format": "date"}, "2030-01-01"),
        ({"items": {"type": "integer"}, "minItems": 3, "uniqueItems": True}, [1, 2, 3]),
        ({"properties": {"email": {"type": "string"}}}, {"email": "ada@example.com"}),
        ({"type": "array", "prefixItems": [{"const": 1}], "items": False}, [1]),
    ],
)  # fmt: skip
def test_preferences(schema: dict[str, Any], expected: object) -> None:
    assert Sampler(schema).sample() == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": [{"type": "string"}, {"type": "object", "required": ["a"]}]},
        {"oneOf": [{"type": "number"}, {"type": "integer"}]},
        {"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}]},
        {"allOf": [{"type": "number", "minimum": 3}, {"type": "integer", "maximum": 4}]},
        {"anyOf": [False, {"type": "string", "pattern": "^[A-Z]{2}-\\d{3,}$"}]},
        {"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}},
        {"type": "object", "minProperties": 3, "propertyNames": {"pattern": "^k[0-9]+$"}},
        {"type": "object", "patternProperties": {"^x-": {"type": "integer"}}, "minProperties": 1},
        {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"],
         "dependentRequired": {"a": ["b"]}},
        {"type": "array", "contains": {"const": 5}, "items": {"type": "integer"}},
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "required": ["a"]},
        {"not": {"type": "string"}},
        {"type": "string", "minLength": 12, "pattern": "^[a-z]*$"},
        {"$defs": {"N": {"type": "object", "required": ["v"], "properties": {
            "v": {"type": "integer"}, "next": {"$ref": "#/$defs/N"}}}}, "$ref": "#/$defs/N"},
        {"type": "object", "unevaluatedProperties": False, "properties": {"a": {"type": "null"}}},
    ],
)  # fmt: skip
def test_all_kinds_of_rules(schema: dict[str, Any]) -> None:
    first = Sampler(schema).sample()
    assert fits(schema, first)
    assert Sampler(schema).sample() == first
    assert all(fits(schema, Sampler(schema).sample(variant=n)) for n in range(4))


NODE = {"type": "object", "required": ["v"], "properties": {
    "v": {"type": "integer"}, "left": {"$ref": "#/$defs/N"}, "right": {"$ref": "#/$defs/N"},
    "others": {"type": "array", "items": {"$ref": "#/$defs/N"}}}}  # fmt: skip


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": [{"properties": {"a": {"type": "integer"}}}, {"required": ["b"]},
                   {"required": ["c"], "properties": {"c": {"const": 1}}}], "type": "object"},
        {"allOf": [{"properties": {"a": {"type": "integer"}}, "additionalProperties": False},
                   {"properties": {"b": {"type": "integer"}}}]},
        {"allOf": [{"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
                   {"anyOf": [{"required": ["c"]}, {"required": ["d"]}]}], "type": "object"},
        {"type": "object", "properties": {"k": {"enum": ["x", "y"]}}, "required": ["k"],
         "if": {"properties": {"k": {"const": "x"}}}, "then": {"required": ["x"]},
         "else": {"required": ["y"]}},
        {"type": "object", "required": ["a"], "dependentSchemas": {"a": {"required": ["b"]}}},
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}},
         "allOf": [{"properties": {"a": {"not": {"const": "Sample a"}}}}]},
        {"type": "object", "properties": {"a": {"type": "integer", "examples": ["no"]},
                                          "b": {"type": "string", "default": 3}}},
        {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True, "minItems": 2},
        {"$ref": "#/$defs/N", "$defs": {"N": NODE}},
        {"$ref": "#/$defs/L", "$defs": {"L": {"type": "object", "required": ["n"], "properties": {
            "n": {"anyOf": [{"$ref": "#/$defs/L"}, {"type": "null"}]}}}}},
        {"type": "string", "pattern": r"^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z\d]{8,}$"},
        {"type": "string", "pattern": r"^\p{Lu}\p{Ll}+$"},
        {"type": "string", "format": "email", "maxLength": 12},
        {"type": "string", "format": "email", "minLength": 30},
        {"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False,
         "properties": {"b": {"type": "null"}}, "anyOf": [{"properties": {"c": True}}, True]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", [0, 3])
def test_what_fits_only_after_mending(schema: dict[str, Any], seed: int) -> None:
    value = Sampler(schema, seed=seed).sample()
    assert fits(schema, value)
    assert Sampler(schema, seed=seed).sample() == value


def test_values_suit_their_names_and_formats() -> None:
    names = ["firstName", "email", "city", "price", "created_at", "country_code", "latitude"]
    texts = {name: {"type": "string"} for name in names}
    texts |= {"price": {"type": "number"}, "latitude": {"type": "number"}}
    texts["expires"] = {"type": "string", "format": "date-time"}
    texts["avatar_url"] = {"type": "string", "format": "uri"}
    assert Sampler({"type": "object", "properties": texts}).sample() == {
        "firstName": "Ada",
        "email": "ada@example.com",
        "city": "Berlin",
        "price": 19.99,
        "created_at": "2030-01-01T09:30:00Z",
        "country_code": "DE",
        "latitude": 52.52,
        "expires": "2030-12-01T09:30:00Z",
        "avatar_url": "https://example.com/picture.png",
    }


def test_many_variants_of_unique_things_differ() -> None:
    properties = {name: {"type": "string"} for name in ("email", "username", "title", "sku", "x")}
    sampler = Sampler({"type": "object", "properties": properties})
    made = [sampler.sample(variant=n) for n in range(40)]
    for name in properties:
        assert len({value[name] for value in made}) == 40, name


def test_seeds_differ_and_repeat() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    made = [Sampler(schema, seed=seed).sample() for seed in (0, 1, 2, 1)]
    assert made[1] == made[3]
    assert len({str(value) for value in made}) == 3


def test_recursion_comes_to_an_end() -> None:
    value = Sampler({"$ref": "#/$defs/N", "$defs": {"N": NODE}}).sample()
    assert len(str(value)) < 500


def test_dynamic_references_are_sampled() -> None:
    schemas = {
        "List": {"$id": "list", "$defs": {"entry": {"$dynamicAnchor": "entry"}}, "type": "array",
                 "items": {"$dynamicRef": "#entry"}, "minItems": 1},
        "Numbers": {"$id": "numbers", "$ref": "list",
                    "$defs": {"entry": {"$dynamicAnchor": "entry", "type": "integer"}}},
    }  # fmt: skip
    document = from_object({"openapi": "3.1.0", "components": {"schemas": schemas}})
    assert sample(document, {"$ref": "#/components/schemas/Numbers"}) == [1]


def test_variants_differ() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
    }
    sampler = Sampler(schema)
    made = [sampler.sample(variant=n) for n in range(3)]
    assert len({str(value) for value in made}) == 3


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"$defs": {"N": {"type": "object", "required": ["n"], "properties": {
            "n": {"$ref": "#/$defs/N"}}}}, "$ref": "#/$defs/N"},
    ],
)  # fmt: skip
def test_what_nothing_fits_is_refused(schema: Any) -> None:
    with pytest.raises(InvalidInput, match="no value was found"):
        Sampler(schema).sample()


def test_samples_of_a_document() -> None:
    pet = {"type": "object", "required": ["friend"], "properties": {"friend": {"type": "integer"}}}
    document = from_object({"openapi": "3.1.0", "components": {"schemas": {"Pet": pet}}})
    assert sample(document, {"$ref": "#/components/schemas/Pet"}) == {"friend": 1}


names = st.sampled_from("abcde")
leaves = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={
            "minLength": st.integers(0, 20),
            "maxLength": st.integers(20, 40),
            "format": st.sampled_from(["date", "email", "uuid", "uri", "ipv4", "unknown"]),
            "pattern": st.sampled_from(["^[a-z]{3}$", "^\\d+-\\w*$", "x|y", "[^a]+$"]),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": st.integers(-50, 5),
            "maximum": st.integers(6, 60),
            "multipleOf": st.sampled_from([1, 2, 5, 0.5, 0.01]),
            "exclusiveMinimum": st.integers(-5, 5),
        },
    ),
    st.sampled_from([True, {}, {"type": "boolean"}, {"type": ["null", "integer"]}]),
    st.fixed_dictionaries({"enum": st.lists(st.integers() | st.none(), min_size=1, unique=True)}),
)


def combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner},
            optional={"minItems": st.integers(0, 3), "maxItems": st.integers(3, 5)},
        ),
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(names, inner, max_size=3)},
            optional={
                "required": st.lists(names, unique=True, max_size=3),
                "minProperties": st.integers(0, 3),
                "additionalProperties": st.booleans() | inner,
            },
        ),
        *(
            st.fixed_dictionaries({key: st.lists(inner, min_size=1, max_size=3)})
            for key in ("anyOf", "oneOf", "allOf")
        ),
        st.fixed_dictionaries({"if": inner, "then": inner, "else": inner}),
        st.fixed_dictionaries({"not": inner}),
    )


@given(st.recursive(leaves, combined, max_leaves=8))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_sample_always_fits_or_there_is_none(schema: Any) -> None:
    try:
        value = Sampler(schema).sample()
    except InvalidInput:
        return
    assert fits(schema, value)
