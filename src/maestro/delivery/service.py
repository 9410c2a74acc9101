"""The use cases. Every door calls these and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from maestro.contracts.design import adoptable
from maestro.delivery.authorize import authorized, permitted
from maestro.delivery.left_to_workers import check_capabilities
from maestro.delivery.marks import remember
from maestro.delivery.model_runs import (
    MODELS,
    check_planner,
    check_table,
    planning_seconds,
    used,
)
from maestro.delivery.outcome import conclude
from maestro.delivery.planning_workflow import planned_workflow, planning_workflow
from maestro.delivery.publish import Publication, check_output, publish
from maestro.delivery.record import RunRecord
from maestro.delivery.result import BuildResult, build_result, headline
from maestro.delivery.resuming import make_able
from maestro.delivery.rework import demands
from maestro.delivery.workspace import Workspace
from maestro.domain.access import LOCAL_USER, Permission, Principal
from maestro.domain.baseline import DEFAULT_PROJECT
from maestro.domain.encoding import decode, encode
from maestro.domain.models import CallEntry, Caps, ModelTable
from maestro.domain.outcome import Outcome
from maestro.domain.plan import Plan
from maestro.domain.requirement import Constraints, Requirement
from maestro.domain.run import ENDED_RUNS, Event, Run, RunStatus, StepRun, StepStatus
from maestro.domain.steering import Steering, Verb
from maestro.domain.values import JsonValue, RunId, StepId, new_requirement_id, new_run_id
from maestro.domain.workflow import Workflow
from maestro.errors import InvalidInput
from maestro.planning.catalogue import load_catalogue
from maestro.ports import Clock, Engine, Store, Transaction
from maestro.settings import Settings

MAX_REQUIREMENT_CHARACTERS = 20_000
_ENDED_BADLY = (StepStatus.FAILED, StepStatus.BLOCKED)
_STEERING = {Verb.APPROVE: Permission.RUN_APPROVE, Verb.REJECT: Permission.RUN_APPROVE}
"""What it takes to ask for a verb; RUN_CONTROL for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """Everything the journal holds about one run."""

    run: Run
    workflow: Workflow
    steps: tuple[StepRun, ...]
    events: tuple[Event, ...]
    outcome: Outcome
    record: RunRecord
    calls: tuple[CallEntry, ...] = ()
    """What models and their tools were asked, where models play."""


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
        models: ModelTable | None = None,
        also: Callable[[Transaction, RunId], None] | None = None,
    ) -> RunId:
        """Stores a requirement and a run for it, PENDING; `execute` does the work.

        Args:
            requirement: the text, 1 to 20,000 characters.
            constraints: what the caller fixes beforehand; unknown keys are refused.
            output: folder for the result; must be empty, missing, or an earlier result.
            plan: use this plan instead of planning.
            plan_only: stop when the plan is made.
            models: which models play whom; the offline team plays the others.
            also: done in the transaction that stores the run.

        Raises:
            InvalidInput: the requirement or a constraint cannot be worked with; nothing is stored.
        """
        fixed = _constraints(constraints)
        await asyncio.to_thread(_check_choices, fixed, models, shared=self.store.shared)
        asked = self._asked(requirement, fixed)
        if output is not None:
            output = await asyncio.to_thread(check_output, output)
        await authorized(
            self.store,
            self.principal,
            Permission.RUN_CREATE,
            target=asked.id,
            at=asked.submitted_at,
            act=lambda transaction: transaction.requirements.insert(asked),
            project=self.project,
        )
        run_id = new_run_id()
        await self.engine.start(
            planned_workflow() if plan else planning_workflow(planning_seconds(models)),
            inputs={
                "requirement": encode(asked),
                "output": None if output is None else str(output),
                "plan": encode(plan),
                "plan_only": plan_only,
                **({} if models is None else {MODELS: encode(models)}),
            },
            max_parallel=fixed.max_parallel or self.settings.max_parallel,
            run_id=run_id,
            project=self.project,
            also=None if also is None else lambda transaction: also(transaction, run_id),
        )
        return run_id

    def _asked(self, text: str, fixed: Constraints) -> Requirement:
        return Requirement(
            id=new_requirement_id(),
            project=self.project,
            text=_checked(text),
            constraints=fixed,
            submitted_by=self.principal.id,
            submitted_at=self.clock.now(),
        )

    async def execute(self, run_id: RunId) -> BuildResult:
        """Drives a run until it ends or pauses, then publishes what there is.

        A run that had already ended is only published again.
        """
        run = await self.run(run_id)
        if run.status not in ENDED_RUNS:
            await self.engine.execute(run_id)
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

    async def resume(self, run_id: RunId, *, more: Caps | None = None, comment: str = "") -> None:
        """Makes a paused, blocked or failed run able to go on; `execute` then does.

        An interrupted run needs nothing.

        Args:
            more: raises the limits of what models may spend.

        Raises:
            Conflict: the run succeeded or was cancelled.
            InvalidInput: there is no such limit.
        """
        run = await self.run(run_id)
        asked = more or Caps()
        steer = partial(self.steer, comment=comment)
        await make_able(run, asked, self.store, steer, self.clock.now(), self.principal)

    async def steer(
        self,
        run_id: RunId,
        verb: Verb,
        step_id: StepId | None = None,
        *,
        comment: str = "",
        payload: JsonValue = None,
    ) -> bool:
        """Asks something of a run, whoever executes it, or nobody; audited where it is done.

        Args:
            step_id: for verbs that concern one step.
            payload: of a signal, or the new output.

        Returns: False when it was already so; asking twice is no error.

        Raises:
            Conflict: not legal in the present state of the run or the step.
            NotFound, InvalidInput, PermissionDenied.
        """
        record = await permitted(
            self.store,
            self.principal,
            _STEERING.get(verb, Permission.RUN_CONTROL),
            target=run_id if step_id is None else f"{run_id}/{step_id}",
            at=self.clock.now(),
            action=f"run:{verb.value}",
            project=(await self.run(run_id)).project,
        )
        request = Steering(
            verb=verb, by=self.principal.id, step_id=step_id, comment=comment, payload=payload
        )
        return await self.engine.steer(run_id, request, audit=record)

    async def rework(
        self, run_id: RunId, steps: Sequence[StepId] = (), *, comment: str = ""
    ) -> Mapping[StepId, Sequence[str]]:
        """Gives refused work back: the refused conditions and their evidence become the feedback of
        a new attempt, and everything that depends on it runs again, every gate among it.

        Args:
            steps: work to give back; without any, that which the evidence names.

        Returns: per step what it is told. `execute` then does it.

        Raises:
            InvalidInput: nothing was refused, or nobody can be named.
            Conflict: not legal in the present state of the run.
            NotFound, PermissionDenied.
        """
        detail = await self.show(run_id)
        given = await asyncio.to_thread(demands, detail.record, steps)
        payload = {step_id: list(reasons) for step_id, reasons in given.items()}
        await self.steer(run_id, Verb.REWORK, comment=comment, payload=payload)
        return given

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
        run, workflow, steps, events, calls = await self.store.read(
            lambda transaction: _everything(transaction, run_id)
        )
        record = _record(run, steps)
        outcome = await asyncio.to_thread(conclude, run, workflow, record, events)
        if calls:
            outcome = replace(outcome, usage=used(calls))
        return RunDetail(
            run=run,
            workflow=workflow,
            steps=tuple(steps),
            events=tuple(events),
            outcome=outcome,
            record=record,
            calls=tuple(calls),
        )

    async def report(self, run_id: RunId, output: Path) -> Path:
        """Writes the whole result folder of a run again, from the journal alone."""
        await asyncio.to_thread(check_output, output)
        detail = await self.show(run_id)
        return await publish(_publication(detail, output), self.workspace.artifacts)

    async def close(self) -> None:
        await self.store.close()

    async def _published(self, run_id: RunId) -> BuildResult:
        detail = await self.show(run_id)
        requirement, verdicts = detail.record.requirement, detail.outcome.verdicts
        await remember(self.store, detail.run, requirement, verdicts)
        await keep_headline(self.store, detail)
        wanted = detail.run.inputs.get("output")
        output = None
        if wanted is not None and detail.run.status in ENDED_RUNS:
            output = Path(str(wanted))
            await publish(_publication(detail, output), self.workspace.artifacts)
        if detail.run.status in ENDED_RUNS:
            await asyncio.to_thread(self.workspace.discard, run_id)
        return build_result(detail.outcome, detail.record, output)


