"""Waivers: who may let what pass, how far and until when."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from maestro.domain.quality import Gate, Waiver
from maestro.errors import InvalidInput
from maestro.quality.metrics import built_in_metrics
from maestro.quality.policy import load_policy
from maestro.quality.waivers import ceiling_of, check_waiver, waiver_fault

GATES = {gate.id: gate for gate in load_policy().gates}
COVERAGE = GATES["TST-4"]
WAIVER = Waiver(
    gate="TST-4",
    project="shop",
    ceiling="coverage.line >= 60.0",
    reason="The importer is replaced next month",
    author="alice",
    approver="bob",
    adr="ADR-0012",
    expires=date(2030, 6, 15),
)


def test_a_complete_waiver_has_no_fault_until_its_last_day_is_over() -> None:
    assert waiver_fault(WAIVER, COVERAGE, built_in_metrics()) is None
    check_waiver(WAIVER, load_policy(), date(2030, 6, 15))
    with pytest.raises(InvalidInput, match="'TST-4' is not waived: it ended on 2030-06-15"):
        check_waiver(WAIVER, load_policy(), date(2030, 6, 16))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"project": " "}, "it names no project"),
        ({"project": "default"}, "project 'default' is every product nobody named"),
        ({"reason": ""}, "it names no reason"),
        ({"author": ""}, "it names no author"),
        ({"approver": " "}, "it names no approver"),
        ({"adr": ""}, "it names no adr"),
        ({"ceiling": ""}, "it names no ceiling"),
        ({"reason": "fourteen chars"}, "its reason 'fourteen chars' says nothing"),
        ({"approver": "ALICE"}, "'ALICE' cannot approve what they ask for themselves"),
        ({"approver": "alice ", "author": " Alice"}, "cannot approve"),
        ({"adr": "ADR-12 "}, "must look like ADR-0012"),
        ({"adr": "adr-0012"}, "must look like ADR-0012"),
        ({"adr": "ADR-123456"}, "must look like ADR-0012"),
        ({"ceiling": "coverage.line"}, "cannot be judged"),
        ({"ceiling": "1 > 0"}, "sets no limit"),
        ({"ceiling": "suites.failed < 3"}, "is about 'suites.failed'"),
        ({"ceiling": "coverage.line >= 0.0"}, "holds always and sets no limit"),
        ({"ceiling": "coverage.line > 60.0 || true"}, "holds always and sets no limit"),
        ({"ceiling": "coverage.line >= 80.0"}, "is not laxer than the gate"),
        ({"ceiling": "coverage.line >= 90.0"}, "is not laxer than the gate"),
        ({"ceiling": "coverage.line > 60.0 || suites.failed < 3"}, "is about 'suites.failed'"),
    ],
)
def test_what_is_incomplete_or_says_nothing_never_counts(changes: dict[str, Any], why: str) -> None:
    faulty = replace(WAIVER, **changes)
    assert why in str(waiver_fault(faulty, COVERAGE, built_in_metrics()))
    with pytest.raises(InvalidInput, match="is not waived"):
        check_waiver(faulty, load_policy(), date(2030, 1, 1))


def test_fifteen_characters_are_a_reason() -> None:
    reason = replace(WAIVER, reason="fifteen letters")
    assert waiver_fault(reason, COVERAGE, built_in_metrics()) is None


@pytest.mark.parametrize("gate", ["BAC-4", "SEC-1", "DEP-2", "TST-1"])
def test_builds_secrets_stubs_and_tests_are_never_waived(gate: str) -> None:
    condition = GATES[gate].condition
    waiver = replace(WAIVER, gate=gate, ceiling=condition)
    assert waiver_fault(waiver, GATES[gate], built_in_metrics()) == f"{gate} may never be waived"
    with pytest.raises(InvalidInput, match=f"{gate} may never be waived"):
        check_waiver(waiver, load_policy(), date(2030, 1, 1))


def test_a_gate_nobody_knows_is_not_waived() -> None:
    with pytest.raises(InvalidInput, match="policy 'default' has no gate 'TST-99' to waive"):
        check_waiver(replace(WAIVER, gate="TST-99"), load_policy(), date(2030, 1, 1))


@pytest.mark.parametrize(
    ("gate", "typed", "ceiling"),
    [
        ("TST-4", ">= 60", "coverage.line >= 60.0"),
        ("TST-4", "  >=60.5 ", "coverage.line >= 60.5"),
        ("TST-4", "> 60", "coverage.line > 60.0"),
        ("TST-4", " coverage.line >= 60.0 ", "coverage.line >= 60.0"),
        ("TST-2", "<= 3", "suites.skipped <= 3"),
        ("TST-8", "guard.skips_added < 2", "guard.skips_added < 2"),
    ],
)
def test_a_ceiling_may_be_typed_short_or_as_a_condition(
    gate: str, typed: str, ceiling: str
) -> None:
    assert ceiling_of(GATES[gate], typed) == ceiling


@pytest.mark.parametrize(
    ("gate", "typed", "why"),
    [
        ("TST-4", ">= 80", "is not laxer"),
        ("TST-4", ">= 90", "is not laxer"),
        ("TST-4", "> 80", "is not laxer"),
        ("TST-4", "coverage.line >= 90.0", "is not laxer"),
        ("TST-4", "coverage.line >= 0.0", "holds always"),
        ("SEC-2", "sast.high == 0 && bandit.high == 0", "is not laxer"),
        ("TST-4", "<= 60", "runs against"),
        ("TST-4", ">= sixty", "expected a number, got 'sixty'"),
        ("TST-4", ">= -1", "always within 0 and 100"),
        ("TST-2", "<= 2.5", "expected a whole number"),
        ("TST-4", "", "empty"),
        ("TST-4", "anything goes", "cannot be judged"),
        ("TST-8", "<= 3", "cannot be judged"),
        ("TST-4", "suites.failed < 3", "the gate is not"),
    ],
)
def test_a_ceiling_that_is_none_is_refused(gate: str, typed: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        ceiling_of(GATES[gate], typed)


def test_the_refusal_of_a_typed_ceiling_says_why() -> None:
    with pytest.raises(InvalidInput) as refusal:
        ceiling_of(COVERAGE, ">= 90")
    assert str(refusal.value) == (
        "ceiling:2:12: ceiling >= 90 is not laxer than the gate's >= 80; it would waive nothing"
    )
    with pytest.raises(InvalidInput) as refusal:
        ceiling_of(COVERAGE, "1 > 0")
    assert str(refusal.value) == (
        "ceiling '1 > 0' of gate 'TST-4': its ceiling '1 > 0' sets no limit"
    )


def test_the_ceiling_of_a_condition_may_be_any_over_its_metrics() -> None:
    gate: Gate = GATES["SEC-2"]
    assert set(gate.metrics) == {"sast.high", "bandit.high"}
    waiver = replace(WAIVER, gate="SEC-2", ceiling="sast.high + bandit.high < 3")
    assert waiver_fault(waiver, gate, built_in_metrics()) is None
