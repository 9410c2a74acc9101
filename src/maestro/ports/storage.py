"""The durable memory: repositories, transactions, the store, artefacts."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from maestro.domain.access import AuditRecord
from maestro.domain.contract_life import ContractRecord
from maestro.domain.requirement import Requirement
from maestro.domain.run import Event, EventKind, Run, RunStatus, StepRun
from maestro.domain.values import ContractId, Digest, JsonObject, RunId, StepId
from maestro.domain.work import Artifact
from maestro.domain.workflow import Step, Workflow

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMove:
    """A step's row before and after a move."""

    before: StepRun
    """What the store must hold, or the move is refused."""
    after: StepRun
    definition: str
    """The step's digest."""
    input_digest: str = ""
    """sha256 over what an attempt works from; when one starts."""
    offered: bool = False
    """The attempt that starts is left to a worker that has the step's capability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One state change and the event that tells of it, written together."""

    kind: EventKind
    step: StepMove | None = None
    extend: tuple[Step, ...] = ()
    run: Run | None = None
    data: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What must still be true of a run for its driver's entries to be written."""

    fence: int
    """The number `Store.own` gave; a later owner has a greater one."""
    steered: int
    """How often somebody but the driver had changed the run when the driver last read it."""


class RunRepository(Protocol):
    """Runs, their workflows, their steps and the journal of attempts."""

    def insert(self, run: Run, workflow: Workflow) -> None:
        """Stores a new run with all its steps PENDING. Raises Conflict if the id is taken."""
        ...

    def get(self, run_id: RunId) -> Run:
        """Raises NotFound."""
        ...

    def recent(self, limit: int, status: RunStatus | None = None) -> Sequence[Run]:
        """Newest first."""
        ...

    def workflow(self, run_id: RunId) -> Workflow: ...

    def steps(self, run_id: RunId) -> Sequence[StepRun]:
        """In the workflow's order."""
        ...

    def steered(self, run_id: RunId) -> int:
        """See Guard.steered. Raises NotFound."""
        ...

    def record(
        self, run_id: RunId, entries: Sequence[Entry], at: datetime, *, guard: Guard | None
    ) -> int | None:
        """Writes entries in order, each with its event; the last event's sequence.

        Without a guard it is somebody else than the driver who steers the run, which is counted.
        None, and nothing written, when the run was steered since the guard was taken. Raises
        LeaseLost when the fence is not the run's, SchemaMismatch when the journal holds a step
        under another definition, Conflict when a step is not where the entry says it was or its
        attempt already has a result, InvalidInput when an extension makes a bad graph.
        """
        ...

    def abandoned(self, limit: int) -> Sequence[RunId]:
        """RUNNING runs, oldest first, that no live process owns; empty without leases."""
        ...


class EventRepository(Protocol):
    """Append-only, one gapless sequence per run."""

    def append(
        self,
        run_id: RunId,
        kind: EventKind,
        at: datetime,
        *,
        step_id: StepId,
        attempt: int,
        data: JsonObject,
        fence: int | None = None,
    ) -> Event:
        """What a running step tells.

        Raises LeaseLost when a fence is given and is not the run's, Conflict when the run was
        cancelled, NotFound.
        """
        ...

    def after(self, run_id: RunId, sequence: int, limit: int = 1000) -> Sequence[Event]:
        """Events with a greater sequence, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An attempt that is left to workers."""

    run_id: RunId
    step_id: StepId
    attempt: int
    token: int = 0
    """Grows with every claim; only the last claimant's result is taken."""
    worker: str = ""


