"""Recorded histories of the scheduler: their text, and playing their signals again.

A history is a workflow and what the scheduler was told; its text also has what the scheduler
answered. Playing a text gives the text as the scheduler of today would write it.
"""

import dataclasses
import json
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ledger import Ledger

from maestro.domain.encoding import canonical, decode, encode
from maestro.domain.run import FINISHED_STEPS, StepStatus
from maestro.domain.values import JsonValue, StepId
from maestro.domain.workflow import (
    EdgeRule,
    OnUnmet,
    RetryPolicy,
    Step,
    StepKind,
    Workflow,
)
from maestro.errors import Conflict
from maestro.workflow import signals
from maestro.workflow.run_state import RunState
from maestro.workflow.scheduler import advance
from maestro.workflow.signals import Command, ConditionOutcome, Signal

FOLDER = Path(__file__).parent
SIGNALS: dict[str, type] = {kind.__name__: kind for kind in typing.get_args(Signal)}


class Crash:
    """The process died: the state is made anew from the rows that the commands left."""


Move = Signal | Crash


@dataclass(frozen=True, kw_only=True)
class History:
    about: str
    workflow: Workflow
    moves: Sequence[Move]
    max_parallel: int = 4


def parse(text: str) -> History:
    told = json.loads(text)
    return History(
        about=told["about"],
        workflow=decode(Workflow, told["workflow"]),
        max_parallel=told["max_parallel"],
        moves=[_parse_move(move) for move in told["moves"]],
    )


def play(history: History) -> str:
    """The history's text, by the scheduler as it is now."""
    ledger = Ledger(history.workflow, history.max_parallel)
    state = ledger.restored()
    lines = []
    for move in history.moves:
        line, state = _play(move, ledger, state)
        lines.append(line)
    steps = ",\n".join(step.definition() for step in history.workflow.steps)
    limits = canonical(encode(history.workflow.concurrency))
    return (
        f'{{"about":{canonical(history.about)},\n"max_parallel":{history.max_parallel},\n'
        f'"workflow":{{"name":{canonical(history.workflow.name)},"concurrency":{limits},'
        f'"steps":[\n{steps}]}},\n"moves":[\n' + ",\n".join(lines) + "]}\n"
    )


def _play(move: Move, ledger: Ledger, state: RunState) -> tuple[str, RunState]:
    if isinstance(move, Crash):
        rows = [
            [row.step_id, row.status.value, row.attempt, row.forgiven, row.extended]
            for row in ledger.rows.values()
        ]
        left = canonical({"status": ledger.status.value, "rows": rows})
        return f'{{"crash":{left}}}', ledger.restored()
    try:
        state, commands = advance(state, move)
    except Conflict as refusal:
        return f'{{"signal":{_text(move)},"refused":{canonical(str(refusal))}}}', state
    ledger.told(move)
    for command in commands:
        ledger.write(command)
    given = ",".join(f"\n {_text(command)}" for command in commands)
    return f'{{"signal":{_text(move)},"commands":[{given}]}}', state


def _text(message: Signal | Command) -> str:
    fields = {f.name: _plain(getattr(message, f.name)) for f in dataclasses.fields(message)}
    return canonical({"is": type(message).__name__, **fields})


def _plain(value: object) -> JsonValue:
    """Steps without the fields at their default, so that a later field changes no history."""
    if isinstance(value, tuple) and value and isinstance(value[0], Step):
        return [json.loads(step.definition()) for step in value]
    return encode(value)


def _parse_move(told: dict[str, typing.Any]) -> Move:
    if "crash" in told:
        return Crash()
    fields = told["signal"]
    kind = SIGNALS[fields.pop("is")]
    return typing.cast(Signal, decode(kind, fields))


# --- random walks -------------------------------------------------------------------------------


def random_history(seed: int, *, steps: int, moves: int) -> History:
    """What a host might tell the scheduler of a random workflow, the untimely now and then too."""
    lots = Random(seed)
    workflow = random_workflow(lots, steps)
    told = list(_walk(lots, Ledger(workflow, 3), moves))
    about = f"random walk {seed}"
    return History(about=about, workflow=workflow, max_parallel=3, moves=told)


