"""Ended runs as people look back at them: listed, counted, learned from, and used to foretell."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import fmean

from maestro.delivery.forecast import WORK, forecast, middle, seconds_of
from maestro.delivery.lessons import NOT_WELL, PastRuns, answerable, lessons, total
from maestro.delivery.service import Maestro
from maestro.domain.history import (
    BlueprintRecord,
    EndedRun,
    HistoryFigures,
    Lesson,
    PlanForecast,
    TriedStep,
    WorkFigures,
    WorkInHand,
)
from maestro.domain.overview import RunOverview, RunQuery
from maestro.domain.plan import Plan
from maestro.domain.run import Run
from maestro.domain.values import JsonValue, RunId, StepId
from maestro.ports import Transaction

MOST_RUNS = 500
"""Looked at for one answer; the newest."""
MOST_IN_HAND = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PastQuery:
    """Which ended runs are looked at; None leaves a field open."""

    projects: frozenset[str] | None = None
    since: datetime | None = None
    last: int = 200
    """At most so many, the newest; up to MOST_RUNS."""

    def runs(self) -> RunQuery:
        return RunQuery(projects=self.projects, since=self.since, ended=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryDesk:
    """Looks only; whoever may ask is the door's to know."""

    maestro: Maestro

    async def page(self, query: RunQuery, limit: int) -> Sequence[EndedRun]:
        """Newest first."""
        runs, steps = await self.maestro.store.read(
            lambda tx: (
                found := tx.listing.page(replace(query, ended=True), limit),
                tx.history.tried([overview.run.id for overview in found]),
            )
        )
        by_run: dict[RunId, list[TriedStep]] = {}
        for step in steps:
            by_run.setdefault(step.run_id, []).append(step)
        return [_ended(overview, by_run.get(overview.run.id, ())) for overview in runs]

    async def lessons(self, query: PastQuery) -> tuple[Lesson, ...]:
        """What kept attempts from succeeding, most runs concerned first."""
        _, past, _ = await self._past(query)
        return await asyncio.to_thread(lessons, past)

    async def figures(self, query: PastQuery) -> HistoryFigures:
        found, past, more = await self._past(query)
        return await asyncio.to_thread(_figures, found, past, more)

    async def forecast(self, run: Run, plan: Plan, query: PastQuery) -> PlanForecast:
        """What a plan will take, from how such steps went before."""
        _, past, _ = await self._past(query)
        agents = await self.maestro.store.read(lambda tx: tx.agents.all())
        return await asyncio.to_thread(forecast, run, plan, past, agents)

    async def in_hand(self, projects: frozenset[str] | None) -> Sequence[WorkInHand]:
        """What personas work on now, and what waits for a place; at most MOST_IN_HAND."""
        return await self.maestro.store.read(lambda tx: tx.history.in_hand(projects, MOST_IN_HAND))

    async def _past(self, query: PastQuery) -> tuple[Sequence[RunOverview], PastRuns, bool]:
        last = min(query.last, MOST_RUNS)

        def read(tx: Transaction) -> tuple[Sequence[RunOverview], PastRuns]:
            found = tx.listing.page(query.runs(), last + 1)
            run_ids = [overview.run.id for overview in found[:last]]
            past = PastRuns(
                projects={overview.run.id: overview.run.project for overview in found[:last]},
                steps=tx.history.tried(run_ids),
                resets=tx.history.resets(run_ids),
            )
            return found, replace(past, waived=_waived(tx, past.steps))

        found, past = await self.maestro.store.read(read)
        return found[:last], past, len(found) > last


def _ended(overview: RunOverview, steps: Sequence[TriedStep]) -> EndedRun:
    unwell = [step for step in steps if any(a.status in NOT_WELL for a in step.attempts)]
    return EndedRun(
        overview=overview,
        attempts=sum(len(step.attempts) for step in steps),
        unsuccessful=sum(a.status in NOT_WELL for step in unwell for a in step.attempts),
        mended=sum(step.attempts[-1].status == "succeeded" for step in unwell),
        unmended=sum(step.attempts[-1].status in NOT_WELL for step in unwell),
        model_calls=sum(step.model_calls for step in steps),
        tokens=sum(step.tokens for step in steps),
        cost=total(step.cost for step in steps),
    )


