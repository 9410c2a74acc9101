"""Writes the histories anew: `python tests/histories/record.py`. Never run by the tests.

Do this only after a wanted change of the scheduler, and read the difference before committing it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from playback import FOLDER, Crash, History, Move, play, random_history
from scheduling import awaiting, children, step

from maestro.domain.values import StepId
from maestro.domain.workflow import EdgeRule, OnUnmet, RetryPolicy, Step, StepKind, Workflow
from maestro.workflow.signals import (
    AttemptBlocked,
    AttemptFailed,
    AttemptInterrupted,
    AttemptSucceeded,
    Begin,
    CancelAsked,
    ConditionJudged,
    ConditionOutcome,
    Decided,
    Expired,
    PauseAsked,
    RerunAsked,
    ResumeAsked,
    RetryAsked,
    RetryDue,
)

SEEDS = (1, 2, 3)


def ok(*names: str) -> list[Move]:
    return [AttemptSucceeded(StepId(name)) for name in names]


def failed(name: str, *, worth_retry: bool = False, spread: float = 1.0) -> Move:
    return AttemptFailed(StepId(name), worth_retry=worth_retry, spread=spread)


def judged(name: str, verdict: ConditionOutcome) -> Move:
    return ConditionJudged(StepId(name), verdict)


A, B, C, D = (StepId(name) for name in "abcd")


def histories() -> Iterator[tuple[str, History]]:
    yield from flow()
    yield from decisions()
    yield from growth()
    yield from steering()
    for seed in SEEDS:
        yield f"walk-{seed}", random_history(seed, steps=14, moves=120)


def history(about: str, *parts: Step | Move, max_parallel: int = 4, **limits: int) -> History:
    """Steps, then moves; the moves begin with Begin."""
    steps = tuple(part for part in parts if isinstance(part, Step))
    moves = [part for part in parts if not isinstance(part, Step)]
    return History(
        about=about,
        workflow=Workflow(name="recorded", steps=steps, concurrency=limits),
        max_parallel=max_parallel,
        moves=[Begin(), *moves],
    )


def flow() -> Iterator[tuple[str, History]]:
    yield (
        "chain",
        history(
            "one after another; told out of order",
            *(step("c", "b"), step("a"), step("b", "a")),
            *ok("a", "b", "c"),
        ),
    )
    leaves = [f"leaf-{place}" for place in range(8)]
    yield (
        "fan",
        history(
            "out to eight with priorities, three at once, and in again",
            step("a"),
            *(step(name, "a", priority=place % 3) for place, name in enumerate(leaves)),
            step("z", *leaves),
            *ok("a", "leaf-2", "leaf-5", "leaf-1", "leaf-4", "leaf-7", "leaf-0", "leaf-3"),
            *ok("leaf-6", "z"),
            max_parallel=3,
        ),
    )
    policy = RetryPolicy(max_attempts=3, delay_seconds=2, backoff=3, max_delay_seconds=5)
    yield (
        "retries",
        history(
            "waiting times grow to the cap; one step uses its attempts up, one gets well",
            *(step("a", retry=policy), step("b", retry=policy), step("c", "a"), step("d", "b")),
            *(failed("a", worth_retry=True), failed("b", worth_retry=True, spread=1.1)),
            *(RetryDue(A), failed("a", worth_retry=True, spread=0.5), RetryDue(B), *ok("b")),
            *(RetryDue(A), failed("a", worth_retry=True), *ok("d")),
        ),
    )
    yield (
        "concurrency",
        history(
            "two keys, priorities among the held, and a held step's place that frees",
            *(step(f"one-{n}", concurrency="one", priority=n) for n in range(3)),
            *(step(f"two-{n}", concurrency="two") for n in range(4)),
            step("free"),
            *(failed("one-2"), *ok("two-0", "one-1", "two-1", "free", "two-2", "one-0", "two-3")),
            max_parallel=5,
            one=1,
            two=2,
        ),
    )


def decisions() -> Iterator[tuple[str, History]]:
    tolerant = EdgeRule(skipped=OnUnmet.RUN, failed=OnUnmet.RUN)
    strict = EdgeRule(skipped=OnUnmet.RUN, failed=OnUnmet.FAIL)
    yield (
        "skip-rules",
        history(
            "one need fails, one is blocked; rules of steps and of edges, and their precedence",
            *(step("a"), step("b"), step("good")),
            *(step("skips", "a"), step("runs", "a", on_unmet=OnUnmet.RUN)),
            step("fails", "a", "good", on_unmet=OnUnmet.FAIL),
            step("edge-runs", "a", "good", edges={A: tolerant}),
            step("fail-wins", "a", "b", edges={A: tolerant, B: strict}),
            step("skip-wins", "a", "b", edges={A: tolerant}),
            step("after-skip", "skips", edges={StepId("skips"): strict}),
            step("last", "fails", "skip-wins", on_unmet=OnUnmet.RUN),
            *(failed("a"), AttemptBlocked(B), *ok("good", "runs", "edge-runs", "after-skip")),
            *ok("last"),
        ),
    )
    yield (
        "conditions",
        history(
            "holds, does not hold, is broken; judged only when the needs have finished",
            *(step("a"), step("holds", "a", when="x"), step("not", "a", when="y")),
            *(step("broken", "a", when="z"), step("after-not", "not")),
            step("anyway", "not", "broken", on_unmet=OnUnmet.RUN, when="w"),
            *(*ok("a"), judged("holds", ConditionOutcome.HOLDS)),
            judged("not", ConditionOutcome.DOES_NOT_HOLD),
            judged("broken", ConditionOutcome.BROKEN),
            *(judged("anyway", ConditionOutcome.HOLDS), *ok("anyway", "holds")),
        ),
    )
    yield (
        "approval",
        history(
            "approved, rejected and expired, with one place in the run taken by others",
            *(step("a"), step("b", "a"), step("work")),
            *(awaiting(name, "a", kind=StepKind.APPROVAL) for name in ("yes", "no", "late")),
            *(step(f"after-{name}", name) for name in ("yes", "no", "late")),
            *(*ok("a"), Decided(StepId("yes"), accepted=True), *ok("work")),
            *(Decided(StepId("no"), accepted=False), *ok("b"), Expired(StepId("late"))),
            *(Decided(StepId("late"), accepted=True), *ok("after-yes")),
            max_parallel=1,
        ),
    )
    yield (
        "signal",
        history(
            "waits through a pause and a crash; what would wait in a paused run waits later",
            *(awaiting("s", kind=StepKind.SIGNAL, expires_seconds=60), step("a")),
            awaiting("t", "a", kind=StepKind.SIGNAL),
            *(PauseAsked(), *ok("a"), Crash(), Begin(), Decided(StepId("s"), accepted=True)),
            *(ResumeAsked(), Crash(), Begin(), Decided(StepId("t"), accepted=True)),
        ),
    )


def growth() -> Iterator[tuple[str, History]]:
    yield (
        "extension-with-parents",
        history(
            "a map: the children of `m` hold it back, one of them fails and is retried",
            *(step("m.items"), step("m", "m.items", on_unmet=OnUnmet.FAIL), step("after", "m")),
            AttemptSucceeded(StepId("m.items"), children(3)),
            *(*ok("m.0", "m.2"), failed("m.1"), RetryAsked(StepId("m.1"))),
            *(*ok("m.1", "m", "after"), RerunAsked(StepId("m.items")), RerunAsked(StepId("m.2"))),
            *ok("m.2", "m", "after"),
        ),
    )
    yield (
        "extension",
        history(
            "steps that need the extending one, free ones, and one whose need has failed",
            *(step("a"), step("b")),
            failed("b"),
            AttemptSucceeded(A, (step("e", "a"), step("f"), step("g", "e", "f"), step("h", "b"))),
            *ok("f", "e", "g"),
        ),
    )


def steering() -> Iterator[tuple[str, History]]:
    retried = RetryPolicy(max_attempts=2)
    yield (
        "pause-resume",
        history(
            "what runs ends, a due retry and freed steps wait, a condition is judged meanwhile",
            *(step("a"), step("b", retry=retried), step("c", "a"), step("d", "a", when="x")),
            *(failed("b", worth_retry=True), PauseAsked(), RetryDue(B), *ok("a")),
            *(judged("d", ConditionOutcome.HOLDS), PauseAsked(), ResumeAsked()),
            *ok("c", "b", "d"),
        ),
    )
    yield (
        "cancel",
        history(
            "ends all that is unfinished; late results are refused; then everything again",
            *(step("a"), step("b", retry=retried), step("c", "a"), step("done"), step("e")),
            awaiting("s", kind=StepKind.SIGNAL),
            *(*ok("done"), failed("b", worth_retry=True), CancelAsked(), *ok("a"), RetryDue(B)),
            *(RetryAsked(), *ok("a", "b", "c", "e"), Decided(StepId("s"), accepted=True)),
        ),
    )
    yield (
        "retry",
        history(
            "all, with skipped and rejected dependants and a whole budget; then only one step",
            *(step("a", retry=retried), step("b"), step("c", "a")),
            *(step("d", "b", on_unmet=OnUnmet.FAIL), step("e", "c")),
            *(failed("a", worth_retry=True), RetryDue(A), failed("a", worth_retry=True)),
            *(RetryAsked(C), failed("b"), RetryAsked(), failed("b"), failed("a", worth_retry=True)),
            *(RetryDue(A), failed("a"), RetryAsked(B), *ok("b", "d"), RetryAsked(A)),
            *(*ok("a", "c", "e"), RetryAsked(), RetryAsked(A)),
        ),
    )
    yield (
        "rerun",
        history(
            "a finished step and its dependants; refused while one of them runs; an edited output",
            *(step("a"), step("b", "a"), step("c", "b"), step("d", "a", when="x"), step("e")),
            awaiting("s", "b", kind=StepKind.APPROVAL),
            *(*ok("a"), judged("d", ConditionOutcome.DOES_NOT_HOLD), RerunAsked(A), *ok("b")),
            *(RerunAsked(C), *ok("c"), RerunAsked(A), *ok("a", "b")),
            *(judged("d", ConditionOutcome.HOLDS), PauseAsked(), *ok("c", "d")),
            *(RerunAsked(A, only_dependants=True), judged("d", ConditionOutcome.HOLDS)),
            *(ResumeAsked(), *ok("b", "c", "d", "e"), Decided(StepId("s"), accepted=True)),
            *(RerunAsked(StepId("s")), Decided(StepId("s"), accepted=False)),
        ),
    )
    yield (
        "crash-recovery",
        history(
            "running attempts are interrupted and count, timers ring again, one step gives up",
            *(step("a", retry=retried), step("b", retry=retried), step("c"), step("d", "a")),
            *(step("first", priority=9), step("e", "c", on_unmet=OnUnmet.RUN, when="x")),
            *(*ok("first"), failed("b", worth_retry=True), Crash()),
            *(AttemptInterrupted(A), AttemptInterrupted(C), Begin()),
            *(judged("e", ConditionOutcome.HOLDS), RetryDue(B), Crash(), AttemptInterrupted(A)),
            *(AttemptInterrupted(B), Begin(), *ok("e"), RetryAsked(), Crash()),
            *(AttemptInterrupted(A), AttemptInterrupted(B), AttemptInterrupted(C), Begin()),
            *ok("a", "b", "d"),
        ),
    )


def main() -> None:
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, recorded in histories():
        (FOLDER / f"{name}.json").write_text(play(recorded), encoding="utf-8")


if __name__ == "__main__":
    main()
