"""The engine inside this process, on any Store."""

import random
from collections.abc import AsyncIterator, Callable, Collection, Mapping

from maestro.domain.access import AuditRecord
from maestro.domain.baseline import DEFAULT_PROJECT
from maestro.domain.run import Event, EventKind, Run, RunStatus
from maestro.domain.steering import Steering
from maestro.domain.values import JsonObject, RunId, is_identifier
from maestro.domain.workflow import Step, Workflow
from maestro.errors import InvalidInput
from maestro.ports import Clock, Entry, StepHandler, Store, Transaction
from maestro.workflow.attempt import plain_json
from maestro.workflow.conditions import check_conditions
from maestro.workflow.control import steer_run
from maestro.workflow.drive import RunDrive, Surroundings
from maestro.workflow.feed import EventFeed
from maestro.workflow.shared_timers import SharedTimers


class EmbeddedEngine:
    """The Engine port: every state move is rows and events in one transaction of the store.

    Several engines, in this process or in others, may share a database; the store sees to it that
    only one executes a run.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        handlers: Mapping[str, StepHandler],
        *,
        poll_seconds: float = 0.25,
        capabilities: Collection[str] | None = None,
        draw: Callable[[], float] = random.SystemRandom().random,
    ) -> None:
        """An engine that runs what has no capability, and of the others what it is told.

        Args:
            poll_seconds: how soon a run notices what another process asked of it.
            capabilities: those of this process, None for every one; steps that want another are
                left to workers, which needs a shared store.
        """
        if capabilities is not None and not store.shared:
            raise InvalidInput("only a shared store (PostgreSQL) lets workers take steps")
        self._capabilities = capabilities
        self._store = store
        self._clock = clock
        self._handlers = handlers
        self._feed = EventFeed(store, poll_seconds)
        self._around = Surroundings(
            store=store,
            clock=clock,
            handlers=handlers,
            feed=self._feed,
            draw=draw,
            timers=SharedTimers(poll_seconds),
            offered=self._offered,
            check_steps=self._check_steps,
        )
        self._drives: dict[RunId, RunDrive] = {}
        self._drained = False

    async def start(
        self,
        workflow: Workflow,
        *,
        inputs: JsonObject,
        max_parallel: int,
        run_id: RunId,
        project: str = DEFAULT_PROJECT,
        also: Callable[[Transaction], None] | None = None,
    ) -> None:
        if not is_identifier(run_id):
            raise InvalidInput(f"run id {run_id!r} is not an identifier")
        if max_parallel < 1:
            raise InvalidInput(f"max_parallel must be at least 1, got {max_parallel!r}")
        self._check_steps(workflow.steps)
        for step in workflow.steps:
            if step.inputs:
                plain_json(step.inputs, f"step {step.id!r}: inputs")
        now = self._clock.now()
        run = Run(
            id=run_id,
            workflow=workflow.name,
            status=RunStatus.PENDING,
            inputs=plain_json(inputs, "the run's inputs"),
            max_parallel=max_parallel,
            created_at=now,
            concurrency=workflow.concurrency,
            project=project,
        )
        told = {
            "workflow": workflow.name,
            "steps": [step.summary() for step in workflow.steps],
        }
        created = Entry(kind=EventKind.RUN_CREATED, data=told)

        def change(tx: Transaction) -> None:
            if also is not None:
                also(tx)
            tx.runs.insert(run, workflow)
            tx.runs.record(run_id, [created], now, guard=None)

        await self._store.write(change)
        self._feed.announce()

    async def execute(self, run_id: RunId) -> Run:
        drive = RunDrive(run_id, self._around)
        async with self._store.own(run_id, left=drive.has_left) as fence:
            if self._drained:
                return await self._store.read(lambda tx: tx.runs.get(run_id))
            self._drives[run_id] = drive
            try:
                return await drive.run(fence)
            finally:
                del self._drives[run_id]

    async def steer(
        self,
        run_id: RunId,
        request: Steering,
        *,
        audit: AuditRecord | None = None,
    ) -> bool:
        now = self._clock.now()

        def change(tx: Transaction) -> bool:
            if audit is not None:
                tx.audit.append(audit)
            return steer_run(tx, run_id, request, now)

        changed = await self._store.write(change)
        self._feed.announce()
        if run_id in self._drives:
            self._drives[run_id].wake()
        return changed

    def events(self, run_id: RunId, *, after: int = 0) -> AsyncIterator[Event]:
        return self._feed.follow(run_id, after)

    def drain(self, seconds: float) -> None:
        """Lets every run of this process rest: nothing more starts, what has not ended after
        `seconds` is interrupted, and `execute` returns. The runs stay RUNNING for the next owner.
        """
        self._drained = True
        for drive in self._drives.values():
            drive.drain(seconds)

    def _offered(self, step: Step) -> bool:
        return (
            bool(step.capability)
            and self._capabilities is not None
            and step.capability not in self._capabilities
        )

    def _check_steps(self, steps: Collection[Step]) -> None:
        """Raises InvalidInput for an action or a condition that cannot run here."""
        for step in steps:
            if step.action not in self._handlers and not step.awaits and not self._offered(step):
                known = ", ".join(sorted(self._handlers)) or "none"
                raise InvalidInput(
                    f"step {step.id!r}: unknown action {step.action!r}; known: {known}"
                )
        check_conditions(steps)
