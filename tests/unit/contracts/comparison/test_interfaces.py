"""Breaking changes of interface contracts."""

from pathlib import Path

import pytest

from maestro.contracts.comparison.changes import ChangeKind
from maestro.contracts.comparison.interfaces import compare_interfaces
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId

SOURCE = (Path(__file__).parents[4] / "examples" / "contracts" / "pricing.py").read_text("utf-8")
BREAKING, DANGEROUS = ChangeKind.BREAKING, ChangeKind.DANGEROUS


def contract(source: str) -> Contract:
    return Contract(
        id=ContractId("pricing"),
        name="Pricing",
        kind=ContractKind.INTERFACE,
        version="1.0.0",
        provider="p",
        component="c",
        consumers=(),
        format=SpecificationFormat.INTERFACE,
        specification={"python": source},
        deliverables=(),
        acceptance=(),
    )


@pytest.mark.parametrize(
    ("old", "new", "kind", "rule"),
    [
        ("def cheapest(", "def dearest(", BREAKING, "method-removed"),
        ("sku: str, quantity: int = 1,", "number: str, quantity: int = 1,", BREAKING,
         "parameter-removed"),
        ("skus: list[str])", "skus: list[str], deep: bool)", BREAKING, "parameter-added-required"),
        ("skus: list[str])", "skus: list[str], deep: bool = False)", ChangeKind.COMPATIBLE,
         "parameter-added"),
        ("quantity: int = 1,", "quantity: int,", BREAKING, "parameter-became-required"),
        ("quantity: int = 1,", "quantity: int = 2,", DANGEROUS, "parameter-default-changed"),
        ("skus: list[str])", "skus: list[int])", BREAKING, "parameter-skus"),
        ("-> str | None:", "-> str | None | int:", BREAKING, "return-"),
        ("async def refresh", "def refresh", BREAKING, "method-async-changed"),
        ("*, currency", "currency", ChangeKind.COMPATIBLE, "parameter-kind-changed"),
        ("quantity: int = 1, *, currency", "*, quantity: int = 1, currency", BREAKING,
         "parameter-kind-changed"),
        ("class UnknownProduct(LookupError)", "class UnknownProduct(KeyError)", DANGEROUS,
         "error-base-changed"),
        ("class QuantityRefused(ValueError)", "class Refused(ValueError)", BREAKING,
         "error-removed"),
    ],
)  # fmt: skip
def test_changes_are_named_by_what_they_do_to_callers(
    old: str, new: str, kind: ChangeKind, rule: str
) -> None:
    assert old in SOURCE
    result = compare_interfaces(contract(SOURCE), contract(SOURCE.replace(old, new)))
    assert any(change.rule.startswith(rule) for change in result.of_kind(kind))
    assert result.kind is kind


def test_the_same_and_another_wording_are_no_change() -> None:
    assert compare_interfaces(contract(SOURCE), contract(SOURCE)).changes == ()
    worded = compare_interfaces(
        contract(SOURCE), contract(SOURCE.replace("cheapest of", "least of"))
    )
    assert worded.changes == ()
    assert worded.edited
