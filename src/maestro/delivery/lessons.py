"""Lessons: what kept attempts of ended runs from succeeding, counted. Nothing is told that does
not stand in the journal.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from maestro.domain.history import (
    EarlierAttempt,
    Lesson,
    LessonCase,
    LessonKind,
    Mending,
    SteeredStep,
    TriedStep,
)
from maestro.domain.run import StepError
from maestro.domain.values import RunId, StepId
from maestro.errors import Blocked

CASES = 5
"""Shown of each lesson."""
NOT_WELL = ("failed", "blocked", "interrupted")
"""How attempts end that did not succeed, and that nobody cancelled."""
_INTERRUPTED = "interrupted"
_REFUSED = ("FAIL", "ERROR", "NOT_MEASURED")
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRuns:
    """Ended runs, as far as lessons are read from them."""

    projects: Mapping[RunId, str]
    """Of each run that counts."""
    steps: Sequence[TriedStep]
    resets: Sequence[SteeredStep] = ()
    waived: Mapping[tuple[RunId, StepId, int], frozenset[str]] = field(default_factory=dict)
    """The gates that an attempt let pass by a waiver."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What an attempt's error names."""

    kind: LessonKind
    name: str
    reason: str


Key = tuple[LessonKind, str, str, str, str]
"""Kind, name, action, persona, phase."""


def lessons(past: PastRuns) -> tuple[Lesson, ...]:
    """Most runs concerned first; of as many what was refused by name, then the newest."""
    by_run: dict[RunId, dict[StepId, TriedStep]] = {}
    for step in past.steps:
        by_run.setdefault(step.run_id, {})[step.step_id] = step
    tried: dict[tuple[str, str, str], set[RunId]] = {}
    gathered: dict[Key, list[_Found]] = {}
    for step in past.steps:
        persona = answerable(step, by_run[step.run_id])
        tried.setdefault((step.action, persona, step.phase), set()).add(step.run_id)
        for obstacle, attempts in _obstacles(step):
            key = (obstacle.kind, obstacle.name, step.action, persona, step.phase)
            gathered.setdefault(key, []).append(_found(step, obstacle, attempts, past))
    told = [_lesson(key, found, len(tried[key[2:]])) for key, found in gathered.items()]
    vague = LessonKind.ERROR
    return tuple(sorted(told, key=lambda one: (one.runs, one.kind is not vague, one.at))[::-1])


def answerable(step: TriedStep, others: Mapping[StepId, TriedStep]) -> str:
    """The persona of the step, or of the one piece of work that it judges."""
    if step.persona:
        return step.persona
    judged = {others[need].persona for need in step.needs if need in others} - {""}
    return judged.pop() if len(judged) == 1 and step.action != "quality.gate" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    case: LessonCase
    attempts: tuple[EarlierAttempt, ...]
    cost: float | None


def _obstacles(step: TriedStep) -> Iterator[tuple[Obstacle, list[EarlierAttempt]]]:
    """Each thing that was in the way of the step, with the attempts that ended for it."""
    found: dict[tuple[LessonKind, str], tuple[Obstacle, list[EarlierAttempt]]] = {}
    for attempt in step.attempts:
        if attempt.status not in NOT_WELL or attempt.error is None:
            continue
        for obstacle in obstacles(attempt.error):
            key = (obstacle.kind, obstacle.name)
            attempts = found[key][1] if key in found else []
            found[key] = (obstacle, [*attempts, attempt])
    yield from found.values()


def obstacles(error: StepError) -> list[Obstacle]:
    """The gates and checks that an error's detail names, or else the error itself."""
    detail = error.detail
    if error.code == Blocked.code and isinstance(detail, Mapping):
        found = list(_distinct((*_gates(detail), *_checks(detail))))
        if found:
            return found
    return [Obstacle(LessonKind.ERROR, error.code, error.message)]


def _distinct(found: Iterable[Obstacle]) -> Iterator[Obstacle]:
    seen = set[tuple[LessonKind, str]]()
    for one in found:
        if (one.kind, one.name) not in seen:
            seen.add((one.kind, one.name))
            yield one


def _gates(detail: Mapping[str, object]) -> Iterator[Obstacle]:
    verdict = detail.get("verdict")
    for result in _each(verdict, "results"):
        if result.get("verdict") in _REFUSED and result.get("severity") == "BLOCKING":
            yield Obstacle(LessonKind.GATE, str(result.get("gate")), str(result.get("reason")))
    for rule in _each(verdict, "artefacts"):
        if rule.get("verdict") in _REFUSED:
            yield Obstacle(LessonKind.ARTEFACT, str(rule.get("path")), str(rule.get("reason")))


