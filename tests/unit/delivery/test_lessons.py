"""Lessons are counted from attempts, resets and waivers, and from nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

from maestro.delivery.lessons import PastRuns, lessons
from maestro.domain.history import (
    EarlierAttempt,
    LessonKind,
    Mending,
    SteeredStep,
    TriedStep,
)
from maestro.domain.run import StepError
from maestro.domain.values import JsonValue, RunId, StepId

BEGIN = datetime(2026, 5, 4, 12, tzinfo=UTC)
WORK, GATE, CHECK = StepId("work.writer"), StepId("gate.docs"), StepId("verify.api")


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def blocked(detail: JsonValue) -> StepError:
    return StepError(code="blocked", message="it was refused", detail=detail)


BROKEN = StepError(code="command_failed", message="the mirror did not answer")
REFUSED = blocked(
    {
        "verdict": {
            "results": [
                {"gate": "DOC-1", "verdict": "FAIL", "severity": "BLOCKING", "reason": "no README"},
                {"gate": "DOC-2", "verdict": "PASS", "severity": "BLOCKING", "reason": "fine"},
                {"gate": "DOC-3", "verdict": "FAIL", "severity": "WARNING", "reason": "short"},
            ],
            "artefacts": [{"path": "docs/*.md", "verdict": "NOT_MEASURED", "reason": "none"}],
        }
    }
)


def tried(step_id: StepId, *attempts: EarlierAttempt, run: str = "run-1", **more: Any) -> TriedStep:
    given = {"title": step_id, "action": "command.run", "persona": "", "phase": "docs", "needs": ()}
    return TriedStep(run_id=RunId(run), step_id=step_id, attempts=attempts, **{**given, **more})


def attempt(number: int, status: str, error: StepError | None = None) -> EarlierAttempt:
    """Each one second long, ten seconds after the one before."""
    begin = 10.0 * number
    return EarlierAttempt(
        number=number, status=status, started_at=at(begin), ended_at=at(begin + 1), error=error
    )


def past(*steps: TriedStep, resets: tuple[SteeredStep, ...] = (), **more: Any) -> PastRuns:
    projects = {step.run_id: "default" for step in steps}
    return PastRuns(projects=projects, steps=steps, resets=resets, **more)


def reset(step_id: StepId, *, feedback: bool) -> SteeredStep:
    """Between the first attempt and the second."""
    return SteeredStep(run_id=RunId("run-1"), step_id=step_id, at=at(15), feedback=feedback)


def test_an_attempt_that_broke_is_counted_over_the_runs_that_came_to_it() -> None:
    [lesson] = lessons(
        past(
            tried(WORK, attempt(1, "failed", BROKEN), attempt(2, "succeeded"), cost=None),
            tried(WORK, attempt(1, "failed", BROKEN), attempt(2, "failed", BROKEN), run="run-2"),
            tried(WORK, attempt(1, "succeeded"), run="run-3"),
        )
    )
    assert (lesson.kind, lesson.name) == (LessonKind.ERROR, "command_failed")
    assert (lesson.runs, lesson.runs_tried, lesson.attempts) == (2, 3, 3)
    assert (lesson.mended, lesson.unmended, lesson.mended_in) == (1, 1, {"2": 1})
    assert lesson.mended_by == {"retry": 1}
    assert lesson.seconds == 3.0
    assert lesson.cost is None, "what one step cost is unknown"
    assert [case.run_id for case in lesson.cases] == ["run-2", "run-1"]
    assert lesson.reason == "the mirror did not answer"


def test_a_refusal_is_told_by_gate_and_by_required_artefact() -> None:
    found = lessons(past(tried(GATE, attempt(1, "blocked", REFUSED), action="quality.gate")))
    assert {(one.kind, one.name, one.reason) for one in found} == {
        (LessonKind.GATE, "DOC-1", "no README"),
        (LessonKind.ARTEFACT, "docs/*.md", "none"),
    }


def test_a_check_is_told_by_its_kind_and_by_whose_work_it_judged() -> None:
    detail = {
        "contract": "api",
        "findings": [
            {"severity": "error", "rule": "answers", "operation": "GET /tasks", "message": "500"},
            {"severity": "warning", "rule": "slow", "operation": "", "message": "slow"},
        ],
        "checks": [
            {"id": "answers GET /tasks", "passed": False, "statement": "it answers"},
            {"id": "edge POST /tasks x", "passed": False, "statement": "said", "detail": "201"},
            {"id": "edge POST /users y", "passed": True, "statement": "said"},
        ],
    }
    found = lessons(
        past(
            tried(WORK, attempt(1, "succeeded"), action="persona.work", persona="backend"),
            tried(
                CHECK,
                attempt(2, "blocked", blocked(detail)),
                action="contract.verify",
                needs=(WORK,),
            ),
        )
    )
    assert {(one.name, one.persona, one.reason) for one in found} == {
        ("answers", "backend", "GET /tasks: 500"),
        ("edge", "backend", "said: 201"),
    }


def mending(first: EarlierAttempt, step_id: StepId = WORK, **more: Any) -> Mending | None:
    step = tried(step_id, first, attempt(2, "succeeded"))
    told = {case.mended_by for one in lessons(past(step, **more)) for case in one.cases}
    return told.pop() if len(told) == 1 else None


def test_what_came_before_the_success_is_read_from_the_journal() -> None:
    broken = attempt(1, "failed", BROKEN)
    assert mending(broken) is Mending.RETRY
    assert mending(broken, resets=(reset(WORK, feedback=False),)) is Mending.REQUEST
    assert mending(broken, resets=(reset(StepId("other"), feedback=True),)) is Mending.REWORK
    assert mending(broken, resets=(reset(StepId("other"), feedback=False),)) is Mending.RETRY
    assert mending(attempt(1, "interrupted", BROKEN)) is Mending.CONTINUATION


def test_a_gate_that_was_waived_was_not_mended_by_work() -> None:
    waived = {(RunId("run-1"), GATE, 2): frozenset({"DOC-1"})}
    step = tried(GATE, attempt(1, "blocked", REFUSED), attempt(2, "succeeded"))
    told = {
        one.name: one.cases[0].mended_by
        for one in lessons(past(step, resets=(reset(GATE, feedback=False),), waived=waived))
    }
    assert told == {"DOC-1": Mending.WAIVER, "docs/*.md": Mending.REQUEST}


def test_how_long_an_interrupted_attempt_was_at_work_is_unknown() -> None:
    [lesson] = lessons(past(tried(WORK, attempt(1, "interrupted", BROKEN))))
    assert lesson.seconds is None


def test_a_cancelled_attempt_teaches_nothing() -> None:
    assert lessons(past(tried(WORK, attempt(1, "cancelled", BROKEN)))) == ()
