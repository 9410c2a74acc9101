"""Every interface between the packages, and the values that cross them.

Protocols only: what an implementation must promise stands in the docstrings, and one conformance
suite per port under tests/conformance/ holds every implementation to it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from maestro.domain.access import AuditRecord
from maestro.domain.contract import Contract, Verification
from maestro.domain.quality import Evidence
from maestro.domain.requirement import Requirement
from maestro.domain.run import Event, EventKind, Run, RunStatus, StepError, StepRun
from maestro.domain.values import Digest, JsonObject, JsonValue, RunId, StepId
from maestro.domain.work import Artifact, Assignment, LaunchCommand, WorkResult
from maestro.domain.workflow import Step, Workflow

T = TypeVar("T")


class Clock(Protocol):
    """Time as the engine sees it; tests bring a clock they can move."""

    def now(self) -> datetime:
        """The present moment, timezone-aware UTC."""
        ...

    async def sleep(self, seconds: float) -> None: ...


# --- storage ------------------------------------------------------------------------------------


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


# --- engine -------------------------------------------------------------------------------------

Emit = Callable[[EventKind, Mapping[str, JsonValue]], Awaitable[None]]
"""Appends an event of the running step; returns when it is durable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """What a step handler is given."""

    run_id: RunId
    step: Step
    attempt: int
    run_inputs: JsonObject
    outputs: Mapping[StepId, JsonValue]
    """Committed outputs of every succeeded step of the run."""
    emit: Emit
    errors: Mapping[StepId, StepError] = field(default_factory=dict)
    """Why steps of the run failed or were blocked, for steps that run all the same (on_unmet)."""
    feedback: tuple[str, ...] = ()
    """Reasons why the previous attempt of this step was refused or failed."""

    async def progress(self, message: str, **data: JsonValue) -> None:
        """Tells watchers what the step is doing now."""
        await self.emit(EventKind.STEP_PROGRESS, {"message": message, **data})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    output: JsonValue = None
    """JSON, small; files travel as artefact digests."""
    extend: tuple[Step, ...] = ()
    """Steps added to the run in the transaction that commits this result."""


class StepHandler(Protocol):
    """The code behind an action. Must be idempotent: after a crash it runs again.

    Raises Blocked to refuse, any other MaestroError to fail; a cancelled handler must end the
    processes it started.
    """

    async def __call__(self, context: StepContext, /) -> StepResult: ...


class Engine(Protocol):
    """Hosts the scheduler. No SQLite, asyncio or Temporal detail shows through."""

    async def start(
        self, workflow: Workflow, *, inputs: JsonObject, max_parallel: int, run_id: RunId
    ) -> None:
        """Makes the run durable, PENDING. Raises InvalidInput for unknown actions."""
        ...

    async def execute(self, run_id: RunId) -> Run:
        """Drives a run (new, paused or interrupted) until it ends or pauses; recovers first."""
        ...

    async def retry(self, run_id: RunId) -> None:
        """Resets failed, blocked and cancelled steps and everything skipped because of them."""
        ...

    async def pause(self, run_id: RunId) -> None: ...

    async def cancel(self, run_id: RunId) -> None: ...

    def events(self, run_id: RunId, *, after: int = 0) -> AsyncIterator[Event]:
        """All events after a sequence number, then live ones, until the run has ended."""
        ...


# --- sandboxes ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    duration_seconds: float
    timed_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What of the network a sandboxed process may touch; nothing by default."""

    connect: tuple[int, ...] = ()
    """Loopback TCP ports it may connect to."""
    listen: tuple[int, ...] = ()
    """Loopback TCP ports it may bind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStrength:
    """What the sandbox in force can really keep, found by running a payload."""

    mechanism: str
    """`bubblewrap`, `landlock`, or `off`."""
    level: str
    """L0 (none) to L3."""
    capabilities: tuple[str, ...]
    """Of fs_write, fs_read, net_none, net_ports, pids, mem_proc, wall, tree_kill, syscalls."""
    missing: tuple[str, ...]


