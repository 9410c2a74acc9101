"""The composition root: the only module that names concrete adapters, and imports them late."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from maestro.domain.values import RunId
from maestro.ports import (
    PersonaExecutor,
    SandboxProvider,
    StepContext,
    StepHandler,
    StepResult,
)
from maestro.settings import Settings

if TYPE_CHECKING:
    from maestro.contracts.verification import KindVerifier
    from maestro.delivery.contract_verification import ProviderVerification
    from maestro.delivery.service import Maestro
    from maestro.delivery.shelf import Shelf
    from maestro.delivery.workspace import Workspace
    from maestro.workflow.worker import Worker

FLOW_ACTIONS = (
    "flow.begin",
    "flow.expand",
    "flow.collect",
    "value.set",
    "command.run",
    "notify",
)
ACTIONS = (
    *FLOW_ACTIONS,
    "plan.analyse",
    "plan.match",
    "plan.design",
    "plan.assemble",
    "contract.agree",
    "contract.verify",
    "contract.propose",
    "contract.amend",
    "consumer.recheck",
    "persona.work",
    "app.integrate",
    "quality.gate",
)


@asynccontextmanager
async def connect(
    settings: Settings | None = None, *, executor: PersonaExecutor | None = None
) -> AsyncIterator["Maestro"]:
    """A Maestro on its store; closed, with everything it started, on leaving.

    Args:
        executor: does the personas' work instead of the offline team.

    Raises:
        StorageUnavailable, SchemaMismatch: the database cannot be used; there is no other store.
    """
    async with _open(settings or Settings.load(), executor, ()) as (maestro, _):
        yield maestro


@asynccontextmanager
async def open_worker(
    settings: Settings,
    capabilities: Collection[str],
    *,
    grace_seconds: float,
    slots: int,
    tell: Callable[[str], None],
) -> AsyncIterator["Worker"]:
    """A worker on the shared store, which also goes on with runs that nobody drives any more.

    Raises:
        InvalidInput: the store is a file, which one process uses at a time.
        StorageUnavailable, SchemaMismatch: the database cannot be used.
    """
    from maestro.delivery.workflow_runs import execute_workflow, is_workflow_run
    from maestro.workflow.worker import Worker, WorkerSettings

    chosen = WorkerSettings(
        name=f"{socket.gethostname()}:{os.getpid()}",
        capabilities=capabilities,
        lease_seconds=settings.lease_seconds,
        slots=slots,
        grace_seconds=grace_seconds,
    )
    async with _open(settings, None, capabilities) as (maestro, handlers):

        async def drive(run_id: RunId) -> object:
            if is_workflow_run(await maestro.run(run_id)):
                return await execute_workflow(maestro, run_id)
            return await maestro.execute(run_id)

        yield Worker(
            maestro.store,
            maestro.clock,
            handlers,
            chosen,
            drive=drive,
            drain=maestro.drain,
            tell=tell,
        )


@asynccontextmanager
async def _open(
    settings: Settings, executor: PersonaExecutor | None, capabilities: Collection[str]
) -> AsyncIterator[tuple["Maestro", Mapping[str, StepHandler]]]:
    """The use cases and the actions. `capabilities` counts only where processes share the store:
    steps that want another one are left to workers.
    """
    from maestro.delivery.service import Maestro
    from maestro.delivery.shelf import Shelf
    from maestro.delivery.workspace import Workspace
    from maestro.storage.artifacts import FolderArtifactStore
    from maestro.storage.opening import open_store
    from maestro.workflow.clock import SystemClock
    from maestro.workflow.embedded import EmbeddedEngine

    store = await open_store(
        settings.postgres_url or settings.database, lease_seconds=settings.lease_seconds
    )
    try:
        workspace = Workspace(
            root=settings.data_folder / "work",
            artifacts=FolderArtifactStore(settings.data_folder / "artifacts"),
        )
        clock = SystemClock()
        late = _LateHandlers(settings, workspace, Shelf(store=store, clock=clock), executor)
        handlers = {action: late.of(action) for action in ACTIONS}
        served = capabilities if store.shared else None
        engine = EmbeddedEngine(store, clock, handlers, capabilities=served)
        maestro = Maestro(
            settings=settings, store=store, engine=engine, workspace=workspace, clock=clock
        )
        yield maestro, handlers
    finally:
        await store.close()


def sandbox_provider(settings: Settings) -> SandboxProvider:
    """The sandbox that built code runs in on this host."""
    from maestro.agents.sandboxes.provider import open_provider

    return open_provider(settings)


class _LateHandlers:
    """Loads the crafts when the first step runs, so that looking at runs stays quick."""

    def __init__(
        self,
        settings: Settings,
        workspace: "Workspace",
        shelf: "Shelf",
        executor: PersonaExecutor | None,
    ) -> None:
        self._settings = settings
        self._workspace = workspace
        self._shelf = shelf
        self._executor = executor
        self._loading = asyncio.Lock()
        self._loaded: Mapping[str, StepHandler] | None = None

    def of(self, action: str) -> StepHandler:
        if action in FLOW_ACTIONS:
            return _late_flow_handler(action)

        async def handle(context: StepContext, /) -> StepResult:
            async with self._loading:
                if self._loaded is None:
                    self._loaded = await asyncio.to_thread(
                        step_handlers, self._settings, self._workspace, self._shelf, self._executor
                    )
            return await self._loaded[action](context)

        return handle


def _late_flow_handler(action: str) -> StepHandler:
    async def handle(context: StepContext, /) -> StepResult:
        return await flow_handlers()[action](context)

    return handle


@cache
def flow_handlers() -> Mapping[str, StepHandler]:
    """The actions that need no craft but the engine's own."""
    from maestro.delivery.flow_steps import FlowSteps

    return FlowSteps(environment=dict(os.environ)).handlers()


