"""Renaming inside CEL."""

import pytest

from maestro.workflow.definition.condition_names import condition_name, rename_condition

NAMES = {"outputs.a": "outputs.s_a", "outputs.a.b": "outputs.x", "inputs.v": "outputs.begin.v"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("outputs.a.ok", "outputs.s_a.ok"),
        ("outputs.a.b", "outputs.x"),
        ("outputs.a.b.c", "outputs.x.c"),
        ("!outputs . a .ok&&inputs.v==1", "!outputs.s_a.ok&&outputs.begin.v==1"),
        ("outputs.ab.ok", "outputs.ab.ok"),
        ("'outputs.a.ok' + \"outputs.a\" == r'outputs.a\\'", None),
        ("'it\\'s outputs.a.ok' == outputs.a.b", "'it\\'s outputs.a.ok' == outputs.x"),
        ('"""outputs.a.ok"""', None),
        ("f(outputs.a.ok).outputs.a.ok", "f(outputs.s_a.ok).outputs.a.ok"),
        ("x.outputs.a.ok", None),
        ("1.0 < outputs.a.n // outputs.a.n", "1.0 < outputs.s_a.n // outputs.a.n"),
        ("outputs.a.s.startsWith('outputs.a')", "outputs.s_a.s.startsWith('outputs.a')"),
    ],
)
def test_only_names_are_renamed(source: str, expected: str | None) -> None:
    assert rename_condition(source, NAMES) == (source if expected is None else expected)


def test_ids_as_conditions_write_them() -> None:
    assert condition_name("pack.build-api") == "pack_build_api"
