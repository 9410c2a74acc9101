"""Seeded random workflows whose outcome does not depend on how often they are interrupted."""

import asyncio
import os
import random
from dataclasses import dataclass
from pathlib import Path

from maestro.domain.run import RunStatus, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import OnUnmet, RetryPolicy, Step, Workflow
from maestro.errors import BudgetExceeded, StepFailed
from maestro.ports import StepContext, StepHandler, StepResult

PATIENT = RetryPolicy(max_attempts=50, delay_seconds=0.01, max_delay_seconds=0.02)
ACTIONS = ("quick", "slow", "stumble", "refuse", "grow")
CHANCES = (40, 25, 15, 8, 12)
CAPABILITY = "chaos"


def random_flow(seed: int, *, workers: bool) -> Workflow:
    """4 to 12 steps with random needs; with `workers` some of them are left to workers."""
    lots = random.Random(seed)
    steps: list[Step] = []
    for number in range(lots.randint(4, 12)):
        names = [step.id for step in steps]
        action = lots.choices(ACTIONS, CHANCES)[0]
        steps.append(
            Step(
                id=StepId(f"s{number}"),
                action=action,
                needs=tuple(lots.sample(names, min(len(names), lots.randint(0, 3)))),
                retry=PATIENT,
                priority=lots.randint(0, 2),
                on_unmet=lots.choice(tuple(OnUnmet)),
                concurrency="key" if lots.random() < 0.3 else "",
                capability=CAPABILITY if workers and lots.random() < 0.4 else "",
            )
        )
    return Workflow(name=f"chaos-{seed}", steps=tuple(steps), concurrency={"key": 1})


def grown_by(step: Step) -> tuple[Step, ...]:
    """What a step with the action `grow` adds to its run."""
    first = Step(id=StepId(f"{step.id}.a"), action="quick", needs=(step.id,), retry=PATIENT)
    second = Step(id=StepId(f"{step.id}.b"), action="slow", needs=(first.id,), retry=PATIENT)
    return first, second


def expected(flow: Workflow) -> tuple[dict[str, StepStatus], RunStatus]:
    """How every step, and the run, must end: computed from the definition alone."""
    ends: dict[str, StepStatus] = {}
    steps = list(flow.steps)
    for step in steps:  # grows while it is walked; needs always stand before
        unmet = [need for need in step.needs if ends[need] is not StepStatus.SUCCEEDED]
        if unmet and step.on_unmet is not OnUnmet.RUN:
            skips = step.on_unmet is OnUnmet.SKIP
            ends[step.id] = StepStatus.SKIPPED if skips else StepStatus.FAILED
        elif step.action == "refuse":
            ends[step.id] = StepStatus.FAILED
        else:
            ends[step.id] = StepStatus.SUCCEEDED
            if step.action == "grow":
                steps.extend(grown_by(step))
    failed = StepStatus.FAILED in ends.values()
    return ends, RunStatus.FAILED if failed else RunStatus.SUCCEEDED


@dataclass(frozen=True)
class Effects:
    """What handlers really did, in a file that survives their process."""

    path: Path

    def note(self, word: str, context: StepContext) -> None:
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{word} {context.step.id} {context.attempt}\n".encode())
        os.close(handle)

    def started(self) -> list[tuple[str, int]]:
        """Steps and attempts, in order."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        words = [line.split() for line in lines]
        return [(word[1], int(word[2])) for word in words if word[0] == "start"]

    def handlers(self) -> dict[str, StepHandler]:
        async def quick(context: StepContext) -> StepResult:
            self.note("start", context)
            return StepResult(output={"of": context.step.id})

        async def slow(context: StepContext) -> StepResult:
            self.note("start", context)
            await context.progress("at it")
            await asyncio.sleep(0.15)
            return StepResult(output={"of": context.step.id})

        async def stumble(context: StepContext) -> StepResult:
            self.note("start", context)
            if context.attempt == 1:
                raise StepFailed("the first attempt always fails")
            return StepResult(output={"of": context.step.id})

        async def refuse(context: StepContext) -> StepResult:
            self.note("start", context)
            raise BudgetExceeded("never worth another attempt")

        async def grow(context: StepContext) -> StepResult:
            self.note("start", context)
            return StepResult(output=1, extend=grown_by(context.step))

        return {
            "quick": quick, "slow": slow, "stumble": stumble, "refuse": refuse, "grow": grow,
        }  # fmt: skip
