"""A run as its events tell it, and the two printers that show it while it goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from maestro.cli.answering import answers, awaited, clock_time, decision, signed
from maestro.cli.options import StoreOptions
from maestro.domain.run import FINISHED_STEPS, Event, EventKind, StepStatus
from maestro.domain.values import JsonObject

HEARTBEAT_SECONDS = 10.0
PATIENT_HEARTBEAT_SECONDS = 300.0
"""While nothing is running and somebody is waited for."""
_INDENT = "\n" + " " * 16

SYMBOLS: dict[StepStatus, tuple[str, str]] = {
    StepStatus.PENDING: ("·", "dim"),
    StepStatus.READY: ("·", "dim"),
    StepStatus.RUNNING: ("●", "cyan"),
    StepStatus.WAITING: ("◌", "yellow"),
    StepStatus.AWAITING: ("◇", "bold yellow"),
    StepStatus.SUCCEEDED: ("✓", "green"),
    StepStatus.FAILED: ("✗", "bold red"),
    StepStatus.BLOCKED: ("■", "bold magenta"),
    StepStatus.SKIPPED: ("⊘", "dim"),
    StepStatus.CANCELLED: ("⊖", "yellow"),
}
"""Symbol and style; failed (it broke) and blocked (it was refused) never look alike."""

_STATUS_OF = {
    EventKind.STEP_STARTED: StepStatus.RUNNING,
    EventKind.STEP_SUCCEEDED: StepStatus.SUCCEEDED,
    EventKind.STEP_FAILED: StepStatus.FAILED,
    EventKind.STEP_BLOCKED: StepStatus.BLOCKED,
    EventKind.STEP_SKIPPED: StepStatus.SKIPPED,
    EventKind.STEP_RETRYING: StepStatus.WAITING,
    EventKind.STEP_INTERRUPTED: StepStatus.WAITING,
    EventKind.STEP_AWAITING: StepStatus.AWAITING,
    EventKind.STEP_CANCELLED: StepStatus.CANCELLED,
    EventKind.STEP_RESET: StepStatus.PENDING,
}


@dataclass(slots=True)
class StepView:
    id: str
    title: str
    phase: str
    persona: str
    kind: str = ""
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    message: str = ""
    mocks: list[str] = field(default_factory=list)
    """Contracts whose mocks it works against now."""

    def seconds(self, now: datetime) -> float | None:
        if self.started_at is None:
            return None
        return ((self.ended_at or now) - self.started_at).total_seconds()


@dataclass(slots=True)
class RunView:
    """State of one run, built from nothing but its events."""

    store: StoreOptions = field(default_factory=StoreOptions)
    """Where the run is kept, for the commands that are shown."""
    run_id: str = ""
    steps: dict[str, StepView] = field(default_factory=dict)
    questions: dict[str, Event] = field(default_factory=dict)
    """Per step that waits for somebody, the event that said so."""
    started_at: datetime | None = None
    ended: EventKind | None = None
    last_event_at: datetime | None = None

    def apply(self, event: Event) -> None:
        self.run_id = event.run_id
        self.last_event_at = event.at
        self.started_at = self.started_at or event.at
        if event.kind in (EventKind.RUN_CREATED, EventKind.RUN_EXTENDED):
            for step in event.data["steps"]:
                self._add(step)
        if event.step_id is not None and event.step_id in self.steps:
            self._note_question(event.step_id, event)
            self._apply_step(self.steps[event.step_id], event)
        elif event.kind in _ENDS:
            self.ended = event.kind
        elif event.kind is EventKind.RUN_RESUMED:
            self.ended = None

    def _add(self, step: JsonObject) -> None:
        step_id = str(step["id"])
        self.steps[step_id] = StepView(
            id=step_id,
            title=str(step.get("title") or step_id),
            phase=str(step.get("phase") or ""),
            persona=str(step.get("persona") or ""),
            kind=str(step.get("kind") or ""),
        )

    def _note_question(self, step_id: str, event: Event) -> None:
        if event.kind is EventKind.STEP_AWAITING:
            self.questions[step_id] = event
        elif event.kind in _STATUS_OF:
            self.questions.pop(step_id, None)

    def _apply_step(self, step: StepView, event: Event) -> None:
        status = _STATUS_OF.get(event.kind)
        if status is not None:
            step.status = status
            step.message = str(event.data.get("message", ""))
        if event.kind in _BEGINNINGS:
            step.started_at, step.ended_at = event.at, None
            step.attempt = event.attempt or step.attempt
            step.mocks.clear()
        elif event.kind is EventKind.STEP_PROGRESS:
            step.message = str(event.data.get("message", ""))
        elif event.kind is EventKind.MOCK_STARTED:
            step.mocks.append(f"{event.data['contract']} at {event.data['url']}")
        elif event.kind is EventKind.MOCK_STOPPED:
            step.mocks.clear()
        elif event.kind is EventKind.STEP_RESET:
            step.started_at = None
        elif status is not None:
            step.ended_at = event.at

    def answers(self, step: StepView) -> tuple[str, ...]:
        """What to type in another terminal for a step that waits for somebody."""
        return answers(step.kind, self.run_id, step.id, self.store)

    def phases(self) -> Iterable[tuple[str, list[StepView]]]:
        """Phases in the order of their first step."""
        grouped: dict[str, list[StepView]] = {}
        for step in self.steps.values():
            grouped.setdefault(step.phase or "other", []).append(step)
        return grouped.items()


_BEGINNINGS = frozenset({EventKind.STEP_STARTED, EventKind.STEP_AWAITING})
_ENDS = frozenset(
    {
        EventKind.RUN_SUCCEEDED,
        EventKind.RUN_FAILED,
        EventKind.RUN_BLOCKED,
        EventKind.RUN_CANCELLED,
        EventKind.RUN_PAUSED,
    }
)


async def show(
    events: AsyncIterator[Event],
    headline: str,
    *,
    quiet: bool,
    earlier: Iterable[Event] = (),
    store: StoreOptions = StoreOptions(),
) -> None:
    """Shows a run on stderr until its stream ends: a live tree on a terminal, lines elsewhere.

    Quiet, it only says what to type when somebody is waited for.
    """
    console = Console(stderr=True, highlight=False, markup=False)
    view = RunView(store)
    for event in earlier:
        view.apply(event)
    view.ended = None
    if quiet or not console.is_terminal or console.is_dumb_terminal:
        for question in view.questions.values():
            console.print(line(view, question), soft_wrap=True)
    if quiet:
        await _show_questions(events, view, console)
    elif console.is_terminal and not console.is_dumb_terminal:
        await _show_tree(events, view, headline, console)
    else:
        await _show_lines(events, view, headline, console)


async def _show_questions(events: AsyncIterator[Event], view: RunView, console: Console) -> None:
    async for event in events:
        view.apply(event)
        if event.kind is EventKind.STEP_AWAITING:
            console.print(line(view, event), soft_wrap=True)


async def _show_tree(
    events: AsyncIterator[Event], view: RunView, headline: str, console: Console
) -> None:
    with Live(console=console, refresh_per_second=8, transient=False) as live:

        async def tick() -> None:
            while True:
                live.update(tree(view, headline, console.height))
                await asyncio.sleep(0.25)

        ticker = asyncio.create_task(tick())
        try:
            async for event in events:
                view.apply(event)
        finally:
            ticker.cancel()
            live.update(tree(view, headline, console.height))


async def _show_lines(
    events: AsyncIterator[Event], view: RunView, headline: str, console: Console
) -> None:
    console.print(headline)
    iterator = aiter(events)
    upcoming = asyncio.ensure_future(anext(iterator, None))
    while True:
        done, _ = await asyncio.wait({upcoming}, timeout=_patience(view))
        if not done:
            console.print(heartbeat(view, _now()), soft_wrap=True)
            continue
        event = upcoming.result()
        if event is None:
            return
        view.apply(event)
        text = line(view, event)
        if text:
            console.print(text, soft_wrap=True)
        upcoming = asyncio.ensure_future(anext(iterator, None))


def _patience(view: RunView) -> float:
    present = {step.status for step in view.steps.values()}
    if StepStatus.AWAITING in present and StepStatus.RUNNING not in present:
        return PATIENT_HEARTBEAT_SECONDS
    return HEARTBEAT_SECONDS


def tree(view: RunView, headline: str, height: int) -> Group:
    """Phases and steps; finished phases fold when the screen is too small for all."""
    now = _now() if view.ended is None else (view.last_event_at or _now())
    elapsed = _clock((now - view.started_at).total_seconds()) if view.started_at else "00:00"
    root = Tree(Text.assemble((headline, "bold"), ("   " + elapsed, "cyan")), guide_style="dim")
    fold = len(view.steps) + 14 > height
    for phase, steps in view.phases():
        done = all(step.status is StepStatus.SUCCEEDED for step in steps)
        waiting = all(step.status is StepStatus.PENDING for step in steps)
        branch = root.add(_phase_label(phase, steps, now))
        if fold and (done or waiting):
            continue
        for step in steps:
            twig = branch.add(_step_label(step, now))
            if step.status is StepStatus.AWAITING:
                for answer in view.answers(step):
                    twig.add(Text(answer, "yellow", overflow="fold"))
    return Group(root)


def _phase_label(phase: str, steps: list[StepView], now: datetime) -> Text:
    finished = sum(step.status in FINISHED_STEPS for step in steps)
    worst = _worst(steps)
    symbol, style = SYMBOLS[worst]
    return Text.assemble(
        (f"{symbol} ", style), (phase, "bold"), (f"  {finished}/{len(steps)}", "dim")
    )


def _worst(steps: list[StepView]) -> StepStatus:
    present = {step.status for step in steps}
    for status in (
        StepStatus.FAILED,
        StepStatus.BLOCKED,
        StepStatus.AWAITING,
        StepStatus.RUNNING,
        StepStatus.WAITING,
        StepStatus.CANCELLED,
    ):
        if status in present:
            return status
    if present <= {StepStatus.SUCCEEDED, StepStatus.SKIPPED}:
        return StepStatus.SUCCEEDED
    return StepStatus.PENDING


def _step_label(step: StepView, now: datetime) -> Text:
    symbol, style = SYMBOLS[step.status]
    label = Text.assemble((f"{symbol} ", style), step.title)
    seconds = step.seconds(now)
    if seconds is not None:
        label.append(f"  {seconds:.1f} s", "cyan" if step.status is StepStatus.RUNNING else "dim")
    if step.attempt > 1:
        label.append(f"  attempt {step.attempt}", "yellow")
    if step.status is StepStatus.RUNNING:
        for mock in step.mocks:
            label.append(f"  ⇄ mock {mock}", "blue")
    if step.message and step.status is not StepStatus.SUCCEEDED:
        label.append(f"  {step.message}", "dim" if step.status is StepStatus.RUNNING else style)
    label.no_wrap = True
    label.overflow = "ellipsis"
    return label


def line(view: RunView, event: Event) -> str:
    """One event for a log; empty for those nobody needs to read."""
    at = f"{_elapsed(view, event.at)} "
    step = view.steps.get(event.step_id or "")
    name = step.title if step else (event.step_id or "")
    data = event.data
    if event.kind in _QUIET:
        return ""
    if event.kind is EventKind.MOCK_STARTED:
        return f"{at}mock      {data['contract']} at {data['url']} for {data['consumer']}"
    if event.kind is EventKind.STEP_PROGRESS:
        return f"{at}          {name}: {data.get('message', '')}"
    word, message = _told(view, event)
    seconds = step.seconds(event.at) if step and event.kind in _SPENT else None
    spent = "" if seconds is None else f" ({seconds:.1f} s)"
    attempt = f" attempt {event.attempt}" if (event.attempt or 1) > 1 else ""
    subject = name or "run"
    return f"{at}{word:<9} {subject}{attempt}{spent}{message}"


def _told(view: RunView, event: Event) -> tuple[str, str]:
    """What happened in one word, and what else there is to say."""
    data = event.data
    decided = decision(data.get("decision"))
    if decided is not None:
        return decided[0], f" {decided[1]}"
    word = event.kind.value.split(".")[1]
    if event.kind is EventKind.STEP_AWAITING:
        return word, _question(view, event)
    if event.kind is EventKind.STEP_SIGNALLED:
        return word, f" {signed(data)}, before the step waited for it"
    if event.kind is EventKind.STEP_EDITED:
        return word, f" {signed(data)}; what had worked with the old output runs again"
    if event.kind in (EventKind.AGENT_CHOSEN, EventKind.AGENT_SUSPENDED):
        return word, f": {data['agent']} ({data['reason']})"
    message = f": {data['message']}" if data.get("message") else ""
    signature = f" {signed(data)}" if signed(data) else ""
    reasons = "".join(f"{_INDENT}- {reason}" for reason in data.get("reasons", ()))
    return word, f"{message}{signature}{reasons}"


def _question(view: RunView, event: Event) -> str:
    step = view.steps.get(event.step_id or "")
    kind = str(event.data.get("kind") or (step.kind if step else ""))
    until = event.data.get("expires_at")
    limit = f", until {clock_time(datetime.fromisoformat(until))}" if until else ""
    typed = answers(kind, event.run_id, event.step_id or "", view.store)
    return f": {awaited(kind)}{limit}" + "".join(f"{_INDENT}{answer}" for answer in typed)


_SPENT = frozenset({EventKind.STEP_SUCCEEDED, EventKind.STEP_FAILED, EventKind.STEP_BLOCKED})
_QUIET = frozenset({EventKind.RUN_CREATED, EventKind.RUN_EXTENDED, EventKind.MOCK_STOPPED})


def heartbeat(view: RunView, now: datetime) -> str:
    """Says what is going on when nothing has happened for a while."""
    running = [
        f"{step.title} {step.seconds(now) or 0:.0f} s"
        for step in view.steps.values()
        if step.status is StepStatus.RUNNING
    ]
    asked = [
        f"{step.title} waits for {awaited(step.kind)}"
        for step in view.steps.values()
        if step.status is StepStatus.AWAITING
    ]
    age = (now - view.last_event_at).total_seconds() if view.last_event_at else 0.0
    work = ", ".join(running + asked) or "nothing is running"
    return f"{_elapsed(view, now)} still at work: {work}; last event {age:.0f} s ago"


def _elapsed(view: RunView, at: datetime) -> str:
    return _clock((at - view.started_at).total_seconds()) if view.started_at else "00:00"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def _now() -> datetime:
    return datetime.now(UTC)
