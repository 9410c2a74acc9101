"""Times are measured from events; nobody's waiting counts as work."""

from datetime import UTC, datetime, timedelta

from maestro.delivery.timing import attempts, measure
from maestro.domain.run import Event, EventKind
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def _events(*rows: tuple[float, EventKind, str | None, int | None]) -> list[Event]:
    return [
        Event(
            run_id=RunId("run-1"),
            sequence=number,
            kind=kind,
            at=BEGIN + timedelta(seconds=at),
            step_id=None if step is None else StepId(step),
            attempt=attempt,
        )
        for number, (at, kind, step, attempt) in enumerate(rows, 1)
    ]


def _step(name: str, *needs: str) -> Step:
    return Step(id=StepId(name), action="x", needs=tuple(StepId(need) for need in needs))


STEPS = [_step("a"), _step("b"), _step("c", "a", "b")]


def test_overlapping_steps_save_time() -> None:
    events = _events(
        (0, EventKind.RUN_STARTED, None, None),
        (0, EventKind.STEP_STARTED, "a", 1),
        (0, EventKind.STEP_STARTED, "b", 1),
        (4, EventKind.STEP_SUCCEEDED, "a", 1),
        (6, EventKind.STEP_SUCCEEDED, "b", 1),
        (6, EventKind.STEP_STARTED, "c", 1),
        (8, EventKind.STEP_SUCCEEDED, "c", 1),
        (8, EventKind.RUN_SUCCEEDED, None, None),
    )
    timing = measure(STEPS, events)
    assert timing.wall == 8
    assert timing.sequential == 12
    assert timing.critical_path == 8
    assert timing.critical_steps == ("b", "c")
    assert round(timing.time_savings_percent, 1) == 33.3


def test_the_time_between_a_crash_and_the_resumption_is_nobodys() -> None:
    events = _events(
        (0, EventKind.RUN_STARTED, None, None),
        (0, EventKind.STEP_STARTED, "a", 1),
        (5, EventKind.STEP_PROGRESS, "a", 1),
        (100, EventKind.RUN_RESUMED, None, None),
        (100, EventKind.STEP_INTERRUPTED, "a", 1),
        (100, EventKind.STEP_STARTED, "a", 2),
        (103, EventKind.STEP_SUCCEEDED, "a", 2),
        (103, EventKind.RUN_SUCCEEDED, None, None),
    )
    first, second = attempts(events)
    assert (first.number, first.seconds) == (1, 5)
    assert (second.number, second.seconds) == (2, 3)
    timing = measure(STEPS[:1], events)
    assert timing.wall == 8
    assert timing.sequential == 8


def test_an_attempt_that_never_ended_is_not_measured() -> None:
    events = _events((0, EventKind.RUN_STARTED, None, None), (0, EventKind.STEP_STARTED, "a", 1))
    assert attempts(events) == ()
    assert measure(STEPS, events).sequential == 0
