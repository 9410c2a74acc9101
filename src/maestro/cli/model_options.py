"""Options that say which models play whom, and what they may spend."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.cli.options import read_file
from maestro.domain.encoding import decode
from maestro.domain.models import EVERY_PERSONA, Budgets, Caps, ModelTable
from maestro.domain.yaml_text import yaml_value
from maestro.errors import InvalidInput


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOptions:
    max_cost: Annotated[
        str | None, Parameter(help="Most US dollars of the run; +N on top when resuming.")
    ] = None
    max_tokens: Annotated[
        str | None, Parameter(help="Most tokens of the run; +N on top when resuming.")
    ] = None
    max_seconds: Annotated[
        str | None, Parameter(help="Longest time from the first call to a model on.")
    ] = None
    max_tool_calls: Annotated[
        str | None, Parameter(help="Most tool calls of models in the run.")
    ] = None

    def caps(self, *, more: bool = False) -> Caps:
        """The limits, or with `more` what is put on top of limits."""
        return Caps(
            cost=_amount("--max-cost", self.max_cost, more),
            tokens=_whole("--max-tokens", self.max_tokens, more),
            wall_seconds=_amount("--max-seconds", self.max_seconds, more),
            tool_calls=_whole("--max-tool-calls", self.max_tool_calls, more),
        )


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    model: Annotated[
        tuple[str, ...],
        Parameter(
            negative="",
            help="Model that plays every persona, or PERSONA=MODEL[,FALLBACK]; may be repeated. "
            "anthropic:NAME, openai:NAME, google:NAME or http://host/v1#NAME.",
        ),
    ] = ()
    planner: Annotated[
        str | None,
        Parameter(
            help="Model that plans instead of the offline planner: MODEL[,FALLBACK]. Nothing is "
            "planned offline instead."
        ),
    ] = None
    models: Annotated[
        Path | None,
        Parameter(help="YAML file: personas, planner, models, budgets, samples, repairs."),
    ] = None

    def table(self, limits: LimitOptions) -> ModelTable | None:
        """None where no model was named. Raises InvalidInput for limits without a model."""
        caps = limits.caps()
        if self.models is None and not self.model and self.planner is None:
            if caps != Caps():
                raise InvalidInput(
                    "a limit is for models; name one with --model, --planner or --models"
                )
            return None
        table = ModelTable() if self.models is None else _read(self.models)
        personas = {**table.personas, **dict(map(_player, self.model))}
        run = table.budgets.run
        run = Caps(
            cost=caps.cost or run.cost,
            tokens=caps.tokens or run.tokens,
            wall_seconds=caps.wall_seconds or run.wall_seconds,
            tool_calls=caps.tool_calls or run.tool_calls,
        )
        budgets = Budgets(run=run, phase=table.budgets.phase, step=table.budgets.step)
        planner = table.planner if self.planner is None else _planner(self.planner)
        return replace(table, personas=personas, planner=planner, budgets=budgets)


def _read(path: Path) -> ModelTable:
    value = yaml_value(read_file(path, "--models"), name=str(path))
    return decode(ModelTable, value, where=str(path))


def _player(text: str) -> tuple[str, tuple[str, ...]]:
    """`PERSONA=MODEL,FALLBACK`, or `MODEL` for every persona."""
    persona, mark, names = text.partition("=")
    if not mark or "/" in persona or ":" in persona:
        persona, names = EVERY_PERSONA, text
    chosen = tuple(name for name in names.split(",") if name)
    if not chosen or not persona:
        raise InvalidInput(f"--model {text!r}: write MODEL or PERSONA=MODEL[,FALLBACK]")
    return persona, chosen


def _planner(text: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    if not names:
        raise InvalidInput(f"--planner {text!r}: write MODEL[,FALLBACK]")
    return names


def _amount(option: str, text: str | None, more: bool) -> float | None:
    if text is None:
        return None
    if more and not text.startswith("+"):
        raise InvalidInput(f"{option} {text!r}: when a run is resumed write +N, what is added")
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise InvalidInput(f"{option} must be a number above 0, got {text!r}")
    return number


def _whole(option: str, text: str | None, more: bool) -> int | None:
    number = _amount(option, text, more)
    if number is not None and number != int(number):
        raise InvalidInput(f"{option} must be a whole number, got {text!r}")
    return None if number is None else int(number)
