"""What a watcher sees is built from events alone."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from rich.console import Console

from maestro.cli.progress import RunView, line, tree
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


def test_the_stream_ends_the_show() -> None:
    from maestro.cli.progress import show

    async def stream() -> AsyncIterator[Event]:
        yield _event(1, EventKind.RUN_CREATED, data={"steps": STEPS})
        yield _event(2, EventKind.RUN_SUCCEEDED)

    asyncio.run(show(stream(), "maestro", quiet=False))
