"""The composition root: the only module that names concrete adapters, and imports them late."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from maestro.ports import (
    PersonaExecutor,
    SandboxProvider,
    StepContext,
    StepHandler,
    StepResult,
)
from maestro.settings import Settings

if TYPE_CHECKING:
    from maestro.delivery.service import Maestro
    from maestro.delivery.workspace import Workspace

ACTIONS = (
    "plan.analyse",
    "plan.match",
    "plan.design",
    "plan.assemble",
    "contract.agree",
    "contract.verify",
    "consumer.recheck",
    "persona.work",
    "app.integrate",
    "quality.gate",
)


@asynccontextmanager
async def connect(
    settings: Settings | None = None, *, executor: PersonaExecutor | None = None
) -> AsyncIterator["Maestro"]:
    """A Maestro on the embedded store; closed, with everything it started, on leaving.

    Args:
        executor: does the personas' work instead of the offline team.

    Raises:
        StorageUnavailable, SchemaMismatch: the database cannot be used; there is no other store.
    """
    from maestro.delivery.service import Maestro
    from maestro.delivery.workspace import Workspace
    from maestro.storage.artifacts import FolderArtifactStore
    from maestro.storage.sqlite import SqliteStore
    from maestro.workflow.clock import SystemClock
    from maestro.workflow.embedded import EmbeddedEngine

    used = settings or Settings.load()
    store = await SqliteStore.open(used.database)
    try:
        workspace = Workspace(
            root=used.data_folder / "work",
            artifacts=FolderArtifactStore(used.data_folder / "artifacts"),
        )
        clock = SystemClock()
        handlers = _LateHandlers(used, workspace, executor)
        engine = EmbeddedEngine(store, clock, {action: handlers.of(action) for action in ACTIONS})
        yield Maestro(settings=used, store=store, engine=engine, workspace=workspace, clock=clock)
    finally:
        await store.close()


def sandbox_provider(settings: Settings) -> SandboxProvider:
    """The sandbox that built code runs in on this host."""
    from maestro.agents.sandboxes.provider import open_provider

    return open_provider(settings)


class _LateHandlers:
    """Loads the crafts when the first step runs, so that looking at runs stays quick."""

    def __init__(
        self, settings: Settings, workspace: "Workspace", executor: PersonaExecutor | None
    ) -> None:
        self._settings = settings
        self._workspace = workspace
        self._executor = executor
        self._loading = asyncio.Lock()
        self._loaded: Mapping[str, StepHandler] | None = None

    def of(self, action: str) -> StepHandler:
        async def handle(context: StepContext, /) -> StepResult:
            async with self._loading:
                if self._loaded is None:
                    self._loaded = await asyncio.to_thread(
                        step_handlers, self._settings, self._workspace, self._executor
                    )
            return await self._loaded[action](context)

        return handle


def offline_team(settings: Settings) -> PersonaExecutor:
    """The executor used by default: template packages, no model."""
    from maestro.agents.dispatch import Dispatcher
    from maestro.agents.executors.offline.executor import OfflineExecutor
    from maestro.agents.executors.offline.packages import built_in_packages
    from maestro.agents.registry import AgentRegistry, offline_agent

    personas = tuple(package.manifest.persona for package in built_in_packages())
    registry = AgentRegistry((offline_agent(personas, settings.max_parallel),))
    return Dispatcher(registry, {"offline": OfflineExecutor()})


def step_handlers(
    settings: Settings, workspace: "Workspace", executor: PersonaExecutor | None = None
) -> Mapping[str, StepHandler]:
    """Every action, on the embedded defaults."""
    from maestro.contracts.mocks import HttpMockProvider
    from maestro.contracts.verification import KindVerifier
    from maestro.contracts.verification.documents import DocumentVerifier
    from maestro.contracts.verification.page import PageVerifier, find_browser
    from maestro.contracts.verification.rest import RestVerifier
    from maestro.contracts.verification.schema import SchemaVerifier
    from maestro.delivery.contract_steps import ContractSteps
    from maestro.delivery.gate_steps import GateSteps
    from maestro.delivery.planning_steps import PlanningSteps
    from maestro.delivery.providers import Providers
    from maestro.delivery.work_steps import WorkSteps
    from maestro.domain.contract import ContractKind
    from maestro.planning.catalogue import load_catalogue
    from maestro.quality.evidence import collectors
    from maestro.quality.policy import load_policy

    catalogue = load_catalogue()
    sandboxes = sandbox_provider(settings)
    browser = find_browser()
    providers = Providers(workspace=workspace, sandboxes=sandboxes)
    verifier = KindVerifier(
        {
            ContractKind.REST: RestVerifier(),
            ContractKind.DATA_SCHEMA: SchemaVerifier(),
            ContractKind.DOCUMENT: DocumentVerifier(),
            ContractKind.PAGE: PageVerifier(browser),
        }
    )
    parts = (
        PlanningSteps(catalogue=catalogue, confidence_floor=settings.confidence_floor),
        ContractSteps(providers=providers, verifier=verifier, browser=browser is not None),
        WorkSteps(
            catalogue=catalogue,
            workspace=workspace,
            sandboxes=sandboxes,
            mocks=HttpMockProvider(),
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
    return {action: handler for part in parts for action, handler in part.handlers().items()}
