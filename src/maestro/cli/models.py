"""`maestro models`."""

import asyncio
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import open_model
from maestro.cli import render
from maestro.cli.model_options import LimitOptions, ModelOptions
from maestro.delivery.model_trial import ModelTrial, TrialCall, try_model
from maestro.errors import InvalidInput


async def try_out(
    *,
    players: ModelOptions | None = None,
    json: Annotated[bool, Parameter(negative="", help="Machine-readable output.")] = False,
) -> int:
    """Ask each model two tiny questions: structured output and a tool call; they are paid for."""
    table = (players or ModelOptions()).table(LimitOptions())
    if table is None or not table.every_name():
        raise InvalidInput("name the models to try: --model NAME, or --models FILE")
    models = [
        await asyncio.to_thread(open_model, name, table.profile(name))
        for name in table.every_name()
    ]
    trials = [await try_model(model) for model in models]  # one by one: latencies are measured
    for trial in trials:
        if json:
            render.document({"type": "model", "worked": trial.worked, **asdict(trial)})
        else:
            _show(trial)
    return 0 if all(trial.worked for trial in trials) else 4


def _show(trial: ModelTrial) -> None:
    render.line(trial.model)
    for call in trial.calls:
        mark = "✓" if call.worked else "✗"
        told = f": {call.detail}" if call.detail else ""
        render.line(f"  {mark} {call.what:18} {_figures(call)}{told}")


def _figures(call: TrialCall) -> str:
    if not call.answered:
        return f"{call.seconds:6.2f} s  no answer"
    cost = "cost unknown" if call.cost is None else f"{call.cost:.6f} USD"
    return f"{call.seconds:6.2f} s  {call.input_tokens} + {call.output_tokens} tokens  {cost}"
