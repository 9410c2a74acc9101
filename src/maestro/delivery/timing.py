"""Measured time of a run, from nothing but its events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from maestro.domain.outcome import Timing
from maestro.domain.run import Event, EventKind
from maestro.domain.values import StepId
from maestro.domain.workflow import Step, topological_order

_BEGINS = frozenset({EventKind.RUN_STARTED, EventKind.RUN_RESUMED})
_ENDS = frozenset(
    {
        EventKind.STEP_SUCCEEDED,
        EventKind.STEP_FAILED,
        EventKind.STEP_BLOCKED,
        EventKind.STEP_RETRYING,
        EventKind.STEP_CANCELLED,
        EventKind.STEP_INTERRUPTED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of a step, as it really ran."""

    step_id: StepId
    number: int
    started_at: datetime
    ended_at: datetime
    end: EventKind

    @property
    def seconds(self) -> float:
        return (self.ended_at - self.started_at).total_seconds()


def attempts(events: Sequence[Event]) -> tuple[Attempt, ...]:
    """Every attempt that ended. An interrupted one ends with the last event its process wrote,
    so that the time until somebody resumed the run is nobody's work.
    """
    found: list[Attempt] = []
    open_since: dict[StepId, Event] = {}
    last_alive: datetime | None = None
    for event in events:
        if event.kind is EventKind.STEP_STARTED and event.step_id is not None:
            open_since[event.step_id] = event
        elif event.kind in _ENDS and event.step_id in open_since:
            start = open_since.pop(event.step_id)
            interrupted = event.kind is EventKind.STEP_INTERRUPTED
            ended_at = (last_alive or event.at) if interrupted else event.at
            found.append(
                Attempt(
                    step_id=event.step_id,
                    number=start.attempt or 1,
                    started_at=start.at,
                    ended_at=max(ended_at, start.at),
                    end=event.kind,
                )
            )
        if event.kind not in _BEGINS and event.kind is not EventKind.STEP_INTERRUPTED:
            last_alive = event.at
    return tuple(found)


def measure(steps: Sequence[Step], events: Sequence[Event]) -> Timing:
    """Wall time, sequential sum and critical path of the attempts that ended."""
    done = attempts(events)
    spent: dict[StepId, float] = {}
    for attempt in done:
        spent[attempt.step_id] = spent.get(attempt.step_id, 0.0) + attempt.seconds
    length, path = _critical_path(steps, spent)
    return Timing(
        wall=_wall(events),
        sequential=sum(spent.values()),
        critical_path=length,
        critical_steps=path,
    )


def _wall(events: Sequence[Event]) -> float:
    """Sum of the spans from each start or resumption to the last event before the next one."""
    total = 0.0
    begin: datetime | None = None
    last: datetime | None = None
    for event in events:
        if event.kind in _BEGINS:
            if begin is not None and last is not None:
                total += (last - begin).total_seconds()
            begin = event.at
        if event.kind is not EventKind.STEP_INTERRUPTED:
            last = event.at
    if begin is not None and last is not None:
        total += (last - begin).total_seconds()
    return total


def _critical_path(
    steps: Sequence[Step], spent: Mapping[StepId, float]
) -> tuple[float, tuple[str, ...]]:
    by_id = {step.id: step for step in steps}
    best: dict[StepId, float] = {}
    before: dict[StepId, StepId | None] = {}
    for step_id in topological_order(steps):
        needs = [need for need in by_id[step_id].needs if need in best]
        longest = max(needs, key=lambda need: best[need], default=None)
        before[step_id] = longest
        best[step_id] = spent.get(step_id, 0.0) + (best[longest] if longest else 0.0)
    if not best:
        return 0.0, ()
    last: StepId | None = max(best, key=lambda step_id: best[step_id])
    length = best[last] if last else 0.0
    path: list[str] = []
    while last is not None:
        if spent.get(last, 0.0) > 0:
            path.append(last)
        last = before[last]
    return length, tuple(reversed(path))