class TaskRepository(Protocol):
    """The attempts that wait for, or are with, workers; their rows end with the attempt."""

    def claim(self, capabilities: Sequence[str], worker: str, lease_seconds: float) -> Task | None:
        """The waiting task of highest priority, then longest waiting, that one of these
        capabilities can do; two workers never get the same one.
        """
        ...

    def renew(self, task: Task, lease_seconds: float) -> bool:
        """False when the task was taken back: its worker must end the work at once."""
        ...

    def finish(self, task: Task, result: JsonObject) -> None:
        """Raises LeaseLost when the task is no longer this worker's."""
        ...

    def finished(self, run_id: RunId) -> Sequence[tuple[Task, JsonObject]]:
        """Tasks with a result that the run's driver has not recorded yet."""
        ...

    def expired(self, run_id: RunId) -> Sequence[Task]:
        """Tasks whose worker has not renewed its lease in time."""
        ...

    def of_run(self, run_id: RunId) -> Sequence[Task]:
        """Every task of the run that has not been recorded."""
        ...


class RequirementRepository(Protocol):
    def insert(self, requirement: Requirement) -> None: ...

    def get(self, requirement_id: str) -> Requirement:
        """Raises NotFound."""
        ...


class ContractRepository(Protocol):
    """Every version of every contract, of runs and handed in on their own."""

    def put(self, record: ContractRecord) -> None:
        """Adds a version or moves it on; putting the same again changes nothing but the moment.

        Raises Conflict for an illegal move or a locked specification that differs, NotFound when
        a verdict comes for a version that was never agreed.
        """
        ...

    def get(
        self,
        contract_id: ContractId,
        *,
        version: str | None = None,
        run_id: RunId | None = None,
    ) -> ContractRecord:
        """The latest that fits; an empty `run_id` asks for those of no run. Raises NotFound."""
        ...

    def find(
        self, words: Sequence[str] = (), *, limit: int = 50, run_id: RunId | None = None
    ) -> Sequence[ContractRecord]:
        """Those whose terms hold every word, wherever in a term; latest first."""
        ...


class AuditRepository(Protocol):
    def append(self, record: AuditRecord) -> None: ...

    def recent(self, limit: int) -> Sequence[AuditRecord]:
        """Newest first."""
        ...


class Transaction(Protocol):
    """All repositories over one database transaction. Used only inside Store.write and read."""

    @property
    def runs(self) -> RunRepository: ...
    @property
    def events(self) -> EventRepository: ...
    @property
    def tasks(self) -> TaskRepository: ...
    @property
    def requirements(self) -> RequirementRepository: ...
    @property
    def contracts(self) -> ContractRepository: ...
    @property
    def audit(self) -> AuditRepository: ...


class Store(Protocol):
    """The durable memory. There is no store without a database behind it."""

    @property
    def shared(self) -> bool:
        """Whether several processes may work on it at once, so that workers make sense."""
        ...

    async def write(self, change: Callable[[Transaction], T], *, about: RunId | None = None) -> T:
        """Runs `change` on the one writer thread and returns after COMMIT reached the disk.

        Changes queued at the same time may share a commit; each is atomic by itself: one that
        raises is rolled back alone and its error is raised here. `change` must not block, and may
        be run again when the database could not take the first try or a change beside it raised.
        `about` names the one run that it records something of: it is quicker when that is known.
        Raises StorageUnavailable when the database cannot be written.
        """
        ...

    async def read(self, query: Callable[[Transaction], T]) -> T:
        """Runs `query` on a reader; sees everything written before the call."""
        ...

    def own(self, run_id: RunId) -> AbstractAsyncContextManager[int]:
        """Held while a process executes a run; gives the fence its writes carry.

        Kept alive by itself until it is left. Raises Conflict naming the owner when a live
        process holds it, NotFound.
        """
        ...

    async def driven(self, run_id: RunId) -> bool:
        """Whether a live process owns the run at this moment. Raises NotFound."""
        ...

    async def close(self) -> None: ...


class ArtifactStore(Protocol):
    """Content-addressed files."""

    async def put(self, path: str, content: bytes, *, executable: bool = False) -> Artifact:
        """Stores `content` durably. Raises InvalidInput when `path` leaves its folder."""
        ...

    async def get(self, digest: Digest) -> bytes:
        """Raises NotFound, or StorageUnavailable when the bytes do not match the digest."""
        ...
