"""Runs of the real engine with a team that follows a script."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro.bootstrap import connect
from maestro.delivery.service import Maestro, RunDetail
from maestro.domain.contract import Contract
from maestro.domain.contract_life import ContractStatus
from maestro.domain.entities import DomainModel
from maestro.domain.plan import Plan
from maestro.domain.requirement import Analysis, Complexity, Parallelizability, RequirementType
from maestro.domain.run import Event, EventKind
from maestro.domain.steering import Verb
from maestro.domain.team import Team
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step
from maestro.ports import PersonaExecutor
from maestro.settings import Settings


@dataclass(frozen=True)
class Ran:
    """A run that has ended."""

    detail: RunDetail
    shelf: Mapping[str, ContractStatus]
    """Of each version, whichever contract it is of."""

    def told(self, kind: EventKind, step_id: str) -> list[Event]:
        events = self.detail.events
        return [event for event in events if (event.kind, event.step_id) == (kind, step_id)]


def plan_of(contracts: Sequence[Contract], steps: Sequence[Step]) -> Plan:
    return Plan(
        analysis=Analysis(
            type=RequirementType.FEATURE_DEVELOPMENT,
            complexity=Complexity.SIMPLE,
            parallelizability=Parallelizability.PARTIALLY_PARALLEL,
            expertise=(),
            effort_hours=1.0,
            risks=(),
            dependencies=(),
            rationale="",
            confidence=1.0,
            domain=DomainModel(title="Users", entities=()),
            parts=(),
        ),
        matches=(),
        team=Team(blueprint="full-stack", members=()),
        contracts=tuple(contracts),
        steps=tuple(steps),
        parallel=True,
    )


async def answered(m: Maestro, run_id: RunId, verbs: Mapping[str, Verb]) -> None:
    """Answers every approval the run asks for, until it has ended."""
    async for event in m.events(run_id):
        if event.kind is EventKind.STEP_AWAITING and event.step_id:
            who = event.step_id.rpartition(".")[2]
            await m.steer(run_id, verbs[who], event.step_id, comment=f"{who} has spoken")


async def ran(
    folder: Path,
    team: PersonaExecutor,
    plan: Plan,
    verbs: Mapping[str, Verb] | None = None,
    *,
    again: Sequence[tuple[Verb, StepId]] = (),
) -> Ran:
    """Executes the plan; once more after each of the requests in `again`."""
    settings = Settings.load({}, database=folder / "m.db", sandbox="off")
    async with connect(settings, executor=team) as m:
        run_id = await m.submit("Build a REST API for users", plan=plan)
        await executed(m, run_id, verbs or {})
        for verb, step_id in again:
            await m.steer(run_id, verb, step_id)
            await executed(m, run_id, verbs or {})
        shelf = await m.store.read(lambda tx: tx.contracts.find((), run_id=run_id))
        statuses = {record.contract.version: record.status for record in shelf}
        return Ran(await m.show(run_id), statuses)


async def executed(m: Maestro, run_id: RunId, verbs: Mapping[str, Verb]) -> None:
    async with asyncio.timeout(110), asyncio.TaskGroup() as group:
        group.create_task(answered(m, run_id, verbs))
        group.create_task(m.execute(run_id))
