"""What a watcher sees is built from events alone."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from maestro.cli.options import StoreOptions
from maestro.cli.progress import RunView, heartbeat, line, show, tree
from maestro.domain.run import Event, EventKind, StepStatus
from maestro.domain.values import JsonObject, RunId, StepId

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = [
    {"id": "work.front", "title": "Frontend [x]", "phase": "frontend", "persona": "f"},
    {"id": "gate", "title": "Gate", "phase": "review", "persona": ""},
]


def _event(
    number: int, kind: EventKind, step: str | None = None, data: JsonObject | None = None
) -> Event:
    return Event(
        run_id=RunId("run-1"),
        sequence=number,
        kind=kind,
        at=BEGIN + timedelta(seconds=number),
        step_id=None if step is None else StepId(step),
        attempt=1,
        data=data or {},
    )


def _view() -> RunView:
    view = RunView()
    view.apply(_event(1, EventKind.RUN_CREATED, data={"steps": STEPS}))
    view.apply(_event(2, EventKind.STEP_STARTED, "work.front"))
    mock = {"contract": "backend-api", "url": "http://127.0.0.1:1/api", "consumer": "f"}
    view.apply(_event(3, EventKind.MOCK_STARTED, "work.front", mock))
    return view


def _text(view: RunView, height: int = 60) -> str:
    console = Console(file=io.StringIO(), width=140)
    with console.capture() as capture:
        console.print(tree(view, "maestro run-1", height))
    return capture.get()


def test_a_running_consumer_shows_its_mock() -> None:
    shown = _text(_view())
    assert "Frontend [x]" in shown
    assert "mock backend-api at http://127.0.0.1:1/api" in shown


def test_blocked_and_failed_never_look_alike() -> None:
    symbols = set()
    for kind in (EventKind.STEP_BLOCKED, EventKind.STEP_FAILED):
        view = _view()
        view.apply(_event(4, kind, "gate", {"message": "refused", "reasons": ["too low"]}))
        row = next(row for row in _text(view).splitlines() if "Gate" in row)
        symbols.add(row.split("Gate")[0].strip(" └├─│"))
    assert len(symbols) == 2


def test_a_small_screen_folds_finished_phases() -> None:
    view = _view()
    view.apply(_event(4, EventKind.STEP_SUCCEEDED, "work.front", {"duration_seconds": 2.0}))
    assert view.steps["work.front"].status is StepStatus.SUCCEEDED
    assert "Frontend [x]" in _text(view)
    assert "Frontend [x]" not in _text(view, height=10)


def test_lines_name_reason_and_time() -> None:
    view = _view()
    event = _event(4, EventKind.STEP_BLOCKED, "gate", {"message": "no", "reasons": ["a < b"]})
    view.apply(event)
    assert line(view, event) == "00:03 blocked   Gate: no\n                - a < b"


def test_a_long_word_stands_apart() -> None:
    view = _view()
    event = _event(4, EventKind.STEP_INTERRUPTED, "gate", {})
    view.apply(event)
    assert line(view, event).startswith("00:03 interrupted Gate")


def test_the_stream_ends_the_show() -> None:
    async def stream() -> AsyncIterator[Event]:
        yield _event(1, EventKind.RUN_CREATED, data={"steps": STEPS})
        yield _event(2, EventKind.RUN_SUCCEEDED)

    asyncio.run(show(stream(), "maestro", quiet=False))


QUESTION = {"id": "release", "title": "Release", "phase": "", "persona": "", "kind": "approval"}
SIGNAL = {"id": "paid", "title": "Paid", "phase": "", "persona": "", "kind": "signal"}


def _asking(store: StoreOptions = StoreOptions()) -> RunView:
    view = RunView(store)
    view.apply(_event(1, EventKind.RUN_CREATED, data={"steps": [QUESTION, SIGNAL]}))
    return view


def _line(view: RunView, event: Event) -> str:
    view.apply(event)
    return line(view, event)


def test_a_question_shows_what_to_type() -> None:
    view = _asking(StoreOptions(db="/tmp/my runs.db"))
    data = {"kind": "approval", "expires_at": "2026-01-02T00:00:00+00:00"}
    told = _line(view, _event(2, EventKind.STEP_AWAITING, "release", data)).splitlines()
    assert told == [
        "00:01 awaiting  Release: an approval, until 2026-01-02T00:00:00+00:00",
        " " * 16 + "approve: maestro runs approve run-1 release --db '/tmp/my runs.db'",
        " " * 16
        + "reject:  maestro runs reject run-1 release --comment reason --db '/tmp/my runs.db'",
    ]
    shown = _text(view)
    assert "approve: maestro runs approve run-1 release" in shown
    assert "Release waits for an approval" in heartbeat(view, BEGIN + timedelta(seconds=30))


def test_a_signal_shows_what_to_type() -> None:
    view = _asking()
    told = _line(view, _event(2, EventKind.STEP_AWAITING, "paid", {"kind": "signal"}))
    assert "Paid: a signal\n" in told
    assert "maestro runs signal run-1 paid" in told


@pytest.mark.parametrize(
    ("kind", "step", "data", "told"),
    [
        (
            EventKind.STEP_SUCCEEDED,
            "release",
            {"decision": {"approved": True, "by": "ann", "comment": "fine"}},
            "00:04 approved  Release (3.0 s) by ann: fine",
        ),
        (
            EventKind.STEP_BLOCKED,
            "release",
            {
                "message": "rejected by ann: too early",
                "reasons": ["rejected by ann: too early"],
                "decision": {"approved": False, "by": "ann", "comment": "too early"},
            },
            "00:04 rejected  Release (3.0 s) by ann: too early",
        ),
        (
            EventKind.STEP_SUCCEEDED,
            "release",
            {"decision": {"payload": 1, "by": "ann"}},
            "00:04 signalled Release (3.0 s) by ann",
        ),
        (
            EventKind.STEP_FAILED,
            "release",
            {"message": "nobody answered", "decision": None},
            "00:04 failed    Release (3.0 s): nobody answered",
        ),
        (
            EventKind.STEP_SIGNALLED,
            "paid",
            {"payload": 1, "by": "ann"},
            "00:04 signalled Paid by ann, before the step waited for it",
        ),
        (
            EventKind.STEP_EDITED,
            "release",
            {"by": "ann", "comment": "typo", "before": "a", "after": "b"},
            "00:04 edited    Release by ann: typo; what had worked with the old output runs again",
        ),
        (EventKind.RUN_PAUSED, None, {"by": "ann"}, "00:04 paused    run by ann"),
        (EventKind.RUN_PAUSED, None, {}, "00:04 paused    run"),
    ],
)
def test_what_people_did_is_told(
    kind: EventKind, step: str | None, data: JsonObject, told: str
) -> None:
    view = _asking()
    view.apply(_event(2, EventKind.STEP_AWAITING, "release", {"kind": "approval"}))
    assert _line(view, _event(5, kind, step, data)) == told


def test_a_step_that_goes_back_is_not_finished() -> None:
    view = _view()
    view.apply(_event(4, EventKind.STEP_SUCCEEDED, "work.front"))
    assert "frontend  1/1" in _text(view)
    view.apply(_event(5, EventKind.STEP_RESET, "work.front"))
    assert "frontend  0/1" in _text(view)


def test_quiet_still_asks(capsys: pytest.CaptureFixture[str]) -> None:
    async def stream() -> AsyncIterator[Event]:
        yield _event(1, EventKind.RUN_CREATED, data={"steps": [QUESTION]})
        yield _event(2, EventKind.STEP_AWAITING, "release", {"kind": "approval"})
        yield _event(3, EventKind.STEP_SUCCEEDED, "release")

    asyncio.run(show(stream(), "maestro", quiet=True))
    told = capsys.readouterr().err
    assert "maestro runs approve run-1 release" in told
    assert len(told.splitlines()) == 3
