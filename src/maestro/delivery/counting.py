"""Counts what journals say into figures over all runs: each event once, whichever process does."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from maestro.delivery.journal_reading import JournalReading
from maestro.domain import figures
from maestro.domain.figures import BOUNDS, SUM, FigureFamily, FigureKey, ReadingPurpose, RunNews
from maestro.domain.models import JournaledCall
from maestro.domain.run import ENDED_RUNS, Event, EventKind, RunStatus
from maestro.domain.values import JsonObject, JsonValue, StepId
from maestro.ports import Store, Transaction

_RUN_ENDS = {f"run.{status.value}": status for status in ENDED_RUNS}
_STEP_ENDS = {
    EventKind.STEP_SUCCEEDED: "succeeded",
    EventKind.STEP_FAILED: "failed",
    EventKind.STEP_BLOCKED: "blocked",
    EventKind.STEP_SKIPPED: "skipped",
    EventKind.STEP_CANCELLED: "cancelled",
}
_ATTEMPT_ENDS = {
    **_STEP_ENDS,
    EventKind.STEP_RETRYING: "failed",
    EventKind.STEP_INTERRUPTED: "interrupted",
}
_AGAIN = frozenset({EventKind.STEP_RETRYING, EventKind.STEP_INTERRUPTED})
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#-]{0,79}")
_BUILD = "build"
Figures = defaultdict[FigureKey, float]


@dataclass(frozen=True, slots=True)
class FigureCounting:
    """Brings the figures of a store up to date."""

    store: Store

    async def catch_up(self, seconds: float) -> int:
        """Counts for about so long at most; how many runs have events that are left."""
        reading = JournalReading(self.store, ReadingPurpose.FIGURES, _counted_all, _add)
        return await reading.catch_up(seconds)


def _counted_all(news: Sequence[RunNews]) -> Figures:
    found: Figures = defaultdict(float)
    for each in news:
        for key, number in counted(each).items():
            found[key] += number
    return found


def _add(tx: Transaction, found: Figures) -> None:
    tx.listing.counting.add(found)


def counted(news: RunNews) -> Figures:
    """By how much the news move the figures."""
    found: Figures = defaultdict(float)
    for event in news.events:
        if event.step_id is None:
            _count_run(news, event, found)
        else:
            _count_step(news, event, event.step_id, found)
    for call in (each.entry for each in news.calls if each.entry.kind is JournaledCall.MODEL):
        model = _model(call.name)
        found[(figures.TOKENS.name, model, "input")] += call.input_tokens
        found[(figures.TOKENS.name, model, "output")] += call.output_tokens
        found[(figures.COST.name, model)] += call.cost or 0.0
    return found


def _count_run(news: RunNews, event: Event, found: Figures) -> None:
    status: RunStatus | None = _RUN_ENDS.get(event.kind.value)
    if status is None:
        return
    found[(figures.RUNS.name, _label(news.blueprint), status.value)] += 1
    _last(figures.RUN_SECONDS, (status.value,), _between(news.created_at, event.at), found)


def _count_step(news: RunNews, event: Event, step_id: StepId, found: Figures) -> None:
    step = news.steps[step_id]
    attempt = event.attempt or 0
    # Names that the authors of workflow files choose make no bounded set of labels.
    built = news.workflow == _BUILD
    persona = step.persona or str(step.inputs.get("persona", "") if step.inputs else "")
    if event.kind in _STEP_ENDS:
        labels = (step.phase, persona) if built else ("", "")
        found[(figures.STEPS.name, *map(_label, labels), _STEP_ENDS[event.kind])] += 1
    if event.kind in _AGAIN:
        code = event.data.get("code") if event.kind is EventKind.STEP_RETRYING else "interrupted"
        found[(figures.RETRIES.name, _label(str(code or "")))] += 1
    if event.kind is EventKind.AGENT_SUSPENDED:
        found[(figures.SUSPENDED.name, _label(str(event.data.get("circuit", ""))))] += 1
    if event.kind is EventKind.STEP_STARTED and attempt == 1:
        _count_wait(news, event, step_id, found)
    if event.kind in _ATTEMPT_ENDS:
        _count_attempt(news, step_id, attempt, _ATTEMPT_ENDS[event.kind], found)


def _count_attempt(
    news: RunNews, step_id: StepId, number: int, status: str, found: Figures
) -> None:
    attempt = news.attempts.get((step_id, number))
    if attempt is None:
        return
    step = news.steps[step_id]
    if attempt.started_at is not None and attempt.ended_at is not None:
        seconds = _between(attempt.started_at, attempt.ended_at)
        _last(figures.STEP_SECONDS, (_label(step.action), status), seconds, found)
    if (step_id, number) in news.waited:
        _last(figures.QUEUE_SECONDS, (), news.waited[step_id, number], found)
    made = attempt.output if attempt.error is None else attempt.error.detail
    if not isinstance(made, Mapping):
        return
    if step.action == "contract.verify":
        kind = news.kinds.get(str(made.get("contract", "")), "")
        for check in _listed(made, "checks"):
            result = "passed" if check.get("passed") else "failed"
            found[(figures.CHECKS.name, _label(kind), result)] += 1
    else:
        _count_gates(made if "verdict" in made else made.get("entry"), found)


def _count_gates(record: JsonValue, found: Figures) -> None:
    """Of a GateRecord, as the journal keeps it."""
    verdict = record.get("verdict") if isinstance(record, Mapping) else None
    for result in _listed(verdict, "results") if isinstance(verdict, Mapping) else ():
        name, word = str(result.get("gate", "")), str(result.get("verdict", ""))
        found[(figures.GATES.name, _label(name), _label(word))] += 1


def _count_wait(news: RunNews, event: Event, step_id: StepId, found: Figures) -> None:
    """Since what it needs had ended; not where that was done again meanwhile."""
    needs = news.steps[step_id].needs
    moments = [news.ended[need] for need in needs if need in news.ended]
    if len(moments) < len(needs) or any(moment > event.at for moment in moments):
        return
    ready = max(moments, default=news.created_at)
    _last(figures.QUEUE_SECONDS, (), _between(ready, event.at), found)


def _last(family: FigureFamily, labels: tuple[str, ...], seconds: float, found: Figures) -> None:
    bound = next(bound for bound in BOUNDS if seconds <= bound)
    found[(family.name, *labels, str(bound))] += 1
    found[(family.name, *labels, SUM)] += seconds


def _between(began: datetime, ended: datetime) -> float:
    return max(0.0, (ended - began).total_seconds())


def _listed(value: JsonObject, name: str) -> Sequence[JsonObject]:
    items = value.get(name)
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _model(name: str) -> str:
    """Without the address of a server."""
    return _label(name.rpartition("#")[2] if "://" in name else name)


def _label(text: str) -> str:
    return text if not text or _LABEL.fullmatch(text) else "other"
