"""Which names a `when` may use."""

from dataclasses import replace

import pytest

from maestro.domain.run import StepRun, StepStatus
from maestro.domain.values import JsonValue, StepId
from maestro.domain.workflow import Step
from maestro.errors import InvalidInput, StepFailed
from maestro.workflow.conditions import check_conditions, condition_holds


def step(name: str, *needs: str, **rest: object) -> Step:
    return Step(id=StepId(name), action="work", needs=tuple(map(StepId, needs)), **rest)  # type: ignore[arg-type]


ROOT = step("plan.the-root", yields={"n": "int", "name": "string", "share": "double"})
MIDDLE = step("middle", "plan.the-root", yields={"ok": "bool"})


def judged(when: str, outputs: dict[str, JsonValue]) -> bool:
    steps = (ROOT, MIDDLE, step("last", "middle", when=when))
    check_conditions(steps)
    rows = {
        own.id: StepRun(
            step_id=own.id, status=StepStatus.SUCCEEDED, attempt=1, output=outputs.get(own.id)
        )
        for own in steps
    }
    return condition_holds(StepId("last"), {own.id: own for own in steps}, rows)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("outputs.middle.ok", True),
        ("!outputs.middle.ok", False),
        ("outputs.plan_the_root.n == 3 && outputs.plan_the_root.name == 'x'", True),
        ("outputs.plan_the_root.share < 0.5", False),
        ("true", True),
    ],
)
def test_outputs_of_needs_direct_or_not_can_be_used(when: str, expected: bool) -> None:
    outputs: dict[str, JsonValue] = {
        "plan.the-root": {"n": 3, "name": "x", "share": 0.5, "more": []},
        "middle": {"ok": True},
    }
    assert judged(when, outputs) is expected


@pytest.mark.parametrize(
    "output", [None, [], "text", {}, {"ok": 1}, {"ok": "true"}, {"ok": None}], ids=repr
)
def test_a_missing_or_wrong_value_is_an_error_never_an_answer(output: JsonValue) -> None:
    with pytest.raises(StepFailed, match=r"outputs\.middle\.ok"):
        judged("outputs.middle.ok", {"middle": output})


def test_only_the_values_a_condition_uses_have_to_be_there() -> None:
    assert judged("outputs.middle.ok", {"middle": {"ok": True}})


def test_steps_that_may_still_be_running_cannot_be_named() -> None:
    beside = step("beside", yields={"ok": "bool"})
    with pytest.raises(InvalidInput, match="step 'last': when: "):
        check_conditions((beside, MIDDLE, ROOT, step("last", "middle", when="outputs.beside.ok")))


def test_two_steps_that_look_the_same_in_a_condition_are_refused() -> None:
    twins = (step("a-b", yields={"ok": "bool"}), step("a.b", yields={"ok": "bool"}))
    with pytest.raises(InvalidInput, match=r"'a-b' and 'a.b' look the same"):
        check_conditions((*twins, step("last", "a-b", "a.b", when="outputs.a_b.ok")))


def test_an_unknown_type_is_refused() -> None:
    odd = replace(MIDDLE, yields={"ok": "boolean"})
    with pytest.raises(InvalidInput, match="'ok' as 'boolean'; known types: bool"):
        check_conditions((ROOT, odd, step("last", "middle", when="true")))
