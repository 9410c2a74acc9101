"""The durable memory: repositories, transactions, the store, artefacts."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, TypeVar

from maestro.domain.access import AuditEntry, AuditRecord
from maestro.domain.baseline import Baseline
from maestro.domain.contract_life import ContractRecord
from maestro.domain.models import Budgets, CallEntry, Caps, Spent
from maestro.domain.requirement import Requirement
from maestro.domain.run import Event, EventKind, Run, RunStatus, StepRun
from maestro.domain.values import ContractId, Digest, JsonObject, JsonValue, RunId, StepId
from maestro.domain.waiver_life import WaiverRecord, WaiverStatus
from maestro.domain.work import Artifact
from maestro.domain.workflow import Workflow
from maestro.ports.agents import AgentRepository
from maestro.ports.entries import Entry, Guard, StoredRun
from maestro.ports.listing import (
    HistoryRepository,
    KeyRepository,
    ListingRepository,
    RequestRepository,
    Timed,
    WorkflowRepository,
)
from maestro.ports.projects import ProjectRepository, WebhookRepository
from maestro.ports.tasks import TaskRepository

T = TypeVar("T")


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

    def whole(self, run_id: RunId) -> StoredRun:
        """Raises NotFound."""
        ...

    def workflow(self, run_id: RunId) -> Workflow: ...

    def steps(self, run_id: RunId) -> Sequence[StepRun]:
        """In the workflow's order."""
        ...

    def delivered(self, run_id: RunId, step_id: StepId) -> Sequence[JsonValue]:
        """What the step's attempts put out that succeeded, first one first; also those after which
        it was reset.
        """
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
        projects: Collection[str] | None = None,
    ) -> ContractRecord:
        """The latest that fits; an empty `run_id` asks for those of no run. Raises NotFound."""
        ...

    def find(
        self,
        words: Sequence[str] = (),
        *,
        limit: int = 50,
        run_id: RunId | None = None,
        projects: Collection[str] | None = None,
    ) -> Sequence[ContractRecord]:
        """Those whose terms hold every word; latest first. `projects`: of their runs, shared with
        them, or of no run.
        """
        ...

    def belongs(self, contract_id: ContractId, project: str) -> bool:
        """Whether a run of the project has it."""
        ...


class WaiverRepository(Protocol):
    def insert(self, record: WaiverRecord) -> None:
        """Raises Conflict if the id is taken."""
        ...

    def get(self, waiver_id: str) -> WaiverRecord:
        """Raises NotFound."""
        ...

    def update(self, record: WaiverRecord, *, before: WaiverStatus) -> None:
        """Raises Conflict when the stored one is no longer in the state `before`."""
        ...

    def of_project(
        self, project: str, statuses: Collection[WaiverStatus] = ...
    ) -> Sequence[WaiverRecord]:
        """Newest first; all of them without `statuses`."""
        ...


class BaselineRepository(Protocol):
    def put(self, baseline: Baseline) -> None:
        """Keeps it unless that of a later run is there."""
        ...

    def get(self, project: str, subject: str, phase: str) -> Baseline | None: ...


class ModelCallRepository(Protocol):
    """What was asked of models and tools, and what it came to."""

    def begin(self, entry: CallEntry, budgets: Budgets) -> int | None:
        """Records a call as sent; its position. None, and nothing recorded, while calls under way
        may use up what is left. Raises BudgetExceeded when a limit is reached.
        """
        ...

    def end(self, entry: CallEntry) -> None:
        """Records that an attempt came to a result."""
        ...

    def finish(self, position: int, entry: CallEntry) -> None: ...

    def give_up(self, run_id: RunId, step_id: StepId) -> None:
        """What the step had sent without an answer stays counted, and is waited for no more."""
        ...

    def reopen(self, run_id: RunId, step_id: StepId, attempt: int) -> None:
        """Takes back that this attempt came to a result, if it is the last that did: its process
        died before the result was recorded.
        """
        ...

    def open_session(self, run_id: RunId, step_id: StepId, session: Digest) -> Sequence[CallEntry]:
        """The answered calls of the session since the step's last result, in order."""
        ...

    def ends(self, run_id: RunId, step_id: StepId) -> int:
        """How many attempts of the step came to a result."""
        ...

    def of_run(self, run_id: RunId) -> Sequence[CallEntry]:
        """Every call, in order."""
        ...

    def spent(self, run_id: RunId) -> Spent: ...

    def raised(self, run_id: RunId) -> Caps:
        """By how much the limits of the run were raised."""
        ...

    def raise_limits(self, run_id: RunId, more: Caps) -> None: ...


class AuditRepository(Protocol):
    def append(self, record: AuditRecord) -> None:
        """Adds it behind the last one, sealed together with all before it."""
        ...

    def recent(self, limit: int) -> Sequence[AuditRecord]:
        """Newest first."""
        ...

    def page(
        self, limit: int, *, before: int | None = None, project: str | None = None
    ) -> Sequence[AuditEntry]:
        """Newest first, those with smaller numbers than `before`."""
        ...

    def after(self, number: int, limit: int) -> Sequence[AuditEntry]:
        """Oldest first, those with greater numbers."""
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
    def waivers(self) -> WaiverRepository: ...
    @property
    def baselines(self) -> BaselineRepository: ...
    @property
    def agents(self) -> AgentRepository: ...
    @property
    def model_calls(self) -> ModelCallRepository: ...
    @property
    def audit(self) -> AuditRepository: ...
    @property
    def listing(self) -> ListingRepository: ...
    @property
    def history(self) -> HistoryRepository: ...
    @property
    def keys(self) -> KeyRepository: ...
    @property
    def workflows(self) -> WorkflowRepository: ...
    @property
    def requests(self) -> RequestRepository: ...
    @property
    def webhooks(self) -> WebhookRepository: ...
    @property
    def projects(self) -> ProjectRepository: ...


class Store(Timed, Protocol):
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

    def own(
        self, run_id: RunId, *, left: Callable[[], bool] = ...
    ) -> AbstractAsyncContextManager[int]:
        """Held while a process executes a run; gives the fence its writes carry.

        Kept alive by itself until it is left. `left` is asked then whether the run was left with
        its last entries already; see Guard.leaves. Raises Conflict naming the owner when a live
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
