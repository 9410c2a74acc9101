"""The labelled pairs of OpenAPI documents, forward and back."""

import copy
import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from maestro.contracts.comparison import Comparison, compare
from maestro.contracts.comparison.openapi import compare_openapi
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId
from maestro.errors import InvalidInput

DATA: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[3] / "data" / "comparison" / "openapi.yaml").read_text("utf-8")
)
CASES: list[dict[str, Any]] = DATA["cases"]
TODAY = datetime.date(2026, 1, 1)


def document(steps: dict[str, Any] | None) -> dict[str, Any]:
    made: dict[str, Any] = copy.deepcopy(DATA["base"])
    for pointer, value in (steps or {}).items():
        *way, last = [t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:]]
        place: Any = made
        for token in way:
            place = place[int(token)] if isinstance(place, list) else place.setdefault(token, {})
        if last == "-":
            place.append(value)
        elif value is None:
            place.pop(last, None)
        else:
            place[int(last) if isinstance(place, list) else last] = value
    return made


def told(comparison: Comparison) -> list[str]:
    return [str(change) for change in comparison.changes]


def check(case: dict[str, Any], way: str, old: Any, new: Any) -> None:
    comparison = compare_openapi(old, new, today=TODAY)
    expected = case.get(way, {})
    for kind in ("breaking", "dangerous"):
        found = sorted(c.rule for c in comparison.changes if c.kind.value == kind)
        assert found == sorted(expected.get(kind, [])), told(comparison)
    compatible = {change.rule for change in comparison.compatible}
    assert set(expected.get("compatible", [])) <= compatible, told(comparison)
    if not case.get("forward"):
        assert comparison.changes == (), told(comparison)


def test_there_are_enough_pairs() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) >= 75


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_labelled(case: dict[str, Any]) -> None:
    old, new = document(case.get("before")), document(case.get("after"))
    check(case, "forward", old, new)
    check(case, "back", new, old)


def test_every_change_says_where_and_whom_it_concerns() -> None:
    new = document({"/components/schemas/Parcel/properties/state/enum": ["sent"]})
    changes = compare_openapi(DATA["base"], new, today=TODAY).changes
    assert {c.operation for c in changes} == {
        "GET /parcels", "POST /parcels", "GET /parcels/{parcel_id}",
    }  # fmt: skip
    for change in changes:
        assert change.pointer == "/components/schemas/Parcel/properties/state/enum"
        assert change.before == "arrived"
    assert "`[].state` can no longer be 'arrived'" in changes[0].message


def test_a_moved_base_path_is_found() -> None:
    new = document({"/servers/0/url": "https://parcels.example"})
    new["paths"] = {f"/api{path}": item for path, item in new["paths"].items()}
    comparison = compare_openapi(DATA["base"], new, today=TODAY)
    assert [c.rule for c in comparison.breaking] == []


def test_versions_of_openapi_can_be_compared() -> None:
    swagger = {
        "swagger": "2.0",
        "info": {"title": "T", "version": "1"},
        "basePath": "/api",
        "paths": {
            "/things": {
                "get": {
                    "produces": ["application/json"],
                    "responses": {"200": {"description": "d", "schema": {"type": "string"}}},
                }
            }
        },
    }
    modern = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": "/api"}],
        "paths": {
            "/things": {
                "get": {
                    "responses": {
                        "200": {
                            "description": "d",
                            "content": {
                                "application/json": {"schema": {"type": "string", "nullable": True}}
                            },
                        }
                    }
                }
            }
        },
    }
    comparison = compare_openapi(swagger, modern)
    assert [c.rule for c in comparison.changes] == ["response-became-nullable"]


def contract(form: SpecificationFormat, specification: dict[str, Any]) -> Contract:
    return Contract(
        id=ContractId("parcels"),
        name="Parcels",
        kind=ContractKind.REST,
        version="1.0.0",
        provider="backend_developer",
        component="backend",
        consumers=("frontend_developer", "qa_engineer"),
        format=form,
        specification=specification,
        deliverables=(),
        acceptance=(),
    )


def test_contracts_are_compared_by_their_format() -> None:
    old = contract(SpecificationFormat.OPENAPI, DATA["base"])
    new = contract(SpecificationFormat.OPENAPI, document({"/paths/~1parcels": None}))
    assert {c.rule for c in compare(old, new).breaking} == {"operation-removed-without-deprecation"}
    tables = contract(SpecificationFormat.JSON_SCHEMA, {"tables": []})
    with pytest.raises(InvalidInput, match="only versions of one format"):
        compare(old, tables)
