"""The scheduler's rules one by one.

Move by move it is checked against a model in test_scheduler_model.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from scheduling import ITEMS, M, children, feed, new_state, restored, row, started, step

from maestro.domain.run import RunStatus, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import (
    EdgeRule,
    OnUnmet,
    RetryPolicy,
    Step,
)
from maestro.errors import Conflict
from maestro.workflow.scheduler import advance
from maestro.workflow.signals import (
    AttemptBlocked,
    AttemptFailed,
    AttemptInterrupted,
    AttemptSucceeded,
    Begin,
    CancelAsked,
    CancelStep,
    Command,
    ConditionJudged,
    ConditionOutcome,
    EndStep,
    ExtendRun,
    FinishRun,
    GiveUpStep,
    JudgeCondition,
    PauseAsked,
    RejectStep,
    RequeueStep,
    RerunAsked,
    ResetStep,
    RestRun,
    ResumeAsked,
    RetryAsked,
    RetryDue,
    ScheduleRetry,
    Signal,
    SkipStep,
    StartStep,
)

A, B, C, D = (StepId(name) for name in "abcd")


def test_a_chain_runs_in_order_and_the_run_succeeds() -> None:
    state = new_state(step("b", "a"), step("a"))
    assert feed(state, Begin()) == [StartStep(A, 1)]
    assert feed(state, AttemptSucceeded(A)) == [
        EndStep(A, StepStatus.SUCCEEDED),
        StartStep(B, 1),
    ]
    assert feed(state, AttemptSucceeded(B)) == [
        EndStep(B, StepStatus.SUCCEEDED),
        FinishRun(RunStatus.SUCCEEDED),
    ]


def test_a_workflow_without_steps_succeeds() -> None:
    assert feed(new_state(), Begin()) == [FinishRun(RunStatus.SUCCEEDED)]


def test_a_slow_branch_does_not_hold_back_another() -> None:
    state = new_state(step("slow"), step("fast"), step("after-fast", "fast"), max_parallel=2)
    feed(state, Begin())
    assert started(feed(state, AttemptSucceeded(StepId("fast")))) == ["after-fast"]


def test_priority_decides_who_gets_a_free_place_then_the_order() -> None:
    state = new_state(
        step("first"), step("low", priority=-1), step("high", priority=5), step("second"),
        max_parallel=1,
    )  # fmt: skip
    order = started(feed(state, Begin()))
    for _ in range(3):
        order += started(feed(state, AttemptSucceeded(StepId(order[-1]))))
    assert order == ["high", "first", "second", "low"]


def test_no_more_than_max_parallel_run_at_once() -> None:
    state = new_state(*(step(f"s{i}") for i in range(5)), max_parallel=2)
    assert len(started(feed(state, Begin()))) == 2
    assert len(started(feed(state, AttemptSucceeded(StepId("s0"))))) == 1


def test_a_false_condition_skips_and_its_dependants_follow_their_rule() -> None:
    state = new_state(
        step("a", when="false"),
        step("skips", "a"),
        step("runs", "a", on_unmet=OnUnmet.RUN),
        step("fails", "a", on_unmet=OnUnmet.FAIL),
    )
    assert feed(state, Begin()) == [JudgeCondition(A)]
    assert feed(state, ConditionJudged(A, ConditionOutcome.DOES_NOT_HOLD)) == [
        SkipStep(A, ()),
        SkipStep(StepId("skips"), (A,)),
        RejectStep(StepId("fails"), (A,)),
        StartStep(StepId("runs"), 1),
    ]
    assert feed(state, AttemptSucceeded(StepId("runs")))[-1] == FinishRun(RunStatus.FAILED)


def test_a_broken_condition_fails_the_step() -> None:
    state = new_state(step("a", when="nonsense"))
    feed(state, Begin())
    assert feed(state, ConditionJudged(A, ConditionOutcome.BROKEN)) == [
        RejectStep(A, ()),
        FinishRun(RunStatus.FAILED),
    ]


def test_a_failure_lets_other_branches_go_on_and_fails_the_run() -> None:
    state = new_state(step("a"), step("b", "a"), step("c"), step("d", "c"))
    feed(state, Begin())
    assert feed(state, AttemptFailed(A, worth_retry=False)) == [
        EndStep(A, StepStatus.FAILED),
        SkipStep(B, (A,)),
    ]
    assert started(feed(state, AttemptSucceeded(C))) == ["d"]
    assert feed(state, AttemptSucceeded(D))[-1] == FinishRun(RunStatus.FAILED)


def test_a_blocked_step_blocks_the_run_and_a_failed_one_outweighs_it() -> None:
    state = new_state(step("a"), step("b"))
    feed(state, Begin(), AttemptBlocked(A))
    assert feed(state, AttemptSucceeded(B))[-1] == FinishRun(RunStatus.BLOCKED)
    other = new_state(step("a"), step("b"))
    feed(other, Begin(), AttemptBlocked(A))
    assert feed(other, AttemptFailed(B, worth_retry=False))[-1] == FinishRun(RunStatus.FAILED)


def test_waiting_times_grow_to_the_cap_and_are_spread_by_the_given_factor() -> None:
    policy = RetryPolicy(max_attempts=4, delay_seconds=2, backoff=3, max_delay_seconds=10)
    state = new_state(step("a", retry=policy))
    feed(state, Begin())
    delays = []
    for spread in (1.0, 1.1, 0.5):
        [retry] = feed(state, AttemptFailed(A, worth_retry=True, spread=spread))
        assert isinstance(retry, ScheduleRetry)
        delays.append(retry.delay_seconds)
        assert len(started(feed(state, RetryDue(A)))) == 1
    assert delays == pytest.approx([2.0, 6.6, 5.0])
    assert feed(state, AttemptFailed(A, worth_retry=True))[0] == EndStep(A, StepStatus.FAILED)


def test_a_due_retry_counted_twice_starts_once() -> None:
    state = new_state(step("a", retry=RetryPolicy(max_attempts=3)), step("b"), max_parallel=1)
    feed(state, Begin(), AttemptFailed(A, worth_retry=True), RetryDue(A), RetryDue(A))
    assert started(feed(state, AttemptSucceeded(B))) == ["a"]
    assert started(feed(state, AttemptFailed(A, worth_retry=True))) == []


def test_an_interrupted_attempt_counts() -> None:
    state = new_state(step("a", retry=RetryPolicy(max_attempts=2)))
    feed(state, Begin())
    assert feed(state, AttemptInterrupted(A)) == [RequeueStep(A), StartStep(A, 2)]
    assert feed(state, AttemptInterrupted(A)) == [GiveUpStep(A), FinishRun(RunStatus.FAILED)]


def test_a_step_may_extend_the_run_by_steps_that_need_it_and_by_free_ones() -> None:
    state = new_state(step("a"))
    feed(state, Begin())
    added = (step("b", "a"), step("c"), step("d", "b", "c"))
    assert feed(state, AttemptSucceeded(A, added)) == [
        EndStep(A, StepStatus.SUCCEEDED),
        ExtendRun(added),
        StartStep(B, 1),
        StartStep(C, 1),
    ]
    assert started(feed(state, AttemptSucceeded(B), AttemptSucceeded(C))) == ["d"]


def test_pause_lets_running_steps_finish_and_starts_nothing() -> None:
    state = new_state(step("a"), step("b", "a"), step("c"), max_parallel=1)
    feed(state, Begin())
    assert feed(state, PauseAsked()) == []
    assert feed(state, AttemptSucceeded(A)) == [EndStep(A, StepStatus.SUCCEEDED), RestRun()]
    assert started(feed(state, ResumeAsked())) == ["b"]


def test_a_paused_run_does_not_end_before_it_is_resumed() -> None:
    state = new_state(step("a"))
    feed(state, Begin(), PauseAsked())
    assert feed(state, AttemptSucceeded(A))[-1] == RestRun()
    assert feed(state, ResumeAsked()) == [FinishRun(RunStatus.SUCCEEDED)]


def test_cancel_ends_everything_unfinished() -> None:
    state = new_state(step("a"), step("b", "a"), step("c"))
    feed(state, Begin(), AttemptSucceeded(C))
    assert feed(state, CancelAsked()) == [
        CancelStep(A, running=True),
        CancelStep(B, running=False),
        FinishRun(RunStatus.CANCELLED),
    ]
    with pytest.raises(Conflict, match="'a' is cancelled, not running"):
        advance(state, AttemptSucceeded(A))


def test_retry_resets_what_failed_and_what_was_skipped_because_of_it() -> None:
    state = new_state(
        step("a"), step("b", "a"), step("c", "b"), step("d", when="false"), step("e", "d")
    )
    feed(state, Begin(), ConditionJudged(D, ConditionOutcome.DOES_NOT_HOLD))
    feed(state, AttemptFailed(A, worth_retry=False))
    assert state.ended is RunStatus.FAILED
    assert feed(state, RetryAsked()) == [
        ResetStep(A),
        ResetStep(B),
        ResetStep(C),
        StartStep(A, 2),
    ]
    done = feed(state, AttemptSucceeded(A), AttemptSucceeded(B), AttemptSucceeded(C))
    assert done[-1] == FinishRun(RunStatus.SUCCEEDED)


def test_a_retry_asked_for_gives_the_whole_budget_again() -> None:
    state = new_state(step("a", retry=RetryPolicy(max_attempts=2, delay_seconds=1, jitter=0)))
    feed(state, Begin(), AttemptFailed(A, worth_retry=True), RetryDue(A))
    feed(state, AttemptFailed(A, worth_retry=True))
    assert feed(state, RetryAsked())[-1] == StartStep(A, 3)
    assert feed(state, AttemptFailed(A, worth_retry=True)) == [ScheduleRetry(A, 1.0)]


def test_retry_takes_queued_dependants_back_when_their_need_is_reset() -> None:
    """`c` runs whatever became of `a`; it waits for a place when `a` is asked to run again."""
    state = new_state(step("a"), step("b"), step("c", "a", on_unmet=OnUnmet.RUN), max_parallel=2)
    feed(state, Begin(), PauseAsked(), AttemptFailed(A, worth_retry=False))
    assert feed(state, RetryAsked(), AttemptSucceeded(B), ResumeAsked())[-1] == StartStep(A, 2)
    assert started(feed(state, AttemptSucceeded(A))) == ["c"]


def test_a_verdict_from_before_a_retry_is_not_used() -> None:
    state = new_state(step("a"), step("b", "a", when="x", on_unmet=OnUnmet.RUN))
    feed(state, Begin())
    assert feed(state, AttemptFailed(A, worth_retry=False))[-1] == JudgeCondition(B)
    feed(state, RetryAsked())
    assert feed(state, ConditionJudged(B, ConditionOutcome.DOES_NOT_HOLD)) == []
    assert feed(state, AttemptSucceeded(A))[-1] == JudgeCondition(B)


def test_retry_without_anything_to_retry_is_refused() -> None:
    state = new_state(step("a"))
    feed(state, Begin(), AttemptSucceeded(A))
    with pytest.raises(Conflict, match="nothing to retry"):
        advance(state, RetryAsked())


def test_a_long_chain_of_skips_is_one_walk() -> None:
    chain = [step("s0"), *(step(f"s{i}", f"s{i - 1}") for i in range(1, 5000))]
    state = new_state(*chain)
    feed(state, Begin())
    commands = feed(state, AttemptFailed(StepId("s0"), worth_retry=False))
    assert sum(isinstance(command, SkipStep) for command in commands) == 4999
    assert commands[-1] == FinishRun(RunStatus.FAILED)


# --- rules of single needs ------------------------------------------------------------------------

RUN, SKIP, FAIL = OnUnmet.RUN, OnUnmet.SKIP, OnUnmet.FAIL


@pytest.mark.parametrize("end", ["skipped", "failed", "blocked"])
@pytest.mark.parametrize("rule", list(OnUnmet))
def test_the_rule_of_a_need_counts_and_not_that_of_the_step(end: str, rule: OnUnmet) -> None:
    other = FAIL if rule is not FAIL else RUN
    edge = (
        EdgeRule(skipped=rule, failed=other)
        if end == "skipped"
        else EdgeRule(skipped=other, failed=rule)
    )
    a = step("a", when="x" if end == "skipped" else None)
    state = new_state(a, step("b", "a", edges={A: edge}, on_unmet=other))
    ends: dict[str, Signal] = {
        "skipped": ConditionJudged(A, ConditionOutcome.DOES_NOT_HOLD),
        "failed": AttemptFailed(A, worth_retry=False),
        "blocked": AttemptBlocked(A),
    }
    _, *then = feed(state, Begin(), ends[end])[1:]
    assert (
        then[0]
        == {
            RUN: StartStep(B, 1),
            SKIP: SkipStep(B, (A,)),
            FAIL: RejectStep(B, (A,)),
        }[rule]
    )


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ((RUN, RUN), StartStep(C, 1)),
        ((RUN, SKIP), SkipStep(C, (A, B))),
        ((SKIP, RUN), SkipStep(C, (A, B))),
        ((SKIP, FAIL), RejectStep(C, (A, B))),
        ((FAIL, RUN), RejectStep(C, (A, B))),
    ],
)
def test_fail_wins_over_skip_and_skip_over_run(
    rules: tuple[OnUnmet, OnUnmet], wanted: Command
) -> None:
    edges = {need: EdgeRule(failed=rule) for need, rule in zip((A, B), rules, strict=True)}
    state = new_state(step("a"), step("b"), step("c", "a", "b", edges=edges))
    feed(state, Begin(), AttemptFailed(A, worth_retry=False))
    assert feed(state, AttemptFailed(B, worth_retry=False))[1] == wanted


def test_needs_without_a_rule_follow_the_step() -> None:
    edges = {A: EdgeRule(failed=RUN)}
    state = new_state(step("a"), step("b"), step("c", "a", "b", edges=edges, on_unmet=FAIL))
    feed(state, Begin(), AttemptFailed(A, worth_retry=False))
    assert started(feed(state, AttemptSucceeded(B))) == ["c"]
    other = new_state(step("a"), step("b"), step("c", "a", "b", edges=edges, on_unmet=FAIL))
    feed(other, Begin(), AttemptFailed(B, worth_retry=False))
    assert feed(other, AttemptSucceeded(A))[1] == RejectStep(C, (B,))


def test_the_rule_of_a_need_that_counts_alone_wins_over_all_others() -> None:
    """A sub-workflow that was skipped skips what is inside it, whatever that says of its needs."""
    rules = {"b": EdgeRule(alone=True), "c": EdgeRule(skipped=OnUnmet.FAIL)}
    state = new_state(step("a"), step("b", "a"), step("c", "b"), step("d", "b", "c", edges=rules))
    feed(state, Begin())
    commands = feed(state, AttemptFailed(A, worth_retry=False))
    assert SkipStep(D, (B, C)) in commands


# --- parents --------------------------------------------------------------------------------------


def test_children_that_a_step_adds_hold_their_parent_back() -> None:
    state = new_state(step("m.items"), step("m", "m.items"), step("after", "m"))
    feed(state, Begin())
    assert started(feed(state, AttemptSucceeded(ITEMS, children(2)))) == ["m.0", "m.1"]
    assert started(feed(state, AttemptSucceeded(StepId("m.1")))) == []
    assert started(feed(state, AttemptSucceeded(StepId("m.0")))) == ["m"]


def test_a_parent_without_children_waits_for_its_needs_only() -> None:
    state = new_state(step("m.items"), step("m", "m.items"))
    feed(state, Begin())
    assert started(feed(state, AttemptSucceeded(ITEMS))) == ["m"]


@pytest.mark.parametrize("rule", list(OnUnmet))
def test_a_parent_follows_its_own_rule_for_a_child_that_failed(rule: OnUnmet) -> None:
    state = new_state(step("m.items"), step("m", "m.items", on_unmet=rule))
    feed(state, Begin(), AttemptSucceeded(ITEMS, children(2)), AttemptSucceeded(StepId("m.0")))
    after = feed(state, AttemptFailed(StepId("m.1"), worth_retry=False))[1]
    needs = (StepId("m.1"),)
    assert (
        after == {RUN: StartStep(M, 1), SKIP: SkipStep(M, needs), FAIL: RejectStep(M, needs)}[rule]
    )


def test_a_child_holds_back_a_parent_that_was_queued_already() -> None:
    state = new_state(step("a", priority=1), step("m"), max_parallel=1)
    feed(state, Begin())
    added = (step("c", parent=M, priority=-1),)
    assert started(feed(state, AttemptSucceeded(A, added))) == ["c"]
    assert started(feed(state, AttemptSucceeded(C))) == ["m"]


def test_a_child_that_is_a_need_too_counts_once() -> None:
    """Whichever of the two is told first."""
    for steps in ([step("c", parent=M), step("m", "c")], [step("m", "c"), step("c", parent=M)]):
        state = new_state(*steps)
        assert started(feed(state, Begin(), AttemptFailed(C, worth_retry=False))) == ["c"]
        assert state.steps[M].needs == (C,)
        assert state.steps[M].open_needs == 0


def test_what_a_parent_waits_for_is_the_same_after_a_restart() -> None:
    steps = (step("m.items"), step("m", "m.items"), *children(3))
    rows = [row("m.items", StepStatus.SUCCEEDED), row("m.1", StepStatus.SUCCEEDED)]
    state = restored(steps, *rows)
    assert started(feed(state, Begin())) == ["m.0", "m.2"]
    assert state.steps[M].open_needs == 2


# --- concurrency keys -----------------------------------------------------------------------------


def keyed(name: str, *needs: str, **rest: object) -> Step:
    return step(name, *needs, concurrency="key", **rest)


def test_no_more_run_than_the_key_allows_and_the_places_go_to_others() -> None:
    state = new_state(keyed("a"), keyed("b"), keyed("c"), step("d"), max_parallel=3, key=2)
    assert started(feed(state, Begin())) == ["a", "b", "d"]
    assert started(feed(state, AttemptSucceeded(D))) == []
    assert started(feed(state, AttemptSucceeded(A))) == ["c"]


def test_the_held_step_of_highest_priority_is_next() -> None:
    state = new_state(keyed("a"), keyed("b"), keyed("c", priority=1), keyed("d", "b"), key=1)
    assert started(feed(state, Begin())) == ["c"]
    order = []
    for name in ("c", "a", "b"):
        order += started(feed(state, AttemptSucceeded(StepId(name))))
    assert order == ["a", "b", "d"]


def test_a_key_is_free_while_its_step_waits_for_a_retry() -> None:
    retried = RetryPolicy(max_attempts=2)
    state = new_state(keyed("a", retry=retried), keyed("b"), key=1)
    assert started(feed(state, Begin(), AttemptFailed(A, worth_retry=True))) == ["a", "b"]
    assert started(feed(state, RetryDue(A))) == []
    assert started(feed(state, AttemptSucceeded(B))) == ["a"]


def test_a_held_step_that_was_taken_back_lets_the_next_one_through() -> None:
    """`b` and `c` are held; `b`'s need is run again, so the free place is `c`'s."""
    state = new_state(
        step("n"), keyed("a"), keyed("b", "n", priority=2), keyed("c"), max_parallel=3, key=1
    )
    feed(state, Begin(), AttemptSucceeded(StepId("n")))
    assert started(feed(state, RerunAsked(StepId("n")))) == ["n"]
    assert started(feed(state, AttemptSucceeded(A))) == ["c"]
    assert started(feed(state, AttemptSucceeded(StepId("n")))) == []
    assert started(feed(state, AttemptSucceeded(C))) == ["b"]


def test_held_steps_start_again_after_cancel_and_retry() -> None:
    state = new_state(*(keyed(f"s{n}") for n in range(4)), key=2)
    feed(state, Begin(), CancelAsked())
    assert state.in_use == {"key": 0}
    assert started(feed(state, RetryAsked())) == ["s0", "s1"]
    order = started(feed(state, *(AttemptSucceeded(StepId(f"s{n}")) for n in range(4))))
    assert order == ["s2", "s3"]
    assert state.ended is RunStatus.SUCCEEDED


def test_attempts_that_run_on_after_a_restart_use_their_key() -> None:
    steps = (keyed("a"), keyed("b"))
    state = restored(steps, row("a", StepStatus.RUNNING), limits={"key": 1})
    assert started(feed(state, Begin())) == []
    assert started(feed(state, AttemptSucceeded(A))) == ["b"]


# --- cost -----------------------------------------------------------------------------------------


class CountedId(str):
    """A step's id that counts how often it is compared with another."""

    compared: ClassVar[int] = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        CountedId.compared += 1
        return str.__eq__(self, other)


