"""The runs that this server executes, each in a task it owns."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from maestro.delivery.run_desk import RunDesk, kind_of
from maestro.delivery.service import Maestro
from maestro.delivery.workflow_runs import execute_workflow
from maestro.domain.run import RunStatus
from maestro.domain.tracing import trace_id
from maestro.domain.values import RunId
from maestro.log_fields import telling
from maestro.server.problems import contained

log = logging.getLogger("maestro.server")
SWEEP_SECONDS = 2.0
"""How often runs are looked for that nobody drives."""
SWEPT = 500
_UNFINISHED = (RunStatus.PENDING, RunStatus.RUNNING)


class RunKeeper:
    """Executes runs: those it is given at once, and those that nobody drives any more."""

    def __init__(self, maestro: Maestro, most_runs: int) -> None:
        """`most_runs`: at work at once; the others wait."""
        self._maestro = maestro
        self._desk = RunDesk(maestro=maestro)
        self._places = asyncio.Semaphore(most_runs)
        self._tasks: dict[RunId, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._draining = False

    @property
    def active(self) -> int:
        return len(self._tasks)

    @property
    def draining(self) -> bool:
        return self._draining

    async def run(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        """Takes up what nobody drives until `stop`; tasks belong to `group`."""
        self._group = group
        while not stop.is_set():
            await contained(self._sweep(), "looking for runs that nobody drives")
            try:
                async with asyncio.timeout(SWEEP_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue

    def start(self, run_id: RunId) -> None:
        """Executes the run, unless that goes on already or the server is about to end."""
        if self._draining or run_id in self._tasks or self._group is None:
            return
        task = self._group.create_task(self._executed(run_id), name=f"run {run_id}")
        self._tasks[run_id] = task

    async def drain(self, seconds: float) -> None:
        """Nothing more starts; returns when every run has come to rest, resumable."""
        self._draining = True
        self._maestro.drain(seconds)
        waiting = set(self._tasks.values())
        if waiting:
            await asyncio.wait(waiting, timeout=seconds + 10)
        for task in self._tasks.values():
            task.cancel()

    async def _executed(self, run_id: RunId) -> None:
        try:
            async with self._places:
                with telling(run_id=run_id, trace_id=trace_id(run_id)):
                    await contained(self._drive(run_id), f"run {run_id}")
        finally:
            self._tasks.pop(run_id, None)

    async def _drive(self, run_id: RunId) -> None:
        """Until it has come to rest: somebody may ask for more while it is being left."""
        log.info("run starts to be executed")
        while not self._draining:
            before = await self._desk.head(run_id)
            await _execution(self._maestro, kind_of(await self._maestro.run(run_id)))(run_id)
            status, last = await self._desk.head(run_id)
            if status not in _UNFINISHED or (status, last) == before:
                log.info("run is %s", status.value)
                return

    async def _sweep(self) -> None:
        for run_id in await self._desk.unfinished(SWEPT):
            if run_id not in self._tasks and not await self._maestro.store.driven(run_id):
                self.start(run_id)


def _execution(maestro: Maestro, kind: str) -> Callable[[RunId], Awaitable[object]]:
    if kind == "workflow":
        return lambda run_id: execute_workflow(maestro, run_id)
    return maestro.planned if kind == "plan" else maestro.execute
