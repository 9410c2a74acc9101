"""JSON and YAML become the same plain values, and nothing hostile gets through."""

import json
from contextlib import suppress

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.contracts.openapi import parsing
from maestro.contracts.openapi.parsing import parse
from maestro.errors import InvalidInput

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_yaml_reads_as_the_json_data_model() -> None:
    text = """
responses:
  200: {description: ok}
  default: {description: no}
date: 2030-01-15
time: 12:30:00
octal: 010
country: NO
on: yes
flags: [true, False, null, ~, 0x1F, 1e3, -2.5, .5, '1', "true"]
text: |
  two
  lines
empty:
"""
    assert parse(text) == {
        "responses": {"200": {"description": "ok"}, "default": {"description": "no"}},
        "date": "2030-01-15",
        "time": "12:30:00",
        "octal": 10,
        "country": "NO",
        "on": "yes",
        "flags": [True, False, None, None, 31, 1000.0, -2.5, 0.5, "1", "true"],
        "text": "two\nlines\n",
        "empty": None,
    }


def test_anchors_and_merges() -> None:
    text = "base: &b {a: 1, b: 2}\nother: {<<: *b, b: 3}\nsame: *b\n"
    assert parse(text) == {
        "base": {"a": 1, "b": 2},
        "other": {"a": 1, "b": 3},
        "same": {"a": 1, "b": 2},
    }


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_json_is_read_unchanged(value: dict[str, object]) -> None:
    assert parse(json.dumps(value)) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,5}", fullmatch=True),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(10**9), 10**9)
            | st.from_regex("[a-z ]+", fullmatch=True),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=9,
        ),
    )
)
def test_what_a_yaml_library_wrote_is_read_back(value: dict[str, object]) -> None:
    assert parse(yaml.safe_dump(value, allow_unicode=True) if value else "{}") == value


@given(st.text() | st.binary())
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    with suppress(InvalidInput):
        assert isinstance(parse(text), dict)


@given(st.text(alphabet="{}[]:,-&*!|>'\"#%@ \n\tab1?~<=", max_size=60))
@settings(max_examples=500)
def test_any_punctuation_is_read_or_refused(text: str) -> None:
    with suppress(InvalidInput):
        assert isinstance(parse(text), dict)


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join(f'*a{n - 1}' for _ in range(10))}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "with aliases written out"),
        ("a: 1\na: 2\n", "line 2: the key 'a' occurs twice"),
        ('{"a": 1, "a": 2}', "the key 'a' occurs twice"),
        ("a: &x [*x]", r"alias \*x has no finished anchor"),
        ("a: *x", "x"),
        ("? [1]\n: 2", "used as a key"),
        ("a: !!python/object/apply:os.system [ls]", "stands for nothing JSON has"),
        ("a: !!binary aGk=", "stands for nothing JSON has"),
        ("a: .nan", "not a number JSON has"),
        ("a: -.inf", "not a number JSON has"),
        ('{"a": 1e999}', "not a finite number"),
        ('{"a": "\\ud800"}', "surrogate"),
        ("a: 1\n---\nb: 2\n", "several YAML documents"),
        ("[1, 2]", "must be an object"),
        ("just text", "must be an object"),
        ("", "must be an object"),
        ("a: [1, 2", "neither JSON nor YAML"),
        (b"\xff\xfe\xfa", "not UTF-8"),
        ("[" * 100_000, "nested deeper|neither JSON nor YAML"),
        ('{"a":' * 400 + "1" + "}" * 400, "nested deeper"),
        ("a: " + "[" * 300 + "]" * 300, "nested deeper"),
    ],
)
def test_hostile_texts_are_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse(text, name="x.yaml")


def test_too_large() -> None:
    with pytest.raises(InvalidInput, match="bytes, at most"):
        parse(b"a: " + b"x" * parsing.MAX_BYTES)
