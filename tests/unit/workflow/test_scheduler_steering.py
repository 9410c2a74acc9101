"""Approvals and signals, retry and re-run, cancel, taking a run over."""

import pytest
from scheduling import ITEMS, M, awaiting, children, feed, new_state, restored, row, started, step

from maestro.domain.run import RunStatus, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import (
    OnUnmet,
    RetryPolicy,
    StepKind,
)
from maestro.errors import Conflict
from maestro.workflow.scheduler import advance
from maestro.workflow.signals import (
    AttemptFailed,
    AttemptInterrupted,
    AttemptSucceeded,
    Await,
    Begin,
    CancelAsked,
    CancelStep,
    ConditionJudged,
    ConditionOutcome,
    Decided,
    EndStep,
    Expired,
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
    Signal,
    SkipStep,
    StartStep,
)

A, B, C, D = (StepId(name) for name in "abcd")

# --- steps that wait for somebody -----------------------------------------------------------------


@pytest.mark.parametrize("kind", [StepKind.APPROVAL, StepKind.SIGNAL])
def test_waiting_for_somebody_takes_no_place_and_no_attempt(kind: StepKind) -> None:
    state = new_state(awaiting("a", kind=kind), awaiting("b", kind=kind), step("c"), max_parallel=1)
    assert feed(state, Begin()) == [Await(A), Await(B), StartStep(C, 1)]
    assert feed(state, AttemptSucceeded(C)) == [EndStep(C, StepStatus.SUCCEEDED)]
    assert state.steps[A].attempt == 0


def test_approval_goes_on_and_rejection_blocks() -> None:
    state = new_state(awaiting("a"), awaiting("b"), step("c", "a"), step("d", "b"))
    feed(state, Begin())
    assert feed(state, Decided(A, accepted=True)) == [
        EndStep(A, StepStatus.SUCCEEDED),
        StartStep(C, 1),
    ]
    assert feed(state, Decided(B, accepted=False)) == [
        EndStep(B, StepStatus.BLOCKED),
        SkipStep(D, (B,)),
    ]
    assert feed(state, AttemptSucceeded(C))[-1] == FinishRun(RunStatus.BLOCKED)


def test_what_is_not_decided_in_time_fails() -> None:
    state = new_state(awaiting("a", expires_seconds=5), step("b", "a", on_unmet=OnUnmet.FAIL))
    feed(state, Begin())
    assert feed(state, Expired(A)) == [
        EndStep(A, StepStatus.FAILED),
        RejectStep(B, (A,)),
        FinishRun(RunStatus.FAILED),
    ]


def test_a_second_decision_is_refused() -> None:
    state = new_state(awaiting("a"), step("b"))
    feed(state, Begin(), Decided(A, accepted=True))
    for late in (Decided(A, accepted=False), Expired(A)):
        with pytest.raises(Conflict, match="'a' is succeeded, not awaiting"):
            advance(state, late)


def test_a_paused_run_rests_while_steps_await_and_asks_nobody_new() -> None:
    state = new_state(awaiting("a"), awaiting("b", "a"))
    feed(state, Begin())
    assert feed(state, PauseAsked()) == [RestRun()]
    assert feed(state, Decided(A, accepted=True)) == [EndStep(A, StepStatus.SUCCEEDED), RestRun()]
    assert feed(state, ResumeAsked()) == [Await(B)]


def test_waiting_survives_a_restart() -> None:
    state = restored((awaiting("a"), step("b", "a")), row("a", StepStatus.AWAITING, 0))
    assert feed(state, Begin()) == []
    assert started(feed(state, Decided(A, accepted=True))) == ["b"]


def test_the_condition_of_an_approval_is_judged_first() -> None:
    state = new_state(awaiting("a", when="x"), awaiting("b", when="x"))
    assert feed(state, Begin()) == [JudgeCondition(A), JudgeCondition(B)]
    assert feed(state, ConditionJudged(A, ConditionOutcome.HOLDS)) == [Await(A)]
    assert feed(state, ConditionJudged(B, ConditionOutcome.DOES_NOT_HOLD)) == [SkipStep(B, ())]


# --- retrying, running again, cancelling ----------------------------------------------------------


def test_retry_of_one_step_leaves_other_failures() -> None:
    state = new_state(step("a"), step("b"), step("c", "a"), step("d", "b"))
    feed(state, Begin(), *(AttemptFailed(key, worth_retry=False) for key in (A, B)))
    assert feed(state, RetryAsked(A)) == [ResetStep(A), ResetStep(C), StartStep(A, 2)]
    done = feed(state, AttemptSucceeded(A), AttemptSucceeded(C))
    assert done[-1] == FinishRun(RunStatus.FAILED)


