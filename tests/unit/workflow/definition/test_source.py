"""Workflow text to values with lines, and everything that is refused on the way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.errors import InvalidInput
from maestro.workflow.definition.source import MAX_BYTES, FilePlace, read_source

TEXT = """\
name: x
steps:
  - id: a
    needs:
      - b
    "in put": 1
"""


def test_places_know_their_line_and_their_path() -> None:
    source = read_source(TEXT, name="f.yaml", format="yaml")
    need = source.place / "steps" / 0 / "needs" / 0
    assert str(need) == "f.yaml, line 5: steps[0].needs[0]"
    assert str(source.place / "steps" / 0 / "missing") == "f.yaml, line 3: steps[0].missing"
    assert str(source.place / "steps" / 0 / "in put") == "f.yaml, line 6: steps[0]['in put']"
    assert str(FilePlace("g.json") / "name") == "g.json: name"


def test_scalars_follow_the_core_schema() -> None:
    text = "[no, 2030-01-15, 0x10, 012, 1.5, .5e1, ~, '1', !!str 7, true, ]"
    value = read_source(text, name="f", format="yaml").value
    assert value == ["no", "2030-01-15", "0x10", 12, 1.5, 5.0, None, "1", "7", True]


def test_an_alias_is_what_it_stands_for() -> None:
    assert read_source("a: &x [1, 2]\nb: *x", name="f", format="yaml").value["b"] == [1, 2]


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", r"f, line 3: the key 'a' occurs twice"),
        (BOMB, r"line 6: more than 200000 values"),
        ("a: &x [*x]", r"alias \*x has no finished anchor"),
        ("[" * 100 + "]" * 100, r"line 1: nested deeper than 64"),
        ("a: b: c", r"line 1: is not YAML"),
        ("a: .nan", r"line 1: '.nan' is not a number JSON has"),
        ("a: 1e999", r"line 1: a: is not a finite number"),
        ("a: !!python/object:os.system x", r"line 1: the tag"),
        ("? [a]\n: b", r"keys are text"),
        ("a: 1\n---\nb: 2", r"several YAML documents"),
        (f"a: {'9' * 5000}", r"number of 5000 digits"),
        ('a: "\\0"', r"NUL"),
        ('a: "\\ud800"', r"half a surrogate pair|is not YAML"),
        ("x" * (MAX_BYTES + 1), r"at most 1048576 are read"),
    ],
)
def test_yaml_refusals(text: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        read_source(text, name="f", format="yaml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "a": 2}', r"the key 'a' occurs twice"),
        ('{"a": NaN}', r"NaN is not a number"),
        ('{"a": 1e999}', r"a: is not a finite number"),
        ('{\n"a": }', r"line 2: is not JSON"),
        ("[" * 100_000, r"nested deeper|is not JSON"),
        ("[" * 70 + "]" * 70, r"nested deeper than 64"),
        (f"[{'9' * 5000}]", r"is not JSON"),
        ('{"a": "\\ud800"}', r"a: holds a NUL character or half a surrogate"),
        ("", r"is not JSON"),
    ],
)
def test_json_refusals(text: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        read_source(text, name="f", format="json")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'toml' is not one of yaml, json"):
        read_source("", name="f", format="toml")


@given(st.binary(max_size=200) | st.text(max_size=200), st.sampled_from(["yaml", "json"]))
def test_any_text_is_read_or_refused(text: str | bytes, kind: str) -> None:
    try:
        value = read_source(text, name="f", format=kind).value
    except InvalidInput:
        return
    json.dumps(value, allow_nan=False).encode()
