"""The labelled pairs of schemas, each forward and back, as a request and as a response."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from maestro.contracts.comparison.changes import Change, ChangeKind
from maestro.contracts.comparison.schemas import SchemaComparison, compare_schemas, schema_changes
from maestro.contracts.comparison.schemas_differences import SchemaDirection
from maestro.contracts.comparison.schemas_nodes import LocatedSchema

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[3] / "data" / "comparison" / "schemas.yaml").read_text("utf-8")
)
RANK = {"none": 0, "compatible": 1, "dangerous": 2, "breaking": 3}
EXPECTED = {
    # effect: request forward, request back, response forward, response back
    "narrows": ("breaking", "compatible", "compatible", "breaking"),
    "widens": ("compatible", "breaking", "breaking", "compatible"),
    "both": ("breaking", "breaking", "breaking", "breaking"),
    "none": ("none", "none", "none", "none"),
    "risk": ("dangerous", "dangerous", "dangerous", "dangerous"),
}


def changes(old: Any, new: Any, direction: SchemaDirection) -> list[Change]:
    comparison = SchemaComparison(
        old if isinstance(old, dict) else {}, new if isinstance(new, dict) else {}
    )
    found = comparison.differences(LocatedSchema(old, ""), LocatedSchema(new, ""), direction)
    return schema_changes(found, side=direction.value, subject="Body")


def worst(found: list[Change]) -> str:
    return max((change.kind.value for change in found), key=RANK.__getitem__, default="none")


def test_there_are_enough_pairs() -> None:
    assert len(CASES) * 2 >= 150
    assert len({case["id"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_labelled(case: dict[str, Any]) -> None:
    old, new = case["old"], case["new"]
    if "effect" in case:
        expected = EXPECTED[case["effect"]]
    else:
        expected = (*case["request"], *case["response"])
    runs = [
        (old, new, SchemaDirection.REQUEST),
        (new, old, SchemaDirection.REQUEST),
        (old, new, SchemaDirection.RESPONSE),
        (new, old, SchemaDirection.RESPONSE),
    ]
    for (before, after, direction), kind in zip(runs, expected, strict=True):
        found = changes(before, after, direction)
        slug = case.get("rule" if before is old else "back")
        told = [f"{direction.value}: {change}" for change in found]
        assert worst(found) == kind, told
        if slug and kind != "none":
            assert f"{direction.value}-{slug}" in {change.rule for change in found}, told


def test_pointers_lead_to_the_place() -> None:
    old = {"type": "object", "properties": {"a/b": {"type": "array", "items": {"maxLength": 3}}}}
    new = {"type": "object", "properties": {"a/b": {"type": "array", "items": {"maxLength": 2}}}}
    (change,) = changes(old, new, SchemaDirection.REQUEST)
    assert change.pointer == "/properties/a~1b/items/maxLength"
    assert (change.before, change.after) == (3, 2)
    assert change.message == "Body: `a/b[]` has maxLength 2 instead of 3"


def test_a_proof_is_shown() -> None:
    old = {"type": "integer"}
    new = {"type": "integer", "not": {"const": 3}}
    (change,) = changes(old, new, SchemaDirection.REQUEST)
    assert "refuses for example 3" in change.message


def test_shared_schemas_break_either_way() -> None:
    wide, tight = {"type": "string"}, {"type": "string", "maxLength": 3}
    for old, new in ((wide, tight), (tight, wide)):
        assert [c.kind for c in compare_schemas(old, new)] == [ChangeKind.BREAKING]
