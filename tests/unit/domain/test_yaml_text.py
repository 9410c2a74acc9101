"""The YAML reader: what each rule lets through, and where things stand."""

import json
import math
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.domain.yaml_text import (
    Spot,
    YamlFault,
    YamlKeyTwice,
    YamlRules,
    read_yaml_text,
    yaml_value,
)
from maestro.errors import InvalidInput

RULES = YamlRules(depth=4, values=40)


def fault_of(text: str, rules: YamlRules = RULES) -> YamlFault:
    with pytest.raises(YamlFault) as caught:
        read_yaml_text(text, rules)
    return caught.value


def test_every_key_and_value_has_its_spot() -> None:
    read = read_yaml_text("a:\n  - x\n  - k: &n 1\nb: *n\n", RULES)
    assert read.value == {"a": ["x", {"k": 1}], "b": 1}
    assert read.keys == {("a",): (1, 1), ("a", 1, "k"): (3, 5), ("b",): (4, 1)}
    assert read.values == {
        (): (1, 1),
        ("a",): (2, 3),
        ("a", 0): (2, 5),
        ("a", 1): (3, 5),
        ("a", 1, "k"): (3, 8),
        ("b",): (4, 4),
    }


def test_spots_are_left_out_where_nobody_asks() -> None:
    read = read_yaml_text("a: [1, {b: 2}]", replace(RULES, spots=False))
    assert (read.value, read.keys, read.values) == ({"a": [1, {"b": 2}]}, {}, {})


def test_an_empty_text_is_told_from_an_empty_value() -> None:
    assert () not in read_yaml_text("# nothing\n", RULES).values
    assert read_yaml_text("~", RULES).values == {(): (1, 1)}


@pytest.mark.parametrize(
    ("text", "without", "rules", "with_it"),
    [
        ("[0x1F, 0o17]", ["0x1F", "0o17"], replace(RULES, hex_and_octal=True), [31, 15]),
        (
            "[&m {a: 1, b: 1}, {<<: *m, b: 2}]",
            [{"a": 1, "b": 1}, {"<<": {"a": 1, "b": 1}, "b": 2}],
            replace(RULES, merge_keys=True),
            [{"a": 1, "b": 1}, {"a": 1, "b": 2}],
        ),
    ],
)
def test_what_a_rule_turns_on(
    text: str, without: object, rules: YamlRules, with_it: object
) -> None:
    assert read_yaml_text(text, RULES).value == without
    assert read_yaml_text(text, rules).value == with_it


def test_numbers_that_are_not_finite_are_read_only_on_demand() -> None:
    assert fault_of("a: -.inf").problem == "'-.inf' is not a number JSON has"
    read = read_yaml_text("[.inf, -.Inf, .NaN]", replace(RULES, not_finite=True)).value
    assert isinstance(read, list)
    assert read[:2] == [math.inf, -math.inf]
    assert str(read[2]) == "nan"


@pytest.mark.parametrize("key", ["1", "true", "~", "''", "' '", "<<", "? \n"])
def test_a_key_that_stands_for_no_text(key: str) -> None:
    text = f"a: 1\n{key}: 2\n"
    assert len(read_yaml_text(text, RULES).keys) == 2
    fault = fault_of(text, replace(RULES, text_keys=True))
    assert fault.problem.startswith("expected a text as key, got ")
    assert fault.spot is not None
    assert fault.spot.line == 2


def test_a_quoted_key_is_a_text() -> None:
    read = read_yaml_text("{'1': a, \"true\": b, x: c}", replace(RULES, text_keys=True))
    assert read.value == {"1": "a", "true": "b", "x": "c"}


@pytest.mark.parametrize(
    ("text", "problem", "spot"),
    [
        ("a:\n  - b: &x [*x]", "alias *x has no finished anchor before it", (2, 12)),
        ("[[[[[]]]]]", "nested deeper than 4 levels", (1, 5)),
        ("a: &x [1, 2, 3, 4]\nb: [*x, *x, *x]\nc: [*x, *x, *x]\n",
         "more than 40 values with aliases written out", (3, 13)),
        (f"a: {'9' * 4301}", "a number of 4301 digits", (1, 4)),
        ("a: !!binary aGk=", "the tag 'tag:yaml.org,2002:binary' stands for nothing JSON has",
         (1, 4)),
        ("? [1]\n: 2", "a mapping or list used as a key; keys are text", (1, 3)),
        ("{a: &x 1, *x : 2}", "an alias used as a key; keys are text", (1, 11)),
        ("a: 1\n---\nb: 2", "several YAML documents in one file; keep one", (2, 1)),
    ],
)  # fmt: skip
def test_refusals_name_their_spot(text: str, problem: str, spot: tuple[int, int]) -> None:
    fault = fault_of(text)
    assert (fault.problem, fault.spot, fault.malformed) == (problem, spot, False)


def test_a_key_that_stands_twice_names_the_first() -> None:
    fault = fault_of("x:\n  a: 1\n  b: 2\n  a: 3")
    assert isinstance(fault, YamlKeyTwice)
    assert (fault.key, fault.spot, fault.first) == ("a", Spot(4, 3), Spot(2, 3))
    assert str(fault) == "the key 'a' occurs twice in one mapping"


def test_what_is_not_yaml() -> None:
    fault = fault_of("a: b: c")
    assert (fault.malformed, fault.spot) == (True, (1, 5))


@given(st.text(alphabet="{}[]:,-&*!|>'\"#%@ \n\tab1?~<=.", max_size=60), st.booleans())
def test_any_punctuation_is_read_or_refused(text: str, on: bool) -> None:
    rules = YamlRules(depth=9, values=99, merge_keys=on, text_keys=not on, not_finite=on)
    with suppress(YamlFault):
        json.dumps(read_yaml_text(text, rules).value, allow_nan=on).encode()


def test_files_of_our_own_are_read_as_yaml_1_2_and_told_by_place() -> None:
    assert yaml_value("a: on\nb: no\nc: 2030-01-15\nd: 12\n", name="f") == {
        "a": "on", "b": "no", "c": "2030-01-15", "d": 12,
    }  # fmt: skip
    with pytest.raises(InvalidInput, match=r"^f, line 2, column 1: the key 'a' occurs twice"):
        yaml_value("a: 1\na: 2\n", name="f")
    with pytest.raises(InvalidInput, match=r"^f, line 2, column 1: is not YAML"):
        yaml_value("a: [", name="f")