def _publication(detail: RunDetail, output: Path) -> Publication:
    return Publication(
        output=output,
        run=detail.run,
        workflow=detail.workflow,
        steps=detail.steps,
        events=detail.events,
        outcome=detail.outcome,
        record=detail.record,
    )


async def keep_headline(store: Store, detail: RunDetail) -> None:
    """For lists; of the state that `detail` shows."""
    run_id, last = detail.run.id, detail.events[-1].sequence
    shown = headline(detail.outcome, detail.record)
    await store.write(lambda tx: tx.listing.put_headline(run_id, last, shown))


def _record(run: Run, steps: Sequence[StepRun]) -> RunRecord:
    return RunRecord(
        inputs=run.inputs,
        outputs={step.step_id: step.output for step in steps if step.status.value == "succeeded"},
        errors={
            step.step_id: step.error
            for step in steps
            # One that waits to be done again only carries why.
            if step.error is not None and step.status in _ENDED_BADLY
        },
    )


def _everything(
    transaction: Transaction, run_id: RunId
) -> tuple[Run, Workflow, Sequence[StepRun], list[Event], Sequence[CallEntry]]:
    run = transaction.runs.get(run_id)
    events: list[Event] = []
    while True:
        page = transaction.events.after(run_id, events[-1].sequence if events else 0)
        if not page:
            break
        events.extend(page)
    calls = transaction.model_calls.of_run(run_id)  # agents of the registry call models too
    steps = transaction.runs.steps(run_id)
    return run, transaction.runs.workflow(run_id), steps, events, calls


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


def _check_choices(fixed: Constraints, models: ModelTable | None, *, shared: bool) -> None:
    """What the caller chose must exist and be usable before there is a run that needs it."""
    if fixed.capabilities:
        check_capabilities(fixed.capabilities, load_catalogue().personas, shared=shared)
    if fixed.blueprint is not None:
        load_catalogue().blueprint(fixed.blueprint)
    if fixed.contract is not None:
        adoptable(fixed.contract, fixed.contract_name or "contract")
    if models is not None:
        check_planner(models, document=fixed.contract is not None)
        check_table(models, load_catalogue().personas)


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
