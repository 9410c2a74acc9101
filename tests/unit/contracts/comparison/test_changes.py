"""Versions that are due, and how changes are sorted."""

import pytest

from maestro.contracts.comparison import Change, ChangeKind, Comparison, version_numbers
from maestro.contracts.comparison.changes import keeps_promises
from maestro.errors import InvalidInput


def change(kind: ChangeKind, rule: str = "r", operation: str = "") -> Change:
    return Change(kind=kind, rule=rule, pointer="/x", message="m", operation=operation)


def test_worst_first_and_each_once() -> None:
    soft, risky, hard = (change(k) for k in reversed(ChangeKind))
    comparison = Comparison.of([soft, risky, hard, hard])
    assert comparison.changes == (hard, risky, soft)
    assert comparison.breaking == (hard,)
    assert comparison.kind is ChangeKind.BREAKING
    assert str(hard) == "breaking r at /x: m"


BREAKS, ADDS, RISKS = ChangeKind.BREAKING, ChangeKind.COMPATIBLE, ChangeKind.DANGEROUS


@pytest.mark.parametrize(
    ("kinds", "edited", "version"),
    [
        ([ChangeKind.COMPATIBLE, ChangeKind.BREAKING], True, "2.0.0"),
        ([ChangeKind.DANGEROUS], True, "1.5.0"),
        ([ChangeKind.COMPATIBLE], True, "1.5.0"),
        ([], True, "1.4.3"),
        ([], False, "1.4.2"),
    ],
)
def test_the_version_that_is_due(kinds: list[ChangeKind], edited: bool, version: str) -> None:
    assert Comparison.of(map(change, kinds), edited=edited).next_version("1.4.2") == version


@pytest.mark.parametrize(
    ("kinds", "edited", "version"),
    [([BREAKS, ADDS], True, "1.0.0"), ([ADDS], True, "0.4.3"), ([RISKS], False, "0.4.3"),
     ([], True, "0.4.3"), ([], False, "0.4.2")],
)  # fmt: skip
def test_before_1_0_0_a_minor_number_promises_nothing(
    kinds: list[ChangeKind], edited: bool, version: str
) -> None:
    found = Comparison.of(map(change, kinds), edited=edited)
    due = found.next_version("0.4.2")
    assert due == version
    assert keeps_promises(due, "0.4.2") is not bool(found.breaking)


def test_versions() -> None:
    assert version_numbers("v1.2") == (1, 2, 0)
    assert version_numbers("1.2.3-rc.1+build") == (1, 2, 3)
    with pytest.raises(InvalidInput, match="no semantic version"):
        version_numbers("latest")