def _checks(detail: Mapping[str, object]) -> Iterator[Obstacle]:
    for finding in _each(detail, "findings"):
        if finding.get("severity") == "error":
            where = finding.get("operation") or detail.get("contract", "")
            reason = f"{where}: {finding.get('message')}"
            yield Obstacle(LessonKind.CHECK, str(finding.get("rule")), reason)
    for check in _each(detail, "checks"):
        if check.get("passed") is False:
            reason = ": ".join(
                str(check[name]) for name in ("statement", "detail") if check.get(name)
            )
            yield Obstacle(LessonKind.CHECK, _check_name(str(check.get("id"))), reason)


def _check_name(check: str) -> str:
    """`<kind> GET /tasks` is a check of that kind; others stand for themselves."""
    words = check.split(" ")
    return words[0] if len(words) > 2 and words[1] in _METHODS else check


def _each(holder: object, name: str) -> Iterator[Mapping[str, object]]:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    for one in found if isinstance(found, Sequence) and not isinstance(found, str) else ():
        if isinstance(one, Mapping):
            yield one


def _found(
    step: TriedStep, obstacle: Obstacle, attempts: Sequence[EarlierAttempt], past: PastRuns
) -> _Found:
    last = attempts[-1]
    mended = next(
        (a for a in step.attempts if a.number > last.number and a.status == "succeeded"), None
    )
    at = last.ended_at or last.started_at
    assert at is not None  # an attempt that ended has begun
    return _Found(
        case=LessonCase(
            run_id=step.run_id,
            project=past.projects[step.run_id],
            step_id=step.step_id,
            title=step.title,
            attempt=last.number,
            status=last.status,
            reason=obstacle.reason,
            at=at,
            mended_in=mended.number if mended else None,
            mended_by=_mending(step, obstacle, last, mended, past) if mended else None,
        ),
        attempts=tuple(attempts),
        cost=step.cost,
    )


def _mending(
    step: TriedStep,
    obstacle: Obstacle,
    last: EarlierAttempt,
    mended: EarlierAttempt,
    past: PastRuns,
) -> Mending:
    """What the journal has between the two attempts."""
    waived = past.waived.get((step.run_id, step.step_id, mended.number), frozenset())
    if obstacle.kind is LessonKind.GATE and obstacle.name in waived:
        return Mending.WAIVER
    between = [
        reset
        for reset in past.resets
        if reset.run_id == step.run_id and _within(reset.at, last.ended_at, mended.started_at)
    ]
    if any(reset.feedback for reset in between):
        return Mending.REWORK
    if any(reset.step_id == step.step_id for reset in between):
        return Mending.REQUEST
    return Mending.CONTINUATION if last.status == _INTERRUPTED else Mending.RETRY


def _within(at: datetime, begin: datetime | None, end: datetime | None) -> bool:
    return (begin is None or begin <= at) and (end is None or at <= end)


def _lesson(key: Key, found: Sequence[_Found], runs_tried: int) -> Lesson:
    kind, name, action, persona, phase = key
    newest = sorted(found, key=lambda one: one.case.at, reverse=True)
    mended = [one.case for one in found if one.case.mended_in is not None]
    attempts = [attempt for one in found for attempt in one.attempts]
    return Lesson(
        id=hashlib.sha256("\n".join(key).encode()).hexdigest()[:16],
        kind=kind,
        name=name,
        action=action,
        persona=persona,
        phase=phase,
        reason=newest[0].case.reason,
        attempts=len(attempts),
        runs=len({one.case.run_id for one in found}),
        runs_tried=runs_tried,
        mended=len(mended),
        unmended=len(found) - len(mended),
        mended_by=_counted(str(case.mended_by) for case in mended),
        mended_in=_counted(str(case.mended_in) for case in mended),
        seconds=total(attempt.seconds for attempt in attempts),
        cost=total(one.cost for one in found),
        at=newest[0].case.at,
        cases=tuple(one.case for one in newest[:CASES]),
    )


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def total(values: Iterable[float | None]) -> float | None:
    """None as soon as one of them is unknown."""
    known = list(values)
    return None if None in known else round(sum(v for v in known if v is not None), 6)