class ServerProcess(Protocol):
    """A started server inside a sandbox; ended with its whole process tree on leaving."""

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT` without a trailing slash."""
        ...

    def log(self) -> str:
        """The last part of what it printed."""
        ...


class Sandbox(Protocol):
    """A work tree in which untrusted code may run. Closing it ends every process it started."""

    @property
    def root(self) -> Path:
        """The writable work tree."""
        ...

    @property
    def strength(self) -> SandboxStrength: ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        reach: Reach = Reach(),
    ) -> CommandResult:
        """Runs a command to its end or limit: no stdin, clean environment plus `env`.

        A time-out is reported in the result, not raised. Raises SandboxFailed when the sandbox
        itself cannot be set up, InvalidInput when `cwd` leaves the root.
        """
        ...

    def serve(
        self,
        launch: LaunchCommand,
        *,
        port: int,
        timeout: float,
        env: Mapping[str, str] | None = None,
        reach: Reach = Reach(),
    ) -> AbstractAsyncContextManager[ServerProcess]:
        """Starts a server and waits until `launch.ready_path` answers below 500.

        Raises StepFailed with the end of its log when it ends or is not ready within `timeout`.
        """
        ...


class SandboxProvider(Protocol):
    def open(self, root: Path) -> AbstractAsyncContextManager[Sandbox]:
        """Raises SandboxFailed when the required strength is not to be had."""
        ...

    async def probe(self) -> SandboxStrength: ...


# --- agents -------------------------------------------------------------------------------------

Report = Callable[[str], Awaitable[None]]
"""Tells watchers one line of progress."""


class PersonaExecutor(Protocol):
    """Does an assignment in a sandbox. Dispatchers, limiters and recorders have this same shape."""

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        """Writes the deliverables below `sandbox.root` and runs the persona's own checks there.

        Raises NoAgentAvailable when nobody can do it; ExecutionError when the work broke.
        """
        ...


# --- contracts ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call a consumer made on a mock: evidence, and replayable against the provider."""

    at: datetime
    method: str
    path: str
    operation: str
    """`GET /tasks/{task_id}`, or empty when no operation matched."""
    status: int
    valid: bool
    """Whether the request kept to the contract."""
    problem: str = ""
    request_body: JsonValue = None
    query: str = ""


class MockServer(Protocol):
    @property
    def url(self) -> str:
        """Base URL including the contract's base path, without a trailing slash."""
        ...

    @property
    def port(self) -> int: ...

    def calls(self) -> Sequence[RecordedCall]: ...


class MockProvider(Protocol):
    def serve(
        self, contract: Contract, *, consumer: str
    ) -> AbstractAsyncContextManager[MockServer]:
        """Serves the contract on a free loopback port of its own until left.

        Raises InvalidInput for a contract that cannot be served.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationTarget:
    """The really built thing a contract is held against."""

    description: str
    sandbox: Sandbox
    """Its root holds the provider's files."""
    url: str | None = None
    """Where the really started provider answers, base path included."""
    port: int | None = None
    not_built: tuple[str, ...] = field(default=())
    """Operations (`GET /x`) the provider declared as answering 501."""
    replay: tuple[RecordedCall, ...] = ()
    """Calls that consumers made on the mock."""


class ContractVerifier(Protocol):
    """Tests a built thing against its contract, really."""

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        """Raises InvalidInput when the target is one of our own mocks."""
        ...


# --- quality ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSubject:
    """What evidence is collected about."""

    sandbox: Sandbox
    """Its root is a tree of what was built."""
    facts: JsonObject = field(default_factory=dict)
    """Committed outputs of earlier steps that a collector counts (analysis, verifications)."""
    reach: Reach = Reach()
    env: Mapping[str, str] = field(default_factory=dict)


class EvidenceCollector(Protocol):
    @property
    def name(self) -> str:
        """The producer's name in the metric catalogue."""
        ...

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        """Never raises for a tool that fails or is missing: that is what Evidence.status is for."""
        ...
