"""A worker: takes the attempts that runs leave to workers, and the runs whose driver died.

Several workers share a PostgreSQL store. Whatever one takes it holds by a lease, renewed by a
heartbeat; the result of a worker that lost its lease is refused by the store.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

from maestro.domain.encoding import encode
from maestro.domain.run import EventKind, StepError, StepStatus
from maestro.domain.values import JsonValue, RunId
from maestro.domain.workflow import Workflow
from maestro.errors import Conflict, InvalidInput, LeaseLost, StepFailed, StorageUnavailable
from maestro.ports import Clock, StepContext, StepHandler, StepResult, Store, Task, Transaction
from maestro.workflow.attempt import AttemptEnd, run_attempt
from maestro.workflow.book import INTERRUPTED, RunBook
from maestro.workflow.context import step_context, telling
from maestro.workflow.feed import until
from maestro.workflow.heartbeat import heartbeat
from maestro.workflow.time_limits import TimeLimits

Drive = Callable[[RunId], Awaitable[object]]
Tell = Callable[[str], None]

_ADOPTED_AT_ONCE = 16
_WORKFLOWS_KEPT = 16
"""Reading a run's steps takes several times as long as reading what became of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    name: str
    """Shown in events and to other workers; tells host and process."""
    capabilities: Collection[str]
    lease_seconds: float
    """A worker that dies is replaced after this long."""
    slots: int = 4
    """Most attempts at once."""
    poll_seconds: float = 0.25
    grace_seconds: float = 10.0
    """What attempts under way get to end by themselves when the worker is stopped."""


