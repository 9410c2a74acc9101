"""Building a workflow refuses what cannot run; digests tell definitions apart."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.domain.encoding import decode, encode
from maestro.domain.values import StepId
from maestro.domain.workflow import (
    OnUnmet,
    RetryPolicy,
    Step,
    Workflow,
    generations,
    topological_order,
)
from maestro.errors import InvalidInput


def step(name: str, *needs: str, **rest: object) -> Step:
    return Step(id=StepId(name), action="work", needs=tuple(map(StepId, needs)), **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((step("a"), step("a")), "'a' is used twice"),
        ((step("a", "b"),), "'a' needs 'b', which is not a step"),
        ((step("a", "a"),), "a -> a"),
        ((step("z"), step("a", "c"), step("b", "a"), step("c", "b")), "a -> c -> b -> a"),
        ((step("Bad Id"),), "step id 'Bad Id'"),
        ((step(""),), "step id ''"),
        ((step("a", timeout_seconds=0),), "timeout must be positive"),
        ((replace(step("a"), action=""),), "action is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_run_is_refused(steps: tuple[Step, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Workflow(name="w", steps=steps)


def test_unconnected_steps_and_no_steps_are_fine() -> None:
    assert Workflow(name="w", steps=(step("a"), step("b"))).step(StepId("b")).id == "b"
    assert Workflow(name="w", steps=()).steps == ()


def test_extending_refuses_what_building_whole_refuses() -> None:
    workflow = Workflow(name="w", steps=(step("a"),))
    assert [own.id for own in workflow.extended((step("b", "a"),)).steps] == ["a", "b"]
    with pytest.raises(InvalidInput, match="used twice"):
        workflow.extended((step("a"),))
    with pytest.raises(InvalidInput, match="no step 'b'"):
        workflow.step(StepId("b"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"delay_seconds": -1},
        {"max_delay_seconds": -1},
        {"backoff": 0.5},
        {"jitter": 1.5},
        {"jitter": -0.1},
    ],
    ids=repr,
)
def test_a_retry_policy_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=r"retry"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]


def test_generations_are_what_can_at_best_run_together() -> None:
    steps = (step("join", "b", "c"), step("a"), step("b", "a"), step("c", "a"), step("free"))
    assert generations(steps) == (("a", "free"), ("b", "c"), ("join",))


DEFINITION = step("a", "b", "c", inputs={"n": 1})


@pytest.mark.parametrize(
    "other",
    [
        replace(DEFINITION, id=StepId("x")),
        replace(DEFINITION, action="other"),
        replace(DEFINITION, needs=(StepId("c"), StepId("b"))),
        replace(DEFINITION, inputs={"n": 2}),
        replace(DEFINITION, when="true"),
        replace(DEFINITION, on_unmet=OnUnmet.RUN),
        replace(DEFINITION, retry=RetryPolicy(max_attempts=2)),
        replace(DEFINITION, timeout_seconds=1),
    ],
    ids=["id", "action", "needs", "inputs", "when", "on_unmet", "retry", "timeout"],
)
def test_another_definition_has_another_digest(other: Step) -> None:
    assert other.digest() != DEFINITION.digest()


@given(
    timeout=st.integers(1, 10**6),
    delay=st.integers(0, 99),
    inputs=st.dictionaries(st.text(), st.one_of(st.none(), st.integers(), st.text())),
)
def test_a_definition_keeps_its_digest_when_it_is_stored_and_read_back(
    timeout: int, delay: int, inputs: dict[str, object]
) -> None:
    """Whole numbers given for seconds come back as floats: the journal must not see a change."""
    given_step = step(
        "a",
        timeout_seconds=timeout,
        retry=RetryPolicy(delay_seconds=delay, backoff=2, jitter=0),
        inputs=inputs,
    )
    stored = decode(Step, encode(given_step))
    assert stored == given_step
    assert stored.digest() == given_step.digest()


@given(st.permutations([step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c")]))
def test_topological_order_puts_needs_first(steps: list[Step]) -> None:
    order = topological_order(steps)
    assert sorted(order) == ["a", "b", "c", "d"]
    for own in steps:
        assert all(order.index(need) < order.index(own.id) for need in own.needs)
