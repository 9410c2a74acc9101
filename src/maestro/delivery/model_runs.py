"""Runs in which language models play personas: what is kept with the run, and its limits."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from maestro.agents.models.names import model_name
from maestro.domain.encoding import decode
from maestro.domain.models import EVERY_PERSONA, CallEntry, Caps, JournaledCall, ModelTable
from maestro.domain.run import StepRun, StepStatus
from maestro.domain.steering import Steering, Verb
from maestro.domain.values import JsonObject, RunId
from maestro.domain.work import Usage
from maestro.domain.workflow import Step
from maestro.errors import BudgetExceeded, Conflict, InvalidInput
from maestro.ports import Clock, Store
from maestro.workflow.control import steer_run

MODELS = "models"
"""Key of a run's inputs."""
_CALLS_OF_A_STEP = 60
"""A step gets the time of as many slow answers."""
_FORMS_OF_A_STEP = 3
"""Most answers that a model gives in one step of planning."""
_BUDGET = "budget"
"""Who pauses a run whose budget is used up."""


def model_table(inputs: JsonObject) -> ModelTable | None:
    """The run's table; None where no model plays anybody."""
    stored = inputs.get(MODELS)
    return None if stored is None else decode(ModelTable, stored, where=MODELS)


def check_planner(table: ModelTable, *, document: bool) -> None:
    """Raises InvalidInput for a planner beside a document that leaves nothing to plan."""
    if document and table.planner:
        raise InvalidInput(
            "with a contract of your own, its entities and operations are the plan; leave the "
            "model that plans away"
        )


def check_table(table: ModelTable, personas: Collection[str]) -> None:
    """Raises InvalidInput for a name that is none, an unknown persona, or a limit of cost that
    cannot be kept because nobody knows a price.
    """
    try:
        from maestro.agents.models.prices import cost_of  # noqa: PLC0415 -- loads a price list
    except ImportError as error:
        raise InvalidInput(
            f"models need {error.name}, which is not installed; run: pip install "
            "'maestro-conductor[llm]'"
        ) from error

    for persona in table.personas:
        if persona != EVERY_PERSONA and persona not in personas:
            raise InvalidInput(f"{persona!r} is no persona; known: {', '.join(sorted(personas))}")
    names = table.every_name()
    if not names:
        raise InvalidInput("the table of models names none; give --model NAME")
    for unused in sorted(set(table.models) - set(names)):
        raise InvalidInput(f"model {unused!r} is described but plays nobody")
    for name in names:
        known = cost_of(model_name(name), table.profile(name).price, 1000, 1000)
        if known is None and table.budgets.of_money:
            raise InvalidInput(
                f"a limit of cost cannot be kept: nobody knows the price of {name!r}; give it in "
                "the models file (price: {input: USD, output: USD} per million tokens), or limit "
                "tokens"
            )


def check_raise(table: ModelTable | None, more: Caps) -> None:
    """Raises InvalidInput where a limit is to be raised that the run does not have."""
    if table is None:
        raise InvalidInput("no model plays in this run; it has no limits to raise")
    budgets = table.budgets
    for name in ("cost", "tokens", "wall_seconds", "tool_calls"):
        scopes = (budgets.run, budgets.phase, budgets.step)
        if getattr(more, name) is not None and all(getattr(s, name) is None for s in scopes):
            raise InvalidInput(f"the run has no limit of {name.replace('_', ' ')} to raise")


def patient(steps: Iterable[Step], table: ModelTable | None) -> tuple[Step, ...]:
    """The steps, with time for models where models do the work."""
    return tuple(step if table is None else _patient(step, table) for step in steps)


def planning_seconds(table: ModelTable | None) -> float:
    """What a step gets in which a model plans; 0 where none does."""
    names = () if table is None else table.planner
    if table is None or not names:
        return 0.0
    longest = max(table.profile(name).timeout_seconds for name in names)
    return longest * _FORMS_OF_A_STEP * table.samples


def _patient(step: Step, table: ModelTable) -> Step:
    names = table.names(step.persona or "") if step.action == "persona.work" else ()
    if not names:
        return step
    longest = max(table.profile(name).timeout_seconds for name in names)
    return replace(step, timeout_seconds=max(step.timeout_seconds, longest * _CALLS_OF_A_STEP))


def used(calls: Iterable[CallEntry]) -> Usage:
    """What all calls of models came to; the cost is unknown where that of one is."""
    asked = [call for call in calls if call.kind is JournaledCall.MODEL]
    costs = [call.cost for call in asked]
    known = [cost for cost in costs if cost is not None]
    return Usage(
        model_calls=len(asked),
        input_tokens=sum(call.input_tokens for call in asked),
        output_tokens=sum(call.output_tokens for call in asked),
        cost=sum(known) if len(known) == len(costs) else None,
    )


def cast(table: ModelTable) -> str:
    """Who plays whom, as one line."""
    told = [f"planner: {' else '.join(table.planner)}"] if table.planner else []
    told += [
        f"{'everybody' if persona == EVERY_PERSONA else persona}: {' else '.join(names)}"
        for persona, names in sorted(table.personas.items())
    ]
    return "models play " + "; ".join(told)


async def pause_for_budget(store: Store, clock: Clock, run_id: RunId, why: BudgetExceeded) -> None:
    """Nothing more starts in the run until somebody resumes it."""
    request = Steering(verb=Verb.PAUSE, by=_BUDGET, comment=str(why))
    now = clock.now()
    try:
        await store.write(lambda tx: steer_run(tx, run_id, request, now), about=run_id)
    except Conflict:
        return  # it was cancelled meanwhile


def stopped_steps(rows: Iterable[StepRun]) -> tuple[StepRun, ...]:
    """Steps that ended because a budget was used up."""
    return tuple(
        row
        for row in rows
        if row.status is StepStatus.FAILED
        and row.error is not None
        and row.error.code == BudgetExceeded.code
    )
