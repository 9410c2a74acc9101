"""`${...}`: syntax, renaming, values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.domain.values import JsonValue, StepId
from maestro.errors import InvalidInput
from maestro.workflow.definition.references import (
    Reference,
    ReferenceFailed,
    from_outputs,
    parse_text,
    rename_references,
    resolve,
)

OUTPUTS: dict[StepId, JsonValue] = {
    StepId("a"): {"n": 1, "list": [{"x": "y"}], "odd key": True, "none": None},
    StepId("s.begin"): {"v": "1.0"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${outputs.a.n}", 1),
        ("${ outputs.a.n }", 1),
        ("${outputs.a.list}", [{"x": "y"}]),
        ("${outputs.a.list[0].x}", "y"),
        ("${outputs.a['odd key']}", True),
        ("${outputs['s.begin'].v}", "1.0"),
        ("n=${outputs.a.n} ${outputs.a.list} ${outputs.a.none}", 'n=1 [{"x":"y"}] null'),
        ("$${outputs.a.n}", "${outputs.a.n}"),
        ("a $${ b $HOME $", "a ${ b $HOME $"),
        ("", ""),
    ],
)
def test_values(text: str, expected: JsonValue) -> None:
    assert resolve(text, from_outputs(OUTPUTS), "inputs.x") == expected


def test_every_place_of_a_value_is_resolved() -> None:
    value = {"a": ["${outputs.a.n}", {"b": "${outputs.a.n}"}], "c": 5}
    assert resolve(value, from_outputs(OUTPUTS), "inputs") == {"a": [1, {"b": 1}], "c": 5}


def test_what_a_value_holds_is_not_resolved_again() -> None:
    outputs = {StepId("a"): {"evil": "${outputs.a.secret}", "secret": "s"}}
    assert resolve("${outputs.a.evil}", from_outputs(outputs), "x") == "${outputs.a.secret}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${outputs.b.n}", r"inputs\.x\[0\]: .*step 'b' has no output"),
        ("${outputs.a.m}", r"no 'm'; fields: list, n, none, odd key"),
        ("${outputs.a.list[3]}", r"the list has 1 entries"),
        ("${outputs.a.n.deeper}", r"no 'deeper' in int"),
        ("${outputs.a.none.deeper}", r"no 'deeper' in nothing"),
        ("${outputs.a.list.x}", r"no 'x' in list"),
        ("${item}", r"only outputs of steps"),
    ],
)
def test_a_missing_value_is_told_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ReferenceFailed, match=problem):
        resolve([text], from_outputs(OUTPUTS), "inputs.x")


@pytest.mark.parametrize(
    "text",
    [
        "${",
        "${outputs.a",
        "${HOME}",
        "${outputs a}",
        "${inputs.}",
        "${inputs[a]}",
        "${}",
        "${${x}}",
    ],
)
def test_bad_syntax(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"\$\$\{ stands for"):
        parse_text(text)


KEYS = (
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,5}", fullmatch=True)
    | st.integers(0, 99)
    | st.text(st.characters(exclude_characters="'{}", codec="utf-8"), max_size=5)
)
REFERENCES = st.builds(
    Reference, st.sampled_from(["inputs", "outputs", "item"]), st.lists(KEYS, max_size=4).map(tuple)
)


@given(REFERENCES)
def test_a_written_reference_is_read_as_itself(reference: Reference) -> None:
    assert parse_text(f"a {reference} b") == ["a ", reference, " b"]


@given(st.lists(st.sampled_from(["$", "{", "}", "x", "${item}", "$${", "'"]), max_size=12))
def test_renaming_to_the_same_changes_no_meaning(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        parts = parse_text(text)
    except InvalidInput:
        return
    assert parse_text(rename_references(text, lambda found: found)) == parts
