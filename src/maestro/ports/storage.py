"""The durable memory: repositories, transactions, the store, artefacts."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, TypeVar

from maestro.domain.access import AuditRecord
from maestro.domain.requirement import Requirement
from maestro.domain.run import Event, EventKind, Run, RunStatus, StepRun
from maestro.domain.values import Digest, JsonObject, RunId, StepId
from maestro.domain.work import Artifact
from maestro.domain.workflow import Step, Workflow

T = TypeVar("T")


class RunRepository(Protocol):
    """Runs, their workflows and their steps."""

    def insert(self, run: Run, workflow: Workflow) -> None:
        """Stores a new run with all its steps PENDING. Raises Conflict if the id is taken."""
        ...

    def get(self, run_id: RunId) -> Run:
        """Raises NotFound."""
        ...

    def recent(self, limit: int, status: RunStatus | None = None) -> Sequence[Run]:
        """Newest first."""
        ...

    def update(self, run: Run) -> None:
        """Stores status and times of an existing run. Raises NotFound."""
        ...

    def workflow(self, run_id: RunId) -> Workflow: ...

    def extend(self, run_id: RunId, steps: Sequence[Step]) -> None:
        """Adds steps to the run's workflow, PENDING. Raises InvalidInput for a bad graph."""
        ...

    def steps(self, run_id: RunId) -> Sequence[StepRun]:
        """In the workflow's order."""
        ...

    def save_step(self, run_id: RunId, step: StepRun, *, definition: str) -> None:
        """Stores a step's state and its attempt's row in the journal.

        `definition` is the step's digest. Raises SchemaMismatch when the journal holds this
        (run, step) under another digest, Conflict when the attempt already has a committed result.
        """
        ...


class EventRepository(Protocol):
    """Append-only, one gapless sequence per run."""

    def append(
        self,
        run_id: RunId,
        kind: EventKind,
        at: datetime,
        *,
        step_id: StepId | None = None,
        attempt: int | None = None,
        data: JsonObject | None = None,
    ) -> Event: ...

    def after(self, run_id: RunId, sequence: int, limit: int = 1000) -> Sequence[Event]:
        """Events with a greater sequence, in order."""
        ...


class RequirementRepository(Protocol):
    def insert(self, requirement: Requirement) -> None: ...

    def get(self, requirement_id: str) -> Requirement:
        """Raises NotFound."""
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
    def requirements(self) -> RequirementRepository: ...
    @property
    def audit(self) -> AuditRepository: ...


class Store(Protocol):
    """The durable memory. There is no store without a database behind it."""

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """Runs `change` on the one writer thread and returns after COMMIT reached the disk.

        Changes queued at the same time may share a commit; each is atomic by itself: one that
        raises is rolled back alone and its error is raised here. `change` must not block.
        Raises StorageUnavailable when the database cannot be written.
        """
        ...

    async def read(self, query: Callable[[Transaction], T]) -> T:
        """Runs `query` on a reader; sees everything written before the call."""
        ...

    def own(self, run_id: RunId) -> AbstractAsyncContextManager[None]:
        """Held while a process executes a run.

        Raises Conflict naming the owner's pid when a live process holds it.
        """
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
