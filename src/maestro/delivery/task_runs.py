"""The use cases of files of tasks: run them on the registered agents, tell how they went."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro.delivery.authorize import authorized
from maestro.delivery.flow_steps import FOLDER, VALUES
from maestro.delivery.publish import MARKER, replace_result, write_json
from maestro.delivery.service import Maestro, RunDetail
from maestro.delivery.task_files import TaskFile
from maestro.delivery.task_steps import TaskRecord
from maestro.delivery.timing import attempts
from maestro.delivery.workspace import materialise
from maestro.domain.access import Permission
from maestro.domain.encoding import decode, encode
from maestro.domain.run import ENDED_RUNS, Event, EventKind, StepRun, StepStatus
from maestro.domain.values import JsonValue, RunId, StepId, new_run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """What became of one task; in the order of the file."""

    task: str
    role: str
    status: str
    agents: tuple[str, ...]
    """Who was given it, attempt by attempt."""
    attempts: int
    seconds: float
    """At work in all attempts: from the choice of an agent to the end."""
    summary: str = ""
    files: int = 0
    verified: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentShare:
    agent: str
    tasks: int
    """Attempts it was given."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksOutcome:
    run_id: RunId
    name: str
    status: str
    success_rate: float
    """Share of the tasks that succeeded, 0 to 1."""
    wall_seconds: float
    task_seconds: float
    """Sum over all tasks: what they would have taken one after the other."""
    utilisation: float
    """Share of the run's places that were at work, 0 to 1."""
    agents: tuple[AgentShare, ...]
    tasks: tuple[TaskResult, ...]


async def start_tasks(maestro: Maestro, file: TaskFile) -> RunId:
    """Stores a run of the tasks, PENDING; `execute_tasks` does the work.

    Raises:
        InvalidInput: the tasks do not make a graph that can run; nothing is stored.
    """
    workflow, run_id = file.workflow(), new_run_id()
    await authorized(
        maestro.store,
        maestro.principal,
        Permission.RUN_CREATE,
        target=run_id,
        at=maestro.clock.now(),
        act=lambda transaction: None,
        project=maestro.project,
    )
    await maestro.engine.start(
        workflow,
        inputs={
            FOLDER: None,
            VALUES: {},
        },  # as a run of any workflow, which whoever can goes on with
        max_parallel=file.max_parallel,
        run_id=run_id,
        project=maestro.project,
    )
    return run_id


async def execute_tasks(maestro: Maestro, run_id: RunId) -> TasksOutcome:
    """Drives the run until it ends or pauses; one that had ended is only told of."""
    run = await maestro.run(run_id)
    if run.status not in ENDED_RUNS:
        await maestro.engine.execute(run_id)
    return tasks_outcome(await maestro.show(run_id))


def tasks_outcome(detail: RunDetail) -> TasksOutcome:
    """How the tasks of a run went so far, from its journal alone."""
    work = _work(detail.events)
    rows = {row.step_id: row for row in detail.steps}
    results = tuple(
        _result(rows[step.id], step.persona, [one for one in work if one.step_id == step.id])
        for step in detail.workflow.steps
    )
    wall = detail.outcome.timing.wall
    seconds = sum(one.seconds for one in work)
    places = min(detail.run.max_parallel, len(results))
    return TasksOutcome(
        run_id=detail.run.id,
        name=detail.run.workflow,
        status=detail.run.status.value,
        success_rate=_share([result.status == StepStatus.SUCCEEDED for result in results]),
        wall_seconds=round(wall, 3),
        task_seconds=round(seconds, 3),
        utilisation=round(min(1.0, seconds / (wall * places)), 4) if wall > 0 else 0.0,
        agents=_shares(work),
        tasks=results,
    )


async def write_tasks(maestro: Maestro, outcome: TasksOutcome, output: Path) -> None:
    """Writes what each task that succeeded made to `<output>/<task>/`, and how they went to
    `<output>/run.json`, in place of an earlier result.

    Args:
        output: what `check_output` gave.

    Raises:
        InvalidInput: a file would leave its folder.
    """
    detail = await maestro.show(outcome.run_id)

    async def write(staging: Path) -> None:
        for row in detail.steps:
            if row.status is StepStatus.SUCCEEDED:
                record = decode(TaskRecord, row.output)
                folder = staging / row.step_id
                await materialise(maestro.workspace.artifacts, record.artifacts, folder)
        document: JsonValue = encode(outcome)
        await asyncio.to_thread(write_json, staging / MARKER, document)

    await replace_result(output, write)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """An attempt that an agent was given."""

    step_id: StepId
    agent: str
    seconds: float


def _work(events: Sequence[Event]) -> list[_Work]:
    chosen: dict[tuple[StepId | None, int | None], list[Event]] = {}
    for event in events:
        if event.kind is EventKind.AGENT_CHOSEN:
            chosen.setdefault((event.step_id, event.attempt), []).append(event)
    return [
        _Work(
            step_id=attempt.step_id,
            agent=str(told[-1].data["agent"]),  # before it, who made the tables
            seconds=max(0.0, (attempt.ended_at - told[0].at).total_seconds()),
        )
        for attempt in attempts(events)
        if (told := chosen.get((attempt.step_id, attempt.number)))
    ]


def _result(row: StepRun, role: str, work: Sequence[_Work]) -> TaskResult:
    record = decode(TaskRecord, row.output) if row.status is StepStatus.SUCCEEDED else None
    return TaskResult(
        task=row.step_id,
        role=role,
        status=row.status.value,
        agents=tuple(one.agent for one in work),
        attempts=row.attempt,
        seconds=round(sum(one.seconds for one in work), 3),
        summary=record.summary if record else "",
        files=len(record.artifacts) if record else 0,
        verified=record.verified if record else (),
        unverified=record.unverified if record else (),
        error=row.error.message if row.error is not None else "",
    )


def _shares(work: Sequence[_Work]) -> tuple[AgentShare, ...]:
    given: dict[str, list[float]] = {}
    for one in work:
        given.setdefault(one.agent, []).append(one.seconds)
    return tuple(
        AgentShare(agent=agent, tasks=len(seconds), seconds=round(sum(seconds), 3))
        for agent, seconds in sorted(given.items())
    )


def _share(held: Sequence[bool]) -> float:
    return round(sum(held) / len(held), 4)