def test_retry_of_one_step_takes_back_what_its_failure_rejected() -> None:
    state = new_state(step("a"), step("b", "a", on_unmet=OnUnmet.FAIL), step("c", "b"), step("d"))
    feed(state, Begin(), AttemptSucceeded(D), AttemptFailed(A, worth_retry=False))
    assert feed(state, RetryAsked(A)) == [
        *(ResetStep(A), ResetStep(B), ResetStep(C)),
        StartStep(A, 2),
    ]


def test_retry_of_one_step_leaves_a_dependant_that_failed_by_itself() -> None:
    state = new_state(step("a"), step("b", "a", on_unmet=OnUnmet.RUN))
    feed(state, Begin(), *(AttemptFailed(key, worth_retry=False) for key in (A, B)))
    assert feed(state, RetryAsked(A)) == [ResetStep(A), StartStep(A, 2)]


@pytest.mark.parametrize("asked", [RetryAsked(A), RetryAsked(B), RerunAsked(B)])
def test_what_did_not_end_so_is_not_taken_back(asked: Signal) -> None:
    """`a` has succeeded and `b` runs; a refusal changes nothing."""
    state = new_state(step("a"), step("b"))
    feed(state, Begin(), AttemptSucceeded(A))
    with pytest.raises(Conflict, match="only"):
        advance(state, asked)
    assert feed(state, AttemptSucceeded(B))[-1] == FinishRun(RunStatus.SUCCEEDED)


def test_a_step_that_has_begun_waits_for_a_need_that_is_retried() -> None:
    """`b` ran although `a` had failed; its second attempt starts after `a`'s."""
    retried = RetryPolicy(max_attempts=2)
    state = new_state(step("a"), step("b", "a", on_unmet=OnUnmet.RUN, retry=retried))
    feed(state, Begin(), AttemptFailed(A, worth_retry=False), AttemptFailed(B, worth_retry=True))
    assert started(feed(state, RetryAsked(), RetryDue(B))) == ["a"]
    assert feed(state, AttemptFailed(A, worth_retry=False))[-1] == StartStep(B, 2)


def test_a_due_retry_that_waits_for_a_place_waits_for_its_need_too() -> None:
    """`b` is queued when `a` is retried and gets the next place only after `a`."""
    retried = RetryPolicy(max_attempts=2)
    state = new_state(
        step("a", priority=-1), step("b", "a", on_unmet=OnUnmet.RUN, retry=retried), step("c"),
        step("d"), max_parallel=1,
    )  # fmt: skip
    feed(state, Begin(), *map(AttemptSucceeded, (C, D)), AttemptFailed(A, worth_retry=False))
    feed(state, AttemptFailed(B, worth_retry=True), RerunAsked(C), RetryDue(B))
    assert started(feed(state, RetryAsked(A), AttemptSucceeded(C))) == ["a"]
    assert started(feed(state, AttemptSucceeded(A))) == ["b"]


def test_a_rerun_takes_every_finished_dependant_along() -> None:
    state = new_state(step("a"), step("b", "a"), step("c", "b"), step("d"), step("e", "d"))
    feed(state, Begin(), *map(AttemptSucceeded, (A, D, B, C, StepId("e"))))
    assert state.ended is RunStatus.SUCCEEDED
    assert feed(state, RerunAsked(A)) == [
        *(ResetStep(A), ResetStep(B), ResetStep(C)),
        StartStep(A, 2),
    ]
    assert started(feed(state, *map(AttemptSucceeded, (A, B)))) == ["b", "c"]
    assert feed(state, AttemptSucceeded(C))[-1] == FinishRun(RunStatus.SUCCEEDED)


def test_an_edited_step_stays_and_its_dependants_run_again() -> None:
    state = new_state(step("a"), step("b", "a"), awaiting("c", "b"))
    feed(state, Begin(), AttemptSucceeded(A), AttemptSucceeded(B))
    assert feed(state, RerunAsked(A, only_dependants=True)) == [
        *(ResetStep(B), ResetStep(C)),
        StartStep(B, 2),
    ]
    assert feed(state, AttemptSucceeded(B))[-1] == Await(C)


def test_an_edited_output_is_judged_anew() -> None:
    """`b`'s condition held and it waits for a place when `a`'s output is edited."""
    state = new_state(step("a"), step("x"), step("b", "a", when="x"), max_parallel=1)
    feed(state, Begin(), AttemptSucceeded(A), ConditionJudged(B, ConditionOutcome.HOLDS))
    assert feed(state, RerunAsked(A, only_dependants=True)) == [JudgeCondition(B)]
    assert feed(state, ConditionJudged(B, ConditionOutcome.DOES_NOT_HOLD)) == [SkipStep(B, ())]


