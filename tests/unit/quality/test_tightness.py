"""Which of two policies lets less through."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.domain.quality import (
    ArtefactRule,
    ArtefactSchema,
    Environment,
    Gate,
    GateSeverity,
    GateStage,
    MetricComparison,
    Policy,
    Waiver,
)
from maestro.quality.policy import load_policies
from maestro.quality.tightness import (
    ChangeEffect,
    changes_by_environment,
    compare,
    gate_changes,
    policy_changes,
    shown,
)

TIGHTENED, LOOSENED, CHANGED = ChangeEffect.TIGHTENED, ChangeEffect.LOOSENED, ChangeEffect.CHANGED
GATE = Gate(
    id="G-1",
    phase="testing",
    summary="Something holds",
    severity=GateSeverity.WARNING,
    condition="coverage.line >= 80.0",
    metrics=("coverage.line",),
    comparison=MetricComparison(metric="coverage.line", op=">=", threshold=80),
)
RULE = ArtefactRule(phase="testing", path="a.md", schema=ArtefactSchema.MARKDOWN, min=2)
WAIVER = Waiver(
    gate="G-1",
    project="shop",
    ceiling="coverage.line >= 60.0",
    reason="The importer is replaced next month",
    author="alice",
    approver="bob",
    adr="ADR-0012",
    expires=date(2030, 6, 15),
)
OTHER = ArtefactSchema.TEXT
POLICY = Policy(
    id="p",
    version=1,
    digest="d",
    phases=("testing",),
    gates=(GATE,),
    artefacts=(RULE,),
    waivers=(WAIVER,),
    min_blocking_evaluated=2,
)


def comparison(text: str) -> MetricComparison:
    metric, op, threshold = text.split()
    return MetricComparison(metric=metric, op=op, threshold=float(threshold))


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        ("a >= 80", "a >= 85", TIGHTENED),
        ("a >= 80", "a >= 75", LOOSENED),
        ("a >= 80", "a > 80", TIGHTENED),
        ("a > 80", "a >= 80", LOOSENED),
        ("a > 80", "a >= 81", TIGHTENED),
        ("a <= 5", "a <= 4", TIGHTENED),
        ("a <= 5", "a <= 6", LOOSENED),
        ("a <= 5", "a < 5", TIGHTENED),
        ("a < 5", "a <= 5", LOOSENED),
        ("a < 5", "a <= 4", TIGHTENED),
        ("a <= 5", "a == 5", TIGHTENED),
        ("a <= 5", "a == 0", TIGHTENED),
        ("a == 0", "a <= 5", LOOSENED),
        ("a == 0", "a == 1", CHANGED),
        ("a >= 1", "a == 3", TIGHTENED),
        ("a >= 1", "a == 0", CHANGED),
        ("a >= 1", "a <= 1", CHANGED),
        ("a >= 1", "b >= 2", CHANGED),
        ("a >= 80", "a >= 80", TIGHTENED),
    ],
)
def test_thresholds_are_compared_by_what_passes(old: str, new: str, effect: ChangeEffect) -> None:
    assert compare(comparison(old), comparison(new)) is effect


OPS = {">=": lambda a, b: a >= b, ">": lambda a, b: a > b, "<=": lambda a, b: a <= b,
       "<": lambda a, b: a < b, "==": lambda a, b: a == b}  # fmt: skip
COMPARISONS = st.builds(
    MetricComparison,
    metric=st.just("a"),
    op=st.sampled_from(list(OPS)),
    threshold=st.integers(0, 6),
)


@given(old=COMPARISONS, new=COMPARISONS, value=st.integers(-1, 7).map(float) | st.floats(-1, 7))
def test_what_tightens_lets_nothing_new_through_and_what_loosens_stops_nothing_new(
    old: MetricComparison, new: MetricComparison, value: float
) -> None:
    before, after = (OPS[one.op](value, one.threshold) for one in (old, new))
    effect = compare(old, new)
    if effect is TIGHTENED:
        assert before or not after
    if effect is LOOSENED:
        assert after or not before


@pytest.mark.parametrize(
    ("before", "after", "what", "effect"),
    [
        ({}, {"severity": GateSeverity.BLOCKING}, "severity", TIGHTENED),
        ({"severity": GateSeverity.BLOCKING}, {}, "severity", LOOSENED),
        ({}, {"waivable": False}, "waivable", TIGHTENED),
        ({"waivable": False}, {}, "waivable", LOOSENED),
        ({}, {"stage": GateStage.ENTRY}, "stage", TIGHTENED),
        ({"stage": GateStage.ENTRY}, {}, "stage", LOOSENED),
        ({}, {"when": "a > 0"}, "when", LOOSENED),
        ({"when": "a > 0"}, {}, "when", TIGHTENED),
        ({"when": "a > 0"}, {"when": "a > 1"}, "when", CHANGED),
        ({}, {"persona": "tester"}, "persona", LOOSENED),
        ({"persona": "tester"}, {}, "persona", TIGHTENED),
        ({"persona": "tester"}, {"persona": "writer"}, "persona", CHANGED),
        ({}, {"max_drop": 2.0}, "baseline max_drop", TIGHTENED),
        ({"max_drop": 2.0}, {}, "baseline max_drop", LOOSENED),
        ({"max_drop": 2.0}, {"max_drop": 1.0}, "baseline max_drop", TIGHTENED),
        ({"max_drop": 1.0}, {"max_drop": 2.0}, "baseline max_drop", LOOSENED),
        ({}, {"phase": "security"}, "phase", CHANGED),
        ({}, {"condition": "a > 0", "comparison": None}, "condition", CHANGED),
        ({"comparison": None}, {"condition": "a > 0"}, "condition", CHANGED),
        (
            {},
            {"condition": "coverage.line >= 85.0", "comparison": comparison("coverage.line >= 85")},
            "condition",
            TIGHTENED,
        ),
    ],
)
def test_every_thing_a_gate_says_has_a_direction(
    before: Mapping[str, Any], after: Mapping[str, Any], what: str, effect: ChangeEffect
) -> None:
    (change,) = gate_changes(replace(GATE, **before), replace(GATE, **after))
    assert (change.subject, change.what, change.effect) == ("G-1", what, effect)
    assert change.before != change.after


def test_words_for_people_change_nothing() -> None:
    assert gate_changes(GATE, replace(GATE, summary="Something else holds")) == ()


def test_both_values_are_told() -> None:
    (change,) = gate_changes(GATE, replace(GATE, waivable=False))
    assert (change.before, change.after) == ("true", "false")
    (change,) = gate_changes(GATE, replace(GATE, max_drop=1.5))
    assert (change.before, change.after) == ("none", "1.5")
    assert [shown(value) for value in (None, True, 2.0, 3, "x")] == ["none", "true", "2", "3", "x"]


@pytest.mark.parametrize(
    ("changes", "subject", "what", "effect"),
    [
        ({"gates": ()}, "G-1", "gate", LOOSENED),
        ({"gates": (GATE, replace(GATE, id="G-2"))}, "G-2", "gate", TIGHTENED),
        ({"artefacts": ()}, "testing:a.md", "artefact", LOOSENED),
        ({"artefacts": (RULE, replace(RULE, path="b.md"))}, "testing:b.md", "artefact", TIGHTENED),
        ({"artefacts": (replace(RULE, min=3),)}, "testing:a.md", "min", TIGHTENED),
        ({"artefacts": (replace(RULE, min=1),)}, "testing:a.md", "min", LOOSENED),
        ({"artefacts": (replace(RULE, when="a > 0"),)}, "testing:a.md", "when", LOOSENED),
        ({"artefacts": (replace(RULE, persona="tester"),)}, "testing:a.md", "persona", LOOSENED),
        ({"artefacts": (replace(RULE, schema=OTHER),)}, "testing:a.md", "schema", CHANGED),
        ({"min_blocking_evaluated": 3}, "defaults", "min_blocking_evaluated", TIGHTENED),
        ({"min_blocking_evaluated": 1}, "defaults", "min_blocking_evaluated", LOOSENED),
        ({"waivers": ()}, "G-1", "waiver", TIGHTENED),
        ({"waivers": (WAIVER, replace(WAIVER, project="bank"))}, "G-1", "waiver", LOOSENED),
    ],
)  # fmt: skip
def test_every_thing_a_policy_says_has_a_direction(
    changes: dict[str, Any], subject: str, what: str, effect: ChangeEffect
) -> None:
    (change,) = policy_changes(POLICY, replace(POLICY, **changes))
    assert (change.subject, change.what, change.effect) == (subject, what, effect)
    assert change.before != change.after


def test_a_waiver_that_is_changed_goes_and_comes() -> None:
    longer = replace(WAIVER, expires=date(2031, 1, 1))
    effects = [c.effect for c in policy_changes(POLICY, replace(POLICY, waivers=(longer,)))]
    assert effects == [TIGHTENED, LOOSENED]


def test_waivers_are_told_with_project_ceiling_end_and_decision() -> None:
    told = "shop: coverage.line >= 60.0 until 2030-06-15 (ADR-0012)"
    (gone,) = policy_changes(POLICY, replace(POLICY, waivers=()))
    assert (gone.before, gone.after) == (told, "none")
    (came,) = policy_changes(replace(POLICY, waivers=()), POLICY)
    assert (came.before, came.after) == ("none", told)


def test_what_comes_and_goes_is_told_with_what_it_demands() -> None:
    (gone,) = policy_changes(POLICY, replace(POLICY, gates=()))
    assert (gone.before, gone.after) == ("WARNING coverage.line >= 80.0", "none")
    (came,) = policy_changes(replace(POLICY, artefacts=()), POLICY)
    assert (came.before, came.after) == ("none", "at least 2 markdown")


def test_the_same_policy_demands_the_same() -> None:
    assert policy_changes(POLICY, POLICY) == ()
    assert changes_by_environment(load_policies(), load_policies()) == {}


def test_a_change_is_told_once_with_its_environments() -> None:
    old = load_policies()
    gates = [
        replace(gate, severity=GateSeverity.BLOCKING) if gate.id == "SEC-5" else gate
        for gate in old[Environment.DEVELOPMENT].gates
    ]
    everywhere = {
        environment: replace(
            policy,
            gates=tuple(
                replace(gate, max_drop=9.0) if gate.id == "TST-9" else gate for gate in policy.gates
            ),
        )
        for environment, policy in old.items()
    }
    (change,) = changes_by_environment(old, everywhere).items()
    assert change[0].subject == "TST-9"
    assert change[1] == tuple(Environment)
    once = {
        **old,
        Environment.DEVELOPMENT: replace(old[Environment.DEVELOPMENT], gates=tuple(gates)),
    }
    (change,) = changes_by_environment(old, once).items()
    assert (change[0].effect, change[1]) == (TIGHTENED, (Environment.DEVELOPMENT,))
