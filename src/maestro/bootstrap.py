"""The composition root: the only module that names concrete adapters, and imports them late."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from maestro.delivery.actions import ACTIONS
from maestro.delivery.late_handlers import LateHandlers, flow_handlers
from maestro.domain.access import LOCAL_USER, Principal
from maestro.domain.baseline import DEFAULT_PROJECT
from maestro.domain.values import RunId, is_identifier
from maestro.errors import InvalidInput
from maestro.ports import (
    LanguageModel,
    PersonaExecutor,
    SandboxProvider,
    StepHandler,
)
from maestro.settings import Settings

if TYPE_CHECKING:
    from maestro.agents.dispatch import ExecutorFamily
    from maestro.agents.executors.llm.executor import LlmExecutor
    from maestro.contracts.verification import KindVerifier
    from maestro.delivery.contract_verification import ProviderVerification
    from maestro.delivery.measuring import FolderMeasurement
    from maestro.delivery.service import Maestro
    from maestro.delivery.shelf import Shelf
    from maestro.delivery.workspace import Workspace
    from maestro.domain.agent import Agent
    from maestro.domain.models import ModelProfile
    from maestro.domain.quality import Environment, Policy
    from maestro.quality.evidence.measurable import Measurable
    from maestro.quality.evidence.running.workbench import Equipment
    from maestro.workflow.worker import Worker


@asynccontextmanager
async def connect(
    settings: Settings | None = None,
    *,
    executor: PersonaExecutor | None = None,
    principal: Principal = LOCAL_USER,
    project: str = DEFAULT_PROJECT,
) -> AsyncIterator["Maestro"]:
    """A Maestro on its store; closed, with everything it started, on leaving.

    Args:
        executor: does the personas' work instead of the registered agents.
        principal: in whose name everything is asked for and audited.
        project: a named project is one product: its waivers and its last passing run count.

    Raises:
        StorageUnavailable, SchemaMismatch: the database cannot be used; there is no other store.
        InvalidInput: a project that cannot be one.
    """
    if not is_identifier(project):
        raise InvalidInput(
            f"{project!r} cannot be a project; use small letters, digits and '_' or '-'"
        )
    async with _open(settings or Settings.load(), executor, ()) as (maestro, _):
        yield replace(maestro, principal=principal, project=project)


@asynccontextmanager
async def open_worker(
    settings: Settings,
    capabilities: Collection[str],
    *,
    grace_seconds: float,
    slots: int,
    tell: Callable[[str], None],
    agent: "Agent | None" = None,
) -> AsyncIterator["Worker"]:
    """A worker on the shared store, which also goes on with runs that nobody drives any more.

    Args:
        agent: lives in this process, under its name, and does all its work; then runs are left to
            other workers, as their steps may be none that this agent can do.

    Raises:
        InvalidInput: the store is a file, which one process uses at a time.
        Conflict: another living agent has that id.
        StorageUnavailable, SchemaMismatch: the database cannot be used.
    """
    from maestro.delivery.resident import Residence, resident
    from maestro.delivery.workflow_runs import execute_workflow, is_workflow_run
    from maestro.workflow.worker import Worker, WorkerSettings

    chosen = WorkerSettings(
        name=process_name(),
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

        async with AsyncExitStack() as stack:
            residence = Residence()
            if agent is not None:
                living = replace(agent, home=chosen.name)
                residence = await stack.enter_async_context(
                    resident(maestro.store, maestro.clock, living, settings.lease_seconds)
                )
            yield Worker(
                maestro.store,
                maestro.clock,
                handlers,
                chosen,
                drive=drive,
                drain=maestro.drain,
                tell=tell,
                accepting=lambda: residence.welcome,
                adopting=agent is None,
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
    from maestro.storage.secrets import audit_key
    from maestro.workflow.clock import SystemClock
    from maestro.workflow.embedded import EmbeddedEngine

    store = await open_store(
        settings.postgres_url or settings.database,
        lease_seconds=settings.lease_seconds,
        seal_key=await asyncio.to_thread(audit_key, settings),
    )
    try:
        workspace = Workspace(
            root=settings.data_folder / "work",
            artifacts=FolderArtifactStore(settings.data_folder / "artifacts"),
        )
        clock = SystemClock()
        shelf = Shelf(store=store, clock=clock)
        late = LateHandlers(
            partial(step_handlers, settings, workspace, shelf, executor), store, clock
        )
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


def executors(settings: Settings) -> "Mapping[str, PersonaExecutor | ExecutorFamily]":
    """What does the work of agents, by the executor kind that they name."""
    from maestro.agents.executors.offline.executor import OfflineExecutor
    from maestro.agents.outside_agents import outside_agents

    return {"offline": OfflineExecutor(), **outside_agents(settings.config_folder, os.environ)}


def model_players(shelf: "Shelf") -> "LlmExecutor":
    """What lets language models play personas; the SDKs are loaded with the first call."""
    from maestro.agents.executors.llm.executor import LlmExecutor
    from maestro.delivery.call_journal import StoredCalls

    return LlmExecutor(open_model=open_model, journal=StoredCalls(shelf.store))


def open_model(name: str, profile: "ModelProfile") -> LanguageModel:
    """A model by its name. Raises InvalidInput for a name that is none, or a missing key."""
    from maestro.agents.models.names import model_name

    parsed = model_name(name)
    try:
        from maestro.agents.models.provider import ProviderModel
    except ImportError as error:
        raise InvalidInput(
            f"model {name!r} needs {error.name}, which is not installed; run: pip install "
            "'maestro-conductor[llm]'"
        ) from error
    return ProviderModel(parsed, profile)


def registered_team(
    settings: Settings, shelf: "Shelf", players: PersonaExecutor
) -> PersonaExecutor:
    """The executor used by default: whom the registry knows, chosen on merit.

    Args:
        players: lets models play.
    """
    from maestro.agents.dispatch import Dispatcher
    from maestro.agents.executors.llm.family import ModelAgents
    from maestro.delivery.announcing import announcing
    from maestro.delivery.dispatch_telling import ToldDispatch

    name = process_name()
    dispatcher = Dispatcher(
        shelf.store,
        {**executors(settings), "llm": ModelAgents(players)},
        announce=announcing(shelf.store, shelf.clock),
        rules=settings.routing,
        process=name,
    )
    return ToldDispatch(dispatcher, shelf.store, shelf.clock, name, settings.lease_seconds)


def process_name() -> str:
    """This process, as others on the store are told of it."""
    return f"{socket.gethostname()}:{os.getpid()}"


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


def policy_of(environment: "Environment") -> "Policy":
    """What the built-in policy demands in an environment. Blocks the first time."""
    return _policies()[environment]


@cache
def _policies() -> Mapping["Environment", "Policy"]:
    from maestro.planning.catalogue import load_catalogue
    from maestro.quality.policy import load_policies

    return load_policies(personas=frozenset(load_catalogue().personas))


def equipment(settings: Settings, verifier: "KindVerifier") -> "Equipment":
    """What evidence about started things takes, of this host."""
    from maestro.agents.executors.offline.interpreters import node_binary
    from maestro.contracts.reading import read_contract
    from maestro.contracts.verification.loopback import free_port
    from maestro.contracts.verification.page import find_browser
    from maestro.errors import NoAgentAvailable
    from maestro.quality.evidence.running.workbench import Equipment

    try:
        node = node_binary()
    except NoAgentAvailable:  # what needs it says that it was not measured
        node = None
    return Equipment(
        sandboxes=sandbox_provider(settings),
        free_port=free_port,
        browser=find_browser(),
        node=node,
        verifier=verifier,
        read_contract=read_contract,
        trial_database=settings.trial_database,
    )


def folder_measurement(settings: Settings) -> "FolderMeasurement":
    """What collects evidence about any folder, without a run."""
    from maestro.contracts.verification.page import find_browser
    from maestro.delivery.collecting import Collecting
    from maestro.delivery.measuring import FolderMeasurement
    from maestro.quality.evidence import collectors

    known = collectors(equipment(settings, contract_verifier(find_browser())))
    return FolderMeasurement(
        collecting=Collecting(collectors=known, sandboxes=sandbox_provider(settings))
    )


async def measurable_here(settings: Settings) -> "tuple[Measurable, ...]":
    """What can be measured on this host, and what is missing for the rest."""
    from maestro.contracts.verification.page import find_browser
    from maestro.quality.evidence import collectors
    from maestro.quality.evidence.measurable import measurable

    lent = equipment(settings, contract_verifier(find_browser()))
    return await measurable(collectors(lent), lent)


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
    from maestro.delivery.collecting import Collecting
    from maestro.delivery.contract_steps import ContractSteps
    from maestro.delivery.gate_steps import GateSteps
    from maestro.delivery.judging import PhaseJudge
    from maestro.delivery.model_planning import ModelPlanning
    from maestro.delivery.planning_steps import PlanningSteps
    from maestro.delivery.providers import Providers
    from maestro.delivery.task_steps import TaskSteps
    from maestro.delivery.work_steps import WorkSteps
    from maestro.planning.catalogue import load_catalogue
    from maestro.quality.evidence import collectors

    catalogue = load_catalogue()
    sandboxes = sandbox_provider(settings)
    browser = find_browser()
    providers = Providers(workspace=workspace, sandboxes=sandboxes)
    verifier = contract_verifier(browser)
    judge = PhaseJudge(
        policy=policy_of,
        collecting=Collecting(
            collectors=collectors(equipment(settings, verifier)), sandboxes=sandboxes
        ),
        workspace=workspace,
        store=shelf.store,
        clock=shelf.clock,
        browser=browser is not None,
    )
    players = model_players(shelf)
    planning = PlanningSteps(
        catalogue=catalogue,
        confidence_floor=settings.confidence_floor,
        models=ModelPlanning(players, shelf.store, shelf.clock),
    )
    contracts = ContractSteps(
        providers=providers, verifier=verifier, shelf=shelf, browser=browser is not None
    )
    work = WorkSteps(
        catalogue=catalogue,
        workspace=workspace,
        sandboxes=sandboxes,
        mocks=LiveMockProvider(),
        shelf=shelf,
        executor=executor or registered_team(settings, shelf, players),
        judge=judge,
    )
    tasks = TaskSteps(catalogue, planning, work, contracts, shelf.clock)
    parts = (planning, contracts, AmendmentSteps(shelf=shelf), work, tasks, GateSteps(judge))
    crafts = {action: handler for part in parts for action, handler in part.handlers().items()}
    return {**flow_handlers(), **crafts}