def test_a_condition_that_held_is_judged_again_after_a_rerun_of_its_need() -> None:
    """`b` had been queued; the free place must not go to it before the new verdict."""
    state = new_state(step("a", priority=1), step("b", "a", when="x"), step("c"), max_parallel=1)
    feed(state, Begin(), AttemptSucceeded(A), ConditionJudged(B, ConditionOutcome.HOLDS))
    feed(state, RerunAsked(A))
    assert started(feed(state, AttemptSucceeded(C))) == ["a"]
    assert feed(state, AttemptSucceeded(A)) == [
        EndStep(A, StepStatus.SUCCEEDED),
        JudgeCondition(B),
    ]


@pytest.mark.parametrize("end", [None, AttemptFailed(B, worth_retry=True)])
def test_a_rerun_is_refused_while_a_dependant_is_at_work(end: Signal | None) -> None:
    state = new_state(step("a"), step("b", "a", retry=RetryPolicy(max_attempts=2)))
    feed(state, Begin(), AttemptSucceeded(A), *([end] if end else []))
    with pytest.raises(Conflict, match="'b' depends on 'a' and is"):
        advance(state, RerunAsked(A))
    assert state.steps[A].status is StepStatus.SUCCEEDED


def test_a_rerun_takes_an_interrupted_dependant_along() -> None:
    state = new_state(step("a"), step("b", "a", retry=RetryPolicy(max_attempts=2)))
    feed(state, Begin(), AttemptSucceeded(A), PauseAsked(), AttemptInterrupted(B))
    assert feed(state, RerunAsked(A), ResumeAsked())[-1] == StartStep(A, 2)
    assert started(feed(state, AttemptSucceeded(A))) == ["b"]


def test_a_rerun_finds_finished_dependants_behind_one_that_was_reset() -> None:
    state = new_state(step("a"), step("b", "a"), step("c", "b", on_unmet=OnUnmet.RUN))
    feed(state, Begin(), AttemptSucceeded(A), AttemptFailed(B, worth_retry=False))
    feed(state, AttemptSucceeded(C), PauseAsked(), RetryAsked(B))
    assert feed(state, RerunAsked(A))[:2] == [ResetStep(A), ResetStep(C)]


@pytest.mark.parametrize("asked", [ITEMS, StepId("before")])
def test_a_step_that_added_steps_is_not_run_again(asked: StepId) -> None:
    state = new_state(step("before"), step("m.items", "before"), step("m", "m.items"))
    feed(state, Begin(), AttemptSucceeded(StepId("before")), AttemptSucceeded(ITEMS, children(1)))
    feed(state, AttemptSucceeded(StepId("m.0")), AttemptSucceeded(M))
    with pytest.raises(Conflict, match=r"'m\.items' added steps to the run"):
        advance(state, RerunAsked(asked))
    assert started(feed(state, RerunAsked(StepId("m.0")))) == ["m.0"]


def test_a_cancelled_run_starts_again_in_order_when_it_is_retried() -> None:
    state = new_state(step("a"), step("b", "a"), awaiting("c"), step("d", "c"))
    feed(state, Begin())
    assert feed(state, PauseAsked(), CancelAsked()) == [
        CancelStep(A, running=True),
        *(CancelStep(key, running=False) for key in (B, C, D)),
        FinishRun(RunStatus.CANCELLED),
    ]
    again = feed(state, RetryAsked())
    assert again[4:] == [Await(C), StartStep(A, 2)]
    assert started(feed(state, AttemptSucceeded(A), Decided(C, accepted=True))) == ["b", "d"]


# --- taking over ----------------------------------------------------------------------------------


def test_nothing_is_decided_before_begin_and_priorities_hold_then() -> None:
    steps = (step("low", retry=RetryPolicy(max_attempts=2)), step("high", priority=1), step("x"))
    rows = [row("low", StepStatus.RUNNING), row("x", StepStatus.RUNNING)]
    state = restored(steps, *rows, max_parallel=1)
    assert feed(state, AttemptInterrupted(StepId("low")), AttemptInterrupted(StepId("x"))) == [
        RequeueStep(StepId("low")),
        GiveUpStep(StepId("x")),
    ]
    assert feed(state, Begin()) == [StartStep(StepId("high"), 1)]


def test_begin_asks_for_a_verdict_once_also_where_its_walk_comes_by_again() -> None:
    """`c` is free to be judged only once `b` was skipped, in the same walk."""
    steps = (step("a"), step("b", "a"), step("c", "b", when="x", on_unmet=OnUnmet.RUN))
    state = restored(steps, row("a", StepStatus.FAILED))
    assert feed(state, Begin()) == [SkipStep(B, (A,)), JudgeCondition(C)]
