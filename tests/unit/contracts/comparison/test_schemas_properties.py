"""Properties of the comparison of schemas, held against an oracle: a validator of instances."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from maestro.contracts.comparison.changes import ChangeKind
from maestro.contracts.comparison.schemas import SchemaComparison, schema_changes
from maestro.contracts.comparison.schemas_differences import SchemaDirection
from maestro.contracts.comparison.schemas_nodes import LocatedSchema

Schema = dict[str, Any]
NAMES = ("a", "b", "c")
RUN = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def kinds(old: Schema, new: Schema, direction: SchemaDirection) -> set[ChangeKind]:
    found = SchemaComparison(old, new).differences(
        LocatedSchema(old, ""), LocatedSchema(new, ""), direction
    )
    return {change.kind for change in schema_changes(found, side="x", subject="X")}


@st.composite
def numbers(draw: st.DrawFn) -> Schema:
    made: Schema = {"type": draw(st.sampled_from(["integer", "number"]))}
    if draw(st.booleans()):
        made["minimum"] = draw(st.integers(-3, 3))
    if draw(st.booleans()):
        made["maximum"] = draw(st.integers(4, 9))
    if draw(st.integers(0, 4)) == 0:
        made["multipleOf"] = draw(st.sampled_from([1, 2, 3, 6]))
    if draw(st.integers(0, 5)) == 0:
        made["not"] = {"const": draw(st.integers(-3, 9))}
    return made


@st.composite
def texts(draw: st.DrawFn) -> Schema:
    made: Schema = {"type": "string"}
    if draw(st.integers(0, 3)) == 0:
        values = st.lists(st.sampled_from(["", "a", "ab", "abc"]), min_size=1, unique=True)
        made["enum"] = draw(values)
        return made
    if draw(st.booleans()):
        made["minLength"] = draw(st.integers(0, 2))
    if draw(st.booleans()):
        made["maxLength"] = draw(st.integers(2, 5))
    return made


def simple() -> st.SearchStrategy[Schema]:
    plain = st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}])
    return st.one_of(numbers(), texts(), plain)


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[Schema]) -> Schema:
    made: Schema = {"type": "array", "items": draw(inner)}
    if draw(st.booleans()):
        made["minItems"] = draw(st.integers(0, 2))
    if draw(st.booleans()):
        made["maxItems"] = draw(st.integers(2, 4))
    return made


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Schema]) -> Schema:
    properties = draw(st.dictionaries(st.sampled_from(NAMES), inner, max_size=3))
    others: Any = draw(st.sampled_from([False, True]) if draw(st.booleans()) else inner)
    required = [name for name in properties if draw(st.booleans())]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": others,
        "required": required,
    }


@st.composite
def combined(draw: st.DrawFn, inner: st.SearchStrategy[Schema]) -> Schema:
    key = draw(st.sampled_from(["anyOf", "allOf", "oneOf"]))
    return {key: draw(st.lists(inner, min_size=1, max_size=3))}


SCHEMAS = st.recursive(
    simple(), lambda inner: st.one_of(arrays(inner), objects(inner), combined(inner)), max_leaves=5
)


def instances(schema: Any) -> st.SearchStrategy[Any]:
    """Values near a schema, made without looking at the code under test."""
    if not isinstance(schema, dict):
        return st.sampled_from([None, True, 0, "a", [], {}])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return st.one_of(*(instances(entry) for entry in schema[key]))
    found: list[st.SearchStrategy[Any]] = [st.sampled_from([None, True, 1, 0.5, "abcdef", [], {}])]
    named = schema.get("type", [])
    for kind in [named] if isinstance(named, str) else named:
        found.append(_of_kind(kind, schema))
    return st.one_of(*found[1:], *found)


def _of_kind(kind: str, schema: Schema) -> st.SearchStrategy[Any]:
    if kind == "array":
        return st.lists(instances(schema.get("items")), max_size=5)
    if kind == "object":
        properties = schema.get("properties", {})
        fixed = {name: instances(entry) for name, entry in properties.items()}
        others = st.dictionaries(
            st.sampled_from([*NAMES, "other"]),
            instances(schema["additionalProperties"]),
            max_size=2,
        )
        known = st.fixed_dictionaries({}, optional=fixed)
        return st.builds(lambda one, two: {**one, **two}, others, known)
    return {
        "integer": st.integers(-5, 11),
        "number": st.one_of(st.integers(-5, 11), st.sampled_from([0.5, -2.5, 7.25])),
        "string": st.sampled_from(["", "a", "ab", "abc", "abcd", "abcde", "abcdef"]),
        "boolean": st.booleans(),
        "null": st.none(),
    }[kind]


def wider(draw: st.DrawFn, schema: Any) -> Any:
    """The schema with one random loosening at a random place."""
    if not isinstance(schema, dict):
        return True
    return draw(st.sampled_from([*_loosened(draw, schema), *_loosened_inside(draw, schema)]))()


def _loosened(draw: st.DrawFn, schema: Schema) -> list[Callable[[], Any]]:
    steps: list[Callable[[], Any]] = [lambda: {"anyOf": [schema, draw(simple())]}]
    for key in ("minimum", "maximum", "multipleOf", "minLength", "maxLength", "not", "enum",
                "minItems", "maxItems"):  # fmt: skip
        if key in schema:
            steps.append(partial(_without, schema, key))
    for key, by in (("minimum", -1), ("minItems", -1), ("maximum", 1), ("maxLength", 2)):
        if schema.get(key):
            steps.append(partial(_with, schema, key, schema[key] + by))
    if isinstance(schema.get("enum"), list):
        steps.append(lambda: {**schema, "enum": [*schema["enum"], "zzz"]})
    if schema.get("required"):
        steps.append(lambda: {**schema, "required": schema["required"][1:]})
    if isinstance(schema.get("type"), str) and "not" not in schema and "enum" not in schema:
        steps.append(lambda: {**schema, "type": sorted({schema["type"], "null", "boolean"})})
    return steps


def _loosened_inside(draw: st.DrawFn, schema: Schema) -> list[Callable[[], Any]]:
    steps: list[Callable[[], Any]] = []
    for key in ("items", "additionalProperties"):
        if schema.get(key, True) is not True:
            steps.append(partial(_inside, draw, schema, key))
    for name in schema.get("properties", {}):
        steps.append(partial(_property, draw, schema, name))
    for key in ("anyOf", "allOf"):
        if key in schema:
            steps.append(partial(_one_of, draw, schema, key))
    if "anyOf" in schema:
        steps.append(lambda: {"anyOf": [*schema["anyOf"], draw(simple())]})
    return steps


def _without(schema: Schema, key: str) -> Schema:
    return {name: value for name, value in schema.items() if name != key}


def _with(schema: Schema, key: str, value: Any) -> Schema:
    return {**schema, key: value}


def _inside(draw: st.DrawFn, schema: Schema, key: str) -> Schema:
    return {**schema, key: wider(draw, schema[key])}


def _property(draw: st.DrawFn, schema: Schema, name: str) -> Schema:
    return {**schema, "properties": _inside(draw, schema["properties"], name)}


def _one_of(draw: st.DrawFn, schema: Schema, key: str) -> Schema:
    return {**schema, key: _one_wider(draw, schema[key])}


def _one_wider(draw: st.DrawFn, entries: list[Any]) -> list[Any]:
    position = draw(st.integers(0, len(entries) - 1))
    return [wider(draw, e) if n == position else e for n, e in enumerate(entries)]


@st.composite
def widened(draw: st.DrawFn) -> tuple[Schema, Schema]:
    tight = draw(SCHEMAS)
    wide = tight
    for _ in range(draw(st.integers(1, 3))):
        wide = wider(draw, wide)
    return tight, wide


def told_apart(data: st.DataObject, allowing: Schema, refusing: Schema, tries: int) -> bool:
    """Whether some sampled value is valid under the one and invalid under the other."""
    allowed = jsonschema_rs.Draft202012Validator(allowing)
    refused = jsonschema_rs.Draft202012Validator(refusing)
    values = data.draw(st.lists(instances(allowing), min_size=tries, max_size=tries))
    return any(allowed.is_valid(value) and not refused.is_valid(value) for value in values)


@given(schema=SCHEMAS)
@RUN
def test_identical_schemas_have_no_changes(schema: Schema) -> None:
    copy: Schema = {**schema}
    root = {"type": "array", "items": {"$ref": "#/$defs/x"}, "$defs": {"x": copy}}
    other = {"type": "array", "items": schema, "$defs": {"x": {}}}  # another way to write it
    for direction in SchemaDirection:
        assert kinds(schema, copy, direction) == set()
        assert kinds(root, other, direction) == set()


@given(pair=widened())
@RUN
def test_a_wider_request_or_a_narrower_response_never_breaks(pair: tuple[Schema, Schema]) -> None:
    tight, wide = pair
    assert ChangeKind.BREAKING not in kinds(tight, wide, SchemaDirection.REQUEST)
    assert ChangeKind.BREAKING not in kinds(wide, tight, SchemaDirection.RESPONSE)


@given(pair=widened(), data=st.data())
@RUN
def test_a_narrower_request_or_a_wider_response_breaks(
    pair: tuple[Schema, Schema], data: st.DataObject
) -> None:
    tight, wide = pair
    assume(told_apart(data, wide, tight, 20))
    assert ChangeKind.BREAKING in kinds(wide, tight, SchemaDirection.REQUEST)
    assert ChangeKind.BREAKING in kinds(tight, wide, SchemaDirection.RESPONSE)


@given(old=SCHEMAS, new=SCHEMAS, data=st.data())
@RUN
def test_what_an_instance_shows_is_never_called_compatible(
    old: Schema, new: Schema, data: st.DataObject
) -> None:
    if told_apart(data, old, new, 10):
        assert kinds(old, new, SchemaDirection.REQUEST) - {ChangeKind.COMPATIBLE}
    if told_apart(data, new, old, 10):
        assert kinds(old, new, SchemaDirection.RESPONSE) - {ChangeKind.COMPATIBLE}


@given(old=SCHEMAS, new=SCHEMAS)
@RUN
def test_both_directions_mirror_each_other(old: Schema, new: Schema) -> None:
    """A request one way round is a response the other way round."""
    forward = kinds(old, new, SchemaDirection.REQUEST)
    back = kinds(new, old, SchemaDirection.RESPONSE)
    assert (ChangeKind.BREAKING in forward) is (ChangeKind.BREAKING in back)