def test_adding_children_looks_at_each_of_them_a_few_times_only() -> None:
    count = 1000
    made = [replace(child, id=StepId(CountedId(child.id))) for child in children(count)]
    state = new_state(step("m.items"), step("m", "m.items"), max_parallel=count)
    feed(state, Begin())
    CountedId.compared = 0
    feed(state, AttemptSucceeded(ITEMS, tuple(made)))
    feed(state, *(AttemptSucceeded(child.id) for child in made))
    assert CountedId.compared < 10 * count
    assert state.steps[M].status is StepStatus.RUNNING


def lines_for(count: int) -> int:
    """Lines of Python that a map over so many takes."""
    lines = 0

    def counted(*_: object) -> Callable[..., Any]:
        nonlocal lines
        lines += 1
        return counted

    state = new_state(step("m.items"), step("m", "m.items"), max_parallel=3)
    feed(state, Begin())
    before = sys.gettrace()
    sys.settrace(counted)
    try:
        feed(state, AttemptSucceeded(ITEMS, children(count)))
        feed(state, *(AttemptSucceeded(StepId(f"m.{n}")) for n in range(count)))
    finally:
        sys.settrace(before)
    assert state.steps[M].status is StepStatus.RUNNING
    return lines


def test_twice_the_children_take_twice_the_lines() -> None:
    """A move that looks at every step would make it nearly four times as many."""
    assert lines_for(600) < 2.2 * lines_for(300)
