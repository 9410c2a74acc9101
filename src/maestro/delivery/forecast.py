"""What a plan will take, from how such steps went in earlier runs."""

from collections.abc import Mapping, Sequence
from statistics import fmean, median

from maestro.delivery.lessons import PastRuns, total
from maestro.delivery.model_runs import model_table
from maestro.domain.agent import OFFLINE, AgentRecord
from maestro.domain.history import PlanForecast, TriedStep
from maestro.domain.plan import Plan
from maestro.domain.run import Run
from maestro.domain.values import StepId
from maestro.domain.workflow import Step, topological_order

WORK = "persona.work"


def forecast(run: Run, plan: Plan, past: PastRuns, agents: Sequence[AgentRecord]) -> PlanForecast:
    """`run`: whose models would be asked."""
    known = {step.id: _earlier(step, past.steps) for step in plan.steps}
    spent = {step_id: middle(seconds_of(steps)) for step_id, steps in known.items()}
    unmeasured = tuple(step.id for step in plan.steps if spent[step.id] is None)
    measured = {step_id: seconds for step_id, seconds in spent.items() if seconds is not None}
    whole = not unmeasured and bool(plan.steps)
    players = _players(run, plan, agents)
    tokens, cost = _model_work(plan, known) if players else (0, 0.0)
    return PlanForecast(
        runs=len(past.projects),
        steps=len(plan.steps),
        measured=len(measured),
        unmeasured=unmeasured,
        seconds=round(_longest(plan.steps, measured), 3) if whole else None,
        sequential_seconds=round(sum(measured.values()), 3) if whole else None,
        players=players,
        tokens=tokens,
        cost=cost,
    )


def _earlier(step: Step, past: Sequence[TriedStep]) -> list[TriedStep]:
    """Steps like it: the same action, by the same persona, for gates in the same phase."""
    return [
        one
        for one in past
        if one.action == step.action
        and one.persona == step.persona
        and (step.action == WORK or one.phase == step.phase)
    ]


def _longest(steps: Sequence[Step], seconds: Mapping[StepId, float]) -> float:
    by_id = {step.id: step for step in steps}
    reached: dict[StepId, float] = {}
    for step_id in topological_order(steps):
        needs = by_id[step_id].needs
        before = max((reached[need] for need in needs if need in reached), default=0.0)
        reached[step_id] = before + seconds[step_id]
    return max(reached.values(), default=0.0)


def _players(run: Run, plan: Plan, agents: Sequence[AgentRecord]) -> tuple[str, ...]:
    """Who may be given work of the plan and is not the built-in team."""
    personas = {step.persona for step in plan.steps if step.action == WORK}
    table = model_table(run.inputs)
    models = () if table is None else table.every_name()
    others = (
        record.agent.id
        for record in agents
        if record.agent.executor != OFFLINE
        and record.health == "ready"
        and personas.intersection(record.agent.personas)
    )
    return tuple(dict.fromkeys((*models, *others)))


def _model_work(
    plan: Plan, known: Mapping[StepId, Sequence[TriedStep]]
) -> tuple[int | None, float | None]:
    """Tokens and cost, as the mean of earlier steps in which models were called; None where some
    persona's have never been measured.
    """
    tokens, costs = list[float | None](), list[float | None]()
    for step in plan.steps:
        if step.action != WORK:
            continue
        asked = [one for one in known[step.id] if one.model_calls]
        prices = [one.cost for one in asked if one.cost is not None]
        tokens.append(fmean(one.tokens for one in asked) if asked else None)
        costs.append(fmean(prices) if asked and len(prices) == len(asked) else None)
    all_tokens = total(tokens)
    return None if all_tokens is None else round(all_tokens), total(costs)


def seconds_of(steps: Sequence[TriedStep]) -> list[float]:
    """Of the attempts that succeeded."""
    return [
        attempt.seconds
        for step in steps
        for attempt in step.attempts
        if attempt.status == "succeeded" and attempt.seconds is not None
    ]


def middle(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return round(median(values), 3) if values else None