def _waived(
    tx: Transaction, steps: Sequence[TriedStep]
) -> dict[tuple[RunId, StepId, int], frozenset[str]]:
    """Looked up only where a refusal was followed by a success."""
    found: dict[tuple[RunId, StepId, int], frozenset[str]] = {}
    for step in steps:
        if not any(attempt.status == "blocked" for attempt in step.attempts):
            continue
        for record in tx.listing.attempts(step.run_id, step.step_id):
            if record.status == "succeeded":
                found[step.run_id, step.step_id, record.attempt] = _waived_gates(record.output)
    return found


def _waived_gates(output: JsonValue) -> frozenset[str]:
    """Of a gate's output, or of that of work with an entry gate."""
    judged = output.get("entry", output) if isinstance(output, Mapping) else None
    verdict = judged.get("verdict") if isinstance(judged, Mapping) else None
    results = verdict.get("results") if isinstance(verdict, Mapping) else None
    return frozenset(
        str(result.get("gate"))
        for result in (results if isinstance(results, list) else [])
        if isinstance(result, Mapping) and result.get("verdict") == "WAIVED"
    )


def _figures(found: Sequence[RunOverview], past: PastRuns, more: bool) -> HistoryFigures:
    by_blueprint: dict[str, list[RunOverview]] = {}
    for overview in found:
        if overview.headline is not None and overview.headline.blueprint:
            by_blueprint.setdefault(overview.headline.blueprint, []).append(overview)
    blueprints = [_blueprint(name, ones) for name, ones in by_blueprint.items()]
    return HistoryFigures(
        runs=len(found),
        more=more,
        ends=_ends(found),
        seconds=middle(_durations(found)),
        blueprints=tuple(sorted(blueprints, key=lambda one: (-one.runs, one.blueprint))),
        work=_work(past),
    )


def _ends(found: Sequence[RunOverview]) -> dict[str, int]:
    ends: dict[str, int] = {}
    for overview in found:
        status = overview.run.status.value
        ends[status] = ends.get(status, 0) + 1
    return ends


def _durations(found: Sequence[RunOverview]) -> list[float]:
    return [
        (one.run.ended_at - one.run.started_at).total_seconds()
        for one in found
        if one.run.started_at is not None and one.run.ended_at is not None
    ]


def _blueprint(name: str, found: Sequence[RunOverview]) -> BlueprintRecord:
    headlines = [one.headline for one in found if one.headline is not None]
    scores = [headline.score for headline in headlines if headline.score is not None]
    return BlueprintRecord(
        blueprint=name,
        runs=len(found),
        ends=_ends(found),
        score=round(fmean(scores), 4) if scores else None,
        seconds=middle(_durations(found)),
        cost=total(headline.cost for headline in headlines),
    )


def _work(past: PastRuns) -> tuple[WorkFigures, ...]:
    by_run: dict[RunId, dict[StepId, TriedStep]] = {}
    for step in past.steps:
        by_run.setdefault(step.run_id, {})[step.step_id] = step
    kinds: dict[tuple[str, str, str], list[TriedStep]] = {}
    for step in past.steps:
        persona = answerable(step, by_run[step.run_id])
        phase = "" if step.action == WORK else step.phase
        kinds.setdefault((persona, step.action, phase), []).append(step)
    found = [_work_figures(key, steps) for key, steps in kinds.items()]
    return tuple(sorted(found, key=lambda one: (one.action != WORK, one.persona, one.action)))


def _work_figures(key: tuple[str, str, str], steps: Sequence[TriedStep]) -> WorkFigures:
    persona, action, phase = key
    return WorkFigures(
        persona=persona,
        action=action,
        phase=phase,
        runs=len({step.run_id for step in steps}),
        steps=len(steps),
        attempts=sum(len(step.attempts) for step in steps),
        first_try=sum(step.attempts[0].status == "succeeded" for step in steps),
        succeeded=sum(any(a.status == "succeeded" for a in step.attempts) for step in steps),
        seconds=middle(seconds_of(steps)),
        model_calls=sum(step.model_calls for step in steps),
        tokens=sum(step.tokens for step in steps),
        cost=total(step.cost for step in steps),
    )
