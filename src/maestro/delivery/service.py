"""The use cases. Every door calls these and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro.contracts.design import adoptable
from maestro.delivery.authorize import authorized
from maestro.delivery.outcome import conclude
from maestro.delivery.planning_workflow import planned_workflow, planning_workflow
from maestro.delivery.publish import Publication, check_output, publish
from maestro.delivery.record import RunRecord
from maestro.delivery.result import BuildResult, build_result
from maestro.delivery.workspace import Workspace
from maestro.domain.access import LOCAL_USER, Permission, Principal
from maestro.domain.encoding import decode, encode
from maestro.domain.outcome import Outcome
from maestro.domain.plan import Plan
from maestro.domain.requirement import Constraints, Requirement
from maestro.domain.run import ENDED_RUNS, Event, Run, RunStatus, StepRun
from maestro.domain.steering import Steering, Verb
from maestro.domain.values import JsonValue, RunId, StepId, new_requirement_id, new_run_id
from maestro.domain.workflow import Workflow
from maestro.errors import Conflict, InvalidInput
from maestro.planning.catalogue import load_catalogue
from maestro.ports import Clock, Engine, Store, Transaction
from maestro.settings import Settings

MAX_REQUIREMENT_CHARACTERS = 20_000
DEFAULT_PROJECT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """Everything the journal holds about one run."""

    run: Run
    workflow: Workflow
    steps: tuple[StepRun, ...]
    events: tuple[Event, ...]
    outcome: Outcome
    record: RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Maestro:
    settings: Settings
    store: Store
    engine: Engine
    workspace: Workspace
    clock: Clock
    principal: Principal = LOCAL_USER
    project: str = DEFAULT_PROJECT

    async def submit(
        self,
        requirement: str,
        constraints: Constraints | Mapping[str, JsonValue] | None = None,
        *,
        output: Path | None = None,
        plan: Plan | None = None,
        plan_only: bool = False,
    ) -> RunId:
        """Stores a requirement and a run for it, PENDING; `execute` does the work.

        Args:
            requirement: the text, 1 to 20,000 characters.
            constraints: what the caller fixes beforehand; unknown keys are refused.
            output: folder for the result; must be empty, missing, or an earlier result.
            plan: use this plan instead of planning.
            plan_only: stop when the plan is made.

        Raises:
            InvalidInput: the requirement or a constraint cannot be worked with; nothing is stored.
        """
        fixed = _constraints(constraints)
        await asyncio.to_thread(_check_choices, fixed)
        asked = Requirement(
            id=new_requirement_id(),
            project=self.project,
            text=_checked(requirement),
            constraints=fixed,
            submitted_by=self.principal.id,
            submitted_at=self.clock.now(),
        )
        if output is not None:
            output = await asyncio.to_thread(check_output, output)
        await authorized(
            self.store,
            self.principal,
            Permission.RUN_CREATE,
            target=asked.id,
            at=asked.submitted_at,
            act=lambda transaction: transaction.requirements.insert(asked),
        )
        run_id = new_run_id()
        await self.engine.start(
            planning_workflow() if plan is None else planned_workflow(),
            inputs={
                "requirement": encode(asked),
                "output": None if output is None else str(output),
                "plan": encode(plan),
                "plan_only": plan_only,
            },
            max_parallel=fixed.max_parallel or self.settings.max_parallel,
            run_id=run_id,
        )
        return run_id

    async def execute(self, run_id: RunId) -> BuildResult:
        """Drives a run until it ends or pauses, then publishes what there is.

        A run that had already ended is only published again.
        """
        run = await self.run(run_id)
        if run.status not in ENDED_RUNS:
            run = await self.engine.execute(run_id)
        return await self._published(run_id)

    async def build(
        self,
        requirement: str,
        constraints: Constraints | Mapping[str, JsonValue] | None = None,
        *,
        output: Path | str | None = None,
    ) -> BuildResult:
        """Requirement to verified software, in one call. Never raises for a blocked or failed
        run: `success`, `status` and `reasons` tell.
        """
        folder = None if output is None else Path(output)
        return await self.execute(await self.submit(requirement, constraints, output=folder))

    async def plan(
        self,
        requirement: str,
        constraints: Constraints | Mapping[str, JsonValue] | None = None,
    ) -> tuple[RunDetail, Plan | None]:
        """Plans without building; see `planned`."""
        return await self.planned(await self.submit(requirement, constraints, plan_only=True))

    async def planned(self, run_id: RunId) -> tuple[RunDetail, Plan | None]:
        """Drives a run that only plans. No plan when it was blocked: its detail says why."""
        await self.engine.execute(run_id)
        detail = await self.show(run_id)
        return detail, detail.record.plan

    async def resume(self, run_id: RunId) -> None:
        """Makes a paused, blocked or failed run able to go on; `execute` then does.

        An interrupted run needs nothing. Raises Conflict for one that succeeded or was cancelled.
        """
        run = await self.run(run_id)
        if run.status in (RunStatus.SUCCEEDED, RunStatus.CANCELLED):
            raise Conflict(f"run {run_id!r} is {run.status}; there is nothing to resume")
        if run.status in (RunStatus.BLOCKED, RunStatus.FAILED):
            await self.steer(run_id, Verb.RETRY)
        elif run.status is RunStatus.PAUSED:
            await self.steer(run_id, Verb.RESUME)

    async def steer(
        self,
        run_id: RunId,
        verb: Verb,
        step_id: StepId | None = None,
        *,
        comment: str = "",
        payload: JsonValue = None,
    ) -> bool:
        """Asks something of a run, whoever executes it, or nobody; audited.

        Args:
            step_id: for verbs that concern one step.
            payload: of a signal, or the new output.

        Returns: False when it was already so; asking twice is no error.

        Raises:
            Conflict: not legal in the present state of the run or the step.
            NotFound, InvalidInput, PermissionDenied.
        """
        await authorized(
            self.store,
            self.principal,
            Permission.RUN_CONTROL,
            target=run_id if step_id is None else f"{run_id}/{step_id}",
            at=self.clock.now(),
            act=lambda transaction: transaction.runs.get(run_id),
            action=f"run:{verb.value}",
        )
        request = Steering(
            verb=verb, by=self.principal.id, step_id=step_id, comment=comment, payload=payload
        )
        return await self.engine.steer(run_id, request)

    def drain(self, seconds: float) -> None:
        """Lets every `execute` of this process return within about `seconds`, for its end.

        Nothing more starts; what has not ended by then is interrupted and starts again as the
        next attempt when somebody executes the run.
        """
        self.engine.drain(seconds)

    async def run(self, run_id: RunId) -> Run:
        return await self.store.read(lambda transaction: transaction.runs.get(run_id))

    async def runs(self, *, limit: int = 20, status: RunStatus | None = None) -> Sequence[Run]:
        """Newest first."""
        return await self.store.read(lambda transaction: transaction.runs.recent(limit, status))

    def events(self, run_id: RunId, *, after: int = 0) -> AsyncIterator[Event]:
        return self.engine.events(run_id, after=after)

    async def show(self, run_id: RunId) -> RunDetail:
        """Raises NotFound for an unknown run."""
        run, workflow, steps, events = await self.store.read(
            lambda transaction: _everything(transaction, run_id)
        )
        record = RunRecord(
            inputs=run.inputs,
            outputs={
                step.step_id: step.output for step in steps if step.status.value == "succeeded"
            },
            errors={step.step_id: step.error for step in steps if step.error is not None},
        )
        outcome = await asyncio.to_thread(conclude, run, workflow, record, events)
        return RunDetail(
            run=run,
            workflow=workflow,
            steps=tuple(steps),
            events=tuple(events),
            outcome=outcome,
            record=record,
        )

    async def report(self, run_id: RunId, output: Path) -> Path:
        """Writes the whole result folder of a run again, from the journal alone."""
        await asyncio.to_thread(check_output, output)
        detail = await self.show(run_id)
        return await publish(self._publication(detail, output), self.workspace.artifacts)

    async def close(self) -> None:
        await self.store.close()

    async def _published(self, run_id: RunId) -> BuildResult:
        detail = await self.show(run_id)
        wanted = detail.run.inputs.get("output")
        output = None
        if wanted is not None and detail.run.status in ENDED_RUNS:
            output = Path(str(wanted))
            await publish(self._publication(detail, output), self.workspace.artifacts)
        if detail.run.status in ENDED_RUNS:
            await asyncio.to_thread(self.workspace.discard, run_id)
        return build_result(detail.outcome, detail.record, output)

    def _publication(self, detail: RunDetail, output: Path) -> Publication:
        return Publication(
            output=output,
            run=detail.run,
            workflow=detail.workflow,
            steps=detail.steps,
            events=detail.events,
            outcome=detail.outcome,
            record=detail.record,
        )


def _everything(
    transaction: Transaction, run_id: RunId
) -> tuple[Run, Workflow, Sequence[StepRun], list[Event]]:
    run = transaction.runs.get(run_id)
    events: list[Event] = []
    while True:
        page = transaction.events.after(run_id, events[-1].sequence if events else 0)
        if not page:
            break
        events.extend(page)
    return run, transaction.runs.workflow(run_id), transaction.runs.steps(run_id), events


def _constraints(given: Constraints | Mapping[str, JsonValue] | None) -> Constraints:
    if isinstance(given, Constraints):
        fixed = given
    else:
        fixed = decode(Constraints, dict(given or {}), where="constraints")
    if not 0 <= fixed.quality_threshold <= 1:
        raise InvalidInput(
            f"quality_threshold must lie between 0 and 1, got {fixed.quality_threshold!r}"
        )
    if fixed.max_parallel is not None and fixed.max_parallel < 1:
        raise InvalidInput(f"max_parallel must be at least 1, got {fixed.max_parallel!r}")
    return fixed


def _check_choices(fixed: Constraints) -> None:
    """What the caller chose must exist and be usable before there is a run that needs it."""
    if fixed.blueprint is not None:
        load_catalogue().blueprint(fixed.blueprint)
    if fixed.contract is not None:
        adoptable(fixed.contract, fixed.contract_name or "contract")


def _checked(text: str) -> str:
    stripped = text.strip()
    if not stripped:
        raise InvalidInput("the requirement is empty; say in a sentence what is to be built")
    if len(stripped) > MAX_REQUIREMENT_CHARACTERS:
        raise InvalidInput(
            f"the requirement has {len(stripped)} characters; at most "
            f"{MAX_REQUIREMENT_CHARACTERS} are read, so hand in its parts one by one"
        )
    if "\x00" in stripped:
        raise InvalidInput("the requirement holds a NUL character; hand in plain text")
    return stripped
