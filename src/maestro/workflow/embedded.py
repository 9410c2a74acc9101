"""The engine inside this process, on any Store."""

import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime

from maestro.domain.run import Event, EventKind, Run, RunStatus
from maestro.domain.values import JsonObject, RunId, is_identifier
from maestro.domain.workflow import Step, Workflow, check_graph
from maestro.errors import Conflict, InvalidInput
from maestro.ports import Clock, StepHandler, Store, Transaction
from maestro.workflow.attempt import plain_json
from maestro.workflow.conditions import check_conditions
from maestro.workflow.control import cancel_run, pause_run, retry_run
from maestro.workflow.drive import RunDrive, Surroundings
from maestro.workflow.feed import EventFeed


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
        draw: Callable[[], float] = random.SystemRandom().random,
    ) -> None:
        """`poll_seconds` is how soon a run notices what another process asked of it."""
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
            poll_seconds=poll_seconds,
            check_steps=self._check_steps,
        )
        self._drives: dict[RunId, RunDrive] = {}

    async def start(
        self, workflow: Workflow, *, inputs: JsonObject, max_parallel: int, run_id: RunId
    ) -> None:
        if not is_identifier(run_id):
            raise InvalidInput(f"run id {run_id!r} is not an identifier")
        if max_parallel < 1:
            raise InvalidInput(f"max_parallel must be at least 1, got {max_parallel!r}")
        self._check_steps(workflow.steps)
        for step in workflow.steps:
            plain_json(step, f"step {step.id!r}")
        now = self._clock.now()
        run = Run(
            id=run_id,
            workflow=workflow.name,
            status=RunStatus.PENDING,
            inputs=plain_json(inputs, "the run's inputs"),
            max_parallel=max_parallel,
            created_at=now,
        )

        def change(tx: Transaction) -> None:
            tx.runs.insert(run, workflow)
            data = {
                "workflow": workflow.name,
                "steps": [step.summary() for step in workflow.steps],
            }
            tx.events.append(run_id, EventKind.RUN_CREATED, now, data=data)

        await self._store.write(change)
        self._feed.announce()

    async def execute(self, run_id: RunId) -> Run:
        await self._store.read(lambda tx: tx.runs.get(run_id))
        async with self._store.own(run_id):
            if run_id in self._drives:
                raise Conflict(f"run {run_id!r} is already being executed here")
            drive = RunDrive(run_id, self._around)
            self._drives[run_id] = drive
            try:
                return await drive.run()
            finally:
                del self._drives[run_id]

    async def retry(self, run_id: RunId) -> None:
        await self._steer(run_id, retry_run)

    async def pause(self, run_id: RunId) -> None:
        await self._steer(run_id, pause_run)

    async def cancel(self, run_id: RunId) -> None:
        await self._steer(run_id, cancel_run)

    def events(self, run_id: RunId, *, after: int = 0) -> AsyncIterator[Event]:
        return self._feed.follow(run_id, after)

    async def _steer(
        self, run_id: RunId, change: Callable[[Transaction, RunId, datetime], None]
    ) -> None:
        now = self._clock.now()
        await self._store.write(lambda tx: change(tx, run_id, now))
        self._feed.announce()
        if run_id in self._drives:
            self._drives[run_id].wake()

    def _check_steps(self, steps: Iterable[Step]) -> None:
        """Raises InvalidInput for a graph, an action or a condition that cannot run here."""
        checked = tuple(steps)
        check_graph(checked)
        for step in checked:
            if step.action not in self._handlers:
                known = ", ".join(sorted(self._handlers)) or "none"
                raise InvalidInput(
                    f"step {step.id!r}: unknown action {step.action!r}; known: {known}"
                )
        check_conditions(checked)