class Worker:
    """Runs until it is stopped. A database that is away for a while is waited for."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        handlers: Mapping[str, StepHandler],
        settings: WorkerSettings,
        *,
        drive: Drive,
        drain: Callable[[float], None],
        tell: Tell,
        accepting: Callable[[], bool] = lambda: True,
        adopting: bool = True,
    ) -> None:
        """Args:
        drive: drives a run to its end; for runs that nobody drives any more.
        drain: makes every drive come to rest within as many seconds.
        tell: gets one line per thing that a person watching the worker wants to know.
        accepting: whether attempts are taken at this moment.
        adopting: whether runs that nobody drives are gone on with.

        Raises:
            InvalidInput: the store is not one that processes can share.
        """
        if not store.shared:
            raise InvalidInput(
                "a worker needs a store that processes can share: name a PostgreSQL database, "
                "e.g. --db postgresql://user@host/maestro"
            )
        self._store = store
        self._clock = clock
        self._handlers = handlers
        self._settings = settings
        self._drive = drive
        self._drain = drain
        self._tell = tell
        self._accepting = accepting
        self._adopting = adopting
        self._jobs: dict[Task, asyncio.Task[None]] = {}
        self._drives: dict[RunId, asyncio.Task[None]] = {}
        self._workflows: dict[RunId, Workflow] = {}
        """Of the runs worked for last, the last one last."""
        self._loop: asyncio.AbstractEventLoop
        self._limits: TimeLimits

    @property
    def name(self) -> str:
        return self._settings.name

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, then lets what is under way end within the grace."""
        self._loop = asyncio.get_running_loop()
        self._limits = TimeLimits()
        async with asyncio.TaskGroup() as group:
            async with heartbeat(self._renew, self._settings.lease_seconds / 3):
                while not stop.is_set():
                    if not await self._look_for_work(group):
                        await until(stop, self._settings.poll_seconds)
                await self._leave()

    async def _look_for_work(self, group: asyncio.TaskGroup) -> bool:
        """Whether something was found, so that there may be more."""
        try:
            if self._adopting:
                await self._adopt(group)
            return await self._claim(group)
        except StorageUnavailable as error:
            self._tell(f"the database is away: {error}; trying again")
            return False

    async def _claim(self, group: asyncio.TaskGroup) -> bool:
        settings = self._settings
        if len(self._jobs) >= settings.slots or not self._accepting():
            return False
        capabilities = tuple(settings.capabilities)
        task = await self._store.write(
            lambda tx: tx.tasks.claim(capabilities, settings.name, settings.lease_seconds)
        )
        if task is None:
            return False
        self._jobs[task] = group.create_task(self._work(task))
        return True

    async def _adopt(self, group: asyncio.TaskGroup) -> None:
        """Goes on with the runs of drivers that are gone."""
        for run_id in await self._store.read(lambda tx: tx.runs.abandoned(_ADOPTED_AT_ONCE)):
            if run_id not in self._drives:
                self._drives[run_id] = group.create_task(self._go_on(run_id))

    async def _go_on(self, run_id: RunId) -> None:
        self._tell(f"run {run_id}: nobody drives it; going on with it")
        try:
            await self._drive(run_id)
        except (Conflict, LeaseLost) as error:
            self._tell(f"run {run_id}: left to another process ({error})")
        except StorageUnavailable as error:
            self._tell(f"run {run_id}: the database is away ({error}); it is taken up again")
        finally:
            del self._drives[run_id]

    async def _work(self, task: Task) -> None:
        place = f"{task.run_id}/{task.step_id} attempt {task.attempt}"
        try:
            self._tell(f"{place}: started")
            end = await self._attempt(task)
            await self._store.write(lambda tx: tx.tasks.finish(task, encode(end)))
            self._tell(f"{place}: {'succeeded' if end.error is None else end.error.message}")
        except (LeaseLost, Conflict) as error:
            self._tell(f"{place}: refused, somebody else has it now ({error})")
        except StorageUnavailable as error:
            self._tell(f"{place}: lost, the database is away ({error}); its run starts it again")
        except asyncio.CancelledError:
            self._tell(f"{place}: ended early")  # taken back, or the worker leaves
        finally:
            self._jobs.pop(task, None)

    async def _attempt(self, task: Task) -> AttemptEnd:
        book = await self._read(task)
        context = step_context(
            book,
            task.step_id,
            task.attempt,
            outputs={
                row.step_id: row.output
                for row in book.rows.values()
                if row.status is StepStatus.SUCCEEDED
            },
            emit=partial(self._emit, task),
        )
        handler = self._handlers.get(context.step.action, self._unknown)
        return await run_attempt(handler, context, self._limits)

    async def _read(self, task: Task) -> RunBook:
        """The run as it is stored now; its steps, which only become more, as read before."""
        before = self._workflows.pop(task.run_id, None)
        if before is None or task.step_id not in (step.id for step in before.steps):
            before = await self._store.read(lambda tx: tx.runs.workflow(task.run_id))
        self._workflows[task.run_id] = steps = before
        if len(self._workflows) > _WORKFLOWS_KEPT:
            del self._workflows[next(iter(self._workflows))]
        return await self._store.read(
            lambda tx: RunBook(tx.runs.get(task.run_id), steps, tx.runs.steps(task.run_id))
        )

    async def _unknown(self, context: StepContext) -> StepResult:
        """Stands in for the handler that this worker does not have."""
        step = context.step
        raise StepFailed(
            f"worker {self._settings.name!r} took step {step.id!r} for its capability "
            f"{step.capability!r} but has no handler for its action {step.action!r}; offer the "
            "capability only in workers that know the action"
        )

    async def _emit(self, task: Task, kind: EventKind, data: Mapping[str, JsonValue]) -> None:
        step_id, attempt = task.step_id, task.attempt
        signed = {**data, "worker": self._settings.name}
        told = telling(task.run_id, step_id, attempt, kind, signed, self._clock.now())
        if task not in self._jobs:
            raise Conflict(f"attempt {attempt} of step {step_id!r} is over; it can tell no more")
        lease = self._settings.lease_seconds

        def change(tx: Transaction) -> None:
            told(tx)  # locks the run first, as its driver does: else two could wait for each other
            if not tx.tasks.renew(task, lease):
                raise Conflict(f"attempt {attempt} of step {step_id!r} was taken back")

        await self._store.write(change, about=task.run_id)

    async def _renew(self) -> None:
        """On the heartbeat's thread: keeps what is under way, ends what was taken back."""
        under_way = list(self._jobs.items())
        kept = await asyncio.gather(*(self._keep(task) for task, _ in under_way))  # in one commit
        for (_, job), still_ours in zip(under_way, kept, strict=True):
            if not still_ours:
                self._loop.call_soon_threadsafe(job.cancel)

    async def _keep(self, task: Task) -> bool:
        lease = self._settings.lease_seconds
        try:
            return await self._store.write(lambda tx: tx.tasks.renew(task, lease))
        except StorageUnavailable:
            return True  # the lease may run out meanwhile; then the result is refused

    async def _leave(self) -> None:
        """Lets what is under way end within the grace; interrupts the rest and says so."""
        grace = self._settings.grace_seconds
        under_way = [*self._jobs.values(), *self._drives.values()]
        self._drain(grace)
        if under_way:
            self._tell(f"stopping; what is under way gets {grace:g} s")
            await asyncio.wait(under_way, timeout=grace)
        for task, job in list(self._jobs.items()):
            job.cancel()
            await asyncio.wait([job])
            await self._give_back(task)

    async def _give_back(self, task: Task) -> None:
        """The next attempt answers the reasons that this one was answering."""
        message = f"worker {self._settings.name} was stopped before the step ended"
        try:
            reasons = (await self._read(task)).feedback(task.step_id)
            end = AttemptEnd(
                step_id=task.step_id,
                attempt=task.attempt,
                error=StepError(code=INTERRUPTED, message=message, reasons=reasons),
                worth_retry=True,
            )
            await self._store.write(lambda tx: tx.tasks.finish(task, encode(end)))
        except (LeaseLost, StorageUnavailable):
            return  # its lease tells the run the same, a little later