def random_workflow(lots: Random, size: int) -> Workflow:
    names = [StepId(f"s{place}") for place in range(size)]
    steps = [_random_step(lots, name, names[:place]) for place, name in enumerate(names)]
    lots.shuffle(steps)
    return Workflow(name="random", steps=tuple(steps), concurrency={"one": 1, "two": 2})


def _random_step(lots: Random, name: StepId, earlier: Sequence[StepId]) -> Step:
    kind = lots.choice([StepKind.ACTION] * 6 + [StepKind.APPROVAL, StepKind.SIGNAL])
    needs = tuple(lots.sample(earlier, min(len(earlier), lots.randrange(4))))
    edges: dict[str, EdgeRule] = {
        need: EdgeRule(skipped=lots.choice(list(OnUnmet)), failed=lots.choice(list(OnUnmet)))
        for need in needs
        if lots.random() < 0.3
    }
    return Step(
        id=name,
        kind=kind,
        action="work" if kind is StepKind.ACTION else "",
        needs=needs,
        edges=edges,
        when=lots.choice([None, None, "x"]),
        on_unmet=lots.choice(list(OnUnmet)),
        retry=RetryPolicy(max_attempts=lots.randint(1, 4)),
        priority=lots.randint(-1, 1),
        concurrency=lots.choice(["", "", "one", "two"]),
    )


def _walk(lots: Random, ledger: Ledger, moves: int) -> Iterator[Move]:
    state = ledger.restored()
    move: Move = signals.Begin()
    for _ in range(moves):
        yield move
        _, state = _play(move, ledger, state)
        crashed = isinstance(move, Crash)
        move = signals.Begin() if crashed else lots.choice(list(_possible(lots, ledger, state)))


def _possible(lots: Random, ledger: Ledger, state: RunState) -> Iterator[Move]:
    for step_id, row in ledger.rows.items():
        if row.status is StepStatus.RUNNING:
            yield from _ends(lots, ledger, step_id)
        elif row.status is StepStatus.AWAITING:
            yield signals.Decided(step_id, accepted=lots.random() < 0.8)
            yield signals.Expired(step_id)
        elif row.status is StepStatus.WAITING:
            yield from [signals.RetryDue(step_id)] * 3
    for step_id in sorted(ledger.judging):
        outcomes = [ConditionOutcome.HOLDS] * 4 + list(ConditionOutcome)
        yield from [signals.ConditionJudged(step_id, lots.choice(outcomes))] * 3
    yield from _steering(lots, ledger, state)


def _steering(lots: Random, ledger: Ledger, state: RunState) -> Iterator[Move]:
    for step_id in ledger.having(*FINISHED_STEPS):
        if lots.random() < 0.1:
            yield signals.RerunAsked(step_id, only_dependants=lots.random() < 0.5)
            yield signals.RetryAsked(step_id)
    if state.ended is not None:
        yield signals.RetryAsked()
        yield signals.RerunAsked(lots.choice(list(ledger.rows)))
    elif state.paused:
        yield from [signals.ResumeAsked()] * 5
    else:
        yield signals.PauseAsked()
        yield Crash()
        if lots.random() < 0.1:
            yield signals.CancelAsked()


def _ends(lots: Random, ledger: Ledger, step_id: StepId) -> Iterator[Signal]:
    yield from [signals.AttemptSucceeded(step_id)] * 3
    yield signals.AttemptFailed(step_id, worth_retry=lots.random() < 0.7, spread=1.0)
    yield signals.AttemptInterrupted(step_id)
    if lots.random() < 0.3:
        yield signals.AttemptBlocked(step_id)
    if lots.random() < 0.3 and len(ledger.rows) < 25:
        name = StepId(f"x{len(ledger.rows)}")
        earlier = lots.sample(list(ledger.rows), 2)
        yield signals.AttemptSucceeded(step_id, (_random_step(lots, name, earlier),))