def offline_team(settings: Settings) -> PersonaExecutor:
    """The executor used by default: template packages, no model."""
    from maestro.agents.dispatch import Dispatcher
    from maestro.agents.executors.offline.executor import OfflineExecutor
    from maestro.agents.executors.offline.packages import built_in_packages
    from maestro.agents.registry import AgentRegistry, offline_agent

    personas = tuple(package.manifest.persona for package in built_in_packages())
    registry = AgentRegistry((offline_agent(personas, settings.max_parallel),))
    return Dispatcher(registry, {"offline": OfflineExecutor()})


def contract_verifier(browser: Path | None) -> "KindVerifier":
    """One verifier per kind of contract. Without a browser pages are not verified."""
    from maestro.contracts.verification import KindVerifier
    from maestro.contracts.verification.documents import DocumentVerifier
    from maestro.contracts.verification.events import EventsVerifier
    from maestro.contracts.verification.graphql import GraphqlVerifier
    from maestro.contracts.verification.grpc import GrpcVerifier
    from maestro.contracts.verification.page import PageVerifier
    from maestro.contracts.verification.python_interface import InterfaceVerifier
    from maestro.contracts.verification.rest import RestVerifier
    from maestro.contracts.verification.schema import SchemaVerifier
    from maestro.domain.contract import ContractKind

    return KindVerifier(
        {
            ContractKind.REST: RestVerifier(),
            ContractKind.GRAPHQL: GraphqlVerifier(),
            ContractKind.GRPC: GrpcVerifier(),
            ContractKind.EVENT_STREAM: EventsVerifier(),
            ContractKind.MESSAGE_QUEUE: EventsVerifier(),
            ContractKind.INTERFACE: InterfaceVerifier(),
            ContractKind.DATA_SCHEMA: SchemaVerifier(),
            ContractKind.DOCUMENT: DocumentVerifier(),
            ContractKind.PAGE: PageVerifier(browser),
        }
    )


def provider_verification(settings: Settings) -> "ProviderVerification":
    """What holds providers of any kind against their contracts, outside of runs."""
    from maestro.contracts.verification.page import find_browser
    from maestro.delivery.contract_verification import ProviderVerification

    return ProviderVerification(
        verifier=contract_verifier(find_browser()), sandboxes=sandbox_provider(settings)
    )


def step_handlers(
    settings: Settings,
    workspace: "Workspace",
    shelf: "Shelf",
    executor: PersonaExecutor | None = None,
) -> Mapping[str, StepHandler]:
    """Every action, on the embedded defaults."""
    from maestro.contracts.mocks import LiveMockProvider
    from maestro.contracts.verification.page import find_browser
    from maestro.delivery.amendment_steps import AmendmentSteps
    from maestro.delivery.contract_steps import ContractSteps
    from maestro.delivery.gate_steps import GateSteps
    from maestro.delivery.planning_steps import PlanningSteps
    from maestro.delivery.providers import Providers
    from maestro.delivery.work_steps import WorkSteps
    from maestro.planning.catalogue import load_catalogue
    from maestro.quality.evidence import collectors
    from maestro.quality.policy import load_policy

    catalogue = load_catalogue()
    sandboxes = sandbox_provider(settings)
    browser = find_browser()
    providers = Providers(workspace=workspace, sandboxes=sandboxes)
    verifier = contract_verifier(browser)
    parts = (
        PlanningSteps(catalogue=catalogue, confidence_floor=settings.confidence_floor),
        ContractSteps(
            providers=providers, verifier=verifier, shelf=shelf, browser=browser is not None
        ),
        AmendmentSteps(shelf=shelf),
        WorkSteps(
            catalogue=catalogue,
            workspace=workspace,
            sandboxes=sandboxes,
            mocks=LiveMockProvider(),
            shelf=shelf,
            executor=executor or offline_team(settings),
        ),
        GateSteps(
            policy=load_policy(),
            collectors=collectors(),
            workspace=workspace,
            sandboxes=sandboxes,
            browser=browser is not None,
        ),
    )
    crafts = {action: handler for part in parts for action, handler in part.handlers().items()}
    return {**flow_handlers(), **crafts}
